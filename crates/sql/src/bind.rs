//! Binds names and types of statements against the catalog and lowers them to SQLite.

use crate::catalog::Catalog;
use crate::plan::Compiled;
use mainstay_base::{Problem, Result};
use mainstay_types::ColumnType;

/// Binds and lowers one statement. `parameters` gives the types of `$1`…; one that is missing is inferred.
pub fn compile(
    _catalog: &Catalog,
    _sql: &str,
    _parameters: &[ColumnType],
    _search_path: &[String],
) -> Result<Compiled> {
    Err(Problem::internal("not built yet"))
}

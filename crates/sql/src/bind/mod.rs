//! Binds names and types of statements against the catalog and lowers them to SQLite.

use crate::catalog::{Catalog, Function, Name, Relation};
use crate::plan::Compiled;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};

/// Binds and lowers one statement. `parameters` gives the types of `$1`…; one that is missing or
/// [`Type::Unknown`] is inferred from its place. An empty `search_path` is `public`, `extensions`.
pub fn compile(
    _catalog: &Catalog,
    _sql: &str,
    _parameters: &[ColumnType],
    _search_path: &[String],
) -> Result<Compiled> {
    Err(Problem::internal("not built yet"))
}

/// As [`compile`], for a statement that is parsed already. Places are those of the text it was parsed from.
pub fn compile_node(
    _catalog: &Catalog,
    _node: &pg_query::NodeEnum,
    _parameters: &[ColumnType],
    _search_path: &[String],
) -> Result<Compiled> {
    Err(Problem::internal("not built yet"))
}

/// Lowers an expression over one table's columns for where SQLite wants one: CHECK constraints, generated columns,
/// index keys and predicates. Columns stand unqualified and quoted. `want` is the type it is coerced to, by
/// assignment; without it the expression's own type is returned.
pub fn lower_row_expression(
    _catalog: &Catalog,
    _relation: &Relation,
    _text: &str,
    _want: Option<&ColumnType>,
) -> Result<(String, Type)> {
    Err(Problem::internal("not built yet"))
}

/// Lowers an expression without columns: a default.
pub fn lower_constant_expression(
    _catalog: &Catalog,
    _text: &str,
    _want: Option<&ColumnType>,
) -> Result<(String, Type)> {
    Err(Problem::internal("not built yet"))
}

/// One output column of a query: its name, its type, and the base relation and column that it repeats.
pub type DescribedColumn = (String, ColumnType, Option<(Name, String)>);

/// The output columns of a query, for `CREATE VIEW` and `CREATE TABLE AS`.
pub fn describe_query(_catalog: &Catalog, _query: &str) -> Result<Vec<DescribedColumn>> {
    Err(Problem::internal("not built yet"))
}

/// Checks the body of a function as `CREATE FUNCTION` does (`check_function_bodies`).
pub fn check_function(_catalog: &Catalog, _function: &Function) -> Result<()> {
    Ok(())
}

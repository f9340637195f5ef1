//! Changes of the catalog: what each statement of a migration does to it and to the store.

use crate::catalog::Catalog;
use crate::plan::PlannedMigration;
use mainstay_base::{Problem, Result};

/// Understands a whole migration against a catalog. A syntax error anywhere is the `Err`; everything else that is
/// wrong with a statement stands in its `outcome`, with the place in `text`.
pub fn plan_migration(_catalog: &Catalog, _text: &str) -> Result<PlannedMigration> {
    Err(Problem::internal("not built yet"))
}

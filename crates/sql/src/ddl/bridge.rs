//! What DDL asks of the binder: statements and expressions of the migration, lowered.

use super::Draft;
use super::tree::unplaced;
use crate::bind;
use crate::catalog::Relation;
use crate::plan::Compiled;
use mainstay_base::Result;
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;

impl Draft<'_> {
    /// A statement of the migration; places in problems are places in its text.
    pub(super) fn compile(&self, node: &NodeEnum) -> Result<Compiled> {
        bind::compile_node(&self.catalog, node, &[], &self.settings.search_path)
    }

    /// A statement that DDL made.
    pub(super) fn compile_text(&self, sql: &str) -> Result<Compiled> {
        bind::compile(&self.catalog, sql, &[], &self.settings.search_path).map_err(unplaced)
    }

    /// An expression over a table's columns as SQLite text.
    pub(super) fn lower(&self, relation: &Relation, text: &str, want: &ColumnType) -> Result<String> {
        bind::lower_row_expression(&self.catalog, relation, text, Some(want))
            .map(|(sql, _)| sql)
            .map_err(unplaced)
    }

    /// As [`Draft::lower`], with the type that the expression has by itself.
    pub(super) fn lower_typed(&self, relation: &Relation, text: &str) -> Result<(String, Type)> {
        bind::lower_row_expression(&self.catalog, relation, text, None).map_err(unplaced)
    }

    /// Refuses an expression that the user has just written and that is not immutable.
    pub(super) fn require_immutable(
        &self,
        relation: &Relation,
        text: &str,
        want: Option<&ColumnType>,
        what: bind::Immutable,
    ) -> Result<()> {
        bind::lower_immutable_expression(&self.catalog, relation, text, want, what)
            .map(|_| ())
            .map_err(unplaced)
    }

    pub(super) fn lower_default(&self, text: &str, want: &ColumnType) -> Result<String> {
        bind::lower_constant_expression(&self.catalog, text, Some(want)).map(|(sql, _)| sql).map_err(unplaced)
    }

    /// A query's columns: name, type and the base column that each repeats.
    pub(super) fn describe(&self, query: &str) -> Result<Vec<bind::DescribedColumn>> {
        bind::describe_query(&self.catalog, query).map_err(unplaced)
    }
}

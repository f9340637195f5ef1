//! The rows that a statement is about to write, as a query. It runs only when a constraint has refused one of them:
//! PostgreSQL's details show that row.

use super::bound::quote;
use super::dml::Writable;
use super::lower_row_expression;
use super::scope::Binder;
use super::update::Assignment;
use crate::catalog::{Column, Relation};
use crate::plan::NewRows;

/// The name of the rowid beside a table's columns, which no column can have.
const ROW: &str = "\"\u{1f}row\"";

impl Binder<'_> {
    /// Of `INSERT INTO table (names) source`; names are quoted. Without names every column takes NULL.
    pub fn rows_inserted(
        &self,
        writable: &Writable,
        with: &str,
        names: &[String],
        source: &str,
    ) -> Option<NewRows> {
        let columns: Vec<String> = base_columns(&writable.table)
            .map(|column| {
                let name = quote(&column.name);
                let value = if names.contains(&name) { name.clone() } else { "NULL".to_owned() };
                collated(column, &value)
            })
            .collect();
        let from = if names.is_empty() {
            format!("SELECT NULL AS {ROW}, {}", columns.join(", "))
        } else {
            format!(
                "WITH \"new\"({}) AS ({source}) SELECT NULL AS {ROW}, {} FROM \"new\"",
                names.join(", "),
                columns.join(", ")
            )
        };
        self.with_generated(writable, with, &from)
    }

    /// Of `UPDATE table SET assignments` over the rows that `from` and `filter` choose.
    pub fn rows_updated(
        &self,
        writable: &Writable,
        with: &str,
        assignments: &[Assignment],
        from: &str,
        filter: &str,
    ) -> Option<NewRows> {
        let table = &writable.table;
        let physical = quote(&table.physical_name());
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in base_columns(table) {
            let assigned = assignments.iter().find(|assignment| assignment.columns.contains(&column.name));
            let value = match assigned {
                // Several columns at once take theirs from one query.
                Some(assignment) if assignment.columns.len() > 1 => return None,
                Some(assignment) => format!("({})", assignment.value),
                None => format!("{physical}.{}", quote(&column.name)),
            };
            columns.push(collated(column, &value));
        }
        let query = format!(
            "SELECT {physical}._rowid_ AS {ROW}, {} FROM {physical}{from}{filter}",
            columns.join(", ")
        );
        self.with_generated(writable, with, &query)
    }

    fn with_generated(&self, writable: &Writable, with: &str, from: &str) -> Option<NewRows> {
        let table = &writable.table;
        let mut items = vec![ROW.to_owned()];
        for column in &table.columns {
            items.push(match &column.generated {
                Some(text) => lower_row_expression(self.catalog, table, text, Some(&column.ty)).ok()?.0,
                None => quote(&column.name),
            });
        }
        let query = format!("{with}SELECT {} FROM ({from})", items.join(", "));
        Some(NewRows { query, partition: writable.partition().cloned() })
    }
}

fn base_columns(table: &Relation) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.generated.is_none())
}

/// A value of a column in a subquery, which knows nothing of the order that the column's storage says.
pub(crate) fn collated(column: &Column, value: &str) -> String {
    let collation = column.ty.ty.storage().collation;
    let collate = collation.map(|name| format!(" COLLATE {}", quote(&name))).unwrap_or_default();
    format!("{value}{collate} AS {}", quote(&column.name))
}

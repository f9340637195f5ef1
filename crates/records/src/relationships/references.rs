//! Foreign keys as other crates need to know them: each with the views that show both of its ends.

use super::{Cardinality, Relationship, ViewColumns, foreign_keys};
use mainstay_sql::Name;
use mainstay_sql::catalog::Catalog;

/// Columns of `table` that name a row of `foreign`. Either may be a view that shows the columns of the foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub constraint: String,
    pub table: Name,
    pub columns: Vec<String>,
    pub foreign: Name,
    pub foreign_columns: Vec<String>,
    /// At most one row of `table` for a row of `foreign`.
    pub one_to_one: bool,
}

/// All references between relations, in no particular order.
pub fn references(catalog: &Catalog) -> Vec<Reference> {
    ViewColumns::of(catalog).extend(foreign_keys(catalog)).into_iter().filter_map(reference).collect()
}

fn reference(relationship: Relationship) -> Option<Reference> {
    let (constraint, pairs, one_to_one) = match relationship.cardinality {
        Cardinality::ManyToOne { constraint, columns } => (constraint, columns, false),
        Cardinality::OneToOne { constraint, columns, .. } => (constraint, columns, true),
        _ => return None,
    };
    let (columns, foreign_columns) = pairs.into_iter().unzip();
    Some(Reference {
        constraint,
        table: relationship.table,
        columns,
        foreign: relationship.foreign,
        foreign_columns,
        one_to_one,
    })
}

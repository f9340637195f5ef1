//! Views in relationships: which columns of which tables a view shows, and what that lets it be embedded in.

use super::{Cardinality, ColumnPairs, Relationship};
use mainstay_sql::Name;
use mainstay_sql::catalog::{Catalog, Relation};
use std::collections::BTreeMap;

/// The primary key, for a view the columns that are the key of a base table.
pub(crate) fn key_columns(catalog: &Catalog, relation: &Relation) -> Vec<String> {
    if let Some(key) = relation.primary_key() {
        return key.to_vec();
    }
    if relation.is_table() {
        return Vec::new();
    }
    let columns = view_columns(catalog, relation);
    let mut key = Vec::new();
    for (table, mapped) in columns {
        let Some(own) = catalog.relation(&table).and_then(|table| table.primary_key()) else { continue };
        let through: Option<Vec<&String>> =
            own.iter().map(|column| mapped.get(column).and_then(|views| views.first())).collect();
        key.extend(through.into_iter().flatten().cloned());
    }
    key
}

/// Column of a base table to the columns of a view that show it.
type Shown = BTreeMap<String, Vec<String>>;

/// The base tables behind a view's columns, followed through views of views.
fn view_columns(catalog: &Catalog, view: &Relation) -> BTreeMap<Name, Shown> {
    let mut shown: BTreeMap<Name, Shown> = BTreeMap::new();
    for (column, origin) in view.columns.iter().zip(&view.origins) {
        let Some((mut table, mut name)) = origin.clone() else { continue };
        // A view cannot depend on itself; the bound is for catalogs that say otherwise.
        for _ in 0..32 {
            let Some(below) = catalog.relation(&table).filter(|relation| !relation.is_table()) else { break };
            let place = below.columns.iter().position(|candidate| candidate.name == name);
            match place.and_then(|place| below.origins.get(place).cloned().flatten()) {
                Some((next_table, next_name)) => (table, name) = (next_table, next_name),
                None => break,
            }
        }
        shown.entry(table).or_default().entry(name).or_default().push(column.name.clone());
    }
    shown
}

/// For each base table the views that show some of its columns.
pub(super) struct ViewColumns {
    of_table: BTreeMap<Name, Vec<(Name, Shown)>>,
}

impl ViewColumns {
    pub(super) fn of(catalog: &Catalog) -> ViewColumns {
        let mut of_table: BTreeMap<Name, Vec<(Name, Shown)>> = BTreeMap::new();
        let is_view = |relation: &Relation| !relation.is_table() && !relation.is_partition();
        for view in catalog.relations.values().filter(|relation| is_view(relation)) {
            for (table, shown) in view_columns(catalog, view) {
                of_table.entry(table).or_default().push((view.name.clone(), shown));
            }
        }
        ViewColumns { of_table }
    }

    /// The views that show all of these columns, with every choice of the view's columns for them.
    fn showing<'a>(&'a self, table: &Name, columns: &[&String]) -> Vec<(&'a Name, Vec<String>)> {
        let mut found = Vec::new();
        for (view, shown) in self.of_table.get(table).into_iter().flatten() {
            let mut choices: Vec<Vec<String>> = vec![Vec::new()];
            for column in columns {
                let through = shown.get(*column).map(Vec::as_slice).unwrap_or_default();
                choices = choices
                    .iter()
                    .flat_map(|choice| {
                        through.iter().map(|name| choice.iter().cloned().chain([name.clone()]).collect())
                    })
                    .collect();
            }
            found
                .extend(choices.into_iter().filter(|choice| !choice.is_empty()).map(|choice| (view, choice)));
        }
        found
    }

    /// Adds what the foreign keys mean for views of either side, and of both.
    pub(super) fn extend(&self, mut all: Vec<Relationship>) -> Vec<Relationship> {
        let mut added = Vec::new();
        for relationship in &all {
            let (Cardinality::ManyToOne { columns, .. } | Cardinality::OneToOne { columns, .. }) =
                &relationship.cardinality
            else {
                continue;
            };
            let own: Vec<&String> = columns.iter().map(|(own, _)| own).collect();
            let other: Vec<&String> = columns.iter().map(|(_, other)| other).collect();
            let own_views = self.showing(&relationship.table, &own);
            let other_views = self.showing(&relationship.foreign, &other);
            for (view, shown) in &own_views {
                added.push(through(relationship, Some((view, shown)), None));
            }
            for (view, shown) in &other_views {
                added.push(through(relationship, None, Some((view, shown))));
            }
            for (own_view, own_shown) in &own_views {
                for (other_view, other_shown) in &other_views {
                    added.push(through(
                        relationship,
                        Some((own_view, own_shown)),
                        Some((other_view, other_shown)),
                    ));
                }
            }
        }
        all.extend(added);
        all
    }
}

/// A many-to-one or one-to-one relationship with a view in place of either side.
fn through(
    base: &Relationship,
    table: Option<(&Name, &Vec<String>)>,
    foreign: Option<(&Name, &Vec<String>)>,
) -> Relationship {
    let replace = |columns: &ColumnPairs| -> ColumnPairs {
        columns
            .iter()
            .enumerate()
            .map(|(place, (own, other))| {
                let shown = |side: Option<(&Name, &Vec<String>)>, plain: &String| {
                    side.and_then(|(_, shown)| shown.get(place)).unwrap_or(plain).clone()
                };
                (shown(table, own), shown(foreign, other))
            })
            .collect()
    };
    let cardinality = match &base.cardinality {
        Cardinality::OneToOne { constraint, columns, .. } => Cardinality::OneToOne {
            constraint: constraint.clone(),
            columns: replace(columns),
            is_parent: false,
        },
        Cardinality::ManyToOne { constraint, columns } => {
            Cardinality::ManyToOne { constraint: constraint.clone(), columns: replace(columns) }
        }
        other => other.clone(),
    };
    let name = |side: Option<(&Name, &Vec<String>)>, plain: &Name| {
        side.map_or_else(|| plain.clone(), |(view, _)| view.clone())
    };
    let (own, other) = (name(table, &base.table), name(foreign, &base.foreign));
    Relationship {
        is_self: table.is_some() && foreign.is_some() && own == other,
        table: own,
        foreign: other,
        cardinality,
        table_is_view: table.is_some(),
        foreign_is_view: foreign.is_some(),
    }
}

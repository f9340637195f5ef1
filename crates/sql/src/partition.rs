//! Partitioned tables: how a table is divided, what each partition holds, and the condition that says so.
//!
//! One table of SQLite holds the rows of all partitions. A partition is an updatable view over it, whose `WHERE` is its
//! bound and whose check option keeps other rows out. Bounds are values in their text form and mean the same in every
//! session.

use crate::catalog::{Catalog, Name, Relation, RelationKind, quote_identifier};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a relation has to do with partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Partitioning {
    /// A table that is divided by these columns.
    Root { strategy: Strategy, columns: Vec<String> },
    /// One part of such a table.
    Part(Bound),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    List,
    Range,
}

/// The rows that a partition holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// Those that no other partition holds.
    Default,
    /// Those whose key is one of the values; `None` is NULL.
    List(Vec<Option<String>>),
    /// Those whose key is not below `from` and is below `to`, by the first column that differs.
    Range { from: Vec<Limit>, to: Vec<Limit> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    Minimum,
    Value(String),
    Maximum,
}

/// The root's part of a relation that is partitioned.
#[derive(Clone, Copy, Debug)]
pub struct PartitionKey<'a> {
    pub strategy: Strategy,
    pub columns: &'a [String],
}

impl Relation {
    /// The key of a partitioned table.
    pub fn partition_key(&self) -> Option<PartitionKey<'_>> {
        match &self.partitioning {
            Some(Partitioning::Root { strategy, columns }) => {
                Some(PartitionKey { strategy: *strategy, columns })
            }
            _ => None,
        }
    }

    /// What a partition holds.
    pub fn partition_bound(&self) -> Option<&Bound> {
        match &self.partitioning {
            Some(Partitioning::Part(bound)) => Some(bound),
            _ => None,
        }
    }

    /// Whether it is a part of another table. REST does not know partitions, as PostgREST does not.
    pub fn is_partition(&self) -> bool {
        self.partition_bound().is_some()
    }

    /// The table that a partition is a part of.
    pub fn partition_root(&self) -> Option<&Name> {
        match &self.kind {
            RelationKind::View { updatable, .. } if self.is_partition() => updatable.as_ref(),
            _ => None,
        }
    }
}

impl Catalog {
    /// The partitions of a table, in the order of their names.
    pub fn partitions<'a>(&'a self, root: &'a Name) -> impl Iterator<Item = &'a Arc<Relation>> {
        self.relations.values().filter(move |relation| relation.partition_root() == Some(root))
    }

    /// The condition that a row of the root meets where the partition holds it, as PostgreSQL's text.
    pub fn partition_condition(&self, partition: &Relation) -> Option<String> {
        let root = self.relation(partition.partition_root()?)?;
        let columns = root.partition_key()?.columns;
        match partition.partition_bound()? {
            Bound::Default => Some(match self.any_bound(root) {
                Some(others) => format!("({others}) IS NOT TRUE"),
                None => "true".to_owned(),
            }),
            bound => condition(columns, bound),
        }
    }

    /// The condition that a row meets where some partition holds it; `None` where every row does.
    pub fn some_partition(&self, root: &Relation) -> Option<String> {
        root.partition_key()?;
        let takes_all =
            self.partitions(&root.name).any(|part| part.partition_bound() == Some(&Bound::Default));
        if takes_all {
            return None;
        }
        Some(self.any_bound(root).unwrap_or_else(|| "false".to_owned()))
    }

    fn any_bound(&self, root: &Relation) -> Option<String> {
        let columns = root.partition_key()?.columns;
        let bounds = self.partitions(&root.name).filter_map(|part| part.partition_bound());
        let all: Vec<String> = bounds.filter_map(|bound| condition(columns, bound)).collect();
        (!all.is_empty()).then(|| all.join(" OR "))
    }
}

/// The bound as a condition in brackets; none for the default partition, which depends on the others.
fn condition(columns: &[String], bound: &Bound) -> Option<String> {
    match bound {
        Bound::Default => None,
        Bound::List(values) => {
            let column = quote_identifier(columns.first()?);
            let given: Vec<String> = values.iter().flatten().map(|value| literal(value)).collect();
            let mut tests = Vec::new();
            if !given.is_empty() {
                tests.push(format!("{column} IN ({})", given.join(", ")));
            }
            if values.contains(&None) {
                tests.push(format!("{column} IS NULL"));
            }
            Some(format!("({})", tests.join(" OR ")))
        }
        Bound::Range { from, to } => {
            let mut tests: Vec<String> =
                columns.iter().map(|column| format!("{} IS NOT NULL", quote_identifier(column))).collect();
            tests.extend(beyond(columns, from, Side::From));
            tests.extend(beyond(columns, to, Side::To));
            Some(format!("({})", tests.join(" AND ")))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

/// The key is not below `limits` (`From`), or is below them (`To`). None where that holds for every key.
fn beyond(columns: &[String], limits: &[Limit], side: Side) -> Option<String> {
    let ((column, columns), (limit, limits)) = (columns.split_first()?, limits.split_first()?);
    let value = match (limit, side) {
        (Limit::Minimum, Side::From) | (Limit::Maximum, Side::To) => return None,
        // A bound that nothing reaches; PostgreSQL has none such at the first column.
        (Limit::Maximum, Side::From) | (Limit::Minimum, Side::To) => return Some("false".to_owned()),
        (Limit::Value(value), _) => literal(value),
    };
    let column = quote_identifier(column);
    let strict = if side == Side::From { ">" } else { "<" };
    if columns.is_empty() {
        let operator = if side == Side::From { ">=" } else { "<" };
        return Some(format!("{column} {operator} {value}"));
    }
    Some(match beyond(columns, limits, side) {
        Some(rest) => format!("({column} {strict} {value} OR {column} = {value} AND {rest})"),
        None => format!("{column} {strict}= {value}"),
    })
}

/// A literal without a type: its column gives it one.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &[Limit], to: &[Limit]) -> String {
        let columns = ["a".to_owned(), "b".to_owned()];
        condition(&columns[..from.len()], &Bound::Range { from: from.to_vec(), to: to.to_vec() }).unwrap()
    }

    fn value(text: &str) -> Limit {
        Limit::Value(text.to_owned())
    }

    #[test]
    fn bounds_are_conditions() {
        let list = Bound::List(vec![Some("it's".to_owned()), None]);
        assert_eq!(condition(&["a".to_owned()], &list).unwrap(), "(\"a\" IN ('it''s') OR \"a\" IS NULL)");
        assert_eq!(
            range(&[value("1")], &[value("5")]),
            "(\"a\" IS NOT NULL AND \"a\" >= '1' AND \"a\" < '5')"
        );
        assert_eq!(range(&[Limit::Minimum], &[Limit::Maximum]), "(\"a\" IS NOT NULL)");
        assert_eq!(
            range(&[value("1"), Limit::Minimum], &[value("5"), value("7")]),
            "(\"a\" IS NOT NULL AND \"b\" IS NOT NULL AND \"a\" >= '1' AND (\"a\" < '5' OR \"a\" = '5' AND \"b\" < '7'))"
        );
        assert_eq!(
            range(&[value("5"), Limit::Maximum], &[value("6"), Limit::Maximum]),
            "(\"a\" IS NOT NULL AND \"b\" IS NOT NULL AND (\"a\" > '5' OR \"a\" = '5' AND false) AND \"a\" <= '6')"
        );
    }
}

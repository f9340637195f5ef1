//! `DROP COLUMN` and `DROP CONSTRAINT` within an `ALTER TABLE`, which reshapes the table itself.

use super::Draft;
use super::depend::Object;
use crate::catalog::{ConstraintKind, Name};
use mainstay_base::Result;

impl Draft<'_> {
    /// `DROP COLUMN` within an `ALTER TABLE`, which reshapes the table itself.
    pub(super) fn drop_column(&mut self, table: &Name, column: &str, cascade: bool) -> Result<()> {
        let object = Object::Column(table.clone(), column.to_owned());
        let dependents = self.dependents(&object);
        self.drop_dependents(&object, dependents, cascade, table)?;
        self.remove_column(table, column)
    }

    pub(super) fn drop_constraint(&mut self, table: &Name, name: &str, cascade: bool) -> Result<()> {
        let object = Object::Constraint(table.clone(), name.to_owned());
        let dependents = self.dependents(&object);
        self.drop_dependents(&object, dependents, cascade, table)?;
        self.remove_constraint(table, name)
    }

    /// Drops what depends on a part of a table that is being altered. Other parts of the same table are only taken
    /// out of the catalog: the alteration under way sees to SQLite.
    fn drop_dependents(
        &mut self,
        object: &Object,
        dependents: Vec<Object>,
        cascade: bool,
        table: &Name,
    ) -> Result<()> {
        if !cascade && !dependents.is_empty() {
            let blocked: Vec<(Object, Object)> =
                dependents.into_iter().map(|dependent| (dependent, object.clone())).collect();
            return Err(self.blocked_problem(std::slice::from_ref(object), &blocked));
        }
        for dependent in dependents {
            let words = format!("drop cascades to {}", self.describe_object(&dependent));
            match &dependent {
                Object::Column(owner, column) if owner == table => {
                    self.notice(words);
                    self.remove_column(table, column)?;
                }
                Object::Constraint(owner, name) if owner == table => {
                    self.notice(words);
                    self.remove_constraint(table, name)?;
                }
                _ => {
                    self.notice(words);
                    self.drop_objects(vec![dependent], true)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a column and its parts out of the catalog.
    pub(super) fn remove_column(&mut self, table: &Name, column: &str) -> Result<()> {
        let relation = self.existing(table)?;
        let mut constraints = Vec::new();
        for constraint in &relation.constraints {
            let mentioned = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => {
                    columns.iter().any(|other| other == column)
                }
                ConstraintKind::ForeignKey { columns, target, target_columns, .. } => {
                    columns.iter().any(|other| other == column)
                        || target == table && target_columns.iter().any(|other| other == column)
                }
                ConstraintKind::Check { expression } => {
                    self.columns_in_text(table, expression).iter().any(|other| other == column)
                }
            };
            if mentioned {
                constraints.push(constraint.name.clone());
            }
        }
        for name in constraints {
            self.remove_constraint(table, &name)?;
        }
        let mut indexes = Vec::new();
        for index in &self.existing(table)?.indexes {
            let in_keys = index.keys.iter().any(|key| match &key.key {
                crate::catalog::KeyKind::Column(other) => other == column,
                crate::catalog::KeyKind::Expression(text) => {
                    self.columns_in_text(table, text).iter().any(|other| other == column)
                }
            });
            let in_rest = index.include.iter().any(|other| other == column)
                || index.predicate.as_ref().is_some_and(|text| {
                    self.columns_in_text(table, text).iter().any(|other| other == column)
                });
            if in_keys || in_rest {
                indexes.push(index.name.clone());
            }
        }
        for name in &indexes {
            self.catalog.indexes.remove(&Name::new(table.schema.clone(), name.clone()));
        }
        let sequences: Vec<Name> = self
            .catalog
            .sequences
            .values()
            .filter(|sequence| sequence.owned_by == Some((table.clone(), column.to_owned())))
            .map(|sequence| sequence.name.clone())
            .collect();
        for sequence in sequences {
            self.remove_sequence(&sequence);
        }
        self.change_relation(table, |relation| {
            relation.indexes.retain(|index| !indexes.contains(&index.name));
            relation.columns.retain(|other| other.name != column);
        })
    }

    /// Takes a constraint and its index out of the catalog.
    pub(super) fn remove_constraint(&mut self, table: &Name, name: &str) -> Result<()> {
        let relation = self.existing(table)?;
        for index in relation.indexes.iter().filter(|index| index.constraint.as_deref() == Some(name)) {
            self.catalog.indexes.remove(&Name::new(table.schema.clone(), index.name.clone()));
        }
        self.change_relation(table, |relation| {
            relation.constraints.retain(|constraint| constraint.name != name);
            relation.indexes.retain(|index| index.constraint.as_deref() != Some(name));
        })
    }
}

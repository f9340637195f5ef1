//! `RENAME COLUMN` and `RENAME ATTRIBUTE`: the column itself, the texts that mention it, and what names it from
//! elsewhere.

use super::Draft;
use super::physical::quoted;
use super::scope::{Mention, string_node};
use super::tree::{range_parts, required};
use crate::catalog::{ConstraintKind, KeyKind, Name, Relation, RelationKind, quote_identifier};
use crate::partition::Partitioning;
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::RenameStmt;
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn rename_column(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let relation = self.relation(range)?;
        let (table, from, to) = (relation.name.clone(), &statement.subname, &statement.newname);
        if relation.column(from).is_none() {
            return Err(Problem::new("42703", format!("column \"{from}\" does not exist")));
        }
        if relation.is_partition() {
            return Err(Problem::new("42P16", format!("cannot rename inherited column \"{from}\"")));
        }
        let clash = relation.columns.iter().find(|column| {
            column.name != *from && column.name.eq_ignore_ascii_case(to) || column.name == *to
        });
        if let Some(other) = clash {
            if other.name != *to {
                return Err(Problem::needs_postgres(format!(
                    "a second column that differs only in case (\"{to}\" beside \"{}\")",
                    other.name
                )));
            }
            return Err(Problem::new(
                "42701",
                format!("column \"{to}\" of relation \"{}\" already exists", relation.name.name),
            ));
        }
        if super::column::is_system_column(to) {
            return Err(Problem::new(
                "42701",
                format!("column name \"{to}\" conflicts with a system column name"),
            ));
        }
        let parts: Vec<Name> = self.catalog.partitions(&table).map(|part| part.name.clone()).collect();
        for name in std::iter::once(&table).chain(&parts) {
            self.rename_mentions_of_column(name, from, to)?;
        }
        self.change_relation(&table, |relation| rename_in_relation(relation, from, to))?;
        self.rename_column_targets(&table, from, to)?;
        match relation.kind {
            RelationKind::View { .. } => self.rename_view_output(&table, &relation, from, to),
            _ => {
                let sql = format!(
                    "ALTER TABLE {} RENAME COLUMN {} TO {}",
                    quoted(&table),
                    quote_identifier(from),
                    quote_identifier(to)
                );
                self.run(sql);
                self.act(Action::TableChanged(table));
                Ok(())
            }
        }
    }

    fn rename_mentions_of_column(&mut self, table: &Name, from: &str, to: &str) -> Result<()> {
        let mut joined = None;
        self.rewrite_texts(&mut |owner, mention| match mention {
            Mention::Column { fields, relation, column } if relation == table && column == from => {
                fields.pop();
                fields.push(string_node(to));
            }
            Mention::Joined { relation, column } if relation == table && column == from => {
                joined = Some(owner.relation.clone());
            }
            _ => {}
        })?;
        match joined {
            Some(view) => Err(Problem::needs_postgres(format!(
                "renaming a column that {view} joins on with USING or NATURAL"
            ))
            .with_hint("write the join with ON first")),
            None => Ok(()),
        }
    }

    /// Foreign keys, origins and sequences that name the column from elsewhere.
    fn rename_column_targets(&mut self, table: &Name, from: &str, to: &str) -> Result<()> {
        self.rename_granted_column(table, from, to);
        let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
        for name in names {
            let mut relation = (*self.existing(&name)?).clone();
            let mut changed = false;
            for constraint in &mut relation.constraints {
                if let ConstraintKind::ForeignKey { target, target_columns, .. } = &mut constraint.kind
                    && target == table
                {
                    changed |= rename_in(target_columns, from, to);
                }
            }
            for (origin, column) in relation.origins.iter_mut().flatten() {
                if origin == table && column == from {
                    to.clone_into(column);
                    changed = true;
                }
            }
            if changed {
                self.catalog.relations.insert(name, Arc::new(relation));
            }
        }
        for sequence in self.catalog.sequences.values_mut() {
            if let Some((owner, column)) = &mut sequence.owned_by
                && owner == table
                && column == from
            {
                to.clone_into(column);
            }
        }
        Ok(())
    }

    /// The output of a view gets a new name: its query says so from now on.
    fn rename_view_output(&mut self, view: &Name, before: &Relation, from: &str, to: &str) -> Result<()> {
        let index = before.columns.iter().position(|column| column.name == from);
        let Some(query) = super::texts::view_query(before) else { return Ok(()) };
        let mut statement = crate::parse::statement(query).map_err(super::tree::unplaced)?;
        let renamed = index.is_some_and(|index| super::view::name_output(&mut statement.node, index, to));
        if !renamed {
            return Err(Problem::needs_postgres("renaming this view's column"));
        }
        let text = crate::parse::deparse_statement(&statement.node)?;
        self.change_relation(view, |relation| {
            if let RelationKind::View { query, .. } = &mut relation.kind {
                *query = text;
            }
        })
    }

    pub(super) fn rename_attribute(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let (name, id) = self.composite(&range_parts(range))?;
        let (from, to) = (&statement.subname, &statement.newname);
        let missing = || {
            Problem::new("42703", format!("column \"{from}\" of relation \"{}\" does not exist", name.name))
        };
        let types = Arc::make_mut(&mut self.catalog.types);
        let fields =
            types.composites.get_mut(&id).map(|composite| &mut composite.fields).ok_or_else(missing)?;
        let field = fields.iter_mut().find(|(field, _)| field == from).ok_or_else(missing)?;
        field.0.clone_from(to);
        Ok(())
    }
}

fn rename_in(columns: &mut [String], from: &str, to: &str) -> bool {
    let mut changed = false;
    for column in columns.iter_mut().filter(|column| *column == from) {
        to.clone_into(column);
        changed = true;
    }
    changed
}

fn rename_in_relation(relation: &mut Relation, from: &str, to: &str) {
    for column in relation.columns.iter_mut().filter(|column| column.name == from) {
        to.clone_into(&mut column.name);
    }
    if let Some(Partitioning::Root { columns, .. }) = &mut relation.partitioning {
        rename_in(columns, from, to);
    }
    for constraint in &mut relation.constraints {
        match &mut constraint.kind {
            ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => {
                rename_in(columns, from, to);
            }
            ConstraintKind::ForeignKey { columns, set_columns, .. } => {
                rename_in(columns, from, to);
                rename_in(set_columns, from, to);
            }
            ConstraintKind::Check { .. } => {}
        }
    }
    for index in &mut relation.indexes {
        rename_in(&mut index.include, from, to);
        for key in &mut index.keys {
            if let KeyKind::Column(column) = &mut key.key
                && column == from
            {
                to.clone_into(column);
            }
        }
    }
}

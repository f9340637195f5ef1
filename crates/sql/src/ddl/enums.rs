//! `CREATE TYPE … AS ENUM` and what `ALTER TYPE` does to one.

use super::Draft;
use super::depend::mentions_type;
use super::physical::quoted;
use super::tree::strings;
use crate::catalog::{KeyKind, Name, Relation, RelationKind, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use mainstay_types::context::EnumType;
use mainstay_types::{Type, TypeId};
use pg_query::protobuf::{AlterEnumStmt, CreateEnumStmt};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn create_enum(&mut self, statement: &CreateEnumStmt) -> Result<()> {
        let name = self.creation_name(&strings(&statement.type_name))?;
        self.require_free_type(&name)?;
        let labels = strings(&statement.vals);
        for (index, label) in labels.iter().enumerate() {
            check_label(label)?;
            if labels.iter().take(index).any(|other| other == label) {
                return Err(Problem::new("23505", format!("enum label \"{label}\" used more than once")));
            }
        }
        let id = self.new_type_id();
        let one = EnumType { schema: name.schema.clone(), name: name.name.clone(), labels };
        Arc::make_mut(&mut self.catalog.types).enums.insert(id, one);
        self.catalog.type_names.insert(name, id);
        Ok(())
    }

    pub(super) fn alter_enum(&mut self, statement: &AlterEnumStmt) -> Result<()> {
        let parts = strings(&statement.type_name);
        let name = self
            .user_type_name(&parts)
            .ok_or_else(|| Problem::new("42704", format!("type \"{}\" does not exist", parts.join("."))))?;
        let found = self.catalog.type_names.get(&name).copied();
        let Some(id) = found.filter(|id| self.catalog.types.enums.contains_key(id)) else {
            return Err(Problem::new("42809", format!("\"{}\" is not an enum", name.name)));
        };
        if statement.old_val.is_empty() {
            self.add_label(id, statement)
        } else {
            self.rename_label(id, statement)
        }
    }

    fn add_label(&mut self, id: TypeId, statement: &AlterEnumStmt) -> Result<()> {
        let label = &statement.new_val;
        check_label(label)?;
        let labels = self.catalog.types.enums.get(&id).map(|one| one.labels.clone()).unwrap_or_default();
        if labels.contains(label) {
            let words = format!("enum label \"{label}\" already exists");
            if statement.skip_if_new_val_exists {
                self.notice(format!("{words}, skipping"));
                return Ok(());
            }
            return Err(Problem::new("42710", words));
        }
        let neighbor = &statement.new_val_neighbor;
        let index = match labels.iter().position(|other| other == neighbor) {
            _ if neighbor.is_empty() => labels.len(),
            Some(index) => index + usize::from(statement.new_val_is_after),
            None => {
                return Err(Problem::new("22023", format!("\"{neighbor}\" is not an existing enum label")));
            }
        };
        if let Some(one) = Arc::make_mut(&mut self.catalog.types).enums.get_mut(&id) {
            one.labels.insert(index, label.clone());
        }
        Ok(())
    }

    /// The label is what rows hold, so they change too. Indexes over the column go before and come after, because
    /// their order is that of the labels.
    fn rename_label(&mut self, id: TypeId, statement: &AlterEnumStmt) -> Result<()> {
        let (old, new) = (&statement.old_val, &statement.new_val);
        check_label(new)?;
        let Some(one) = Arc::make_mut(&mut self.catalog.types).enums.get_mut(&id) else { return Ok(()) };
        if one.labels.contains(new) {
            return Err(Problem::new("42710", format!("enum label \"{new}\" already exists")));
        }
        let Some(label) = one.labels.iter_mut().find(|label| *label == old) else {
            return Err(Problem::new("22023", format!("\"{old}\" is not an existing enum label")));
        };
        label.clone_from(new);
        let relations: Vec<Arc<Relation>> = self.catalog.relations.values().cloned().collect();
        let divides = |relation: &Relation| {
            let columns = relation.partition_key().map(|key| key.columns).unwrap_or_default();
            columns
                .iter()
                .filter_map(|name| relation.column(name))
                .any(|column| column.ty.ty == Type::Enum(id))
        };
        if let Some(relation) = relations.iter().find(|relation| divides(relation)) {
            return Err(Problem::needs_postgres(format!(
                "renaming a label by which \"{}\" is partitioned",
                relation.name.name
            )));
        }
        for relation in
            relations.iter().filter(|relation| !matches!(relation.kind, RelationKind::View { .. }))
        {
            self.relabel(relation, id, old, new)?;
        }
        self.relabel_texts(old, new)
    }

    fn relabel(&mut self, relation: &Relation, id: TypeId, old: &str, new: &str) -> Result<()> {
        let text = |label: &str| format!("'{}'", label.replace('\'', "''"));
        let mut fills = Vec::new();
        for column in relation.columns.iter().filter(|column| mentions_type(&column.ty.ty, id)) {
            if column.ty.ty != Type::Enum(id) {
                return Err(Problem::needs_postgres(format!(
                    "renaming a label that column \"{}\" of \"{}\" holds in an array or row",
                    column.name, relation.name.name
                )));
            }
            if column.generated.is_none() {
                let name = quote_identifier(&column.name);
                let (old, new) = (text(old), text(new));
                let sql = format!("CASE WHEN {name} COLLATE BINARY = {old} THEN {new} ELSE {name} END");
                fills.push((column.name.clone(), sql));
            }
        }
        if fills.is_empty() {
            return Ok(());
        }
        let names: Vec<&String> = fills.iter().map(|(name, _)| name).collect();
        let indexed = relation.indexes.iter().any(|index| {
            index.predicate.is_some()
                || index.keys.iter().any(|key| match &key.key {
                    KeyKind::Column(column) => names.contains(&column),
                    KeyKind::Expression(_) => true,
                })
        });
        if indexed || !relation.constraints.is_empty() || !relation.is_table() {
            if relation.is_table() {
                return self.rewrite_rows(&relation.name, &fills);
            }
            let words = format!("renaming a label that the materialized view \"{}\" holds", relation.name);
            return Err(Problem::needs_postgres(words));
        }
        let sets: Vec<String> =
            fills.iter().map(|(name, sql)| format!("{} = {sql}", quote_identifier(name))).collect();
        self.run(format!("UPDATE {} SET {}", quoted(&relation.name), sets.join(", ")));
        self.act(Action::TableChanged(relation.name.clone()));
        Ok(())
    }

    /// Defaults that are the label. Elsewhere in texts a literal's type is not known here: those are named.
    fn relabel_texts(&mut self, old: &str, new: &str) -> Result<()> {
        let literal = |label: &str| format!("'{}'", label.replace('\'', "''"));
        let (old, new) = (literal(old), literal(new));
        let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
        for name in names {
            let relation = self.existing(&name)?;
            let fits = |column: &crate::catalog::Column| {
                matches!(column.ty.ty, Type::Enum(_))
                    && column
                        .default
                        .as_ref()
                        .is_some_and(|text| *text == old || text.starts_with(&format!("{old}::")))
            };
            if relation.columns.iter().any(fits) {
                self.change_relation(&name, |relation| {
                    for column in relation.columns.iter_mut().filter(|column| fits(column)) {
                        column.default = column.default.take().map(|text| text.replacen(&old, &new, 1));
                    }
                })?;
            }
        }
        Ok(())
    }
}

fn check_label(label: &str) -> Result<()> {
    if label.is_empty() || label.len() > super::names::NAME_BYTES_MAX {
        return Err(Problem::new("42602", format!("invalid enum label \"{label}\""))
            .with_details("Labels must be 63 bytes or less."));
    }
    Ok(())
}

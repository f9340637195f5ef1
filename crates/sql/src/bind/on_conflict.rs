//! ON CONFLICT: the index that decides, `excluded`, and what happens to the row that is there.

use super::bound::quote;
use super::dml::Writable;
use super::errors::{Located, place, syntax};
use super::scope::{Binder, Clause, Source};
use super::update::{Assignment, set_text};
use crate::catalog::{ConstraintKind, KeyKind, Relation};
use crate::privilege::Privilege;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{InferClause, OnConflictAction, OnConflictClause};

/// An ON CONFLICT clause, bound: its target, and what it sets on which condition.
pub(super) struct Conflict {
    target: String,
    update: Option<(Vec<Assignment>, String)>,
}

impl Binder<'_> {
    pub(super) fn on_conflict(&mut self, clause: &OnConflictClause, writable: &Writable) -> Result<Conflict> {
        let target = match clause.infer.as_deref() {
            Some(infer) => self.conflict_target(infer, writable)?,
            None => String::new(),
        };
        if clause.action() != OnConflictAction::OnconflictUpdate {
            return Ok(Conflict { target, update: None });
        }
        if clause.infer.is_none() {
            return Err(syntax("ON CONFLICT DO UPDATE requires inference specification or constraint name")
                .with_hint("For example, ON CONFLICT (column_name).")
                .placed(place(clause.location)));
        }
        self.add_excluded(writable)?;
        let set = self.set_clause(&clause.target_list, writable, Clause::Set)?;
        let assigned: Vec<String> = set.iter().flat_map(|one| one.columns.iter().cloned()).collect();
        self.check_write(writable, Privilege::Update, &assigned)?;
        let condition = match clause.where_clause.as_deref() {
            Some(node) => {
                let bound = self.within(Clause::Where, |binder| {
                    let bound = binder.condition(node, true)?;
                    binder.coerce_to_boolean(bound, "WHERE")
                })?;
                format!(" WHERE {}", bound.sql)
            }
            None => String::new(),
        };
        // RETURNING sees the target alone.
        let scope = self.scope();
        if let Some(excluded) = scope.sources.last_mut() {
            excluded.hidden = true;
        }
        scope.columns.retain(|column| column.source == 0);
        Ok(Conflict { target, update: Some((set, condition)) })
    }

    /// The clause's text, once it is known whether the statement reads columns of its target.
    pub(super) fn conflict_text(
        &mut self,
        conflict: Conflict,
        writable: &Writable,
        reads: bool,
    ) -> Result<String> {
        let target = conflict.target;
        let Some((mut set, condition)) = conflict.update else {
            return Ok(format!(" ON CONFLICT{target} DO NOTHING"));
        };
        self.updatable(writable, &mut set, reads, true)?;
        Ok(format!(" ON CONFLICT{target} DO UPDATE SET {}{condition}", set_text(&set)))
    }

    /// Columns that decide about a conflict are read.
    fn read_arbiter(&mut self, writable: &Writable, column: &str) {
        let scope = self.scope().id;
        let index = writable.columns.iter().position(|(_, base)| base.as_deref() == Some(column));
        if let Some(index) = index {
            self.access.note_read(scope, 0, index);
        }
    }

    fn add_excluded(&mut self, writable: &Writable) -> Result<()> {
        let base = Self::relation_columns(&writable.table, "excluded", false);
        let columns = super::dml::exposed(&writable.columns, &base);
        let source = Source {
            alias: "excluded".to_owned(),
            schema: None,
            emit: "excluded".to_owned(),
            columns,
            relation: Some(writable.table.clone()),
            row_type: Type::Composite(writable.table.row_type),
            nullable: false,
            hidden: false,
            scalar: false,
        };
        let before = self.scope().columns.len();
        let index = self.add_source(source, None)?;
        self.check_read_later(&writable.named, index);
        // Unqualified names mean the target.
        self.scope().columns.truncate(before);
        Ok(())
    }

    /// ` (columns) WHERE …`: the index that decides.
    fn conflict_target(&mut self, infer: &InferClause, writable: &Writable) -> Result<String> {
        let table = writable.table.clone();
        if !infer.conname.is_empty() {
            let columns = constraint_columns(&table, &infer.conname).placed(place(infer.location))?;
            columns.iter().for_each(|column| self.read_arbiter(writable, column));
            return Ok(column_list(&columns));
        }
        let mut columns = Vec::new();
        let mut texts = Vec::new();
        for node in &infer.index_elems {
            let Some(NodeEnum::IndexElem(element)) = &node.node else { continue };
            if let Some(expression) = element.expr.as_deref() {
                let bound = self.bare_over(&table, |binder| binder.expr(expression))?;
                texts.push(bound.operand());
            } else {
                let column = writable.column(&element.name, place(infer.location))?.name.clone();
                self.read_arbiter(writable, &column);
                texts.push(quote(&column));
                columns.push(column);
            }
        }
        let predicate = match infer.where_clause.as_deref() {
            Some(node) => {
                let bound = self.bare_over(&table, |binder| binder.condition(node, true))?;
                Some(bound.sql)
            }
            None => None,
        };
        let plain = columns.len() == texts.len();
        if plain && !has_arbiter(&table, &columns, predicate.is_some()) {
            return Err(Problem::new(
                "42P10",
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ));
        }
        let predicate = predicate.map(|text| format!(" WHERE {text}")).unwrap_or_default();
        Ok(format!(" ({}){predicate}", texts.join(", ")))
    }
}

fn column_list(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
    format!(" ({})", names.join(", "))
}

fn constraint_columns(table: &Relation, name: &str) -> Result<Vec<String>> {
    let found = table.constraints.iter().find(|constraint| constraint.name == name);
    match found.map(|constraint| &constraint.kind) {
        Some(ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. }) => {
            Ok(columns.clone())
        }
        Some(_) => Err(Problem::new("42809", "constraint in ON CONFLICT clause has no associated index")),
        None => Err(Problem::new(
            "42704",
            format!("constraint \"{name}\" for table \"{}\" does not exist", table.name.name),
        )),
    }
}

/// Whether a unique index over exactly these columns exists.
fn has_arbiter(table: &Relation, columns: &[String], predicate: bool) -> bool {
    let same =
        |other: &[String]| other.len() == columns.len() && other.iter().all(|name| columns.contains(name));
    let constrained = table.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns: other } => same(other),
        ConstraintKind::Unique { columns: other, .. } => same(other),
        _ => false,
    });
    constrained
        || table.indexes.iter().any(|index| {
            let keys: Vec<String> = index
                .keys
                .iter()
                .filter_map(|key| match &key.key {
                    KeyKind::Column(name) => Some(name.clone()),
                    KeyKind::Expression(_) => None,
                })
                .collect();
            index.unique
                && keys.len() == index.keys.len()
                && same(&keys)
                && (index.predicate.is_none() || predicate)
        })
}

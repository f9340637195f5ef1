//! Tables as they were before the statement: what PostgreSQL shows all parts of a statement that writes.
//!
//! While steps of the statement run, the engine keeps the old versions of the rows that they change
//! ([`crate::plan::OldRows`]). A later step reads the table without the rows that were touched, and those versions.

use super::bound::quote;
use super::from::aliased;
use super::query::QueryColumn;
use super::scope::Binder;
use crate::catalog::{Action, ConstraintKind, Name, Relation, RelationKind};
use crate::plan::OldRows;
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{InsertStmt, OnConflictAction, RangeVar, WithClause};
use std::collections::{BTreeMap, BTreeSet};

/// What one statement changes.
#[derive(Clone, Default)]
pub(super) struct Changes {
    /// Tables that some part of the statement changes.
    pub all: BTreeSet<Name>,
    /// Those that the steps so far have changed.
    pub done: BTreeSet<Name>,
    /// Whether the text being bound is that of a step that changes a table: it runs before the steps after it.
    pub within_step: bool,
    /// The old rows that the steps must keep.
    pub kept: BTreeMap<Name, OldRows>,
}

impl Binder<'_> {
    /// The text that stands for a table in FROM.
    pub fn table_text(&mut self, relation: &Relation, emit: &str) -> String {
        let physical = relation.physical_name();
        let changes = &self.changes;
        let changed = if changes.within_step { &changes.done } else { &changes.all };
        if !changed.contains(&relation.name) {
            return aliased(&quote(&physical), &physical, emit);
        }
        let scratch = self.old_rows(relation);
        let now: Vec<String> = relation.columns.iter().map(|column| quote(&column.name)).collect();
        let then: Vec<String> = (0..now.len()).map(|index| format!("\"c{}\"", index + 2)).collect();
        format!(
            "(SELECT {} FROM {} WHERE _rowid_ NOT IN (SELECT \"c0\" FROM {scratch}) UNION ALL SELECT {} FROM {scratch} \
             WHERE \"c1\") AS {}",
            now.join(", "),
            quote(&physical),
            then.join(", "),
            quote(emit)
        )
    }

    /// A condition for the rows of a changing statement's target: those that an earlier step has touched are not there
    /// for it.
    pub fn untouched(&mut self, table: &Relation, emit: &str) -> Option<String> {
        if !self.changes.done.contains(&table.name) {
            return None;
        }
        let scratch = self.old_rows(table);
        Some(format!("{}._rowid_ NOT IN (SELECT \"c0\" FROM {scratch})", quote(emit)))
    }

    /// The temporary table with the old rows of a table: rowid, whether the row was there, and its columns.
    fn old_rows(&mut self, relation: &Relation) -> String {
        if let Some(kept) = self.changes.kept.get(&relation.name) {
            return format!("temp.{}", quote(&kept.scratch.table));
        }
        let column = |ty: Type| QueryColumn {
            name: String::new(),
            ty: ty.into(),
            domain: None,
            nullable: true,
            collation: super::bound::Carried::Nothing,
            origin: None,
        };
        let mut columns = vec![column(Type::Int8), column(Type::Bool)];
        columns.extend(relation.columns.iter().map(|own| column(own.ty.ty.clone())));
        let (mut scratch, _) = self.scratch("old", &columns);
        // The first version of a row is the one from before the statement.
        scratch.create = scratch.create.replacen("(\"c0\"", "(\"c0\" INTEGER PRIMARY KEY", 1);
        scratch.insert = scratch.insert.replacen("INSERT INTO", "INSERT OR IGNORE INTO", 1);
        let text = format!("temp.{}", quote(&scratch.table));
        let kept = OldRows {
            table: relation.physical_name(),
            columns: relation.columns.iter().map(|own| own.name.clone()).collect(),
            scratch,
            steps: 0..0,
        };
        self.changes.kept.insert(relation.name.clone(), kept);
        text
    }

    /// Ends a statement whose first step has this number: its steps from there on keep old rows.
    pub fn finish_changes(&mut self, first: usize, outer: Changes) {
        let changes = std::mem::replace(&mut self.changes, outer);
        let steps = first..self.steps.len();
        self.old_rows.extend(changes.kept.into_values().map(|kept| OldRows { steps: steps.clone(), ..kept }));
    }

    /// A step has changed this table, and what foreign keys change with it.
    pub fn note_change(&mut self, table: &Name, with_keys: bool) {
        let changed = self.changed_with(table, with_keys);
        self.changes.done.extend(changed.iter().cloned());
        self.changes.all.extend(changed);
    }

    /// The table, and with `with_keys` those that its foreign keys' actions reach.
    pub fn changed_with(&self, table: &Name, with_keys: bool) -> BTreeSet<Name> {
        let mut found = BTreeSet::from([table.clone()]);
        let mut queue = if with_keys { vec![table.clone()] } else { Vec::new() };
        while let Some(parent) = queue.pop() {
            for (name, relation) in &self.catalog.relations {
                let reached = relation.constraints.iter().any(|constraint| match &constraint.kind {
                    ConstraintKind::ForeignKey { target, on_delete, on_update, .. } => {
                        let acts = |action| !matches!(action, Action::NoAction | Action::Restrict);
                        *target == parent && (acts(*on_delete) || acts(*on_update))
                    }
                    _ => false,
                });
                if reached && found.insert(name.clone()) {
                    queue.push(name.clone());
                }
            }
        }
        found
    }

    /// What the data-modifying CTEs of a statement will change: queries beside them do not see it.
    pub fn announce_changes(&mut self, with: &WithClause) {
        for node in &with.ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { continue };
            let target = match cte.ctequery.as_deref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::InsertStmt(insert)) => Some((insert.relation.as_ref(), updates(insert))),
                Some(NodeEnum::UpdateStmt(update)) => Some((update.relation.as_ref(), true)),
                Some(NodeEnum::DeleteStmt(delete)) => Some((delete.relation.as_ref(), true)),
                _ => None,
            };
            if let Some((Some(range), with_keys)) = target
                && let Some(table) = self.base_table(range)
            {
                let changed = self.changed_with(&table, with_keys);
                self.changes.all.extend(changed);
            }
        }
    }

    fn base_table(&self, range: &RangeVar) -> Option<Name> {
        let relation = self.relation_named(range).ok()?;
        match &relation.kind {
            RelationKind::View { updatable, .. } => updatable.clone(),
            _ => Some(relation.name.clone()),
        }
    }
}

/// Whether an INSERT may change rows that are there.
pub(super) fn updates(insert: &InsertStmt) -> bool {
    insert
        .on_conflict_clause
        .as_deref()
        .is_some_and(|clause| clause.action() == OnConflictAction::OnconflictUpdate)
}

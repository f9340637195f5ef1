//! RETURNING. Where SQLite's own cannot say it, the changed rows wait in a temporary table for a query of their own:
//! where it reads a table that the statement changes, or columns of other tables than the target.

use super::bound::{Bound, Carried, Form, quote};
use super::dml::Writable;
use super::query::{QueryColumn, Target};
use super::scope::{Binder, Clause};
use super::steps::Lowered;
use super::update::Assignment;
use crate::plan::Scratch;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::ReturningClause;
use std::collections::BTreeSet;

/// A column of an item of FROM: the number of the item and its own.
type Foreign = BTreeSet<(usize, usize)>;

/// What follows a changing statement, and what is still to be done for it.
pub(super) struct Returning {
    /// ` RETURNING …`, or nothing.
    pub text: String,
    pub columns: Vec<QueryColumn>,
    /// Whether the rows must wait for [`Binder::returned_later`].
    pub later: bool,
    /// Columns of other tables that it wants.
    pub foreign: Foreign,
}

impl Binder<'_> {
    /// ` RETURNING …` and the columns that it makes. With `checked` rows that leave the view are refused: SQLite
    /// evaluates RETURNING for each changed row, also where nobody reads it.
    pub fn returning(
        &mut self,
        clause: Option<&ReturningClause>,
        writable: &Writable,
        checked: bool,
        with_keys: bool,
    ) -> Result<Returning> {
        let check = if checked { self.check_option(writable)? } else { None };
        let Some(clause) = clause.filter(|clause| !clause.exprs.is_empty()) else {
            let text = check.map(|arms| format!(" RETURNING CASE{arms} END")).unwrap_or_default();
            return Ok(Returning { text, columns: Vec::new(), later: false, foreign: Foreign::new() });
        };
        if !clause.options.is_empty() {
            return Err(Problem::needs_postgres("RETURNING WITH (OLD AS …)"));
        }
        self.scope().has_from = true;
        // Subqueries see the target as it was.
        let before = self.changes.clone();
        let changed = self.changed_with(&writable.table.name, with_keys);
        self.changes.all.extend(changed);
        self.changes.within_step = false;
        let targets = self.returned(clause)?;
        let reads_old = self.changes.kept.len() > before.kept.len()
            || targets.iter().any(|target| {
                self.changes.kept.values().any(|kept| target.bound.sql.contains(&kept.scratch.table))
            });
        let id = self.scope().id;
        let foreign: Foreign = targets
            .iter()
            .flat_map(|target| &target.bound.uses)
            .filter(|used| used.scope == id && used.source > 0)
            .map(|used| (used.source, used.column))
            .collect();
        if reads_old || !foreign.is_empty() {
            self.changes.within_step = before.within_step;
            let names = writable.table.columns.iter().map(|column| quote(&column.name));
            let text = returning_text(std::iter::once("_rowid_".to_owned()).chain(names).collect(), check);
            return Ok(Returning { text, columns: Vec::new(), later: true, foreign });
        }
        self.changes = before;
        let texts = targets.iter().map(|target| target.bound.sql.clone()).collect();
        let columns = targets.iter().map(column_of).collect();
        Ok(Returning { text: returning_text(texts, check), columns, later: false, foreign })
    }

    fn returned(&mut self, clause: &ReturningClause) -> Result<Vec<Target>> {
        let mut targets = self.within(Clause::Returning, |binder| binder.targets(&clause.exprs))?;
        for Target { bound, .. } in &mut targets {
            let taken = std::mem::replace(bound, Bound::null());
            *bound = self.settle(taken)?;
        }
        Ok(targets)
    }

    /// The query over the changed rows, which the statement leaves in a temporary table. `joined` are the rows that an
    /// UPDATE has found before, where RETURNING wants columns of theirs.
    pub fn returned_later(
        &mut self,
        clause: Option<&ReturningClause>,
        writable: &Writable,
        lowered: Lowered,
        with_keys: bool,
        joined: Option<(Scratch, String)>,
    ) -> Result<Lowered> {
        let Some(clause) = clause else { return Ok(lowered) };
        let mut columns = vec![plain_column(Type::Int8)];
        columns.extend(writable.table.columns.iter().map(|column| plain_column(column.ty.ty.clone())));
        let (scratch, _) = self.scratch("changed", &columns);
        let table = scratch.table.clone();
        self.steps.push(lowered.step(Some(scratch), false));
        self.note_change(&writable.table.name, with_keys);
        self.changes.within_step = false;
        let emit = quote(&format!("changed_{}", self.take_id()));
        self.point_at(writable, &emit);
        let targets = self.returned(clause)?;
        let texts: Vec<&str> = targets.iter().map(|target| target.bound.sql.as_str()).collect();
        let mut text = format!("SELECT {} FROM temp.{} AS {emit}", texts.join(", "), quote(&table));
        if let Some((found, key)) = joined {
            let found = quote(&found.table);
            text.push_str(&format!(" JOIN temp.{found} ON {found}.{key} = {emit}.\"c0\""));
        }
        text.push_str(&format!(" ORDER BY {emit}._rowid_"));
        Ok(Lowered::reading(text, targets.iter().map(column_of).collect()))
    }

    /// Lets the columns of the target mean those of the rows that it left.
    fn point_at(&mut self, writable: &Writable, emit: &str) {
        let physical = writable.table.physical_name();
        let own = Self::relation_columns(&writable.table, &physical, false);
        let Some(target) = self.scope().sources.first_mut() else { return };
        for column in &mut target.columns {
            // Views compute some of them from several of the table's.
            for (index, own) in own.iter().enumerate() {
                column.sql = column.sql.replace(&own.sql, &format!("{emit}.\"c{}\"", index + 1));
            }
        }
    }

    /// `UPDATE … FROM … RETURNING` with columns of FROM: a first step finds the rows with their new values and what
    /// RETURNING wants beside them, a second one changes the table.
    pub fn update_by_steps(
        &mut self,
        writable: &Writable,
        (with, from, filter): (&str, &str, &str),
        assignments: &[Assignment],
        returning: Returning,
    ) -> Result<(Lowered, (Scratch, String))> {
        if assignments.iter().any(|assignment| assignment.columns.len() > 1) {
            return Err(Problem::needs_postgres(
                "UPDATE of several columns from one query that returns columns of other tables",
            ));
        }
        let physical = quote(&writable.table.physical_name());
        let mut items = vec![format!("{physical}._rowid_")];
        let mut columns = vec![plain_column(Type::Int8)];
        let mut found = Vec::new();
        if self.scope().columns.iter().any(|column| column.merged.is_some()) {
            return Err(Problem::needs_postgres(
                "UPDATE with JOIN … USING that returns columns of other tables",
            ));
        }
        for (source, column) in returning.foreign {
            let Some(bound) = self.column_of(self.scopes.len().saturating_sub(1), source, column, None)
            else {
                continue;
            };
            found.push((source, column, items.len()));
            columns.push(plain_column(bound.ty.ty.clone()));
            items.push(bound.sql);
        }
        let mut key = "\"c0\"".to_owned();
        let mut changed = Vec::with_capacity(assignments.len());
        let first_value = items.len();
        for assignment in assignments {
            let Some(column) = assignment.columns.first().and_then(|name| writable.table.column(name)) else {
                continue;
            };
            if writable.table.rowid_column().is_some_and(|rowid| rowid.name == column.name) {
                key = format!("\"c{}\"", items.len());
            }
            columns.push(plain_column(column.ty.ty.clone()));
            items.push(assignment.value.clone());
        }
        let (mut scratch, _) = self.scratch("found", &columns);
        // Of several rows that join one of the target PostgreSQL takes the first.
        scratch.create = scratch.create.replacen("(\"c0\"", "(\"c0\" INTEGER PRIMARY KEY", 1);
        scratch.insert = scratch.insert.replacen("INSERT INTO", "INSERT OR IGNORE INTO", 1);
        let text = format!("{with}SELECT {} FROM {physical}, {from}{filter}", items.join(", "));
        let finding = Lowered {
            target: Some(writable.table.name.clone()),
            new_rows: self.rows_updated(writable, with, assignments, &format!(", {from}"), filter),
            ..Lowered::reading(text, columns)
        };
        self.steps.push(finding.step(Some(scratch.clone()), false));
        let table = quote(&scratch.table);
        for (index, assignment) in assignments.iter().enumerate() {
            let value = format!("{table}.\"c{}\"", first_value + index);
            changed.push(Assignment { columns: assignment.columns.clone(), value });
        }
        for (source, column, index) in found {
            let wanted =
                self.scope().sources.get_mut(source).and_then(|source| source.columns.get_mut(column));
            if let Some(column) = wanted {
                column.sql = format!("{table}.\"c{index}\"");
                column.collation =
                    Carried::Column(column.ty.ty.storage().collation.map(|name| name.into_owned()));
                column.form = None;
                column.atom = true;
            }
        }
        let filter = format!(" WHERE {physical}._rowid_ = {table}.\"c0\"");
        let new_rows = self.rows_updated(writable, "", &changed, &format!(", temp.{table}"), &filter);
        let text = format!(
            "UPDATE {physical} SET {} FROM temp.{table}{filter}{}",
            super::update::set_text(&changed),
            returning.text
        );
        let lowered = Lowered {
            text,
            columns: Vec::new(),
            target: Some(writable.table.name.clone()),
            parameter_columns: Vec::new(),
            new_rows,
        };
        Ok((lowered, (scratch, key)))
    }
}

fn returning_text(mut texts: Vec<String>, check: Option<String>) -> String {
    if let (Some(arms), Some(first)) = (check, texts.first_mut()) {
        *first = format!("CASE{arms} ELSE {first} END");
    }
    format!(" RETURNING {}", texts.join(", "))
}

fn column_of(target: &Target) -> QueryColumn {
    QueryColumn {
        name: target.name.clone(),
        ty: target.bound.ty.clone(),
        domain: target.bound.domain.clone(),
        nullable: target.bound.nullable,
        collation: Carried::Nothing,
        origin: match &target.bound.form {
            Form::Column { origin } => origin.clone(),
            _ => None,
        },
    }
}

/// A column of a temporary table.
fn plain_column(ty: Type) -> QueryColumn {
    QueryColumn {
        name: String::new(),
        ty: ty.into(),
        domain: None,
        nullable: true,
        collation: Carried::Nothing,
        origin: None,
    }
}

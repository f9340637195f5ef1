//! Applies a migration: understood as a whole first, then run in one transaction with the catalog it leads to.

use crate::connection::Connection;
use crate::failing_row::with_details;
use crate::foreign_keys;
use crate::meta;
use crate::plan;
use crate::problems::{self, Circumstances};
use crate::raw::{self, Failure};
use crate::rows::RowWriter;
use crate::run::{Cause, run_plan};
use crate::scope;
use crate::sequences::State;
use crate::writer::Writer;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Migrated, Migration, Rows, Write, WriteStep};
use mainstay_sql::Catalog;
use mainstay_sql::ddl::plan_migration;
use mainstay_sql::plan::{Action, Compiled, PlannedMigration};
use mainstay_types::{Context, Session, Value, ValueRef};
use rusqlite::ffi;
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// What a migration failed at.
struct ApplyFailed {
    /// The statement, where one is to blame.
    statement: Option<usize>,
    problem: Problem,
}

impl From<Problem> for ApplyFailed {
    fn from(problem: Problem) -> Self {
        ApplyFailed { statement: None, problem }
    }
}

pub(crate) fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Writer {
    /// Applies a migration; never unwinds.
    pub(crate) fn migrate_safely(
        &mut self,
        migration: &Migration,
        planned: Option<Box<PlannedMigration>>,
    ) -> Result<Migrated> {
        let before = Arc::clone(&self.catalog);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.migrate(migration, planned)));
        outcome.unwrap_or_else(|_| {
            raw::reset_all(self.connection.raw());
            self.roll_back();
            self.connection.forget_statements();
            self.foreign_keys_on(true)?;
            self.set_catalog(before)?;
            Err(Problem::internal("the migration failed inside the engine; nothing of it was kept"))
        })
    }

    fn migrate(
        &mut self,
        migration: &Migration,
        mut planned: Option<Box<PlannedMigration>>,
    ) -> Result<Migrated> {
        self.may_write()?;
        let checksum = checksum(&migration.text);
        if migration.record && self.is_applied(&migration.name, &checksum)? {
            return Ok(Migrated::default());
        }
        let mut text = migration.text.clone();
        let mut skipped = Vec::new();
        loop {
            let planned = match planned.take() {
                Some(planned) => *planned,
                None => plan_migration(&self.catalog, &text)?,
            };
            if !migration.keep_going
                && let Some(problem) = planned.first_problem()
            {
                return Err(problem.clone());
            }
            let mut migrated = summary(&planned);
            match self.apply(planned, migration, &checksum) {
                Ok(()) => {
                    migrated.skipped.append(&mut skipped);
                    migrated.skipped.sort_by_key(|problem| problem.place().map(|place| place.offset));
                    return Ok(migrated);
                }
                Err(failed) => {
                    let blamed = failed.statement.and_then(|index| blank(&self.catalog, &mut text, index));
                    if !migration.keep_going || blamed.is_none() {
                        return Err(failed.problem);
                    }
                    skipped.push(failed.problem);
                }
            }
        }
    }

    /// Whether the migration has been applied; a problem when one of that name had another text.
    fn is_applied(&mut self, name: &str, checksum: &str) -> Result<bool> {
        let mut known = None;
        let text = "SELECT checksum FROM _mainstay_migrations WHERE name = ?1";
        meta::query(&mut self.connection, text, &[ValueRef::Text(name)], |row| {
            if let Some(Value::Text(checksum)) = row.first() {
                known = Some(checksum.clone());
            }
            Ok(())
        })?;
        match known {
            None => Ok(false),
            Some(known) if known == checksum => Ok(true),
            Some(known) => Err(Problem::new(
                "MS002",
                format!("migration `{name}` was applied with another text"),
            )
            .with_details(format!("applied: sha256 {known}; now: sha256 {checksum}"))
            .with_hint("an applied migration must not change: restore its text and put the change into a new migration")),
        }
    }

    fn apply(
        &mut self,
        mut planned: PlannedMigration,
        migration: &Migration,
        checksum: &str,
    ) -> std::result::Result<(), ApplyFailed> {
        let before = Arc::clone(&self.catalog);
        if planned.catalog.version <= before.version && changes_schema(&planned) {
            planned.catalog.version = before.version + 1;
        }
        let after = Arc::new(std::mem::take(&mut planned.catalog));
        let foreign_keys_off = planned.needs_foreign_keys_off();
        let (sequences, position) = (self.sequences.borrow().clone(), self.position);
        self.connection.forget_statements();
        self.follow_listeners()?;
        let outcome = self.apply_within(&planned, &after, migration, checksum, foreign_keys_off);
        scope::with_capture(|capture| capture.enabled = true);
        if let Err(failed) = outcome {
            self.roll_back();
            self.position = position;
            *self.sequences.borrow_mut() = sequences;
            self.connection.forget_statements();
            self.connection.forget_scratch();
            self.foreign_keys_on(foreign_keys_off)?;
            self.set_catalog(before)?;
            return Err(failed);
        }
        self.foreign_keys_on(foreign_keys_off)?;
        self.set_catalog(after)?;
        Ok(())
    }

    fn foreign_keys_on(&mut self, were_off: bool) -> Result<()> {
        if !were_off {
            return Ok(());
        }
        self.connection
            .batch("PRAGMA foreign_keys = ON")
            .map_err(|failure| problems::of_failure(&failure, None))
    }

    fn apply_within(
        &mut self,
        planned: &PlannedMigration,
        after: &Arc<Catalog>,
        migration: &Migration,
        checksum: &str,
        foreign_keys_off: bool,
    ) -> std::result::Result<(), ApplyFailed> {
        let plain = |failure: Failure| ApplyFailed::from(problems::of_failure(&failure, None));
        if foreign_keys_off {
            self.connection.batch("PRAGMA foreign_keys = OFF").map_err(plain)?;
        }
        self.connection.follow(after.version, &after.types).map_err(plain)?;
        self.catalog = Arc::clone(after);
        self.sequences.borrow_mut().set_catalog(Arc::clone(after));
        let session = Arc::new(Session { role: "postgres".to_owned(), ..Session::default() });
        let context = self.shared.context(after, &session);
        let _frame = self.enter(&context);
        self.connection.batch("BEGIN IMMEDIATE").map_err(plain)?;
        scope::with_capture(|capture| capture.enabled = false);
        self.run_actions(planned, &context)?;
        if foreign_keys_off {
            check_foreign_keys(&mut self.connection, after)?;
        } else if raw::has_deferred_violations(self.connection.raw()) {
            return Err(Problem::new("23503", "the migration leaves a foreign key violated").into());
        }
        self.record(after, migration, checksum).map_err(plain)?;
        let rows = scope::with_capture(|capture| capture.rows.len()).unwrap_or(0);
        let (changes, _) = self.log_changes(std::iter::once((&session, rows)))?;
        let shared = Arc::clone(&self.shared);
        shared.publish(Arc::clone(after), || self.commit(changes.last().map(|change| change.time)))?;
        self.tell(&changes);
        Ok(())
    }

    fn run_actions(
        &mut self,
        planned: &PlannedMigration,
        context: &Context,
    ) -> std::result::Result<(), ApplyFailed> {
        let mut tables_changed = true;
        for (index, statement) in planned.statements.iter().enumerate() {
            for action in statement.outcome.iter().flatten() {
                if let Action::Data(_) = action {
                    if tables_changed {
                        self.capture_tables()?;
                        tables_changed = false;
                    }
                } else {
                    tables_changed = true;
                }
                self.run_action(action, context).map_err(|problem| ApplyFailed {
                    statement: Some(index),
                    problem: problem.at(statement.start),
                })?;
            }
        }
        Ok(())
    }

    fn run_action(&mut self, action: &Action, context: &Context) -> Result<()> {
        match action {
            Action::Execute(text) => self.run_ddl(text, context),
            Action::Rebuild { statements, .. } => {
                let switch = |writer: &mut Writer, on: &str| {
                    let text = format!("PRAGMA legacy_alter_table = {on}");
                    writer.connection.batch(&text).map_err(|failure| problems::of_failure(&failure, None))
                };
                // So that references of other tables stay with the name when the new table takes it.
                switch(self, "ON")?;
                let outcome = statements.iter().try_for_each(|text| self.run_ddl(text, context));
                switch(self, "OFF")?;
                outcome
            }
            Action::Data(compiled) => self.run_data(compiled, context),
            Action::Verify { query, problem } => {
                let violated = self
                    .connection
                    .raw()
                    .prepare(query)
                    .and_then(|mut statement| statement.exists([]))
                    .map_err(|error| problems::of_failure(&error.into(), None))?;
                if violated { Err(problem.clone()) } else { Ok(()) }
            }
            Action::CreateSequence(sequence) => {
                self.sequences.borrow_mut().create(sequence);
                Ok(())
            }
            Action::SetSequence { name, next } => {
                self.sequences.borrow_mut().put(name.clone(), State { last: *next, called: false });
                Ok(())
            }
            Action::RenameSequence { from, to } => {
                self.sequences.borrow_mut().rename(from, to);
                Ok(())
            }
            Action::DropSequence(name) => {
                self.sequences.borrow_mut().remove(name);
                Ok(())
            }
            Action::TableChanged(_) => Ok(()),
        }
    }

    fn run_ddl(&mut self, text: &str, context: &Context) -> Result<()> {
        self.connection.batch(text).map_err(|failure| {
            let circumstances =
                Circumstances { catalog: &self.catalog, context, parameter_columns: &[], values: &[] };
            problems::of_failure(&failure, Some(circumstances))
        })
    }

    fn run_data(&mut self, compiled: &Compiled, context: &Context) -> Result<()> {
        let plan = plan::wrap(compiled.clone(), &self.catalog, self.shared.number, None);
        let mut rows = Rows::default();
        scope::with_capture(|capture| capture.enabled = true);
        let native = plan::native(&plan, self.shared.number)?;
        self.sequences.borrow_mut().mark();
        let mut writer = RowWriter::new(Format::Nothing, &native.shape, &mut rows);
        let outcome = run_plan(&mut self.connection, native, &[], context, &mut writer);
        scope::with_capture(|capture| capture.enabled = false);
        let Err(failed) = outcome else { return Ok(()) };
        let step = failed.step.and_then(|step| compiled.steps.get(step));
        match failed.cause {
            Cause::Problem(problem) => Err(with_details(self, problem, None, step, &[], context)),
            Cause::Sqlite(failure) if failure.code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                let plan = Arc::new(plan);
                let step = WriteStep {
                    plan: Arc::clone(&plan),
                    value_sets: vec![Vec::new()],
                    format: Format::Nothing,
                    expect: None,
                };
                let write = Write {
                    steps: vec![step],
                    session: Arc::clone(&context.session),
                    timeout: Duration::MAX,
                    rollback: true,
                };
                let native = plan::native(&plan, self.shared.number)?;
                Err(foreign_keys::name_violation(self, &write, &[native], context))
            }
            Cause::Sqlite(failure) => {
                let circumstances =
                    Circumstances { catalog: &self.catalog, context, parameter_columns: &[], values: &[] };
                let problem = problems::of_failure(&failure, Some(circumstances));
                Err(with_details(self, problem, Some(&failure), step, &[], context))
            }
        }
    }

    /// Keeps the catalog and the migration beside the data, in the same transaction.
    fn record(
        &mut self,
        catalog: &Catalog,
        migration: &Migration,
        checksum: &str,
    ) -> std::result::Result<(), Failure> {
        let json = serde_json::to_string(catalog).map_err(|error| Failure {
            code: ffi::SQLITE_ERROR,
            message: format!("the catalog cannot be written: {error}"),
        })?;
        meta::set(&mut self.connection, "catalog", ValueRef::Text(&json))?;
        meta::keep_sequences(&mut self.connection, catalog)?;
        if !migration.record {
            return Ok(());
        }
        self.connection.execute(
            "INSERT INTO _mainstay_migrations (name, checksum, applied_unix_micros, text) VALUES (?1, ?2, ?3, ?4)",
            &[
                ValueRef::Text(&migration.name),
                ValueRef::Text(checksum),
                ValueRef::Integer(self.shared.env.unix_micros()),
                ValueRef::Text(&migration.text),
            ],
        )
    }
}

fn summary(planned: &PlannedMigration) -> Migrated {
    let mut migrated = Migrated::default();
    for statement in &planned.statements {
        match &statement.outcome {
            Ok(_) => migrated.statements += 1,
            Err(problem) => migrated.skipped.push(problem.clone().at(statement.start)),
        }
        let notices = statement.notices.iter().map(|notice| (statement.start, notice.clone()));
        migrated.notices.extend(notices);
    }
    migrated
}

/// Whether prepared statements may mean something else afterwards.
fn changes_schema(planned: &PlannedMigration) -> bool {
    let mut actions = planned.statements.iter().flat_map(|statement| statement.outcome.iter().flatten());
    actions
        .any(|action| !matches!(action, Action::Data(_) | Action::SetSequence { .. } | Action::Verify { .. }))
}

/// Takes a statement out of the text, leaving all places as they are.
fn blank(catalog: &Catalog, text: &mut String, statement: usize) -> Option<()> {
    let planned = plan_migration(catalog, text).ok()?;
    let statement = planned.statements.get(statement)?;
    let (start, end) = (statement.start, statement.end.min(text.len()));
    let replaced = text.get(start..end)?;
    if replaced.trim().is_empty() {
        return None;
    }
    let blanks: String = replaced.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(start..end, &blanks);
    Some(())
}

/// `PRAGMA foreign_key_check`, for transactions in which SQLite did not watch foreign keys.
fn check_foreign_keys(connection: &mut Connection, catalog: &Catalog) -> Result<()> {
    let mut violated = None;
    meta::query(connection, "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1", &[], |row| {
        if let [Value::Text(child), Value::Text(parent)] = row {
            violated = Some(foreign_keys::of_check(catalog, child, parent));
        }
        Ok(())
    })?;
    violated.map_or(Ok(()), Err)
}

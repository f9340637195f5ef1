//! One write within the transaction of its group.

use crate::discretion;
use crate::failing_row::with_details;
use crate::foreign_keys;
use crate::plan::{NativePlan, native, runnable};
use crate::problems::{self, Circumstances};
use crate::raw;
use crate::rows::{RowWriter, Shape};
use crate::run::{Cause, Failed, run_plan};
use crate::scope::{self, Frame, Limit};
use crate::writer::Writer;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Rows, Write, WriteStep, Written};
use mainstay_types::{Context, Value};
use rusqlite::ffi;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::PoisonError;
use std::time::Instant;

/// How a write ended within its group.
pub(crate) enum Outcome {
    Kept(Written),
    /// Undone alone.
    Refused(Problem),
    /// It took the whole transaction with it: the group must be run again without it.
    Lost(Problem),
}

/// Why a write failed, while its traces are still there.
enum WriteFailed {
    Problem(Problem),
    /// SQLite knows that a foreign key is violated, but not which.
    ForeignKey,
}

impl From<Problem> for WriteFailed {
    fn from(problem: Problem) -> Self {
        WriteFailed::Problem(problem)
    }
}

impl Writer {
    /// Whether the write must be undone by a savepoint when it fails. A single statement undoes itself, and a
    /// savepoint costs as much as a fifth of a small insert.
    fn needs_savepoint(&self, write: &Write, plans: &[&NativePlan]) -> bool {
        let runs: usize = write.steps.iter().map(|step| step.value_sets.len()).sum();
        runs > 1
            || write.rollback
            || self.has_deferred_keys
            || plans.iter().any(|plan| plan.compiled.steps.len() > 1)
            || write.steps.iter().any(|step| step.expect.is_some())
    }

    /// Prepares the statements of a write outside of any transaction, so that a rollback takes no scratch table.
    pub(crate) fn prepare_write(&mut self, write: &Write) {
        for step in &write.steps {
            if let Ok(plan) = native(&step.plan, self.shared.number)
                && plan.compiled.steps.len() > 1
                && step.plan.catalog_version == self.catalog.version
            {
                // A failure shows again when the write runs, where somebody waits for it.
                let _ = self.connection.plan(plan);
            }
        }
    }

    /// Runs a write; never unwinds.
    pub(crate) fn run_write(&mut self, write: &Write, deadline: Instant) -> Outcome {
        let first_row = scope::with_capture(|capture| capture.rows.len()).unwrap_or(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.attempt(write, deadline))).unwrap_or_else(|_| {
            // What the statement did before is unknown: nothing of the group can be kept.
            raw::reset_all(self.connection.raw());
            Outcome::Lost(Problem::internal("a write failed inside the engine; nothing of it was kept"))
        });
        if !matches!(outcome, Outcome::Kept(_)) || write.rollback {
            scope::with_capture(|capture| capture.rows.truncate(first_row));
        }
        match outcome {
            Outcome::Refused(problem) if !self.connection.in_transaction() => Outcome::Lost(problem),
            outcome => outcome,
        }
    }

    fn attempt(&mut self, write: &Write, deadline: Instant) -> Outcome {
        let plans = match self.plans(write) {
            Ok(plans) => plans,
            Err(problem) => return Outcome::Refused(problem),
        };
        if Instant::now() >= deadline {
            return Outcome::Refused(problems::timed_out());
        }
        let mut context = self.shared.context(&self.catalog, &write.session);
        context.transaction_time = self.work_began.unwrap_or(context.transaction_time);
        let _frame = self.enter(&context);
        let savepoint = self.needs_savepoint(write, &plans);
        if savepoint && let Err(failure) = self.connection.execute("SAVEPOINT op", &[]) {
            return Outcome::Refused(problems::of_failure(&failure, None));
        }
        scope::set_limit(Limit { steps: u64::MAX, deadline: Some(deadline) });
        let outcome = self.run_steps(write, &plans, &context);
        let failed = match outcome {
            Ok(written) => match self.leave_savepoint(savepoint, write.rollback) {
                Ok(()) => return Outcome::Kept(written),
                Err(problem) => return Outcome::Lost(problem),
            },
            Err(failed) => failed,
        };
        scope::set_limit(Limit::NONE);
        if savepoint
            && self.connection.in_transaction()
            && let Err(problem) = self.leave_savepoint(true, true)
        {
            return Outcome::Lost(problem);
        }
        Outcome::Refused(match failed {
            WriteFailed::Problem(problem) => problem,
            WriteFailed::ForeignKey => foreign_keys::name_violation(self, write, &plans, &context),
        })
    }

    /// Enters the frame of a transaction that begins now.
    pub(crate) fn enter(&mut self, context: &Context) -> scope::Entered {
        self.sequences.borrow_mut().begin();
        if self.work_began.is_none() {
            self.last_transaction = context.transaction_time.max(self.last_transaction + 1);
        }
        scope::enter(Frame {
            context: context.clone(),
            sequences: Some(Rc::clone(&self.sequences)),
            transaction: self.last_transaction,
        })
    }

    fn plans<'w>(&self, write: &'w Write) -> Result<Vec<&'w NativePlan>> {
        write
            .steps
            .iter()
            .map(|step| {
                if step.plan.catalog_version != self.catalog.version {
                    return Err(problems::stale_plan());
                }
                runnable(&step.plan, self.shared.number, &write.session)
            })
            .collect()
    }

    fn leave_savepoint(&mut self, savepoint: bool, rollback: bool) -> Result<()> {
        if !savepoint {
            return Ok(());
        }
        let problem = |failure| problems::of_failure(&failure, None);
        if rollback {
            self.connection.execute("ROLLBACK TO op", &[]).map_err(problem)?;
        }
        self.connection.execute("RELEASE op", &[]).map_err(problem)
    }

    fn run_steps(
        &mut self,
        write: &Write,
        plans: &[&NativePlan],
        context: &Context,
    ) -> std::result::Result<Written, WriteFailed> {
        let mut written = Written::default();
        for (index, (step, plan)) in write.steps.iter().zip(plans).enumerate() {
            if index > 0 {
                scope::set_statement_time(self.shared.statement_time());
            }
            let mut rows = Rows::default();
            let mut writer = RowWriter::new(step.format, &plan.shape, &mut rows);
            for values in &step.value_sets {
                self.sequences.borrow_mut().mark();
                run_plan(&mut self.connection, plan, values, context, &mut writer)
                    .map_err(|failed| self.explain(failed, plan, values, context))?;
            }
            writer.finish();
            check_expected(step, rows.count)?;
            written.results.push(rows);
        }
        if self.has_deferred_keys
            && self.work_began.is_none()
            && raw::has_deferred_violations(self.connection.raw())
        {
            return Err(WriteFailed::ForeignKey);
        }
        let overrides = context.overrides.lock().unwrap_or_else(PoisonError::into_inner);
        written.settings = overrides.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(written)
    }

    /// As [`Writer::explain`], for a statement that only reads.
    pub(crate) fn explain_read(
        &self,
        failed: Failed,
        plan: &NativePlan,
        values: &[Value],
        context: &Context,
    ) -> Problem {
        match self.explain(failed, plan, values, context) {
            WriteFailed::Problem(problem) => problem,
            WriteFailed::ForeignKey => Problem::internal("a read violated a foreign key"),
        }
    }

    fn explain(&self, failed: Failed, plan: &NativePlan, values: &[Value], context: &Context) -> WriteFailed {
        let step = failed.step.and_then(|step| plan.compiled.steps.get(step));
        let failure = match failed.cause {
            Cause::Problem(problem) => {
                let problem = with_details(self, problem, None, step, values, context);
                let table = step.and_then(|step| step.target.as_ref());
                return WriteFailed::Problem(discretion::about_row(
                    &self.catalog,
                    plan.role.as_deref(),
                    table,
                    problem,
                ));
            }
            Cause::Sqlite(failure) => failure,
        };
        self.watch_disk(&failure);
        if failure.code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY {
            return WriteFailed::ForeignKey;
        }
        let circumstances = Circumstances {
            catalog: &self.catalog,
            context,
            parameter_columns: step.map_or(&[], |step| &step.parameter_columns),
            values,
        };
        let problem = problems::of_failure(&failure, Some(circumstances));
        let problem = with_details(self, problem, Some(&failure), step, values, context);
        let table = step.and_then(|step| step.target.as_ref());
        WriteFailed::Problem(discretion::about_row(&self.catalog, plan.role.as_deref(), table, problem))
    }

    /// Runs the steps again as far as they go, for those who look at what they do to rows.
    pub(crate) fn run_for_diagnosis(&mut self, write: &Write, plans: &[&NativePlan], context: &Context) {
        let shape = Shape::default();
        for (step, plan) in write.steps.iter().zip(plans) {
            for values in &step.value_sets {
                let mut rows = Rows::default();
                let mut writer = RowWriter::new(Format::Nothing, &shape, &mut rows);
                if run_plan(&mut self.connection, plan, values, context, &mut writer).is_err() {
                    return;
                }
            }
        }
    }
}

fn check_expected(step: &WriteStep, count: u64) -> Result<()> {
    match &step.expect {
        Some((range, problem)) if !range.contains(&count) => {
            let problem = problem.clone();
            let details = problem.details().map(|details| details.replace("{rows}", &count.to_string()));
            Err(match details {
                Some(details) => problem.with_details(details),
                None => problem,
            })
        }
        _ => Ok(()),
    }
}

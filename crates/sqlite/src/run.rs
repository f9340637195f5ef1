//! Runs a plan on a connection, for readers and the writer alike.

use crate::connection::{Connection, PreparedStep};
use crate::old_rows::Noting;
use crate::plan::NativePlan;
use crate::raw::{self, Failure, Stepped};
use crate::rows::{RowWriter, owned_row};
use crate::scope;
use mainstay_base::{Problem, Result};
use mainstay_types::{Context, Value};

/// Why a run ended early.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The step, where one was reached.
    pub step: Option<usize>,
    pub cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    /// A callback's problem, or ours.
    Problem(Problem),
    Sqlite(Failure),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Failed { step: None, cause: Cause::Problem(problem) }
    }
}

impl Failed {
    pub(crate) fn new(step: Option<usize>, failure: Failure) -> Self {
        let cause = match scope::take_problem() {
            Some(problem) => Cause::Problem(problem),
            None => Cause::Sqlite(failure),
        };
        Failed { step, cause }
    }
}

/// Runs all steps of a plan with one set of values. The rows of the last step go to `writer`; where the plan returns
/// no rows, those that its counting steps changed are counted.
pub(crate) fn run_plan(
    connection: &mut Connection,
    plan: &NativePlan,
    values: &[Value],
    context: &Context,
    writer: &mut RowWriter<'_>,
) -> std::result::Result<(), Failed> {
    check_values(plan, values)?;
    let prepared = connection.plan(plan).map_err(|failure| Failed::new(None, failure))?;
    let last = plan.compiled.steps.len().saturating_sub(1);
    let returns_rows = !plan.compiled.columns.is_empty();
    let noting = match prepared.old_rows.is_empty() {
        true => None,
        false => Some(Noting::begin(&mut prepared.old_rows).map_err(|failure| Failed::new(None, failure))?),
    };
    for (index, (step, step_prepared)) in plan.compiled.steps.iter().zip(&mut prepared.steps).enumerate() {
        let rows = (returns_rows && index == last).then_some(&mut *writer);
        run_step(step_prepared, values, context, rows)
            .map_err(|failure| Failed::new(Some(index), failure))?;
        if step.counts && !returns_rows {
            writer.count(step_prepared.statement.changes());
        }
        if let Some(noting) = &noting {
            noting
                .keep(&mut prepared.old_rows, index)
                .map_err(|failure| Failed::new(Some(index), failure))?;
        }
    }
    Ok(())
}

fn check_values(plan: &NativePlan, values: &[Value]) -> Result<()> {
    let expected = plan.compiled.parameters.len();
    if values.len() == expected {
        return Ok(());
    }
    Err(Problem::new(
        "08P01",
        format!("the statement has {expected} parameters, but {} values were given", values.len()),
    ))
}

fn run_step(
    step: &mut PreparedStep,
    values: &[Value],
    context: &Context,
    writer: Option<&mut RowWriter<'_>>,
) -> std::result::Result<(), Failure> {
    let PreparedStep { statement, into } = step;
    if let Some(scratch) = into {
        drain(&mut scratch.clear.run([])?)?;
    }
    let mut run = statement.run(values.iter().map(Value::as_ref))?;
    match (into, writer) {
        (Some(scratch), _) => {
            while run.step()? == Stepped::Row {
                let row = owned_row(&run);
                drain(&mut scratch.insert.run(row.iter().map(Value::as_ref))?)?;
            }
        }
        (None, Some(writer)) => {
            while run.step()? == Stepped::Row {
                writer.row(&run, context);
            }
        }
        (None, None) => drain(&mut run)?,
    }
    Ok(())
}

fn drain(run: &mut raw::Run<'_>) -> std::result::Result<(), Failure> {
    while run.step()? == Stepped::Row {}
    Ok(())
}

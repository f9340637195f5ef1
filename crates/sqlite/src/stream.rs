//! Long results, row by row: a thread of its own reads and fills pieces, and waits while they are not taken.

use crate::connection::{Connection, Role};
use crate::pipe::{Receiver, Sender, pipe};
use crate::plan::{NativePlan, runnable};
use crate::problems::{self, Circumstances};
use crate::raw::Stepped;
use crate::rows::RowWriter;
use crate::run::{Cause, Failed, run_plan};
use crate::scope::{self, Frame, Limit};
use crate::shared::Shared;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Piece, PlanKind, Read, RowStream, Rows, Step};
use mainstay_sql::Catalog;
use mainstay_types::Context;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

/// What is gathered before it is handed over, and how many of these may wait.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING_MAX: usize = 4;

struct Stream(Receiver<Result<Piece>>);

impl RowStream for Stream {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Piece>>> {
        self.0.poll(cx)
    }
}

/// One of the streams that the settings allow.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) fn start(shared: &Arc<Shared>, mut read: Read) -> Result<Box<dyn RowStream>> {
    let before = shared.streams.fetch_add(1, Ordering::AcqRel);
    let place = Place(Arc::clone(shared));
    if before >= shared.settings.streams_max {
        return Err(Problem::new("53300", "too many long results are being sent")
            .with_hint("try again in a moment, or ask for fewer rows"));
    }
    let Some(step) = read.steps.pop() else {
        return Err(Problem::internal("a stream without a statement"));
    };
    runnable(&step.plan, shared.number, &read.session)?;
    let (sender, receiver) = pipe(PIECES_WAITING_MAX);
    let deadline = Instant::now() + read.timeout;
    std::thread::Builder::new()
        .name("mainstay-stream".to_owned())
        .spawn(move || {
            let place = place;
            if let Err(problem) = send_all(&place.0, &step, &read, &sender, deadline) {
                // Who has gone away wants no reason.
                let _ = sender.send(Err(problem), deadline);
            }
        })
        .map_err(|error| Problem::new("53000", format!("cannot start a thread: {error}")))?;
    Ok(Box::new(Stream(receiver)))
}

fn send_all(
    shared: &Shared,
    step: &Step,
    read: &Read,
    sender: &Sender<Result<Piece>>,
    deadline: Instant,
) -> Result<()> {
    let failure = |failure| problems::of_failure(&failure, None);
    let (generation, catalog) = shared.settled_catalog();
    for step in read.steps.iter().chain([step]) {
        if step.plan.catalog_version != catalog.version {
            return Err(problems::stale_plan());
        }
        if step.plan.kind != PlanKind::Read {
            return Err(Problem::new("25006", "cannot write in a read-only transaction"));
        }
    }
    let plan = runnable(&step.plan, shared.number, &read.session)?;
    let mut connection = Connection::open(&shared.path, Role::Reader, &shared.settings).map_err(failure)?;
    connection.follow(catalog.version, &catalog.types).map_err(failure)?;
    let context = shared.context(&catalog, &read.session);
    let frame = Frame { context: context.clone(), sequences: None, transaction: context.transaction_time };
    let _frame = scope::enter(frame);
    scope::set_limit(Limit { steps: u64::MAX, deadline: Some(deadline) });
    let settled = || shared.is_settled(generation) || shared.settled_catalog().1.version == catalog.version;
    if !read.steps.is_empty() {
        // Ends with the connection, which is this stream's own.
        connection.execute("BEGIN", &[]).map_err(failure)?;
        run_first(&mut connection, shared, read, &catalog, &context)?;
    }
    let mut rows = Rows::default();
    let mut writer = RowWriter::new(step.format, &plan.shape, &mut rows);
    let mut sent = 0;
    if plan.compiled.steps.len() != 1 {
        // Rows that go through tables of their own are few.
        run_plan(&mut connection, plan, &step.values, &context, &mut writer)
            .map_err(|failed| explain(failed, &catalog, &context))?;
    } else {
        let taken = pieces(&mut connection, plan, step, &context, &mut writer, &mut |piece, first| {
            if first && !settled() {
                return Err(problems::stale_plan());
            }
            Ok(sender.send(Ok(piece), deadline))
        });
        match taken.map_err(|failed| explain(failed, &catalog, &context))? {
            Some(rows) => sent = rows,
            None => return Ok(()),
        }
    }
    if sent == 0 && !settled() {
        return Err(problems::stale_plan());
    }
    writer.finish();
    let rest = Piece { rows: rows.count - sent, bytes: rows.body };
    sender.send(Ok(rest), deadline);
    Ok(())
}

/// Runs the steps in front of the one whose rows are sent.
fn run_first(
    connection: &mut Connection,
    shared: &Shared,
    read: &Read,
    catalog: &Catalog,
    context: &Context,
) -> Result<()> {
    for step in &read.steps {
        let plan = runnable(&step.plan, shared.number, &read.session)?;
        let mut rows = Rows::default();
        let mut writer = RowWriter::new(Format::Nothing, &plan.shape, &mut rows);
        run_plan(connection, plan, &step.values, context, &mut writer)
            .map_err(|failed| explain(failed, catalog, context))?;
    }
    Ok(())
}

/// Reads row by row and hands over each piece as it is full. Answers how many rows were handed over; `None` when they
/// are not wanted any more.
fn pieces(
    connection: &mut Connection,
    plan: &NativePlan,
    step: &Step,
    context: &Context,
    writer: &mut RowWriter<'_>,
    hand_over: &mut dyn FnMut(Piece, bool) -> Result<bool>,
) -> std::result::Result<Option<u64>, Failed> {
    let failed = |failure| Failed::new(Some(0), failure);
    let prepared = connection.plan(plan).map_err(failed)?;
    let Some(prepared) = prepared.steps.first_mut() else { return Ok(Some(0)) };
    let mut run =
        prepared.statement.run(step.values.iter().map(mainstay_types::Value::as_ref)).map_err(failed)?;
    let mut sent = 0;
    while run.step().map_err(failed)? == Stepped::Row {
        writer.row(&run, context);
        if let Some((bytes, rows)) = writer.take(PIECE_BYTES) {
            let piece = Piece { bytes, rows: rows - sent };
            if !hand_over(piece, sent == 0)? {
                return Ok(None);
            }
            sent = rows;
        }
    }
    Ok(Some(sent))
}

fn explain(failed: Failed, catalog: &Catalog, context: &Context) -> Problem {
    match failed.cause {
        Cause::Problem(problem) => problem,
        Cause::Sqlite(failure) => {
            let circumstances = Circumstances { catalog, context, parameter_columns: &[], values: &[] };
            problems::of_failure(&failure, Some(circumstances))
        }
    }
}

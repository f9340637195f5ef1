//! Reads: short ones on the caller's own thread, long ones on a few threads of the store.
//!
//! A connection lies in a slot; a thread tries its own slot first, so that as many callers as there are slots read
//! side by side without a queue. A plan that takes more than a budget of steps there is interrupted, marked, and run
//! again on a reader thread with the time that the caller gave.

use crate::connection::{Connection, Role};
use crate::plan::{NativePlan, native, runnable};
use crate::problems::{self, Circumstances};
use crate::queue::{Queue, Refused};
use crate::rows::RowWriter;
use crate::run::{Cause, Failed, run_plan};
use crate::scope::{self, Frame, Limit, Stop};
use crate::shared::Shared;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Piece, PlanKind, Read, ReadNow, RowStream, Rows, Whole};
use mainstay_sql::Catalog;
use mainstay_types::Context;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// Reads that may wait for a reader thread.
const WAITING_MAX: usize = 1024;

pub(crate) struct Readers {
    shared: Arc<Shared>,
    queue: Arc<Queue<Job>>,
    is_closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Something to do with a reader connection on a reader thread.
enum Job {
    Read { read: Read, deadline: Instant, reply: oneshot::Sender<Result<Vec<Rows>>> },
    Task(Task),
}

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// What became of a read on the caller's thread.
enum Inline {
    Done(Result<Vec<Rows>>),
    /// No connection was free, or the read is too long.
    Elsewhere,
}

impl Readers {
    pub fn start(shared: &Arc<Shared>) -> Result<Readers> {
        let readers = Readers {
            shared: Arc::clone(shared),
            queue: Arc::new(Queue::new(WAITING_MAX)),
            is_closed: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
        };
        for index in 0..shared.settings.reader_threads.max(1) {
            let (shared, queue) = (Arc::clone(shared), Arc::clone(&readers.queue));
            let thread = std::thread::Builder::new()
                .name(format!("mainstay-read-{index}"))
                .spawn(move || work(&shared, &queue))
                .map_err(|error| Problem::new("53000", format!("cannot start a thread: {error}")))?;
            readers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(readers)
    }

    pub async fn read(&self, read: Read) -> Result<Vec<Rows>> {
        let read = match self.read_now(read) {
            ReadNow::Done(outcome) => return outcome,
            ReadNow::NotNow(read) => read,
        };
        let deadline = Instant::now() + read.timeout;
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Read { read, deadline, reply })?;
        answer.await.unwrap_or_else(|_| Err(problems::closing()))
    }

    /// Reads on this thread, if the read is short and a connection is free.
    pub fn read_now(&self, read: Read) -> ReadNow {
        if self.is_closed.load(Ordering::Acquire) {
            return ReadNow::Done(Err(problems::closing()));
        }
        match self.inline(&read) {
            Inline::Done(outcome) => {
                self.shared.reads.fetch_add(1, Ordering::Relaxed);
                ReadNow::Done(outcome)
            }
            Inline::Elsewhere => ReadNow::NotNow(read),
        }
    }

    /// Runs a piece of work of the store itself on a reader thread.
    pub async fn with_connection<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            // A caller that has gone away wants no answer.
            let _ = reply.send(work(connection));
        });
        self.submit(Job::Task(task))?;
        answer.await.unwrap_or_else(|_| Err(problems::closing()))
    }

    /// What is short is read at once on the caller's thread, the rest by a thread of its own.
    pub fn stream(&self, read: Read) -> Result<Box<dyn RowStream>> {
        self.shared.reads.fetch_add(1, Ordering::Relaxed);
        if self.is_closed.load(Ordering::Acquire) {
            return Err(problems::closing());
        }
        match self.inline(&read) {
            Inline::Done(outcome) => {
                let rows = outcome?.pop().unwrap_or_default();
                Ok(Box::new(Whole(Some(Piece { bytes: rows.body, rows: rows.count }))))
            }
            Inline::Elsewhere => crate::stream::start(&self.shared, read),
        }
    }

    fn submit(&self, job: Job) -> Result<()> {
        self.queue.push(job).map_err(|refused| match refused {
            Refused::Closed => problems::closing(),
            Refused::Full => Problem::new("53300", "too many reads are waiting")
                .with_hint("try again in a moment")
                .with_status(503),
        })
    }

    fn inline(&self, read: &Read) -> Inline {
        for step in &read.steps {
            match runnable(&step.plan, self.shared.number, &read.session) {
                Ok(plan) if plan.is_heavy() => return Inline::Elsewhere,
                Ok(_) => {}
                Err(problem) => return Inline::Done(Err(problem)),
            }
        }
        let (own, slots) = (slot_of_thread(), self.shared.slots.all());
        for offset in 0..slots.len() {
            let Some(slot) = slots.get((own + offset) % slots.len()) else { continue };
            let Some(mut connection) = slot.try_lock() else { continue };
            let connection = match &mut *connection {
                Some(connection) => connection,
                empty => match open(&self.shared) {
                    Ok(opened) => empty.insert(opened),
                    Err(problem) => return Inline::Done(Err(problem)),
                },
            };
            // Few steps may take long where each calls a function that does.
            let deadline = Instant::now().checked_add(read.timeout);
            let limit = Limit { steps: self.shared.settings.inline_budget, deadline };
            return match run_in_snapshot(connection, &self.shared, read, limit) {
                Ok(rows) => Inline::Done(Ok(rows)),
                Err(ReadFailed::TooLong) => Inline::Elsewhere,
                Err(ReadFailed::Problem(problem)) => Inline::Done(Err(problem)),
            };
        }
        Inline::Elsewhere
    }

    /// Refuses new reads and lets the threads finish what waits.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a reader thread ended by a panic");
            }
        }
        for slot in self.shared.slots.all() {
            slot.close();
        }
    }
}

/// The slot that this thread tries first: threads are numbered as they come.
fn slot_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.get().unwrap_or_else(|| {
        let own = NEXT.fetch_add(1, Ordering::Relaxed);
        OWN.set(Some(own));
        own
    })
}

fn open(shared: &Shared) -> Result<Connection> {
    Connection::open(&shared.path, Role::Reader, &shared.settings)
        .map_err(|failure| problems::of_failure(&failure, None))
}

/// A reader thread: one connection, job after job.
fn work(shared: &Shared, queue: &Queue<Job>) {
    let mut connection: Option<Connection> = None;
    let mut jobs = Vec::with_capacity(1);
    while queue.take(1, &mut jobs) {
        for job in jobs.drain(..) {
            let connection = match &mut connection {
                Some(connection) => Ok(connection),
                empty => open(shared).map(|opened| empty.insert(opened)),
            };
            match (job, connection) {
                (Job::Read { reply, .. }, Err(problem)) => {
                    let _ = reply.send(Err(problem));
                }
                // The task's reply is dropped with it, which its caller takes for the end of the store.
                (Job::Task(_), Err(problem)) => tracing::error!(%problem, "cannot open a reader"),
                (Job::Read { read, deadline, reply }, Ok(connection)) => {
                    if reply.is_closed() {
                        continue;
                    }
                    let outcome = run_long_read(connection, shared, &read, deadline);
                    let _ = reply.send(outcome);
                }
                (Job::Task(task), Ok(connection)) => task(connection),
            }
        }
    }
}

fn run_long_read(
    connection: &mut Connection,
    shared: &Shared,
    read: &Read,
    deadline: Instant,
) -> Result<Vec<Rows>> {
    shared.reads.fetch_add(1, Ordering::Relaxed);
    let limit = Limit { steps: u64::MAX, deadline: Some(deadline) };
    let outcome = run_read(connection, shared, read, limit);
    // A plan that has become short goes back to its callers' threads.
    let quick = scope::steps_used() < shared.settings.inline_budget;
    for step in &read.steps {
        if let Ok(plan) = native(&step.plan, shared.number) {
            if quick { plan.was_quick() } else { plan.took_long() }
        }
    }
    match outcome {
        Ok(rows) => Ok(rows),
        Err(ReadFailed::TooLong) => Err(problems::timed_out()),
        Err(ReadFailed::Problem(problem)) => Err(problem),
    }
}

enum ReadFailed {
    TooLong,
    Problem(Problem),
}

impl From<Problem> for ReadFailed {
    fn from(problem: Problem) -> Self {
        ReadFailed::Problem(problem)
    }
}

/// A read in the snapshot that stays open between the reads of a slot.
fn run_in_snapshot(
    connection: &mut Connection,
    shared: &Shared,
    read: &Read,
    limit: Limit,
) -> std::result::Result<Vec<Rows>, ReadFailed> {
    // What the end of the transaction would take back, or what it would not, is nothing to keep one open for.
    let scratch =
        read.steps.iter().any(|step| native(&step.plan, shared.number).is_ok_and(NativePlan::has_scratch));
    if scratch || !shared.slots.may_stay_open() {
        connection.end_snapshot();
        return run_read(connection, shared, read, limit);
    }
    let commits = shared.snapshots.load(Ordering::SeqCst);
    connection
        .share_snapshot(commits)
        .map_err(|failure| ReadFailed::Problem(problems::of_failure(&failure, None)))?;
    let outcome = run_read(connection, shared, read, limit);
    if outcome.is_err() || !shared.slots.may_stay_open() {
        connection.end_snapshot();
    }
    outcome
}

fn run_read(
    connection: &mut Connection,
    shared: &Shared,
    read: &Read,
    limit: Limit,
) -> std::result::Result<Vec<Rows>, ReadFailed> {
    let (generation, catalog) = shared.settled_catalog();
    let mut plans = Vec::with_capacity(read.steps.len());
    for step in &read.steps {
        if step.plan.catalog_version != catalog.version {
            return Err(problems::stale_plan().into());
        }
        if step.plan.kind != PlanKind::Read {
            let problem = Problem::new("25006", "cannot write in a read-only transaction");
            return Err(problem.into());
        }
        plans.push(runnable(&step.plan, shared.number, &read.session)?);
    }
    let sqlite = |failure| ReadFailed::Problem(problems::of_failure(&failure, None));
    connection.follow(catalog.version, &catalog.types).map_err(sqlite)?;
    let context = shared.context(&catalog, &read.session);
    let _frame = scope::enter(Frame {
        context: context.clone(),
        sequences: None,
        transaction: context.transaction_time,
    });
    scope::set_limit(limit);
    // One statement is a snapshot of its own; several need a transaction around them.
    let transaction = read.steps.len() > 1 && connection.snapshot().is_none();
    if transaction {
        connection.execute("BEGIN", &[]).map_err(sqlite)?;
    }
    let outcome = run_steps(connection, &catalog, read, &plans, &context);
    if transaction {
        scope::set_limit(Limit::NONE);
        let end = connection.execute("ROLLBACK", &[]);
        if outcome.is_ok() {
            end.map_err(sqlite)?;
        }
    }
    if !shared.is_settled(generation) && shared.settled_catalog().1.version != catalog.version {
        return Err(problems::stale_plan().into());
    }
    outcome
}

fn run_steps(
    connection: &mut Connection,
    catalog: &Catalog,
    read: &Read,
    plans: &[&NativePlan],
    context: &Context,
) -> std::result::Result<Vec<Rows>, ReadFailed> {
    let mut results = Vec::with_capacity(plans.len());
    for (step, plan) in read.steps.iter().zip(plans) {
        let mut rows = Rows { body: Vec::with_capacity(plan.body_bytes()), ..Rows::default() };
        let mut writer = RowWriter::new(step.format, &plan.shape, &mut rows);
        if let Err(failed) = run_plan(connection, plan, &step.values, context, &mut writer) {
            return Err(read_failed(failed, catalog, context, plan));
        }
        writer.finish();
        plan.note_body_bytes(rows.body.len());
        results.push(rows);
    }
    Ok(results)
}

fn read_failed(failed: Failed, catalog: &Catalog, context: &Context, plan: &NativePlan) -> ReadFailed {
    match failed.cause {
        Cause::Problem(problem) => ReadFailed::Problem(problem),
        Cause::Sqlite(_) if scope::stopped() == Some(Stop::Steps) => {
            plan.took_long();
            ReadFailed::TooLong
        }
        Cause::Sqlite(failure) => {
            let circumstances = Circumstances { catalog, context, parameter_columns: &[], values: &[] };
            ReadFailed::Problem(problems::of_failure(&failure, Some(circumstances)))
        }
    }
}

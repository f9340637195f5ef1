//! What is true while a statement runs on this thread: the session, the limits, who collects changed rows.
//!
//! SQLite calls back into Rust (functions, the progress handler, the preupdate hook) on the thread that steps the
//! statement, and hands over nothing of ours. So the runner of a statement enters a frame on its thread, callbacks
//! look into it, and a problem that a callback raises waits here until the runner sees SQLite's error.

use crate::capture::Capture;
use crate::raw::RowChange;
use crate::sequences::Sequences;
use mainstay_base::{Problem, Result};
use mainstay_types::Context;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Steps of SQLite's machine between two looks at the limits.
pub(crate) const PROGRESS_STEPS: u64 = 1_000;

/// Who runs a statement, with what.
pub(crate) struct Frame {
    pub context: Context,
    /// Sequences, where the frame belongs to a write.
    pub sequences: Option<Rc<RefCell<Sequences>>>,
    /// `txid_current()`.
    pub transaction: i64,
}

/// How far a statement may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub steps: u64,
    pub deadline: Option<Instant>,
}

impl Limit {
    pub const NONE: Limit = Limit { steps: u64::MAX, deadline: None };
}

/// Why the progress handler ended a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Steps,
    Deadline,
}

thread_local! {
    static FRAME: RefCell<Option<Frame>> = const { RefCell::new(None) };
    static PROBLEM: Cell<Option<Problem>> = const { Cell::new(None) };
    static LIMIT: Cell<Limit> = const { Cell::new(Limit::NONE) };
    static USED: Cell<u64> = const { Cell::new(0) };
    static STOPPED: Cell<Option<Stop>> = const { Cell::new(None) };
    static CAPTURE: RefCell<Option<Capture>> = const { RefCell::new(None) };
    static LENIENT: Cell<bool> = const { Cell::new(false) };
    static WAL_PAGES: Cell<u64> = const { Cell::new(0) };
    static COMMITS: RefCell<Option<Arc<AtomicU64>>> = const { RefCell::new(None) };
}

/// Leaves the frame when dropped; what was there before comes back.
pub(crate) struct Entered {
    previous: Option<Frame>,
}

pub(crate) fn enter(frame: Frame) -> Entered {
    PROBLEM.set(None);
    STOPPED.set(None);
    USED.set(0);
    Entered { previous: FRAME.replace(Some(frame)) }
}

impl Drop for Entered {
    fn drop(&mut self) {
        LIMIT.set(Limit::NONE);
        FRAME.replace(self.previous.take());
    }
}

/// Calls `body` with the frame of the running statement.
pub(crate) fn with<R>(body: impl FnOnce(&Frame) -> Result<R>) -> Result<R> {
    FRAME.with(|frame| match frame.try_borrow() {
        Ok(frame) => match &*frame {
            Some(frame) => body(frame),
            None => Err(Problem::internal("a function was called outside of a statement's frame")),
        },
        Err(_) => Err(Problem::internal("the frame of the statement is being changed")),
    })
}

/// `statement_timestamp()` of the next statement.
pub(crate) fn set_statement_time(micros: i64) {
    FRAME.with(|frame| {
        if let Some(frame) = &mut *frame.borrow_mut() {
            frame.context.statement_time = micros;
        }
    });
}

pub(crate) fn set_limit(limit: Limit) {
    STOPPED.set(None);
    LIMIT.set(limit);
}

/// Steps that statements took since the last frame was entered, in units of [`PROGRESS_STEPS`].
pub(crate) fn steps_used() -> u64 {
    USED.get()
}

/// Whether and why the last statement was ended by the progress handler.
pub(crate) fn stopped() -> Option<Stop> {
    STOPPED.get()
}

/// Called by SQLite's progress handler; true ends the statement.
pub(crate) fn on_progress() -> bool {
    let mut limit = LIMIT.get();
    USED.set(USED.get().saturating_add(PROGRESS_STEPS));
    if limit.steps != u64::MAX {
        limit.steps = limit.steps.saturating_sub(PROGRESS_STEPS);
        LIMIT.set(limit);
        if limit.steps == 0 {
            STOPPED.set(Some(Stop::Steps));
            return true;
        }
    }
    if limit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        STOPPED.set(Some(Stop::Deadline));
        return true;
    }
    false
}

/// Keeps the problem of a callback until the runner asks for it.
pub(crate) fn raise(problem: Problem) {
    PROBLEM.set(Some(problem));
}

pub(crate) fn take_problem() -> Option<Problem> {
    PROBLEM.take()
}

/// Runs `body` with `pg_not_null` letting NULL pass: for those who look for the row that it refused.
pub(crate) fn without_refusals<R>(body: impl FnOnce() -> R) -> R {
    LENIENT.set(true);
    let result = body();
    LENIENT.set(false);
    result
}

pub(crate) fn is_lenient() -> bool {
    LENIENT.get()
}

/// Called by SQLite's preupdate hook.
pub(crate) fn on_row_change(change: &RowChange<'_>) {
    CAPTURE.with(|capture| {
        if let Ok(mut capture) = capture.try_borrow_mut()
            && let Some(capture) = &mut *capture
            && catch_unwind(AssertUnwindSafe(|| capture.row(change))).is_err()
        {
            raise(Problem::internal("a changed row could not be captured"));
        }
    });
}

/// Gives the thread its collector of changed rows. Only a writer's thread has one.
pub(crate) fn set_capture(capture: Capture) {
    CAPTURE.replace(Some(capture));
}

/// Calls `body` with the collector; `None` on a thread without one.
pub(crate) fn with_capture<R>(body: impl FnOnce(&mut Capture) -> R) -> Option<R> {
    CAPTURE.with(|capture| capture.borrow_mut().as_mut().map(body))
}

/// Called by SQLite before it commits. The count is odd from here on: what is committed can be read before the commit
/// returns, and whoever has read it must not come upon an older snapshot.
pub(crate) fn before_commit() {
    COMMITS.with_borrow(|commits| {
        if let Some(commits) = commits {
            commits.fetch_or(1, Ordering::SeqCst);
        }
    });
}

/// Called by SQLite's write-ahead log hook, before the statement that commits returns. A commit that fails has no such
/// call: the count stays odd until the next one.
pub(crate) fn on_commit(pages: u64) {
    WAL_PAGES.set(pages);
    COMMITS.with_borrow(|commits| {
        if let Some(commits) = commits {
            let before = commits.load(Ordering::SeqCst);
            commits.store((before | 1) + 1, Ordering::SeqCst);
        }
    });
}

/// Counts the commits of this thread there from now on. Only a writer's thread commits.
pub(crate) fn count_commits(commits: Arc<AtomicU64>) {
    COMMITS.set(Some(commits));
}

/// Pages in the write-ahead log after the last commit of this thread.
pub(crate) fn wal_pages() -> u64 {
    WAL_PAGES.get()
}

//! Copies of the database, made on a thread of their own beside readers and writers.
//!
//! A copy is one long read. It would keep the log from starting anew and so in the end hold up writers; for as long as
//! one is made the log may grow further ([`SqliteSettings::backup_wal_bytes_max`]), and over that it is the copy that is
//! given up.
//!
//! [`SqliteSettings::backup_wal_bytes_max`]: crate::SqliteSettings::backup_wal_bytes_max

use crate::connection::{Connection, Role};
use crate::problems;
use crate::raw::Failure;
use crate::shared::{Checkpoint, Shared};
use mainstay_base::{Problem, Result, Retry};
use mainstay_engine::WholeFile;
use mainstay_engine::whole_file::no_space;
use mainstay_sql::Catalog;
use rusqlite::ffi;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How often a copy begins anew because migrations were committed just when it began.
const ATTEMPTS_MAX: u32 = 4;

/// Why a copy ends before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Whoever asked for it has gone away.
    Unwanted = 1,
    Closing = 2,
    /// Writes have filled the log meanwhile.
    LogFull = 3,
}

/// The word to stop, from whoever says it to the thread that copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopWord(Arc<AtomicU8>);

impl StopWord {
    fn say(&self, stop: Stop) {
        // The first reason is the one that is told.
        let _ = self.0.compare_exchange(0, stop as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    pub fn is_said(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    fn problem(&self) -> Option<Problem> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            reason if reason == Stop::Closing as u8 => Some(problems::closing()),
            reason if reason == Stop::LogFull as u8 => Some(
                Problem::new(
                    "53400",
                    "the backup was given up: writes have filled the log before it was done",
                )
                .with_hint("try again when fewer writes come, or copy to a faster disk")
                .with_status(503)
                .with_retry(Retry::AfterSeconds(60)),
            ),
            _ => Some(Problem::new("57014", "the backup was given up: nobody waits for it any more")),
        }
    }
}

/// The one copy that may be in the making.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    is_running: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<StopWord>,
    thread: Option<JoinHandle<()>>,
    closed: bool,
}

impl Backups {
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }

    /// Tells the copy in the making, if there is one, to end.
    pub fn stop(&self, stop: Stop) {
        if let Some(word) = &self.state.lock().unwrap_or_else(PoisonError::into_inner).running {
            word.say(stop);
        }
    }

    /// Makes no more copies, and waits until the thread of the last has ended.
    pub fn close(&self) {
        self.stop(Stop::Closing);
        let thread = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.closed = true;
            state.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of a backup ended by a panic");
        }
    }
}

/// Says at its end that no copy is in the making.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.backups.state.lock().unwrap_or_else(PoisonError::into_inner).running = None;
        self.0.backups.is_running.store(false, Ordering::Release);
    }
}

/// Tells the copy that nobody waits for it when it is dropped.
struct Wanted(StopWord);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.say(Stop::Unwanted);
    }
}

/// Copies the database into a new file.
pub(crate) async fn backup(shared: &Arc<Shared>, into: PathBuf) -> Result<u64> {
    let (wanted, answer) = start(shared, into)?;
    let outcome = answer.await.unwrap_or_else(|_| Err(problems::closing()));
    drop(wanted);
    let (file, bytes) = outcome?;
    file.keep();
    Ok(bytes)
}

/// The file goes with the answer: where nobody takes that, it removes itself.
type Answer = oneshot::Receiver<Result<(WholeFile, u64)>>;

fn start(shared: &Arc<Shared>, into: PathBuf) -> Result<(Wanted, Answer)> {
    let mut state = shared.backups.state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.closed {
        return Err(problems::closing());
    }
    if state.running.is_some() {
        return Err(Problem::new("55006", "a backup is being made already")
            .with_hint("one is made at a time: try again when it is done")
            .with_status(503)
            .with_retry(Retry::AfterSeconds(5)));
    }
    let word = StopWord::default();
    let (reply, answer) = oneshot::channel();
    let (of_thread, its_word) = (Arc::clone(shared), word.clone());
    let thread = std::thread::Builder::new().name("mainstay-backup".to_owned()).spawn(move || {
        let running = Running(Arc::clone(&of_thread));
        let outcome = make(&of_thread, &into, &its_word);
        catch_up(&of_thread);
        drop(running);
        let _ = reply.send(outcome);
    });
    let thread = thread.map_err(|error| Problem::new("53000", format!("cannot start a thread: {error}")))?;
    state.running = Some(word.clone());
    // An earlier thread has nothing left to do.
    state.thread = Some(thread);
    shared.backups.is_running.store(true, Ordering::Release);
    Ok((Wanted(word), answer))
}

/// Copies what has gathered in the log into the database, beside the writer, which would have to wait for it otherwise.
fn catch_up(shared: &Shared) {
    // The first may be one that began before the copy had ended.
    for _ in 0..2 {
        if let Err(problem) = shared.checkpoints.run(Checkpoint::Passive) {
            tracing::debug!(%problem, "the log was not copied after a backup");
        }
    }
}

fn make(shared: &Shared, into: &Path, word: &StopWord) -> Result<(WholeFile, u64)> {
    let mut attempts = 0;
    loop {
        let (generation, catalog) = shared.settled_catalog();
        let mut file = WholeFile::begin(into)?;
        match copy(shared, &catalog, file.part(), word) {
            Ok(()) => {
                let bytes = file.finish()?;
                tracing::info!(bytes, "made a backup");
                return Ok((file, bytes));
            }
            Err(failure) => {
                attempts += 1;
                // A migration may have brought a collation that the connection was not given.
                let migrated = !shared.is_settled(generation);
                if !migrated || word.is_said() || attempts == ATTEMPTS_MAX {
                    return Err(problem_of(&failure, into, word));
                }
            }
        }
    }
}

/// SQLite reads everything in one transaction, copies the entries of tables and indexes as they are, and syncs.
fn copy(shared: &Shared, catalog: &Catalog, part: &Path, word: &StopWord) -> Result<(), Failure> {
    let Some(name) = part.to_str() else {
        let message = "its path is not UTF-8".to_owned();
        return Err(Failure { code: ffi::SQLITE_CANTOPEN, message });
    };
    let mut connection = Connection::open(&shared.path, Role::Reader, &shared.settings)?;
    connection.follow(catalog.version, &catalog.types)?;
    connection.end_when_said(word.clone())?;
    connection.raw().execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

fn problem_of(failure: &Failure, into: &Path, word: &StopWord) -> Problem {
    if let Some(problem) = word.problem() {
        return problem;
    }
    match failure.primary() {
        ffi::SQLITE_FULL => no_space(into),
        ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN => {
            let message = format!("cannot copy the database to `{}`: {failure}", into.display());
            Problem::new("58030", message).with_hint("look at the disks that hold the database and the copy")
        }
        _ => problems::of_failure(failure, None),
    }
}

//! What the threads of one store share.

use crate::backup::Backups;
use crate::listeners::Listeners;
use crate::settings::SqliteSettings;
use crate::slots::Slots;
use arc_swap::ArcSwap;
use mainstay_base::{Env, Problem, Result};
use mainstay_sql::Catalog;
use mainstay_types::{Context, Session};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's time begins.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

pub(crate) struct Shared {
    /// Tells the plans of this store from those of others.
    pub number: u64,
    pub settings: SqliteSettings,
    pub path: PathBuf,
    pub env: Env,
    catalog: ArcSwap<Catalog>,
    /// Odd while a migration commits and its catalog is not yet published.
    generation: AtomicU64,
    publishing: RwLock<()>,
    pub listeners: Listeners,
    pub checkpoints: Checkpoints,
    pub backups: Backups,
    pub slots: Slots,
    /// Grows before and after each commit, before anybody hears of it: odd while one is under way.
    pub snapshots: Arc<AtomicU64>,
    pub position: AtomicU64,
    pub commits: AtomicU64,
    pub writes: AtomicU64,
    pub reads: AtomicU64,
    /// Long results that are being sent.
    pub streams: AtomicUsize,
    /// After a sync of the disk failed nothing that is written can be trusted: writes are refused until a restart.
    pub disk_failed: AtomicBool,
}

impl Shared {
    pub fn new(settings: SqliteSettings, path: PathBuf, env: Env) -> Self {
        let inline_readers = settings.inline_readers;
        Shared {
            number: crate::plan::take_number(),
            settings,
            path,
            env,
            catalog: ArcSwap::from_pointee(Catalog::fresh()),
            generation: AtomicU64::new(0),
            publishing: RwLock::new(()),
            listeners: Listeners::default(),
            checkpoints: Checkpoints::default(),
            backups: Backups::default(),
            slots: Slots::new(inline_readers),
            snapshots: Arc::default(),
            position: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            disk_failed: AtomicBool::new(false),
        }
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// The catalog and the generation in which a snapshot that begins now belongs to it. Waits while a migration
    /// commits, which takes as long as one sync of the disk.
    pub fn settled_catalog(&self) -> (u64, Arc<Catalog>) {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            if generation.is_multiple_of(2) {
                return (generation, self.catalog());
            }
            drop(self.publishing.read().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Whether no migration has begun to commit since [`Shared::settled_catalog`].
    pub fn is_settled(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Acquire) == generation
    }

    /// Runs the commit of a migration and publishes its catalog when it succeeds.
    pub fn publish<E>(&self, catalog: Arc<Catalog>, commit: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let _publishing = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        let outcome = commit();
        if outcome.is_ok() {
            self.catalog.store(catalog);
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    /// Publishes the catalog that the file was opened with.
    pub fn set_catalog(&self, catalog: Arc<Catalog>) {
        self.catalog.store(catalog);
    }

    /// What natives see in a transaction that begins now.
    pub fn context(&self, catalog: &Catalog, session: &Arc<Session>) -> Context {
        let now = self.env.unix_micros().saturating_sub(POSTGRES_EPOCH);
        Context {
            env: self.env.clone(),
            registry: Arc::clone(&catalog.types),
            session: Arc::clone(session),
            overrides: Arc::default(),
            transaction_time: now,
            statement_time: now,
        }
    }

    /// Makes the write-ahead log end after its first `pages`.
    pub fn cut_log(&self, pages: u64) -> std::io::Result<()> {
        const HEAD_BYTES: u64 = 32;
        let mut path = self.path.clone().into_os_string();
        path.push("-wal");
        let log = std::fs::OpenOptions::new().write(true).open(path)?;
        let bytes = if pages == 0 { 0 } else { HEAD_BYTES + pages * crate::writer::FRAME_BYTES };
        if log.metadata()?.len() > bytes {
            log.set_len(bytes)?;
        }
        log.sync_all()
    }

    pub fn statement_time(&self) -> i64 {
        self.env.unix_micros().saturating_sub(POSTGRES_EPOCH)
    }
}

/// What the writer asks of the checkpointer.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    state: Mutex<CheckpointState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct CheckpointState {
    wanted: Option<Checkpoint>,
    /// Grows with each checkpoint that is over.
    finished: u64,
    /// Why the last one did not do what was asked.
    failure: Option<Problem>,
    stopped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Checkpoint {
    /// Beside the writer and all readers.
    Passive,
    /// The writer waits, readers of old snapshots are waited for, and the log starts anew.
    Restart,
}

impl Checkpoints {
    /// Asks for a checkpoint and goes on.
    pub fn ask(&self, checkpoint: Checkpoint) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wanted = state.wanted.max(Some(checkpoint));
        self.changed.notify_all();
    }

    /// Asks for a checkpoint, waits until one is over, and says why it did not do what was asked.
    pub fn run(&self, checkpoint: Checkpoint) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wanted = state.wanted.max(Some(checkpoint));
        self.changed.notify_all();
        let finished = state.finished;
        while state.finished == finished && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failure {
            Some(problem) if !state.stopped => Err(problem.clone()),
            _ => Ok(()),
        }
    }

    /// The next checkpoint to do; `None` when there will be none.
    pub fn next(&self) -> Option<Checkpoint> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.stopped {
                return None;
            }
            if let Some(checkpoint) = state.wanted.take() {
                return Some(checkpoint);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn done(&self, outcome: Result<()>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.finished += 1;
        state.failure = outcome.err();
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.changed.notify_all();
    }
}

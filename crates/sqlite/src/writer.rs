//! The one thread that writes. It takes what has gathered while the disk was busy, runs it in one transaction,
//! commits once, and answers everybody: a commit costs one sync of the disk however many writes share it.

mod changes;
mod log;

use crate::capture::{Capture, CapturedColumn, CapturedTable};
use crate::connection::{Connection, Role};
use crate::listeners::Listener;
use crate::meta;
use crate::operation::Outcome;
use crate::problems;
use crate::queue::Queue;
use crate::raw::Failure;
use crate::reply::{self, Wakes};
use crate::scope;
use crate::sequences::Sequences;
use crate::shared::Shared;
use ahash::AHashMap;
use mainstay_base::{Hlc, HlcClock, Problem, Result};
use mainstay_engine::{Change, Migrated, Migration, Work, Write, Written};
use mainstay_sql::catalog::ConstraintKind;
use mainstay_sql::plan::PlannedMigration;
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Session, ValueRef};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

pub(crate) use log::FRAME_BYTES;

/// Work after which a group is committed although more waits, so that nobody waits for a long queue of others.
const GROUP_TIME: Duration = Duration::from_millis(4);

/// What callers ask of the writer.
pub(crate) enum Job {
    Write(WriteJob),
    Migrate {
        migration: Migration,
        planned: Option<Box<PlannedMigration>>,
        reply: oneshot::Sender<Result<Migrated>>,
    },
}

pub(crate) struct WriteJob {
    /// Without steps where there is a work.
    pub write: Write,
    pub work: Option<Arc<dyn Work>>,
    pub deadline: Instant,
    pub reply: reply::Sender<Result<Written>>,
}

pub(crate) struct Writer {
    pub shared: Arc<Shared>,
    pub connection: Connection,
    pub catalog: Arc<Catalog>,
    /// Whether a foreign key may be violated until the end of a transaction.
    pub has_deferred_keys: bool,
    pub sequences: Rc<RefCell<Sequences>>,
    pub last_transaction: i64,
    /// The time of the transaction that a work runs in; `None` outside of one.
    pub work_began: Option<i64>,
    /// A work has run since the last rollback: tables that its plans made may go with the next.
    pub worked: bool,
    pub clock: HlcClock,
    pub position: u64,
    /// A position that no durable change is older than.
    pub oldest_change: Option<u64>,
    listeners: Vec<Listener>,
    listeners_version: u64,
    commits_since_trim: u64,
    actor: Option<(Arc<Session>, Arc<str>)>,
    /// Empty between groups.
    wakes: Wakes<Result<Written>>,
    /// Pages of the log that are in the database file already.
    pages_copied: u64,
    /// Whether the log has reached its limit and could not start anew yet.
    log_full: bool,
}

/// The thread's body: opens the file, tells how that went, works until the queue is closed, closes the file.
pub(crate) fn work(
    shared: Arc<Shared>,
    queue: &Queue<Job>,
    check: bool,
    opened: &std::sync::mpsc::Sender<Result<()>>,
) {
    step_back();
    let mut writer = match Writer::open(shared, check) {
        Ok(writer) => {
            let _ = opened.send(Ok(()));
            writer
        }
        Err(problem) => {
            let _ = opened.send(Err(problem));
            return;
        }
    };
    let mut jobs = Vec::new();
    while queue.take(writer.shared.settings.group_max, &mut jobs) {
        writer.work(&mut jobs);
    }
    writer.finish();
}

/// How much more willing than other threads the writer is to wait for a core (`nice`, 0 to 19).
#[cfg(target_os = "linux")]
const NICENESS: libc::c_int = 5;

/// Lets readers go first when all cores are busy: writes that wait meanwhile share a commit, reads that wait share
/// nothing.
#[cfg(target_os = "linux")]
fn step_back() {
    // SAFETY: plain numbers in, a number out; 0 is the calling thread.
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
    if outcome != 0 {
        tracing::debug!("the writer keeps the priority of the other threads");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

impl Writer {
    fn open(shared: Arc<Shared>, check: bool) -> Result<Writer> {
        let problem = |failure: Failure| problems::of_failure(&failure, None);
        scope::count_commits(Arc::clone(&shared.snapshots));
        let mut connection =
            Connection::open(&shared.path, Role::Writer, &shared.settings).map_err(problem)?;
        let mut opened = meta::open(&mut connection)?;
        opened.catalog.default_privileges = Arc::new(shared.settings.default_privileges.clone());
        if let Some(bytes) = shared.settings.database_bytes_max {
            connection.batch(&format!("PRAGMA max_page_count = {}", bytes / 4096)).map_err(problem)?;
        }
        let catalog = Arc::new(opened.catalog);
        if check {
            // CHECK constraints and generated columns are evaluated too: they call functions and order enums.
            connection.follow(catalog.version, &catalog.types).map_err(problem)?;
            let context = shared.context(&catalog, &Arc::default());
            let transaction = context.transaction_time;
            let _frame = scope::enter(scope::Frame { context, sequences: None, transaction });
            quick_check(&mut connection)?;
        }
        shared.set_catalog(Arc::clone(&catalog));
        shared.position.store(opened.position, Ordering::Release);
        let context = shared.context(&catalog, &Arc::default());
        scope::set_capture(Capture::new(context));
        let mut writer = Writer {
            sequences: Rc::new(RefCell::new(Sequences::new(Arc::clone(&catalog), opened.sequences))),
            connection,
            catalog: Arc::clone(&catalog),
            has_deferred_keys: false,
            last_transaction: 0,
            work_began: None,
            worked: false,
            clock: HlcClock::starting_after(Hlc(opened.time)),
            position: opened.position,
            oldest_change: opened.oldest_change,
            listeners: Vec::new(),
            listeners_version: u64::MAX,
            commits_since_trim: 0,
            actor: None,
            wakes: Wakes::default(),
            pages_copied: 0,
            log_full: false,
            shared,
        };
        writer.set_catalog(catalog)?;
        Ok(writer)
    }

    /// Follows a catalog: collations, captured tables, sequences.
    pub(crate) fn set_catalog(&mut self, catalog: Arc<Catalog>) -> Result<()> {
        self.connection
            .follow(catalog.version, &catalog.types)
            .map_err(|failure| problems::of_failure(&failure, None))?;
        self.has_deferred_keys = catalog.relations.values().any(|relation| {
            relation.constraints.iter().any(|constraint| {
                constraint.deferrable && matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
            })
        });
        self.sequences.borrow_mut().set_catalog(Arc::clone(&catalog));
        self.catalog = catalog;
        self.capture_tables()
    }

    /// Looks at who listens when that has changed.
    pub(crate) fn follow_listeners(&mut self) -> Result<()> {
        if self.shared.listeners.version() == self.listeners_version {
            return Ok(());
        }
        (self.listeners_version, self.listeners) = self.shared.listeners.all();
        self.capture_tables()
    }

    /// Tells the collector of changed rows which tables somebody wants.
    pub(crate) fn capture_tables(&mut self) -> Result<()> {
        let mut tables: AHashMap<Box<[u8]>, Arc<CapturedTable>> = AHashMap::new();
        let catalog = Arc::clone(&self.catalog);
        for relation in catalog.relations.values().filter(|relation| relation.is_table()) {
            let published = catalog.is_published(&relation.name);
            if !published && !self.listeners.iter().any(|listener| listener.hears(&relation.name)) {
                continue;
            }
            let physical = relation.physical_name();
            let order =
                self.column_order(&physical).map_err(|failure| problems::of_failure(&failure, None))?;
            let columns = order.iter().map(|name| {
                relation.column(name).map(|column| CapturedColumn::new(name, column.ty.ty.clone()))
            });
            let table = CapturedTable { name: relation.name.clone(), published, columns: columns.collect() };
            tables.insert(physical.into_bytes().into_boxed_slice(), Arc::new(table));
        }
        let context = self.shared.context(&catalog, &Arc::default());
        scope::with_capture(|capture| capture.set_tables(tables, context));
        Ok(())
    }

    /// The columns of a table in the order in which SQLite has them.
    pub(crate) fn column_order(&mut self, table: &str) -> std::result::Result<Vec<String>, Failure> {
        self.connection.columns_of(table)
    }

    fn work(&mut self, jobs: &mut Vec<Job>) {
        let mut group = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            match job {
                Job::Write(job) => group.push(job),
                Job::Migrate { migration, planned, reply } => {
                    self.run_groups(std::mem::take(&mut group));
                    let _ = reply.send(self.migrate_safely(&migration, planned));
                    self.watch_log();
                }
            }
        }
        self.run_groups(group);
    }

    /// Commits the writes in as many groups as their time asks for.
    fn run_groups(&mut self, mut jobs: Vec<WriteJob>) {
        while !jobs.is_empty() {
            if let Err(problem) = self.may_write() {
                for job in jobs.drain(..) {
                    job.reply.send(Err(problem.clone()));
                }
                return;
            }
            let rest = self.run_group(&mut jobs);
            jobs = rest;
            self.watch_log();
        }
    }

    /// Runs one group and answers its callers; returns the writes that it has left for the next.
    fn run_group(&mut self, jobs: &mut Vec<WriteJob>) -> Vec<WriteJob> {
        // A caller that has gone away before its turn wants nothing done.
        jobs.retain(|job| !job.reply.is_closed());
        for job in jobs.iter() {
            self.prepare_write(&job.write);
        }
        let mut outcomes: Vec<Option<Result<Written>>> = Vec::new();
        outcomes.resize_with(jobs.len(), || None);
        let started = match self.follow_listeners() {
            Ok(()) => self.attempt_group(jobs, &mut outcomes),
            Err(problem) => Err(problem),
        };
        let (count, changes) = match started {
            Ok(group) => group,
            Err(problem) => {
                self.roll_back();
                for outcome in &mut outcomes {
                    if !matches!(outcome, Some(Err(_))) {
                        *outcome = Some(Err(problem.clone()));
                    }
                }
                (jobs.len(), Vec::new())
            }
        };
        self.tell(&changes);
        let rest = jobs.split_off(count);
        for (job, outcome) in jobs.drain(..).zip(outcomes) {
            let outcome = outcome.unwrap_or_else(|| Err(Problem::internal("a write was left out")));
            job.reply.send_with(outcome, &mut self.wakes);
        }
        self.wakes.all();
        rest
    }

    pub(crate) fn tell(&self, changes: &[Arc<Change>]) {
        if !changes.is_empty() {
            for listener in &self.listeners {
                listener.tell(changes);
            }
        }
    }

    /// Runs writes until the group is full in time, and commits. Answers how many writes the group has and what
    /// they changed. A write that takes the transaction with it is left out of the next attempt.
    fn attempt_group(
        &mut self,
        jobs: &[WriteJob],
        outcomes: &mut [Option<Result<Written>>],
    ) -> Result<(usize, Vec<Arc<Change>>)> {
        let problem = |failure: Failure| problems::of_failure(&failure, None);
        'attempt: loop {
            if self.shared.disk_failed.load(Ordering::Acquire) {
                return Err(problems::disk_failed());
            }
            scope::with_capture(|capture| capture.rows.clear());
            self.connection.execute("BEGIN IMMEDIATE", &[]).map_err(problem)?;
            let begun = Instant::now();
            let mut count = 0;
            let mut rows_until = Vec::with_capacity(jobs.len());
            for (job, outcome) in jobs.iter().zip(outcomes.iter_mut()) {
                count += 1;
                if !matches!(outcome, Some(Err(_))) {
                    let ran = match &job.work {
                        None => self.run_write(&job.write, job.deadline),
                        Some(work) => self.run_work(&**work, job.write.rollback, job.deadline),
                    };
                    match ran {
                        Outcome::Kept(written) => *outcome = Some(Ok(written)),
                        Outcome::Refused(problem) => *outcome = Some(Err(problem)),
                        Outcome::Lost(problem) => {
                            *outcome = Some(Err(problem));
                            self.roll_back();
                            continue 'attempt;
                        }
                    }
                }
                rows_until.push(scope::with_capture(|capture| capture.rows.len()).unwrap_or(0));
                if begun.elapsed() >= GROUP_TIME {
                    break;
                }
            }
            let changes = self.log_and_commit(jobs, outcomes, &rows_until)?;
            self.shared.writes.fetch_add(count as u64, Ordering::Relaxed);
            return Ok((count, changes));
        }
    }

    fn log_and_commit(
        &mut self,
        jobs: &[WriteJob],
        outcomes: &mut [Option<Result<Written>>],
        rows_until: &[usize],
    ) -> Result<Vec<Arc<Change>>> {
        let position = self.position;
        let parts = jobs.iter().zip(rows_until).map(|(job, until)| (&job.write.session, *until));
        let logged = self.log_changes(parts).and_then(|(changes, positions)| {
            self.commit(changes.last().map(|change| change.time))?;
            Ok((changes, positions))
        });
        let (changes, positions) = match logged {
            Ok(logged) => logged,
            Err(problem) => {
                self.position = position;
                return Err(problem);
            }
        };
        for (outcome, position) in outcomes.iter_mut().zip(positions) {
            if let Some(Ok(written)) = outcome {
                written.position = position;
            }
        }
        Ok(changes)
    }

    /// Writes what every commit carries, and commits.
    pub(crate) fn commit(&mut self, time: Option<Hlc>) -> Result<()> {
        let dirty = self.sequences.borrow_mut().take_dirty();
        let outcome = self.commit_with(&dirty, time);
        if let Err(failure) = &outcome {
            self.roll_back();
            self.sequences.borrow_mut().mark_dirty(dirty.into_iter().map(|(name, _)| name));
            self.watch_disk(failure);
            self.forget_unconfirmed();
        } else {
            self.shared.position.store(self.position, Ordering::Release);
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
        }
        outcome.map_err(|failure| problems::of_failure(&failure, None))
    }

    fn commit_with(
        &mut self,
        dirty: &[(Name, crate::sequences::State)],
        time: Option<Hlc>,
    ) -> std::result::Result<(), Failure> {
        for (name, state) in dirty {
            meta::set_sequence(&mut self.connection, name, *state)?;
        }
        if let Some(time) = time {
            meta::set(&mut self.connection, "position", number(self.position))?;
            meta::set(&mut self.connection, "hlc", number(time.0))?;
            self.trim_changes(time)?;
        }
        self.connection.execute("COMMIT", &[])
    }

    pub(crate) fn roll_back(&mut self) {
        scope::with_capture(|capture| capture.rows.clear());
        if self.connection.in_transaction()
            && let Err(failure) = self.connection.execute("ROLLBACK", &[])
        {
            tracing::error!(%failure, "cannot roll back");
        }
        if std::mem::take(&mut self.worked) {
            self.connection.forget_scratch();
        }
    }

    fn finish(&mut self) {
        self.roll_back();
        if let Err(failure) = self.connection.batch("PRAGMA optimize") {
            tracing::debug!(%failure, "statistics were not brought up to date");
        }
    }
}

pub(crate) fn number(number: u64) -> ValueRef<'static> {
    ValueRef::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn quick_check(connection: &mut Connection) -> Result<()> {
    let mut answer = String::new();
    meta::query(connection, "PRAGMA quick_check(1)", &[], |row| {
        if let Some(mainstay_types::Value::Text(text)) = row.first() {
            answer.clone_from(text);
        }
        Ok(())
    })?;
    if answer == "ok" {
        return Ok(());
    }
    Err(Problem::new("XX001", format!("the database file is damaged: {answer}"))
        .with_hint("stop Mainstay, keep a copy of the data directory, and restore the last backup"))
}

//! The store: opens the files, starts the threads, keeps the promise of [`RecordStore`].

use crate::backup;
use crate::checkpointer;
use crate::connection::{Connection, Role};
use crate::lock::DirectoryLock;
use crate::meta;
use crate::plan;
use crate::problems;
use crate::queue::{Queue, Refused};
use crate::reader::Readers;
use crate::reply;
use crate::settings::{SqliteParts, SqliteSettings};
use crate::shared::Shared;
use crate::writer::{self, Job, WriteJob};
use mainstay_base::{Hlc, Problem, Result};
use mainstay_engine::{
    Applied, BoxFuture, Change, ChangeSink, ListenerId, Migrated, Migration, Operation, Plan, Position, Read,
    ReadNow, RecordStore, RowStream, Rows, StoreStatus, Transact, Transacted, Write, Written,
};
use mainstay_sql::plan::{Compiled, PlannedMigration};
use mainstay_sql::{Caller, Catalog, Name};
use mainstay_types::{ColumnType, Value, ValueRef};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{OnceCell, oneshot};

/// The oldest SQLite without the defect that can damage a database whose log is restarted by two connections at once.
const SQLITE_MIN: i32 = 3_051_003;
/// A file up to this size is checked at opening after a crash.
const CHECKED_BYTES: u64 = 64 << 20;

/// A record store in one SQLite file.
pub struct SqliteStore {
    inner: Arc<Inner>,
    closed: OnceCell<()>,
}

struct Inner {
    shared: Arc<Shared>,
    queue: Arc<Queue<Job>>,
    readers: Readers,
    threads: Mutex<Option<Threads>>,
    lock: Mutex<Option<DirectoryLock>>,
}

struct Threads {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<Connection>,
}

impl SqliteStore {
    /// Opens the database in the directory of the settings and makes it when there is none.
    pub fn open(settings: SqliteSettings, parts: SqliteParts) -> Result<SqliteStore> {
        if rusqlite::version_number() < SQLITE_MIN {
            return Err(Problem::internal(format!(
                "SQLite {} can damage write-ahead logs; 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        crate::raw::scan_tables_in_order();
        let lock = DirectoryLock::acquire(&settings.directory)?;
        let path = settings.directory.join("main.db");
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let check = !lock.was_clean && size > 0 && size <= CHECKED_BYTES;
        if !lock.was_clean && size > 0 {
            tracing::info!(checked = check, "the database was not closed in order; recovering from its log");
        }
        let queue = Arc::new(Queue::new(settings.queue_length_max));
        let shared = Arc::new(Shared::new(settings, path, parts.env));
        let writer = start_writer(&shared, &queue, check)?;
        let checkpointer = start_checkpointer(&shared);
        let readers = Readers::start(&shared);
        let inner = match (checkpointer, readers) {
            (Ok(checkpointer), Ok(readers)) => Inner {
                shared,
                queue,
                readers,
                threads: Mutex::new(Some(Threads { writer, checkpointer })),
                lock: Mutex::new(Some(lock)),
            },
            (Err(problem), _) | (_, Err(problem)) => {
                shared.checkpoints.stop();
                queue.close();
                return Err(problem);
            }
        };
        Ok(SqliteStore { inner: Arc::new(inner), closed: OnceCell::new() })
    }

    /// Wraps a statement that was lowered elsewhere. For tests of the engine and tools that speak SQLite.
    pub fn plan_compiled(&self, compiled: Compiled) -> Arc<Plan> {
        let catalog = self.inner.shared.catalog();
        Arc::new(plan::wrap(compiled, &catalog, self.inner.shared.number, None))
    }

    /// Applies a migration that was understood elsewhere, as [`SqliteStore::plan_compiled`] for statements.
    pub async fn migrate_planned(&self, name: &str, planned: PlannedMigration) -> Result<Migrated> {
        let migration =
            Migration { name: name.to_owned(), text: String::new(), keep_going: false, record: false };
        let (reply, answer) = oneshot::channel();
        let job = Job::Migrate { migration, planned: Some(Box::new(planned)), reply };
        self.submit(job)?;
        answer.await.unwrap_or_else(|_| Err(problems::closing()))
    }

    fn submit(&self, job: Job) -> Result<()> {
        match self.inner.queue.push(job) {
            Ok(()) => Ok(()),
            Err(Refused::Closed) => Err(problems::closing()),
            Err(Refused::Full) => Err(problems::queue_full(self.inner.shared.settings.queue_length_max)),
        }
    }
}

fn start_writer(shared: &Arc<Shared>, queue: &Arc<Queue<Job>>, check: bool) -> Result<JoinHandle<()>> {
    let (opened, outcome) = mpsc::channel();
    let (shared, queue) = (Arc::clone(shared), Arc::clone(queue));
    let thread = std::thread::Builder::new()
        .name("mainstay-write".to_owned())
        .spawn(move || writer::work(shared, &queue, check, &opened))
        .map_err(|error| Problem::new("53000", format!("cannot start a thread: {error}")))?;
    outcome
        .recv()
        .unwrap_or_else(|_| Err(Problem::internal("the writer ended while it opened the database")))?;
    Ok(thread)
}

fn start_checkpointer(shared: &Arc<Shared>) -> Result<JoinHandle<Connection>> {
    let connection = Connection::open(&shared.path, Role::Checkpointer, &shared.settings)
        .map_err(|failure| problems::of_failure(&failure, None))?;
    let shared = Arc::clone(shared);
    std::thread::Builder::new()
        .name("mainstay-checkpoint".to_owned())
        .spawn(move || {
            checkpointer::work(&shared, &connection);
            connection
        })
        .map_err(|error| Problem::new("53000", format!("cannot start a thread: {error}")))
}

impl Inner {
    /// Ends everything, in order; blocks until it is done.
    fn close(&self) {
        self.queue.close();
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { writer, checkpointer }) = threads else { return };
        self.shared.backups.close();
        if writer.join().is_err() {
            tracing::error!("the writer ended by a panic");
        }
        self.readers.close();
        self.shared.checkpoints.stop();
        match checkpointer.join() {
            Ok(connection) => checkpointer::last(&self.shared, &connection),
            Err(_) => tracing::error!("the checkpointer ended by a panic"),
        }
        if let Some(mut lock) = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lock.mark_clean();
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl RecordStore for SqliteStore {
    fn catalog(&self) -> Arc<Catalog> {
        self.inner.shared.catalog()
    }

    fn prepare_as(&self, sql: &str, parameters: &[ColumnType], caller: Caller<'_>) -> Result<Arc<Plan>> {
        let catalog = self.inner.shared.catalog();
        let compiled = mainstay_sql::compile_as(&catalog, sql, parameters, caller)?;
        Ok(Arc::new(plan::wrap(compiled, &catalog, self.inner.shared.number, caller.role)))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(self.inner.readers.read(read))
    }

    fn read_now(&self, read: Read) -> ReadNow {
        self.inner.readers.read_now(read)
    }

    fn explain(&self, plan: Arc<Plan>) -> BoxFuture<'_, Result<Vec<(usize, String)>>> {
        let catalog = self.inner.shared.catalog();
        let number = self.inner.shared.number;
        Box::pin(self.inner.readers.with_connection(move |connection| {
            crate::explain::lines(connection, &catalog, &plan::native(&plan, number)?.compiled)
        }))
    }

    fn stream(&self, read: Read) -> BoxFuture<'_, Result<Box<dyn RowStream>>> {
        Box::pin(async move { self.inner.readers.stream(read) })
    }

    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>> {
        Box::pin(async move {
            for step in &write.steps {
                plan::runnable(&step.plan, self.inner.shared.number, &write.session)?;
            }
            let deadline = Instant::now().checked_add(write.timeout).unwrap_or_else(far_future);
            let (reply, answer) = reply::channel();
            self.submit(Job::Write(WriteJob { write, work: None, deadline, reply }))?;
            answer.await.unwrap_or_else(|| Err(problems::closing()))
        })
    }

    fn transact(&self, transact: Transact) -> BoxFuture<'_, Result<Transacted>> {
        Box::pin(async move {
            let Transact { work, session, timeout, rollback } = transact;
            let deadline = Instant::now().checked_add(timeout).unwrap_or_else(far_future);
            let (reply, answer) = reply::channel();
            let write = Write { steps: Vec::new(), session, timeout, rollback };
            self.submit(Job::Write(WriteJob { write, work: Some(work), deadline, reply }))?;
            let written = answer.await.unwrap_or_else(|| Err(problems::closing()))?;
            Ok(Transacted { position: written.position })
        })
    }

    fn migrate(&self, migration: Migration) -> BoxFuture<'_, Result<Migrated>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.submit(Job::Migrate { migration, planned: None, reply })?;
            answer.await.unwrap_or_else(|_| Err(problems::closing()))
        })
    }

    fn applied(&self) -> BoxFuture<'_, Result<Vec<Applied>>> {
        Box::pin(self.inner.readers.with_connection(meta::applied))
    }

    fn listen(&self, table: Option<Name>, sink: Arc<dyn ChangeSink>) -> Result<ListenerId> {
        if let Some(name) = &table
            && !self.catalog().relation(name).is_some_and(|relation| relation.is_table())
        {
            return Err(Problem::new("42P01", format!("relation \"{name}\" does not exist")));
        }
        Ok(self.inner.shared.listeners.add(table, sink))
    }

    fn unlisten(&self, listener: ListenerId) {
        self.inner.shared.listeners.remove(listener);
    }

    fn changes_after(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Vec<Change>>> {
        Box::pin(
            self.inner.readers.with_connection(move |connection| changes_after(connection, after, limit)),
        )
    }

    fn backup(&self, into: PathBuf) -> BoxFuture<'_, Result<u64>> {
        Box::pin(backup::backup(&self.inner.shared, into))
    }

    fn status(&self) -> StoreStatus {
        let shared = &self.inner.shared;
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut log = shared.path.clone().into_os_string();
        log.push("-wal");
        StoreStatus {
            position: Position(shared.position.load(Ordering::Acquire)),
            queue_length: self.inner.queue.len() as u64,
            queue_length_max: shared.settings.queue_length_max as u64,
            wal_bytes: size(Path::new(&log)),
            database_bytes: size(&shared.path),
            commits_total: shared.commits.load(Ordering::Relaxed),
            writes_total: shared.writes.load(Ordering::Relaxed),
            reads_total: shared.reads.load(Ordering::Relaxed),
            durability: shared.settings.durability.name(),
        }
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.closed
                .get_or_init(|| async {
                    let inner = Arc::clone(&self.inner);
                    let (done, wait) = oneshot::channel();
                    // Joining threads blocks, so it gets one of its own.
                    let closer = std::thread::Builder::new().name("mainstay-close".to_owned());
                    let spawned = closer.spawn(move || {
                        inner.close();
                        let _ = done.send(());
                    });
                    match spawned {
                        Ok(_) => {
                            let _ = wait.await;
                        }
                        Err(_) => self.inner.close(),
                    }
                })
                .await;
            Ok(())
        })
    }
}

/// A moment that no timeout reaches, for timeouts that are too long to be added to the clock.
fn far_future() -> Instant {
    Instant::now() + std::time::Duration::from_secs(100 * 365 * 24 * 3600)
}

fn changes_after(connection: &mut Connection, after: Position, limit: u32) -> Result<Vec<Change>> {
    let mut trimmed = 0;
    let text = "SELECT value FROM _mainstay_meta WHERE key = 'changes_trimmed'";
    meta::query(connection, text, &[], |row| {
        if let [Value::Integer(position)] = row {
            trimmed = u64::try_from(*position).unwrap_or(0);
        }
        Ok(())
    })?;
    if after.0 > 0 && after.0 < trimmed {
        return Err(Problem::new("MS003", format!("changes up to position {trimmed} are no longer kept"))
            .with_hint("read the rows anew and go on from the present position"));
    }
    let mut changes = Vec::new();
    let text = "SELECT position, tbl, operation, old, new, time, actor FROM _mainstay_changes
                WHERE position > ?1 ORDER BY position LIMIT ?2";
    let values = [writer::number(after.0), ValueRef::Integer(limit.into())];
    meta::query(connection, text, &values, |row| {
        changes.push(change_of(row)?);
        Ok(())
    })?;
    Ok(changes)
}

fn change_of(row: &[Value]) -> Result<Change> {
    let damaged = || Problem::new("XX001", "a row of the change log is damaged");
    let [
        Value::Integer(position),
        Value::Text(table),
        Value::Integer(operation),
        old,
        new,
        Value::Integer(time),
        Value::Text(actor),
    ] = row
    else {
        return Err(damaged());
    };
    let text = |value: &Value| match value {
        Value::Text(text) => Some(Arc::from(text.as_str())),
        _ => None,
    };
    Ok(Change {
        position: Position(u64::try_from(*position).map_err(|_| damaged())?),
        table: Name::try_from(table.clone()).map_err(|_| damaged())?,
        operation: match operation {
            1 => Operation::Insert,
            2 => Operation::Update,
            3 => Operation::Delete,
            _ => Operation::Truncate,
        },
        old: text(old),
        new: text(new),
        time: Hlc(u64::try_from(*time).map_err(|_| damaged())?),
        actor: Arc::from(actor.as_str()),
    })
}

//! The record store: prepares PostgreSQL statements, runs reads and writes, applies migrations.

use crate::change::{ChangeSink, Position};
use mainstay_base::{Problem, Result};
use mainstay_sql::{Caller, Catalog, Name};
use mainstay_types::{ColumnType, Session, Type, Value};
use std::any::Any;
use std::future::Future;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A database that keeps rows.
///
/// Promises, each a test of the conformance suite:
/// - A write is acknowledged after it is durable, and never shown to a reader if it fails.
/// - A write is all or nothing: all its steps, or none. One that fails harms no other, also when both shared a
///   commit.
/// - Transactions are serializable; a read of several plans sees one snapshot.
/// - A transaction whose steps depend on each other is as atomic as a write of one step, and what is kept beside the
///   rows ([`crate::Transaction::keep`]) has its fate.
/// - A reader never waits for a writer.
/// - Every commit that changed rows gets positions from one gapless, growing sequence, in commit order.
/// - Changes reach listeners after their commit, in the order of positions, and never for a write that failed.
/// - What is over a limit (queue, time) fails at once with a problem that says whether a retry helps.
pub trait RecordStore: Send + Sync {
    /// What the database consists of now. Cheap; hold it for one request only.
    fn catalog(&self) -> Arc<Catalog>;

    /// Binds one PostgreSQL statement (`SELECT`, `INSERT`, `UPDATE`, `DELETE`, `VALUES`, or one of these with CTEs,
    /// data-modifying ones included) whose parameters `$1`, `$2`, … have these types. Costs a parse and a plan:
    /// callers keep the plan as long as [`Plan::catalog_version`] is the catalog's.
    /// For trusted code of the house: no privilege is asked for and no policy applies. `search_path` is `public` then
    /// `extensions`.
    fn prepare(&self, sql: &str, parameters: &[ColumnType]) -> Result<Arc<Plan>> {
        self.prepare_as(sql, parameters, Caller::default())
    }

    /// As [`RecordStore::prepare`], on behalf of a caller: with their role's privileges and policies, and names looked
    /// for along their path. The plan is that role's: it runs for sessions of the same role alone (42501).
    fn prepare_as(&self, sql: &str, parameters: &[ColumnType], caller: Caller<'_>) -> Result<Arc<Plan>>;

    /// Runs read-only plans in one snapshot and returns what each gives. A plan that the catalog has outlived fails
    /// with code `MS001` (prepare again). A plan that could write fails with 25006.
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>>;

    /// As [`RecordStore::read`], on the caller's thread and without waiting for anything: a store that cannot do that
    /// for this read, or not now, gives it back for [`RecordStore::read`]. Nothing has happened then.
    fn read_now(&self, read: Read) -> ReadNow {
        ReadNow::NotNow(read)
    }

    /// How the engine would carry the plan out, in its own words: lines, each with its depth in the tree. Nothing runs.
    fn explain(&self, _: Arc<Plan>) -> BoxFuture<'_, Result<Vec<(usize, String)>>> {
        Box::pin(async { Err(Problem::new("0A000", "this engine does not explain its plans")) })
    }

    /// Runs read-only plans in one snapshot and gives the rows of the last one, which may be too many for memory; those
    /// of the others are dropped. What is short may come in one piece. `timeout`
    /// is that of the whole, the time that the caller takes for the pieces included; a caller that takes none for so
    /// long loses the stream. The store sends a bounded number of them at once (53300).
    fn stream(&self, read: Read) -> BoxFuture<'_, Result<Box<dyn crate::RowStream>>>;

    /// Runs the steps in one transaction.
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>>;

    /// Runs a work in one transaction: for steps that depend on the results of earlier ones.
    fn transact(&self, transact: crate::Transact) -> BoxFuture<'_, Result<crate::Transacted>>;

    /// Applies one migration file in one transaction, or nothing of it. Blocks writers, not readers.
    fn migrate(&self, migration: Migration) -> BoxFuture<'_, Result<Migrated>>;

    /// The migrations applied so far: name, checksum of the text, time applied (unix microseconds), and the text.
    fn applied(&self) -> BoxFuture<'_, Result<Vec<crate::store::Applied>>>;

    /// Registers a listener for the changes of a table (all tables when `None`). It is called after each commit, on
    /// the committing thread: it must not block.
    fn listen(&self, table: Option<Name>, sink: Arc<dyn ChangeSink>) -> Result<ListenerId>;
    fn unlisten(&self, listener: ListenerId);

    /// Durable changes (of published tables) with a position greater than `after`, oldest first, at most `limit`.
    fn changes_after(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Vec<crate::Change>>>;

    /// Copies the database as of one commit into a new file, beside readers and writers, and answers its bytes. The file
    /// is there whole and on the disk, or not at all: also when the caller goes away meanwhile. One that exists is
    /// refused (58P02), and so is a second copy at the same time (55006).
    fn backup(&self, _into: PathBuf) -> BoxFuture<'_, Result<u64>> {
        let message = "this engine makes no copies of its database";
        Box::pin(async move { Err(Problem::new("0A000", message)) })
    }

    fn status(&self) -> StoreStatus;

    /// Refuses new work, finishes what is under way, closes the files. Idempotent.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(pub u64);

/// One applied migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub name: String,
    pub checksum: String,
    pub applied_unix_micros: i64,
    pub text: String,
}

/// A bound statement. Made by [`RecordStore::prepare`], used by the store that made it.
pub struct Plan {
    pub catalog_version: u64,
    pub kind: PlanKind,
    /// The columns of the result, empty when it returns none.
    pub columns: Vec<Column>,
    /// The types that the parameters of the statement were bound to.
    pub parameters: Vec<ColumnType>,
    /// The role that it was bound for; `None`: trusted code, whatever the session.
    pub role: Option<Arc<str>>,
    /// What the engine keeps: its own text, its statement's number.
    pub native: Box<dyn Any + Send + Sync>,
}

impl Plan {
    /// Refuses to run for a session of another role than the plan was bound for. Every engine asks this of every step.
    pub fn admit(&self, session: &Session) -> Result<()> {
        match &self.role {
            Some(role) if **role != *session.role => {
                let message = format!("a plan of role \"{role}\" cannot run for role \"{}\"", session.role);
                Err(Problem::new("42501", message))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// Reads only.
    Read,
    /// May write.
    Write,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub ty: Type,
}

/// A plan with values for its parameters, in storage form.
pub struct Step {
    pub plan: Arc<Plan>,
    pub values: Vec<Value>,
    pub format: Format,
}

/// In which form rows come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `[{"a":1},{"a":2}]`: one JSON object a row, keys in column order, as PostgreSQL's `row_to_json` writes them.
    JsonArray,
    /// As `JsonArray`, without fields that are NULL at the top level.
    JsonArrayNoNulls,
    /// The objects alone, each followed by a line feed.
    JsonLines,
    /// The first column of each row as JSON, in an array: `[1,2]` (set-returning functions of scalars).
    JsonValues,
    /// CSV as PostgREST writes it: a header line, then the rows.
    Csv,
    /// The first column's bytes as they are (text, bytea, xml, json), rows one after another.
    Raw,
    /// Values for the caller to look at: in [`Rows::values`].
    Values,
    /// Nothing but the count.
    Nothing,
}

pub struct Read {
    pub steps: Vec<Step>,
    pub session: Arc<Session>,
    pub timeout: Duration,
}

/// What [`RecordStore::read_now`] answers.
pub enum ReadNow {
    Done(Result<Vec<Rows>>),
    NotNow(Read),
}

/// What one plan gave.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows in the format asked for.
    pub body: Vec<u8>,
    /// How many rows.
    pub count: u64,
    /// Filled for [`Format::Values`].
    pub values: Vec<Vec<Value>>,
}

/// One step of a write: a plan that runs once for each set of values.
pub struct WriteStep {
    pub plan: Arc<Plan>,
    pub value_sets: Vec<Vec<Value>>,
    pub format: Format,
    /// The number of rows that the step may return or affect; outside it the write fails with the problem, in whose
    /// details `{rows}` stands for the number.
    pub expect: Option<(RangeInclusive<u64>, Problem)>,
}

pub struct Write {
    pub steps: Vec<WriteStep>,
    pub session: Arc<Session>,
    pub timeout: Duration,
    /// Runs everything, returns what it gave, then takes it back (`Prefer: tx=rollback`).
    pub rollback: bool,
}

#[derive(Debug, Default)]
pub struct Written {
    pub results: Vec<Rows>,
    /// The position of the last change, where rows changed and the write was kept.
    pub position: Option<Position>,
    /// Settings that statements made with `set_config` (`response.headers`, `response.status`).
    pub settings: Vec<(String, String)>,
}

/// One migration file.
#[derive(Clone, Debug)]
pub struct Migration {
    pub name: String,
    pub text: String,
    /// Skips statements that cannot be done and reports them, instead of failing.
    pub keep_going: bool,
    /// False for seeds and one-off scripts: run, but not recorded as applied.
    pub record: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Migrated {
    pub statements: usize,
    /// What `keep_going` skipped: the problem with its place in the text.
    pub skipped: Vec<Problem>,
    /// What was accepted without effect, and why (`ALTER … OWNER TO` has no meaning here): place and words.
    pub notices: Vec<(usize, String)>,
}

/// What an operator asks.
#[derive(Clone, Debug, Default)]
pub struct StoreStatus {
    pub position: Position,
    pub queue_length: u64,
    pub queue_length_max: u64,
    pub wal_bytes: u64,
    pub database_bytes: u64,
    pub commits_total: u64,
    pub writes_total: u64,
    pub reads_total: u64,
    pub durability: &'static str,
}

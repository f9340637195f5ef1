//! One connection: its settings, its functions, the statements that it keeps.

use crate::backup::StopWord;
use crate::collations::{self, SharedRegistry};
use crate::old_rows::PreparedOldRows;
use crate::plan::NativePlan;
use crate::raw::{self, Failure, Statement};
use crate::scope::PROGRESS_STEPS;
use crate::settings::SqliteSettings;
use crate::{aggregates, functions, rows_table};
use ahash::AHashMap;
use arc_swap::ArcSwap;
use mainstay_sql::plan::Scratch;
use mainstay_types::{Registry, TypeId};
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long one connection waits for another that checkpoints or recovers the log.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Reader,
    Writer,
    Checkpointer,
}

/// A connection with the statements it has prepared.
///
/// Fields are dropped in this order: statements before the connection, which [`Statement`] asks for.
pub(crate) struct Connection {
    plans: AHashMap<u64, PreparedPlan>,
    texts: AHashMap<&'static str, Statement>,
    /// Scratch tables that exist, with the text that made them.
    scratch: AHashMap<String, String>,
    inner: rusqlite::Connection,
    registry: SharedRegistry,
    enums: BTreeSet<TypeId>,
    /// The catalog that prepared statements belong to.
    catalog_version: u64,
    capacity: usize,
    uses: u64,
    /// The commits that the open snapshot shows, where one stays open between reads.
    snapshot: Option<u64>,
    /// The commits before the last read.
    commits: u64,
}

/// The statements of a plan.
pub(crate) struct PreparedPlan {
    pub steps: Vec<PreparedStep>,
    /// Empty for nearly every plan.
    pub old_rows: Vec<PreparedOldRows>,
    used: u64,
}

pub(crate) struct PreparedStep {
    pub statement: Statement,
    pub into: Option<PreparedScratch>,
}

pub(crate) struct PreparedScratch {
    pub insert: Statement,
    pub clear: Statement,
}

/// One process has the file (`crate::lock`), so the index of the log lies in its memory instead of a file: a read then
/// takes its locks without a system call. Other programs find the database locked while the store is open.
#[cfg(unix)]
fn open_file(path: &Path, flags: OpenFlags, gathers: bool) -> rusqlite::Result<rusqlite::Connection> {
    let vfs = if gathers && crate::log_file::register() { crate::log_file::VFS_NAME } else { c"unix-excl" };
    rusqlite::Connection::open_with_flags_and_vfs(path, flags, vfs)
}

#[cfg(not(unix))]
fn open_file(path: &Path, flags: OpenFlags, _: bool) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open_with_flags(path, flags)
}

impl Connection {
    /// Opens the database file. Only a writer makes it.
    pub fn open(path: &Path, role: Role, settings: &SqliteSettings) -> Result<Connection, Failure> {
        let flags = match role {
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Role::Checkpointer => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let gathers = role == Role::Writer && settings.durability == crate::Durability::Full;
        let inner = open_file(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX, gathers)?;
        if role == Role::Writer && inner.is_readonly(c"main")? {
            // SQLite opens what it may not write for reading, and says so at the first write.
            let message = "this user may only read it".to_owned();
            return Err(Failure { code: rusqlite::ffi::SQLITE_READONLY, message });
        }
        raw::set_lookaside(&inner, false)?;
        inner.busy_timeout(BUSY_TIMEOUT)?;
        // Without this, SQLite looks at the value of `LIMIT ?` while it plans, and plans anew for each other value.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let connection = Connection {
            plans: AHashMap::new(),
            texts: AHashMap::new(),
            scratch: AHashMap::new(),
            inner,
            registry: Arc::new(ArcSwap::from_pointee(Registry::default())),
            enums: BTreeSet::new(),
            catalog_version: 0,
            capacity: settings.statement_cache.max(16),
            uses: 0,
            snapshot: None,
            commits: u64::MAX,
        };
        connection.configure(role, settings)?;
        raw::set_lookaside(&connection.inner, true)?;
        Ok(connection)
    }

    fn configure(&self, role: Role, settings: &SqliteSettings) -> Result<(), Failure> {
        if role == Role::Writer {
            // Before anything is written: both are properties of the file.
            self.batch("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;")?;
        }
        let synchronous = match settings.durability {
            crate::Durability::Full => "FULL",
            crate::Durability::Relaxed => "NORMAL",
        };
        self.batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA cache_size = -{}; PRAGMA recursive_triggers = ON; PRAGMA wal_autocheckpoint = 0; \
             PRAGMA journal_size_limit = {};",
            settings.cache_kib, settings.wal_bytes_max,
        ))?;
        if role == Role::Checkpointer {
            return Ok(());
        }
        functions::register(&self.inner)?;
        aggregates::register(&self.inner)?;
        rows_table::register(&self.inner)?;
        collations::register(&self.inner, &self.registry)?;
        raw::install_progress(&self.inner, i32::try_from(PROGRESS_STEPS).unwrap_or(i32::MAX));
        if role == Role::Writer {
            raw::install_commit_hooks(&self.inner);
            raw::install_row_changes(&self.inner);
        }
        Ok(())
    }

    /// From now on what runs here ends when the word is said, and for no other reason.
    pub fn end_when_said(&mut self, word: StopWord) -> Result<(), Failure> {
        let steps = i32::try_from(PROGRESS_STEPS).unwrap_or(i32::MAX);
        Ok(self.inner.progress_handler(steps, Some(move || word.is_said()))?)
    }

    pub fn raw(&self) -> &rusqlite::Connection {
        &self.inner
    }

    /// Runs statements that return nothing of interest.
    pub fn batch(&self, text: &str) -> Result<(), Failure> {
        Ok(self.inner.execute_batch(text)?)
    }

    /// A statement of the engine's own, kept by its text.
    pub fn statement(&mut self, text: &'static str) -> Result<&mut Statement, Failure> {
        match self.texts.entry(text) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                Ok(entry.insert(Statement::prepare(&self.inner, text)?))
            }
        }
    }

    /// Runs a statement of the engine's own that returns no rows.
    pub fn execute(
        &mut self,
        text: &'static str,
        values: &[mainstay_types::ValueRef<'_>],
    ) -> Result<(), Failure> {
        let mut run = self.statement(text)?.run(values.iter().copied())?;
        while run.step()? == raw::Stepped::Row {}
        Ok(())
    }

    /// Brings collations and statements to the catalog of `version`.
    pub fn follow(&mut self, version: u64, registry: &Arc<Registry>) -> Result<(), Failure> {
        if self.catalog_version != version {
            self.plans.clear();
            self.registry.store(Arc::clone(registry));
            collations::register_enums(&self.inner, &self.registry, &mut self.enums)?;
            self.catalog_version = version;
        }
        Ok(())
    }

    /// Forgets every prepared statement: before the schema changes.
    pub fn forget_statements(&mut self) {
        self.plans.clear();
        self.texts.clear();
        self.catalog_version = 0;
    }

    /// The statements of a plan, prepared when this connection sees it for the first time.
    pub fn plan(&mut self, plan: &NativePlan) -> Result<&mut PreparedPlan, Failure> {
        self.uses += 1;
        let used = self.uses;
        if !self.plans.contains_key(&plan.number) {
            if self.plans.len() >= self.capacity {
                self.evict();
            }
            let prepared = self.prepare(plan)?;
            self.plans.insert(plan.number, prepared);
        }
        let prepared = self.plans.get_mut(&plan.number);
        let prepared = prepared.ok_or_else(|| Failure {
            code: rusqlite::ffi::SQLITE_INTERNAL,
            message: "a prepared plan was lost".to_owned(),
        })?;
        prepared.used = used;
        Ok(prepared)
    }

    /// Makes room: drops the quarter of the plans that was not used for longest.
    fn evict(&mut self) {
        let mut ages: Vec<u64> = self.plans.values().map(|plan| plan.used).collect();
        let quarter = ages.len() / 4;
        let (_, oldest, _) = ages.select_nth_unstable(quarter);
        let oldest = *oldest;
        self.plans.retain(|_, plan| plan.used > oldest);
    }

    fn prepare(&mut self, plan: &NativePlan) -> Result<PreparedPlan, Failure> {
        let mut steps = Vec::with_capacity(plan.compiled.steps.len());
        let mut old_rows = Vec::new();
        for wanted in &plan.compiled.old_rows {
            self.make_scratch(&wanted.scratch)?;
            let columns = self.columns_of(&wanted.table)?;
            old_rows.push(PreparedOldRows::prepare(&self.inner, wanted, &columns)?);
        }
        for step in &plan.compiled.steps {
            let into = match &step.into {
                None => None,
                Some(scratch) => {
                    self.make_scratch(scratch)?;
                    Some(PreparedScratch {
                        insert: Statement::prepare(&self.inner, &scratch.insert)?,
                        clear: Statement::prepare(&self.inner, &scratch.clear)?,
                    })
                }
            };
            steps.push(PreparedStep { statement: Statement::prepare(&self.inner, &step.text)?, into });
        }
        Ok(PreparedPlan { steps, old_rows, used: self.uses })
    }

    fn make_scratch(&mut self, scratch: &Scratch) -> Result<(), Failure> {
        // Plans may use one name for tables of different shapes.
        match self.scratch.get(&scratch.table) {
            Some(create) if *create == scratch.create => return Ok(()),
            Some(_) => {
                let name = mainstay_sql::catalog::quote_identifier(&scratch.table);
                self.forget_scratch_plans();
                self.inner.execute_batch(&format!("DROP TABLE IF EXISTS temp.{name}"))?;
            }
            None => {}
        }
        self.inner.execute_batch(&scratch.create)?;
        self.scratch.insert(scratch.table.clone(), scratch.create.clone());
        Ok(())
    }

    fn forget_scratch_plans(&mut self) {
        self.plans
            .retain(|_, plan| plan.old_rows.is_empty() && plan.steps.iter().all(|step| step.into.is_none()));
    }

    /// The columns of a table in the order in which SQLite has them.
    pub fn columns_of(&mut self, table: &str) -> Result<Vec<String>, Failure> {
        let text = "SELECT name FROM pragma_table_xinfo(?1) ORDER BY cid";
        let mut run = self.statement(text)?.run([mainstay_types::ValueRef::Text(table)])?;
        let mut columns = Vec::new();
        while run.step()? == raw::Stepped::Row {
            if let mainstay_types::ValueRef::Text(name) = run.value(0) {
                columns.push(name.to_owned());
            }
        }
        Ok(columns)
    }

    /// Forgets which scratch tables exist: after a rollback may have taken them away.
    pub fn forget_scratch(&mut self) {
        for (table, _) in std::mem::take(&mut self.scratch) {
            self.forget_scratch_plans();
            let name = mainstay_sql::catalog::quote_identifier(&table);
            if let Err(failure) = self.inner.execute_batch(&format!("DROP TABLE IF EXISTS temp.{name}")) {
                tracing::warn!(table, error = %failure, "cannot drop a scratch table");
            }
        }
    }

    /// Begins a read that must see so many commits: in the snapshot that is open where it shows them, in one that
    /// stays open where nothing was committed since the last read, and else in one of its own. While something is
    /// being committed (an odd count) no snapshot is shared, because others may see the commit already.
    pub fn share_snapshot(&mut self, commits: u64) -> Result<(), Failure> {
        if self.snapshot == Some(commits) {
            return Ok(());
        }
        self.end_snapshot();
        let settled = commits.is_multiple_of(2);
        if settled && self.commits == commits {
            self.execute("BEGIN", &[])?;
            self.snapshot = Some(commits);
        }
        self.commits = commits;
        Ok(())
    }

    /// The commits that the open snapshot shows.
    pub fn snapshot(&self) -> Option<u64> {
        self.snapshot
    }

    /// Ends the snapshot that stays open between reads.
    pub fn end_snapshot(&mut self) {
        if self.snapshot.take().is_some()
            && self.in_transaction()
            && let Err(failure) = self.execute("COMMIT", &[]).or_else(|_| self.execute("ROLLBACK", &[]))
        {
            tracing::error!(%failure, "cannot end a snapshot");
        }
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_allocations_of_statements_find_room_on_the_connection() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = SqliteSettings::new(directory.path());
        let path = directory.path().join("main.db");
        let mut connection = Connection::open(&path, Role::Writer, &settings).expect("opens");
        connection.batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)").expect("creates");
        connection.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')", &[]).expect("inserts");
        raw::lookaside_misses(&connection.inner);
        for _ in 0..10 {
            connection.execute("SELECT b FROM t ORDER BY b", &[]).expect("reads");
        }
        assert_eq!(raw::lookaside_misses(&connection.inner), 0);
    }
}

//! What a person may set, and the parts that a composition root hands in.

use mainstay_base::Env;
use mainstay_sql::privilege::DefaultPrivileges;
use std::path::PathBuf;
use std::time::Duration;

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// After it has reached the disk (`synchronous = FULL`).
    #[default]
    Full,
    /// After the operating system has it: a power failure may take the last moments, a crash of Mainstay does not.
    Relaxed,
}

impl Durability {
    pub fn name(self) -> &'static str {
        match self {
            Durability::Full => "full",
            Durability::Relaxed => "relaxed",
        }
    }
}

/// Settings of the embedded database.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The directory that holds `main.db`, its write-ahead log and the lock. Made when missing.
    pub directory: PathBuf,
    pub durability: Durability,
    /// Writes that may wait; one more is refused at once (53300).
    pub queue_length_max: usize,
    /// Writes that share one commit at most.
    pub group_max: usize,
    /// Connections on which callers read on their own thread.
    pub inline_readers: usize,
    /// Threads for reads that take longer.
    pub reader_threads: usize,
    /// Long results that are sent at once, each by a thread with a connection of its own.
    pub streams_max: usize,
    /// Steps of SQLite's machine that a read may take on the caller's thread before it moves to a reader thread.
    pub inline_budget: u64,
    /// Compiled plans that each connection keeps.
    pub statement_cache: usize,
    /// The page cache of each connection, in KiB.
    pub cache_kib: u32,
    /// Bytes of write-ahead log after which it is copied into the database file beside the writer.
    pub checkpoint_bytes: u64,
    /// The size of the write-ahead log over which no write is begun. From three quarters of it on, the writer waits
    /// for a new start of the log; where a long read prevents one, writes go on slowly, and are refused (53400) when
    /// the log is full, until that read has ended.
    pub wal_bytes_max: u64,
    /// How long one such wait lasts at most. There are sixteen between three quarters and full.
    pub wal_patience: Duration,
    /// The size of the write-ahead log over which a backup is given up. While one is made it is a long read that nobody
    /// refuses writes for.
    pub backup_wal_bytes_max: u64,
    /// The largest size of the database file; nothing but the disk limits it when `None`.
    pub database_bytes_max: Option<u64>,
    /// Durable changes that are kept at least; older ones go.
    pub changes_kept: u64,
    /// How long durable changes are kept at most.
    pub changes_age: Duration,
    /// Entries that callers keep beside their rows ([`mainstay_engine::Kept`]) at most; the oldest go first.
    pub kept_max: u64,
    /// What callers may do before anything is granted.
    pub default_privileges: DefaultPrivileges,
}

impl SqliteSettings {
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        SqliteSettings {
            directory: directory.into(),
            durability: Durability::Full,
            queue_length_max: 4096,
            group_max: 512,
            inline_readers: cores.clamp(2, 16),
            reader_threads: cores.clamp(2, 8),
            streams_max: 16,
            inline_budget: 20_000,
            statement_cache: 512,
            cache_kib: 16 * 1024,
            checkpoint_bytes: 32 << 20,
            wal_bytes_max: 256 << 20,
            wal_patience: Duration::from_millis(500),
            backup_wal_bytes_max: 4 << 30,
            database_bytes_max: None,
            changes_kept: 1_000_000,
            changes_age: Duration::from_secs(7 * 24 * 3600),
            kept_max: 100_000,
            default_privileges: DefaultPrivileges::default(),
        }
    }
}

/// Parts that the store does not make itself.
#[derive(Clone, Debug)]
pub struct SqliteParts {
    pub env: Env,
}

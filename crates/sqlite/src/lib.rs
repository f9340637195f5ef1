//! Keeps the record-store promise on an embedded SQLite.
//!
//! Hidden here: one writer thread that commits in groups, readers on callers' threads, native functions as SQLite
//! functions, changes captured as rows change, the write-ahead log and its checkpoints.
//! Not here: PostgreSQL's SQL (`sql` lowers it), what values mean (`types`), HTTP.
//! Invariant: a write is answered after its commit is on the disk; its changes have positions without a gap.
//! Start reading at [`SqliteStore::open`], then [`writer`] and [`reader`].

mod aggregates;
mod backup;
mod capture;
mod checkpointer;
mod collations;
mod connection;
mod convert;
mod discretion;
mod engine_functions;
mod explain;
mod failing_row;
mod foreign_keys;
mod functions;
mod kept;
mod listeners;
mod lock;
#[cfg(unix)]
mod log_file;
mod meta;
mod migrate;
mod old_rows;
mod operation;
mod pipe;
mod plan;
mod problems;
mod queue;
mod raw;
mod reader;
mod reply;
mod rows;
mod rows_table;
mod run;
mod scope;
mod sequences;
mod settings;
mod shared;
mod slots;
mod store;
mod stream;
mod work;
mod writer;

pub use settings::{Durability, SqliteParts, SqliteSettings};
pub use store::SqliteStore;

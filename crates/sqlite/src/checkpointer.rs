//! Copies the write-ahead log into the database file, on a thread and a connection of its own, so that no commit
//! waits for it.

use crate::connection::Connection;
use crate::raw;
use crate::shared::{Checkpoint, Shared};
use rusqlite::ffi;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a restart of the log waits for readers of old snapshots, while the writer waits with it.
const RESTART_PATIENCE: Duration = Duration::from_millis(500);

pub(crate) fn work(shared: &Arc<Shared>, connection: &Connection) {
    while let Some(checkpoint) = shared.checkpoints.next() {
        run(shared, connection, checkpoint);
        shared.checkpoints.done();
    }
}

fn run(shared: &Shared, connection: &Connection, checkpoint: Checkpoint) {
    // Most of the log is copied beside the writer in either case.
    let mut outcome = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_PASSIVE);
    if outcome.is_ok() && checkpoint == Checkpoint::Restart {
        if let Err(error) = connection.raw().busy_timeout(RESTART_PATIENCE) {
            tracing::warn!(%error, "cannot set a timeout");
        }
        outcome = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_RESTART);
    }
    match outcome {
        Ok((log, copied)) => tracing::debug!(log, copied, ?checkpoint, "checkpoint"),
        Err(failure) if failure.primary() == ffi::SQLITE_BUSY => {
            tracing::warn!("a long read keeps the write-ahead log from starting anew");
        }
        Err(failure) => {
            tracing::error!(%failure, "checkpoint failed");
            if failure.code == ffi::SQLITE_IOERR_FSYNC {
                shared.disk_failed.store(true, Ordering::Release);
            }
        }
    }
}

/// Empties the log at an orderly end.
pub(crate) fn last(connection: &Connection) {
    if let Err(failure) = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_TRUNCATE) {
        tracing::warn!(%failure, "the last checkpoint failed; the log is kept and read at the next start");
    }
}

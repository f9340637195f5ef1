//! Copies the write-ahead log into the database file, on a thread and a connection of its own, so that no commit
//! waits for it.

use crate::connection::Connection;
use crate::problems;
use crate::raw;
use crate::shared::{Checkpoint, Shared};
use mainstay_base::Result;
use rusqlite::config::DbConfig;
use rusqlite::ffi;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) fn work(shared: &Arc<Shared>, connection: &Connection) {
    while let Some(checkpoint) = shared.checkpoints.next() {
        let outcome = run(shared, connection, checkpoint);
        shared.checkpoints.done(outcome);
    }
}

fn run(shared: &Shared, connection: &Connection, checkpoint: Checkpoint) -> Result<()> {
    if shared.disk_failed.load(Ordering::Acquire) {
        return Err(problems::disk_failed());
    }
    let _refusing = shared.slots.refuse(shared.settings.wal_patience);
    // Most of the log is copied beside the writer in either case.
    let mut outcome = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_PASSIVE);
    if outcome.is_ok() && checkpoint == Checkpoint::Restart {
        if let Err(error) = connection.raw().busy_timeout(shared.settings.wal_patience) {
            tracing::warn!(%error, "cannot set a timeout");
        }
        outcome = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_RESTART);
    }
    match outcome {
        Ok((log, copied)) => {
            tracing::debug!(log, copied, ?checkpoint, "checkpoint");
            Ok(())
        }
        Err(failure) if failure.primary() == ffi::SQLITE_BUSY => {
            tracing::warn!("a long read keeps the write-ahead log from starting anew");
            Err(problems::log_full())
        }
        Err(failure) => {
            tracing::error!(%failure, "checkpoint failed");
            if failure.code == ffi::SQLITE_IOERR_FSYNC {
                shared.disk_failed.store(true, Ordering::Release);
                return Err(problems::disk_failed());
            }
            Err(problems::of_failure(&failure, None))
        }
    }
}

/// Empties the log at an orderly end. After a sync that failed the log is left to the next start, which reads it.
pub(crate) fn last(shared: &Shared, connection: &Connection) {
    if shared.disk_failed.load(Ordering::Acquire) {
        if let Err(error) = connection.raw().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::warn!(%error, "cannot keep the log from being copied at the end");
        }
        return;
    }
    if let Err(failure) = raw::wal_checkpoint(connection.raw(), ffi::SQLITE_CHECKPOINT_TRUNCATE) {
        tracing::warn!(%failure, "the last checkpoint failed; the log is kept and read at the next start");
    }
}

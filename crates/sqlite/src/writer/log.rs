//! The write-ahead log and its disk: when it is copied, when writes wait for it, and when they are refused.

use super::Writer;
use crate::backup::Stop;
use crate::problems;
use crate::raw::{self, Failure};
use crate::scope;
use crate::shared::Checkpoint;
use mainstay_base::Result;
use rusqlite::ffi;
use std::sync::atomic::Ordering;

/// Bytes of one page in the write-ahead log.
pub(crate) const FRAME_BYTES: u64 = 4096 + 24;

impl Writer {
    /// A sync that failed may have lost pages that SQLite takes for written: nothing more is written then.
    pub(crate) fn watch_disk(&self, failure: &Failure) {
        if matches!(failure.code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) {
            tracing::error!(%failure, "the disk did not confirm a write; refusing writes until a restart");
            self.shared.disk_failed.store(true, Ordering::Release);
        }
    }

    /// Takes a commit that the disk did not confirm out of the log: it lies there whole, and the next start would take
    /// it for one that was acknowledged.
    pub(super) fn forget_unconfirmed(&mut self) {
        if !self.shared.disk_failed.load(Ordering::Acquire) {
            return;
        }
        let forgotten = match raw::wal_checkpoint(self.connection.raw(), ffi::SQLITE_CHECKPOINT_NOOP) {
            Ok((pages, _)) => self.shared.cut_log(pages),
            Err(failure) => Err(std::io::Error::other(failure.to_string())),
        };
        if let Err(error) = forgotten {
            tracing::error!(%error, "a write that was refused may be there after a restart");
        }
    }

    /// Whether the disk and the log take more.
    pub(crate) fn may_write(&mut self) -> Result<()> {
        if self.shared.disk_failed.load(Ordering::Acquire) {
            return Err(problems::disk_failed());
        }
        if self.log_full { self.restart_log() } else { Ok(()) }
    }

    /// Asks for checkpoints as the write-ahead log grows, and waits when it has grown far.
    pub(super) fn watch_log(&mut self) {
        let pages = scope::wal_pages();
        if pages < self.pages_copied {
            self.pages_copied = 0;
        }
        let (bytes, since) = (pages * FRAME_BYTES, (pages - self.pages_copied) * FRAME_BYTES);
        let (max, copied_each) = (self.shared.settings.wal_bytes_max, self.shared.settings.checkpoint_bytes);
        if self.shared.backups.is_running() {
            if bytes < self.shared.settings.backup_wal_bytes_max {
                if since >= copied_each {
                    self.shared.checkpoints.ask(Checkpoint::Passive);
                    self.pages_copied = pages;
                }
                return;
            }
            self.shared.backups.stop(Stop::LogFull);
        }
        // Where a long read holds the log, sixteen waits slow writers down before they are refused.
        if bytes >= max || (bytes >= max / 4 * 3 && since >= max / 64) {
            self.pages_copied = pages;
            if self.restart_log().is_err() {
                self.log_full = bytes >= max;
            }
        } else if since >= copied_each {
            self.shared.checkpoints.ask(Checkpoint::Passive);
            self.pages_copied = pages;
        }
    }

    fn restart_log(&mut self) -> Result<()> {
        let outcome = self.shared.checkpoints.run(Checkpoint::Restart);
        if outcome.is_ok() {
            self.log_full = false;
        }
        outcome
    }
}

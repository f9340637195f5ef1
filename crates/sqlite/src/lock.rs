//! One process for one data directory.

use mainstay_base::{Problem, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Holds the lock until it is dropped. The file names the process, and is empty after an orderly end.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
    pub was_clean: bool,
}

impl DirectoryLock {
    pub fn acquire(directory: &Path) -> Result<DirectoryLock> {
        let path: PathBuf = directory.join("lock");
        let failed = |what: &str, error: std::io::Error| {
            let message = format!("cannot {what} `{}`: {error}", path.display());
            if error.kind() == std::io::ErrorKind::StorageFull {
                return Problem::new("53100", message)
                    .with_hint("free disk space, then start Mainstay again");
            }
            Problem::new("58030", message)
                .with_hint("check that the data directory exists and that Mainstay may read and write it")
        };
        std::fs::create_dir_all(directory).map_err(|error| failed("make the directory of", error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("open", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // A lock without a readable owner is still a lock.
                let _ = file.read_to_string(&mut owner);
                let owner = owner.trim();
                let pid = if owner.is_empty() { String::new() } else { format!(" (pid {owner})") };
                return Err(Problem::new(
                    "55006",
                    format!("another mainstay process{pid} uses this data directory"),
                )
                .with_details(directory.display().to_string())
                .with_hint("stop that process, or give this one a directory of its own"));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        let was_clean = file.metadata().map_err(|error| failed("read", error))?.len() == 0;
        let mut lock = DirectoryLock { file, was_clean };
        lock.write(&std::process::id().to_string()).map_err(|error| failed("write", error))?;
        Ok(lock)
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())
    }

    /// Remembers that the database was closed in order.
    pub fn mark_clean(&mut self) {
        if let Err(error) = self.write("") {
            tracing::warn!(%error, "cannot empty the lock file");
        }
    }
}

//! A file that is there whole or not at all: it is written under another name beside its own, and gets its own when
//! everything of it is on the disk.

use mainstay_base::{Problem, Result};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A new file. Unless it is kept, nothing of it stays when this is dropped.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    part: PathBuf,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Part,
    Whole,
    Kept,
}

impl WholeFile {
    /// Makes an empty file, which only this user may read, under the name that [`WholeFile::part`] tells. Refuses where
    /// there is something at `path` already.
    pub fn begin(path: &Path) -> Result<WholeFile> {
        let path = std::path::absolute(path).map_err(|error| of_io(path, &error))?;
        if path.file_name().is_none() || path.is_dir() {
            return Err(Problem::new("42809", format!("`{}` is a directory", path.display()))
                .with_hint("give the name of a file"));
        }
        if path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
        let part = part_of(&path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part).map_err(|error| of_io(&path, &error))?;
        Ok(WholeFile { path, part, state: State::Part })
    }

    /// Where to write it.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Waits until it is on the disk and gives it its name; answers its size.
    pub fn finish(&mut self) -> Result<u64> {
        let failed = |error: std::io::Error| of_io(&self.path, &error);
        let file = OpenOptions::new().write(true).open(&self.part).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        drop(file);
        // A second name does not replace a file that has come meanwhile, as renaming would.
        match std::fs::hard_link(&self.part, &self.path) {
            Ok(()) => {
                self.state = State::Whole;
                std::fs::remove_file(&self.part).map_err(|error| of_io(&self.path, &error))?;
            }
            Err(_) if self.path.symlink_metadata().is_ok() => return Err(exists(&self.path)),
            // A file system without second names.
            Err(_) => {
                std::fs::rename(&self.part, &self.path).map_err(failed)?;
                self.state = State::Whole;
            }
        }
        self.sync_directory().map_err(|error| of_io(&self.path, &error))?;
        Ok(bytes)
    }

    /// Leaves the finished file where it is.
    pub fn keep(mut self) {
        if self.state == State::Whole {
            self.state = State::Kept;
        }
    }

    #[cfg(unix)]
    fn sync_directory(&self) -> std::io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    #[cfg(not(unix))]
    fn sync_directory(&self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        let leftover = match self.state {
            State::Part => &self.part,
            State::Whole => &self.path,
            State::Kept => return,
        };
        // There is nobody to tell: what failed before has been told.
        let _ = std::fs::remove_file(leftover);
    }
}

/// The name of a file of this process until it is whole.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn exists(path: &Path) -> Problem {
    Problem::new("58P02", format!("`{}` exists already, and is not overwritten", path.display()))
        .with_hint("give another name, or remove that file first")
}

/// What the machine says of a file that is being made, with PostgreSQL's codes.
pub fn of_io(path: &Path, error: &std::io::Error) -> Problem {
    let (code, hint) = match error.kind() {
        ErrorKind::NotFound => ("58P01", "make that directory first"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            ("42501", "choose a directory in which the user that Mainstay runs as may write")
        }
        ErrorKind::AlreadyExists => return exists(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            return no_space(path);
        }
        _ => ("58030", "look at the disk, or choose another one"),
    };
    let problem = Problem::new(code, format!("cannot write `{}`: {error}", path.display())).with_hint(hint);
    // A caller's own rights are not at stake: this is the machine's answer.
    if code == "42501" { problem.with_status(500) } else { problem }
}

pub fn no_space(path: &Path) -> Problem {
    Problem::new("53100", format!("cannot write `{}`: no space left on the device", path.display()))
        .with_hint("free disk space, or choose a directory on another disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("mainstay-whole-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        path
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn it_stays_only_when_it_is_kept() {
        let directory = directory("kept");
        let path = directory.join("copy.db");
        drop(WholeFile::begin(&path).expect("begins"));
        assert!(names(&directory).is_empty(), "a part");
        let mut file = WholeFile::begin(&path).expect("begins");
        std::fs::write(file.part(), "all").expect("writes");
        assert!(!path.exists());
        assert_eq!(file.finish(), Ok(3));
        drop(file);
        assert!(names(&directory).is_empty(), "a file that nobody wanted");
        let mut file = WholeFile::begin(&path).expect("begins");
        file.finish().expect("finishes");
        file.keep();
        assert_eq!(names(&directory), ["copy.db"]);
        std::fs::remove_dir_all(&directory).expect("removes");
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let directory = directory("there");
        let path = directory.join("copy.db");
        let mut late = WholeFile::begin(&path).expect("begins");
        std::fs::write(&path, "old").expect("writes");
        assert_eq!(WholeFile::begin(&path).expect_err("it exists").code(), "58P02");
        assert_eq!(late.finish().expect_err("it has come meanwhile").code(), "58P02");
        drop(late);
        assert_eq!(std::fs::read(&path).expect("reads"), b"old");
        assert_eq!(names(&directory), ["copy.db"]);
        std::fs::remove_dir_all(&directory).expect("removes");
    }
}

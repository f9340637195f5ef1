//! Copies for the HTTP face: made in the data directory, sent from a file without a name.

use crate::migrate;
use crate::project::Project;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::RecordStore;
use mainstay_engine::whole_file::of_io;
use mainstay_http::admin::{BackupFile, Backups};
use mainstay_http::edge::BoxFuture;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) struct StoreBackups {
    store: Arc<dyn RecordStore>,
    env: Env,
    scratch: PathBuf,
    application: String,
}

impl StoreBackups {
    /// Only the process that holds the data directory makes one: what an earlier process left in the scratch directory
    /// is removed.
    pub fn new(project: &Project, store: Arc<dyn RecordStore>, env: Env) -> Self {
        let scratch = project.data_dir.join("tmp");
        remove_leftovers(&scratch);
        StoreBackups { store, env, scratch, application: plain(&project.name()) }
    }

    async fn make(&self) -> Result<BackupFile> {
        let unwritable = |error| of_io(&self.scratch, &error);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.scratch).map_err(unwritable)?;
        let time = migrate::timestamp(self.env.unix_micros());
        let name = format!("{}-{time}.db", self.application);
        let path = self.scratch.join(&name);
        let bytes = self.store.backup(path.clone()).await?;
        let file = fs::File::open(&path);
        // The open file stays readable, and is gone with its handle, however this process ends.
        fs::remove_file(&path).map_err(unwritable)?;
        Ok(BackupFile { file: file.map_err(unwritable)?, bytes, name })
    }
}

impl Backups for StoreBackups {
    fn backup(&self) -> BoxFuture<'_, Result<BackupFile>> {
        Box::pin(async {
            self.make().await.map_err(|problem| match problem.code() {
                // The caller named no file: that there is no directory is ours.
                "58P01" => Problem::internal(problem.message().to_owned()),
                _ => problem,
            })
        })
    }
}

fn remove_leftovers(scratch: &Path) {
    let Ok(entries) = fs::read_dir(scratch) else { return };
    for entry in entries.flatten() {
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(%error, path = %entry.path().display(), "cannot remove what an unfinished backup left");
        }
    }
}

/// A name that every file system and every header takes.
fn plain(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let plain: String = words.join("-").to_ascii_lowercase().chars().take(60).collect();
    if plain.is_empty() { "mainstay".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn any_name_becomes_one_for_a_file() {
        assert_eq!(plain("My Shop \"2\"/é"), "my-shop-2");
        assert_eq!(plain("…"), "mainstay");
    }
}

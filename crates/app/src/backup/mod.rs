//! `mainstay backup`: a copy of the database in one file, made directly where nothing runs, else by the process that
//! does.

mod remote;
mod served;

pub(crate) use served::StoreBackups;

use crate::project::Project;
use crate::run::Stop;
use crate::{build, world};
use mainstay_base::{Problem, Result};
use mainstay_engine::whole_file::part_of;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Makes a copy at `to` and tells on standard error who made it.
pub async fn backup(project: Project, to: &Path, url: Option<&str>) -> Result<ExitCode> {
    if !project.data_dir.join("main.db").is_file() {
        let message =
            format!("`{}` holds no Mainstay data, so there is nothing to copy", project.data_dir.display());
        return Err(Problem::new("MS025", message).with_hint("check the path and `[store] data_dir`"));
    }
    let mut stop = Stop::new()?;
    let (bytes, who) = tokio::select! {
        made = copy(&project, to, url) => made?,
        // What was begun removes itself.
        () = stop.wait() => return Err(Problem::new("57014", "the backup was given up")),
    };
    println!("{}", to.display());
    eprintln!("copied {} from {who}", size(bytes));
    Ok(ExitCode::SUCCESS)
}

async fn copy(project: &Project, to: &Path, url: Option<&str>) -> Result<(u64, String)> {
    let mut progress = Progress::new();
    let store = match build::store(project, world::machine()) {
        Ok(store) => store,
        Err(problem) if problem.code() == "55006" => {
            let url = url.map_or_else(|| remote::default_url(project), |url| Ok(url.to_owned()))?;
            eprintln!("{}: asking it at {url}", problem.message());
            let bytes = remote::fetch(project, &url, to, &mut progress).await?;
            return Ok((bytes, format!("the running process at {url}")));
        }
        Err(problem) => return Err(problem),
    };
    let (total, part) = (store.status().database_bytes, part_of(to));
    let copied = || {
        let bytes = std::fs::metadata(&part).map_or(0, |part| part.len());
        format!("copied {} of at most {}", size(bytes), size(total))
    };
    let outcome = progress.beside_with(store.backup(to.to_owned()), copied).await;
    store.close().await?;
    Ok((outcome?, format!("`{}`; nothing runs on it", project.data_dir.display())))
}

/// Says how far something is, once a second, from the first second on.
pub(crate) struct Progress {
    began: Instant,
    told: Instant,
}

const EACH: Duration = Duration::from_secs(1);

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Progress { began: now, told: now }
    }

    fn tell(&mut self, words: impl FnOnce() -> String) {
        if self.told.elapsed() >= EACH {
            self.told = Instant::now();
            eprintln!("{} ({} s)", words(), self.began.elapsed().as_secs());
        }
    }

    async fn beside<T>(&mut self, work: impl Future<Output = T>, words: &str) -> T {
        self.beside_with(work, || words.to_owned()).await
    }

    async fn beside_with<T>(&mut self, work: impl Future<Output = T>, words: impl Fn() -> String) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(EACH, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.tell(&words),
            }
        }
    }
}

/// `12.3 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 999.95 {
        let Some(larger) = units.next() else { break };
        unit = Some(larger);
        value /= 1000.0;
    }
    format!("{value:.1} {}", unit.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_the_unit_that_people_read() {
        let sizes = [999, 1_000, 12_345_678, 999_990_000_000].map(size);
        assert_eq!(sizes, ["999 bytes", "1.0 kB", "12.3 MB", "1.0 TB"]);
    }
}

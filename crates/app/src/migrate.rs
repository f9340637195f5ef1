//! Brings a store to where an application's migration files are.

use crate::project::{MigrationFile, Project};
use crate::report::{self, Source};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Applied, Migrated, Migration, RecordStore};
use std::collections::HashMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The name under which a seed is remembered.
pub const SEED: &str = "seed.sql";

/// Whether a remembered name is that of a migration file, and not of the house or a seed.
fn is_file(name: &str) -> bool {
    name != SEED && mainstay_identity::MIGRATIONS.iter().all(|(house, _)| *house != name)
}

/// Where a migration file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Applied {
        unix_micros: i64,
    },
    /// Applied before, and the file has changed since.
    Edited {
        difference: String,
    },
    Pending,
    /// Applied before, and the file is gone.
    Missing,
}

/// Every migration that there is a file or a record of, in order.
pub async fn states(project: &Project, store: &dyn RecordStore) -> Result<Vec<(String, State)>> {
    let files = project.migrations()?;
    let applied = store.applied().await?;
    Ok(compare(&files, &applied))
}

fn compare(files: &[MigrationFile], applied: &[Applied]) -> Vec<(String, State)> {
    let by_name: HashMap<&str, &Applied> = applied.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let mut states: Vec<(String, State)> = files
        .iter()
        .map(|file| {
            let state = match by_name.get(file.name.as_str()) {
                None => State::Pending,
                Some(entry) if entry.text == file.text => {
                    State::Applied { unix_micros: entry.applied_unix_micros }
                }
                Some(entry) => State::Edited { difference: first_difference(&entry.text, &file.text) },
            };
            (file.name.clone(), state)
        })
        .collect();
    for entry in applied {
        if is_file(&entry.name) && !files.iter().any(|file| file.name == entry.name) {
            states.push((entry.name.clone(), State::Missing));
        }
    }
    states.sort_by(|left, right| left.0.cmp(&right.0));
    states
}

/// The first line in which two texts differ, both ways.
fn first_difference(old: &str, new: &str) -> String {
    let mut line = 0;
    let (mut old_lines, mut new_lines) = (old.lines(), new.lines());
    loop {
        line += 1;
        match (old_lines.next(), new_lines.next()) {
            (None, None) => return "line ends or a last empty line differ".to_owned(),
            (left, right) if left == right => {}
            (left, right) => {
                let show = |side: Option<&str>| {
                    side.map_or("nothing".to_owned(), |text| format!("`{}`", text.trim()))
                };
                return format!("line {line} was {} and is {}", show(left), show(right));
            }
        }
    }
}

/// What applying came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub applied: Vec<String>,
    /// Refused statements, where the caller asked to keep going: file and problem.
    pub skipped: Vec<(String, Problem)>,
    pub statements: usize,
}

/// A migration that could not be applied; the ones before it are.
#[derive(Debug)]
pub struct Failed {
    pub problem: Problem,
    pub path: Option<String>,
    pub text: String,
}

impl Failed {
    fn plain(problem: Problem) -> Box<Failed> {
        Box::new(Failed { problem, path: None, text: String::new() })
    }

    /// Tells the user, with the place in the file.
    pub fn print(&self) {
        let source = self.path.as_deref().map(|path| Source { path, text: &self.text });
        report::print(&self.problem, source);
    }
}

/// Applies what is pending, in order. `tell` gets a line for each file.
pub async fn up(
    project: &Project,
    store: &dyn RecordStore,
    keep_going: bool,
    tell: &(dyn Fn(String) + Sync),
) -> std::result::Result<Outcome, Box<Failed>> {
    let files = project.migrations().map_err(Failed::plain)?;
    let applied = store.applied().await.map_err(Failed::plain)?;
    for (name, text) in mainstay_identity::MIGRATIONS {
        if applied.iter().any(|entry| entry.name == *name) {
            continue;
        }
        let text = (*text).to_owned();
        let migration =
            Migration { name: (*name).to_owned(), text: text.clone(), keep_going: false, record: true };
        let failed = |problem| Box::new(Failed { problem, path: Some("identity".to_owned()), text });
        store.migrate(migration).await.map_err(failed)?;
    }
    let states = compare(&files, &applied);
    let last_applied = applied.iter().map(|entry| entry.name.as_str()).filter(|name| is_file(name)).max();
    let mut outcome = Outcome::default();
    for file in &files {
        let path = file.path.display().to_string();
        let failed =
            |problem| Box::new(Failed { problem, path: Some(path.clone()), text: file.text.clone() });
        match states.iter().find(|(name, _)| *name == file.name).map(|(_, state)| state) {
            Some(State::Applied { .. }) => continue,
            Some(State::Edited { difference }) => {
                return Err(failed(
                    Problem::new("MS002", format!("migration `{}` was edited after it was applied", file.name))
                        .with_details(difference.clone())
                        .with_hint("undo the edit and write a new migration (`mainstay migrate new`); in development, `mainstay dev --reset` starts over"),
                ));
            }
            _ => {}
        }
        if last_applied.is_some_and(|last| file.name.as_str() < last) {
            tell(format!("note: {} is older than the last applied migration and is applied now", file.name));
        }
        let result = apply(store, file, keep_going, tell).await.map_err(failed)?;
        outcome.statements += result.statements;
        outcome.applied.push(file.name.clone());
        for (offset, words) in result.notices {
            let (line, _) = report::line_and_column(&file.text, offset);
            tell(format!("  note: {path}:{line}: {words}"));
        }
        outcome.skipped.extend(result.skipped.into_iter().map(|problem| (path.clone(), problem)));
    }
    Ok(outcome)
}

async fn apply(
    store: &dyn RecordStore,
    file: &MigrationFile,
    keep_going: bool,
    tell: &(dyn Fn(String) + Sync),
) -> Result<Migrated> {
    let start = Instant::now();
    let migration = Migration { name: file.name.clone(), text: file.text.clone(), keep_going, record: true };
    let result = with_progress(&format!("applying {}", file.name), store.migrate(migration)).await?;
    tell(format!(
        "applied {} ({} statements, {} ms)",
        file.name,
        result.statements,
        start.elapsed().as_millis()
    ));
    Ok(result)
}

/// Runs the seed once for a data directory.
pub async fn seed(
    project: &Project,
    store: &dyn RecordStore,
    tell: &(dyn Fn(String) + Sync),
) -> std::result::Result<bool, Box<Failed>> {
    let Some(text) = project.seed_text().map_err(Failed::plain)? else { return Ok(false) };
    let applied = store.applied().await.map_err(Failed::plain)?;
    if let Some(entry) = applied.iter().find(|entry| entry.name == SEED) {
        if entry.text != text {
            tell("note: seed.sql has changed since it ran; `mainstay dev --reset` starts over with the new one".to_owned());
        }
        return Ok(false);
    }
    let start = Instant::now();
    let migration = Migration { name: SEED.to_owned(), text: text.clone(), keep_going: false, record: true };
    let path = Some(project.seed.display().to_string());
    with_progress("seeding", store.migrate(migration))
        .await
        .map_err(|problem| Box::new(Failed { problem, path, text }))?;
    tell(format!("seeded from seed.sql ({} ms)", start.elapsed().as_millis()));
    Ok(true)
}

/// Says each second on standard error that something is still going on.
pub async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (done, finished) = mpsc::channel::<()>();
    let words = what.to_owned();
    let teller = std::thread::spawn(move || {
        let mut seconds = 0;
        while let Err(mpsc::RecvTimeoutError::Timeout) = finished.recv_timeout(Duration::from_secs(1)) {
            seconds += 1;
            eprintln!("{words} … {seconds} s");
        }
    });
    let result = work.await;
    drop(done);
    // The thread only prints; a panic in it is none of the work's.
    let _ = teller.join();
    result
}

/// Writes an empty migration with the time as its number; returns its path.
pub fn new_file(project: &Project, name: &str, unix_micros: i64) -> Result<std::path::PathBuf> {
    let slug: String = name
        .to_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .collect();
    if slug.trim_matches('_').is_empty() {
        return Err(Problem::new("MS023", "a migration needs a name of letters and digits")
            .with_hint("for example `mainstay migrate new add_reviews`"));
    }
    let path = project.migrations_dir.join(format!("{}_{slug}.sql", timestamp(unix_micros)));
    let failed =
        |error: std::io::Error| Problem::new("MS020", format!("cannot write `{}`: {error}", path.display()));
    std::fs::create_dir_all(&project.migrations_dir).map_err(failed)?;
    std::fs::write(&path, format!("-- {}\n", name.trim())).map_err(failed)?;
    Ok(path)
}

/// `20260131235959` (UTC), as Supabase names migrations.
pub fn timestamp(unix_micros: i64) -> String {
    let seconds = unix_micros.div_euclid(1_000_000);
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date: Howard Hinnant's algorithm "civil_from_days".
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_that_of_the_calendar() {
        assert_eq!(timestamp(0), "19700101000000");
        assert_eq!(timestamp(1_709_208_001_000_000), "20240229120001");
        assert_eq!(timestamp(1_767_225_599_000_000), "20251231235959");
    }

    #[test]
    fn an_edit_is_named() {
        assert_eq!(first_difference("a\nb", "a\nc"), "line 2 was `b` and is `c`");
        assert_eq!(first_difference("a", "a\nc"), "line 2 was nothing and is `c`");
        assert_eq!(first_difference("a", "a\n"), "line ends or a last empty line differ");
    }
}

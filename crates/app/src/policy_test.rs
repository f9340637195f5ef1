//! `mainstay policy test`: a project's own tests of its policies, run on a database of their own.
//!
//! A file `policies/*.toml` holds `[[test]]` entries: who asks, what, and what is expected. The migrations and the seed are
//! applied to a new database that goes away afterwards; each test is taken back.

use crate::build;
use crate::migrate;
use crate::project::{Project, read_text};
use crate::world;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, PlanKind, Read, RecordStore, Step, Write, WriteStep};
use mainstay_sql::{Caller, policy};
use mainstay_types::Session;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    test: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    who: Who,
    /// One statement.
    what: String,
    expect: Expectation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    role: String,
    /// Claims of the token: `sub`, `email`, ….
    #[serde(default)]
    claims: toml::Table,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Expectation {
    /// How many rows it returns, or changes.
    Rows(u64),
    /// The code of the error.
    Refused(String),
}

/// What the tests came to: the lines to print, and whether all passed.
pub struct Report {
    pub text: String,
    pub passed: bool,
}

/// Runs the tests of a project.
pub async fn run(path: &Path) -> Result<Report> {
    let mut project = Project::open(path)?;
    let files = test_files(&project.root.join("policies"))?;
    let folder = Scratch::new()?;
    project.data_dir.clone_from(&folder.0);
    let store = build::store(&project, world::machine())?;
    let outcome = run_on(&project, &*store, &files).await;
    store.close().await?;
    outcome
}

async fn run_on(project: &Project, store: &dyn RecordStore, files: &[(String, File)]) -> Result<Report> {
    let quiet = |_: String| {};
    migrate::up(project, store, false, &quiet).await.map_err(|failed| failed.problem)?;
    migrate::seed(project, store, &quiet).await.map_err(|failed| failed.problem)?;
    let (mut text, mut failures, mut tests) = (String::new(), 0, 0);
    for (name, file) in files {
        for test in &file.test {
            tests += 1;
            match differs(test, outcome(store, test).await) {
                None => text.push_str(&format!("ok    {name}: {}\n", test.name)),
                Some(what) => {
                    failures += 1;
                    text.push_str(&format!("FAIL  {name}: {}\n      {what}\n", test.name));
                }
            }
        }
    }
    let mut findings = policy::report(&store.catalog(), &project.settings.rest.schemas);
    // The house's own tables are nobody's to mend.
    findings.retain(|finding| finding.table.schema != "auth");
    for finding in &findings {
        text.push_str(&format!("look  {finding}\n      {}\n", finding.hint()));
    }
    text.push_str(&format!("\n{tests} tests: {failures} failed; {} to look at.\n", findings.len()));
    Ok(Report { text, passed: failures == 0 })
}

/// How many rows a test's statement returned or changed.
async fn outcome(store: &dyn RecordStore, test: &Test) -> Result<u64> {
    let role = &test.who.role;
    let mut claims = test.who.claims.clone();
    claims.entry("role").or_insert_with(|| toml::Value::String(role.clone()));
    let claims = serde_json::to_string(&claims)
        .map_err(|error| Problem::new("22023", format!("claims cannot be written as JSON: {error}")))?;
    let mut session = Session { role: role.clone(), ..Session::default() };
    session.settings.insert("request.jwt.claims".to_owned(), claims);
    let session = Arc::new(session);
    let plan = store.prepare_as(&test.what, &[], Caller { role: Some(role), search_path: &[] })?;
    let format = Format::Nothing;
    if plan.kind == PlanKind::Read {
        let steps = vec![Step { plan, values: Vec::new(), format }];
        let rows = store.read(Read { steps, session, timeout: TIMEOUT }).await?;
        return Ok(rows.first().map_or(0, |rows| rows.count));
    }
    let steps = vec![WriteStep { plan, value_sets: vec![Vec::new()], format, expect: None }];
    let written = store.write(Write { steps, session, timeout: TIMEOUT, rollback: true }).await?;
    Ok(written.results.first().map_or(0, |rows| rows.count))
}

fn differs(test: &Test, outcome: Result<u64>) -> Option<String> {
    match (&test.expect, outcome) {
        (Expectation::Rows(expected), Ok(rows)) if *expected == rows => None,
        (Expectation::Refused(code), Err(problem)) if problem.code() == code => None,
        (Expectation::Rows(expected), Ok(rows)) => {
            Some(format!("expected {expected} rows, there are {rows}"))
        }
        (Expectation::Rows(expected), Err(problem)) => Some(format!("expected {expected} rows: {problem}")),
        (Expectation::Refused(code), Ok(rows)) => {
            Some(format!("expected error {code}, there are {rows} rows"))
        }
        (Expectation::Refused(code), Err(problem)) => Some(format!("expected error {code}: {problem}")),
    }
}

fn test_files(folder: &Path) -> Result<Vec<(String, File)>> {
    let missing = |words: String| {
        Problem::new("MS022", words)
            .with_hint("a test file is `policies/NAME.toml` with `[[test]]` entries; see docs/policies.md")
    };
    let entries = std::fs::read_dir(folder)
        .map_err(|error| missing(format!("`{}` cannot be read: {error}", folder.display())))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(missing(format!("`{}` holds no test", folder.display())));
    }
    let read = |path: &PathBuf| {
        let text = read_text(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = toml::from_str(&text)
            .map_err(|error| Problem::new("MS021", format!("`{}`: {error}", path.display())))?;
        Ok((name, file))
    };
    paths.iter().map(read).collect()
}

/// A folder that goes away with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let mut random = [0_u8; 8];
        world::machine().fill_random(&mut random);
        let name = format!("mainstay-policy-test-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|error| {
            Problem::new("58030", format!("`{}` cannot be made: {error}", path.display()))
        })?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

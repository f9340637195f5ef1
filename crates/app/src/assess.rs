//! `mainstay migrate assess`: what of a folder of migrations the embedded engine would take, statement by statement.

use crate::project::{self, MigrationFile};
use crate::report;
use mainstay_base::{Problem, Result};
use mainstay_sql::Catalog;
use mainstay_sql::ddl::plan_migration;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// What was found.
#[derive(Debug, Default)]
pub struct Assessment {
    pub files: usize,
    pub statements: usize,
    pub refused: Vec<Refused>,
    /// Statements that are taken with a remark.
    pub notices: Vec<(String, usize, String)>,
}

#[derive(Debug)]
pub struct Refused {
    pub path: String,
    pub line: usize,
    pub column: usize,
    /// The statement's first words.
    pub statement: String,
    /// What another statement would have made, had it not been refused.
    pub follows_from: Option<String>,
    pub problem: Problem,
}

/// Schemas of Supabase's own services.
const SERVICES: [&str; 9] =
    ["auth", "storage", "realtime", "vault", "cron", "net", "graphql", "supabase_functions", "pgmq"];

/// Reads a migrations folder, an application or a Supabase project. Nothing is written anywhere.
pub fn assess(path: &Path) -> Result<Assessment> {
    let files = find(path)?;
    let mut assessment = Assessment { files: files.len(), ..Assessment::default() };
    let mut catalog = starting_catalog()?;
    let mut unmade = BTreeSet::new();
    for file in &files {
        let path = file.path.display().to_string();
        let planned = match plan_migration(&catalog, &file.text) {
            Ok(planned) => planned,
            Err(problem) => {
                assessment.statements += 1;
                assessment.refused.push(refused(&path, &file.text, 0..file.text.len(), problem));
                continue;
            }
        };
        assessment.statements += planned.statements.len();
        for statement in planned.statements {
            let (line, _) = report::line_and_column(&file.text, statement.start);
            assessment.notices.extend(statement.notices.into_iter().map(|words| (path.clone(), line, words)));
            if let Err(problem) = statement.outcome {
                let place = statement.start..statement.end;
                let mut refused = refused(&path, &file.text, place.clone(), problem);
                refused.follows_from = missing(&refused.problem).filter(|name| unmade.contains(name));
                unmade.extend(made_by(file.text.get(place).unwrap_or_default()));
                assessment.refused.push(refused);
            }
        }
        catalog = planned.catalog;
    }
    Ok(assessment)
}

/// What is there before an application's first migration.
pub fn starting_catalog() -> Result<Catalog> {
    let mut catalog = Catalog::fresh();
    for (_, text) in mainstay_identity::MIGRATIONS {
        let planned = plan_migration(&catalog, text)?;
        if let Some(problem) = planned.first_problem() {
            return Err(problem.clone());
        }
        catalog = planned.catalog;
    }
    Ok(catalog)
}

fn find(path: &Path) -> Result<Vec<MigrationFile>> {
    if path.is_file() {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok(vec![MigrationFile { name, path: path.to_owned(), text: project::read_text(path)? }]);
    }
    for folder in [path.join("migrations"), path.join("supabase/migrations"), path.to_owned()] {
        let files = project::migrations_in(&folder)?;
        if !files.is_empty() {
            return Ok(files);
        }
    }
    Err(Problem::new("MS022", format!("`{}` holds no migrations", path.display()))
        .with_hint("give a `.sql` file, a folder of `.sql` files, an application or a Supabase project"))
}

fn refused(path: &str, text: &str, place: Range<usize>, problem: Problem) -> Refused {
    let offset = problem.place().map_or(place.start, |place| place.offset);
    let (line, column) = report::line_and_column(text, offset);
    let words = text.get(place).unwrap_or_default().split_whitespace();
    let mut statement: String = words.take(9).collect::<Vec<_>>().join(" ");
    if let Some(end) = statement.char_indices().nth(64).map(|(at, _)| at) {
        statement.truncate(end);
        statement.push('…');
    }
    let problem = with_service(problem);
    Refused { path: path.to_owned(), line, column, statement, follows_from: None, problem }
}

/// The name that a problem says does not exist, without its schema.
fn missing(problem: &Problem) -> Option<String> {
    let name = qualified_missing(problem)?;
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

/// Of `relation "a.b" does not exist` and `function a.b(text) does not exist`: `a.b`.
fn qualified_missing(problem: &Problem) -> Option<&str> {
    let known = matches!(problem.code(), "42P01" | "42883" | "42704" | "3F000");
    let subject = problem.message().strip_suffix(" does not exist").filter(|_| known)?;
    let (_, name) = subject.split_once(' ')?;
    Some(name.split('(').next().unwrap_or(name).trim_matches('"'))
}

/// A missing name of a schema that Supabase's services bring gets words that say so.
fn with_service(problem: Problem) -> Problem {
    let schema = qualified_missing(&problem).and_then(|name| {
        let schema = name.split('.').next()?;
        SERVICES.contains(&schema).then(|| schema.to_owned())
    });
    match schema {
        Some(schema) => problem.with_hint(format!(
            "`{schema}` is the schema of a service of Supabase that is not here, or not all of it: leave the statement out"
        )),
        None => problem,
    }
}

/// The name of what a `CREATE` makes, without its schema.
fn made_by(statement: &str) -> Option<String> {
    let mut words = statement.split_whitespace().map(str::to_ascii_lowercase);
    if words.next()? != "create" {
        return None;
    }
    let passed = ["or", "replace", "unique", "materialized", "temporary", "temp", "unlogged", "recursive"];
    let kinds = ["table", "view", "type", "domain", "function", "sequence", "extension", "schema"];
    let kind = words.find(|word| !passed.contains(&word.as_str()))?;
    let name = words.find(|word| !["if", "not", "exists"].contains(&word.as_str()))?;
    let name = name.split('(').next().unwrap_or(&name).trim_matches([';', '"']).replace('"', "");
    let last = name.rsplit('.').next().unwrap_or(&name);
    kinds.contains(&kind.as_str()).then(|| last.to_owned())
}

/// Problems of one kind, and the names that differ between them.
#[derive(Default)]
struct Reason<'a> {
    count: usize,
    names: BTreeMap<&'a str, usize>,
}

/// Most frequent first: `the trigger "…" needs the PostgreSQL engine`, with its names.
fn reasons(refused: &[Refused]) -> Vec<(String, Reason<'_>)> {
    let mut found: BTreeMap<String, Reason<'_>> = BTreeMap::new();
    for refused in refused.iter().filter(|refused| refused.follows_from.is_none()) {
        let message = refused.problem.message();
        // Every other piece stands in quotes.
        let kind: Vec<&str> = message
            .split('"')
            .enumerate()
            .map(|(index, piece)| if index % 2 == 0 { piece } else { "…" })
            .collect();
        let reason = found.entry(kind.join("\"")).or_default();
        reason.count += 1;
        if let Some(name) = message.split('"').nth(1) {
            *reason.names.entry(name).or_default() += 1;
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.count));
    found
}

impl Reason<'_> {
    /// The names, most frequent first, and how many are left out.
    fn names(&self) -> String {
        const SHOWN: usize = 5;
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut shown: Vec<String> = names.iter().take(SHOWN).map(|(name, _)| (**name).to_owned()).collect();
        if names.len() > SHOWN {
            shown.push(format!("and {} more", names.len() - SHOWN));
        }
        if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
    }
}

impl Assessment {
    /// The report as a person reads it.
    pub fn render(&self, notices: bool) -> String {
        let mut out = String::new();
        for refused in &self.refused {
            let _ =
                writeln!(out, "{}:{}:{}: {}", refused.path, refused.line, refused.column, refused.statement);
            let _ = writeln!(out, "    {} [{}]", refused.problem.message(), refused.problem.code());
            if let Some(hint) = refused.problem.hint() {
                let _ = writeln!(out, "    hint: {hint}");
            }
        }
        if notices {
            for (path, line, words) in &self.notices {
                let _ = writeln!(out, "{path}:{line}: note: {words}");
            }
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let fit = self.statements - self.refused.len();
        let share = (fit * 100).checked_div(self.statements).unwrap_or(100);
        let _ = writeln!(
            out,
            "{fit} of {} statements in {} files fit the embedded engine ({share} %).",
            self.statements, self.files
        );
        if !self.refused.is_empty() {
            let _ = writeln!(out, "{} would be refused:", self.refused.len());
            let reasons = reasons(&self.refused);
            for (reason, found) in reasons.iter().take(12) {
                let _ = writeln!(out, "{:6} × {reason}{}", found.count, found.names());
            }
            if reasons.len() > 12 {
                let _ = writeln!(out, "       and {} more reasons above", reasons.len() - 12);
            }
            let following: Vec<&str> =
                self.refused.iter().filter_map(|refused| refused.follows_from.as_deref()).collect();
            if !following.is_empty() {
                let names: BTreeSet<&str> = following.iter().copied().collect();
                let names: Vec<&str> = names.into_iter().collect();
                let _ = writeln!(
                    out,
                    "{:6} × only because they need what one of these would have made: {}",
                    following.len(),
                    names.join(", ")
                );
            }
            let _ = writeln!(out, "`mainstay migrate up --keep-going` applies the rest.");
        }
        if !notices && !self.notices.is_empty() {
            let _ =
                writeln!(out, "{} statements are taken with a remark: see `--notices`.", self.notices.len());
        }
        out
    }
}

//! `mainstay migrate assess`: what of a folder of migrations the embedded engine would take, statement by statement.

use crate::project::{self, MigrationFile};
use crate::report;
use mainstay_base::{Problem, Result};
use mainstay_sql::Catalog;
use mainstay_sql::ddl::plan_migration;
use std::collections::BTreeMap;
use std::fmt::Write as _;
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
    pub problem: Problem,
}

/// Reads a migrations folder, an application or a Supabase project. Nothing is written anywhere.
pub fn assess(path: &Path) -> Result<Assessment> {
    let files = find(path)?;
    let mut assessment = Assessment { files: files.len(), ..Assessment::default() };
    let mut catalog = starting_catalog()?;
    for file in &files {
        let path = file.path.display().to_string();
        let planned = match plan_migration(&catalog, &file.text) {
            Ok(planned) => planned,
            Err(problem) => {
                assessment.statements += 1;
                assessment.refused.push(refused(&path, &file.text, 0, problem));
                continue;
            }
        };
        assessment.statements += planned.statements.len();
        for statement in planned.statements {
            let (line, _) = report::line_and_column(&file.text, statement.start);
            assessment.notices.extend(statement.notices.into_iter().map(|words| (path.clone(), line, words)));
            if let Err(problem) = statement.outcome {
                assessment.refused.push(refused(&path, &file.text, statement.start, problem));
            }
        }
        catalog = planned.catalog;
    }
    Ok(assessment)
}

/// What is there before an application's first migration.
pub fn starting_catalog() -> Result<Catalog> {
    let planned = plan_migration(&Catalog::fresh(), mainstay_identity::SCHEMA)?;
    match planned.first_problem() {
        Some(problem) => Err(problem.clone()),
        None => Ok(planned.catalog),
    }
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

fn refused(path: &str, text: &str, start: usize, problem: Problem) -> Refused {
    let offset = problem.place().map_or(start, |place| place.offset);
    let (line, column) = report::line_and_column(text, offset);
    let rest = text.get(start..).unwrap_or_default();
    let mut statement: String = rest.split_whitespace().take(9).collect::<Vec<_>>().join(" ");
    if let Some(end) = statement.char_indices().nth(64).map(|(at, _)| at) {
        statement.truncate(end);
        statement.push('…');
    }
    Refused { path: path.to_owned(), line, column, statement, problem }
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
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            for refused in &self.refused {
                *reasons.entry(refused.problem.message()).or_default() += 1;
            }
            let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            for (reason, count) in reasons.iter().take(12) {
                let _ = writeln!(out, "{count:6} × {reason}");
            }
            if reasons.len() > 12 {
                let _ = writeln!(out, "       and {} more reasons above", reasons.len() - 12);
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

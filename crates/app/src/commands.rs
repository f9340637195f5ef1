//! What each word on the command line does. Data goes to standard output, talk to standard error; the exit code is
//! 0 when all went well, 1 when something is wrong that the output explains, 2 for a wrong command line.

use crate::assess;
use crate::backup;
use crate::build;
use crate::doctor;
use crate::migrate::{self, State};
use crate::policy_test;
use crate::project::Project;
use crate::report::{self, Source};
use crate::run::{self, RunOptions};
use crate::{scaffold, secrets, typescript, world};
use mainstay_base::{Problem, Result};
use std::path::Path;
use std::process::ExitCode;

/// Prints a problem, with the settings file where the place is in it.
fn failed(path: &Path, problem: &Problem) -> ExitCode {
    let settings = path.join("mainstay.toml");
    let text = std::fs::read_to_string(&settings).unwrap_or_default();
    let shown = settings.display().to_string();
    let source = (problem.code() == "MS021").then_some(Source { path: &shown, text: &text });
    report::print(problem, source);
    ExitCode::FAILURE
}

fn finish(path: &Path, result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|problem| failed(path, &problem))
}

/// A runtime for commands that talk to a store; requests are served on threads of their own.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::internal(format!("cannot start a runtime: {error}")))?
        .block_on(work)
}

pub fn new(path: &Path) -> ExitCode {
    finish(
        path,
        scaffold::create(path, world::machine().unix_micros()).map(|()| {
            eprintln!("made `{}`; next: cd {} && mainstay dev", path.display(), path.display());
            ExitCode::SUCCESS
        }),
    )
}

pub fn dev(path: &Path, options: RunOptions) -> ExitCode {
    finish(path, Project::open(path).and_then(|project| block_on(run::dev(project, options))))
}

pub fn serve(path: &Path, options: RunOptions) -> ExitCode {
    finish(path, Project::open(path).and_then(|project| block_on(run::serve(project, options))))
}

pub fn migrate_new(path: &Path, name: &str) -> ExitCode {
    let made = Project::open(path)
        .and_then(|project| migrate::new_file(&project, name, world::machine().unix_micros()));
    finish(
        path,
        made.map(|file| {
            println!("{}", file.display());
            ExitCode::SUCCESS
        }),
    )
}

pub fn migrate_up(path: &Path, keep_going: bool) -> ExitCode {
    let work = |project: Project| async move {
        let store = build::store(&project, world::machine())?;
        let result = migrate::up(&project, &*store, keep_going, &|line| eprintln!("{line}")).await;
        store.close().await?;
        match result {
            Err(failed) => {
                failed.print();
                Ok(ExitCode::FAILURE)
            }
            Ok(outcome) => {
                for (path, problem) in &outcome.skipped {
                    let text = std::fs::read_to_string(path).unwrap_or_default();
                    report::print(problem, Some(Source { path, text: &text }));
                }
                let skipped = match outcome.skipped.len() {
                    0 => String::new(),
                    count => format!(", {count} statements skipped"),
                };
                println!("{} migrations applied{skipped}", outcome.applied.len());
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    finish(path, Project::open(path).and_then(|project| block_on(work(project))))
}

pub fn migrate_status(path: &Path) -> ExitCode {
    let work = |project: Project| async move {
        if !project.data_dir.exists() {
            for file in project.migrations()? {
                println!("pending   {}", file.name);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let store = build::store(&project, world::machine())?;
        let states = migrate::states(&project, &*store).await;
        store.close().await?;
        let mut code = ExitCode::SUCCESS;
        for (name, state) in states? {
            match state {
                State::Applied { unix_micros } => {
                    println!("applied   {name}  {}", migrate::timestamp(unix_micros))
                }
                State::Pending => println!("pending   {name}"),
                State::Missing => println!("missing   {name}  (applied before; the file is gone)"),
                State::Edited { difference } => {
                    println!("edited    {name}  ({difference})");
                    code = ExitCode::FAILURE;
                }
            }
        }
        Ok(code)
    };
    finish(path, Project::open(path).and_then(|project| block_on(work(project))))
}

pub fn migrate_assess(path: &Path, notices: bool) -> ExitCode {
    finish(
        path,
        assess::assess(path).map(|assessment| {
            print!("{}", assessment.render(notices));
            if assessment.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }),
    )
}

/// Prints the `Database` type, or writes it where `out` says. `schemas` empty means those that REST serves.
pub fn types_typescript(path: &Path, schemas: &[String], out: Option<&Path>, keep_going: bool) -> ExitCode {
    let work = || {
        let project = Project::open(path)?;
        let catalog = match typescript::catalog(&project, keep_going) {
            Ok(catalog) => catalog,
            Err(failed) => {
                failed.print();
                return Ok(ExitCode::FAILURE);
            }
        };
        let schemas = if schemas.is_empty() { &project.settings.rest.schemas } else { schemas };
        let text = typescript::render(&catalog, schemas)?;
        match out {
            None => print!("{text}"),
            Some(file) => std::fs::write(file, text).map_err(|error| {
                Problem::new("MS020", format!("cannot write `{}`: {error}", file.display()))
            })?,
        }
        Ok(ExitCode::SUCCESS)
    };
    finish(path, work())
}

pub fn backup(path: &Path, to: &Path, url: Option<&str>) -> ExitCode {
    finish(path, Project::open(path).and_then(|project| block_on(backup::backup(project, to, url))))
}

pub fn keys(path: &Path) -> ExitCode {
    let work = || {
        let project = Project::open(path)?;
        build::make_data_dir(&project)?;
        let keys = secrets::keys(&secrets::secret(&project, &world::machine())?)?;
        println!("anon          {}\nservice_role  {}", keys.anon, keys.service_role);
        Ok(ExitCode::SUCCESS)
    };
    finish(path, work())
}

pub fn doctor(path: &Path) -> ExitCode {
    let (text, well) = doctor::render(&doctor::examine(path));
    print!("{text}");
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub fn policy_test(path: &Path) -> ExitCode {
    let result = block_on(policy_test::run(path)).map(|report| {
        print!("{}", report.text);
        if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    });
    finish(path, result)
}

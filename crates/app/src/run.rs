//! Serving: `dev` follows the folder, `serve` does not. Both stop in the same order: refuse, finish, close.

use crate::build::{self, App};
use crate::migrate::{self, Failed};
use crate::project::Project;
use crate::world;
use mainstay_base::{Problem, Result};
use notify::Watcher as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Overrides `[server] listen`.
    pub listen: Option<String>,
    /// Throws the data away first.
    pub reset: bool,
    pub no_migrate: bool,
}

/// Applies migrations, seeds a fresh data directory, serves, and applies what is saved while it runs.
pub async fn dev(project: Project, options: RunOptions) -> Result<ExitCode> {
    if options.reset {
        reset(&project.data_dir)?;
    }
    let listeners = bind(&project, &options)?;
    let app = build::build(&project, world::machine(), listeners, true)?;
    // The address first, whatever the folder holds: it is what a person looks for.
    println!("{}", app.url());
    // Watched before it is read: what is saved meanwhile is seen too.
    let (told, mut changes) = mpsc::unbounded_channel();
    let mut watcher = watch(&project, told)?;
    let mut there = project.migrations_dir.is_dir();
    let mut waiting = match bring_up(&project, &app, true).await {
        Ok(()) => None,
        Err(failed) => {
            failed.print();
            eprintln!("serving what was applied so far; save a corrected file to go on");
            Some(failed)
        }
    };
    if let Err(problem) = build::check_pre_request(&project, &app.store().catalog()) {
        eprintln!("{problem}; requests are refused until it is there");
    }
    println!("{}", banner(&project, &app));
    let mut stop = Stop::new()?;
    loop {
        tokio::select! {
            () = stop.wait() => break,
            changed = changes.recv() => {
                if changed.is_none() {
                    break;
                }
                settle(&mut changes).await;
                there = watch_anew(&mut watcher, &project.migrations_dir, there);
                waiting = follow(&project, &app, waiting).await;
            }
        }
    }
    shut_down(app, &project).await
}

/// Applies migrations and serves until SIGTERM or SIGINT, then drains.
pub async fn serve(project: Project, options: RunOptions) -> Result<ExitCode> {
    let listeners = bind(&project, &options)?;
    let app = build::build(&project, world::machine(), listeners, false)?;
    if !options.no_migrate
        && let Err(failed) = bring_up(&project, &app, false).await
    {
        failed.print();
        app.close(Duration::ZERO).await?;
        return Ok(ExitCode::FAILURE);
    }
    if let Err(problem) = build::check_pre_request(&project, &app.store().catalog()) {
        app.close(Duration::ZERO).await?;
        return Err(problem);
    }
    println!("{}", app.url());
    eprintln!("serving `{}` from {}", project.name(), project.data_dir.display());
    let mut stop = Stop::new()?;
    stop.wait().await;
    shut_down(app, &project).await
}

async fn shut_down(app: App, project: &Project) -> Result<ExitCode> {
    eprintln!("draining: requests under way finish, new ones are refused");
    app.close(Duration::from_secs(project.settings.server.drain_seconds)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn bring_up(project: &Project, app: &App, with_seed: bool) -> std::result::Result<(), Box<Failed>> {
    let tell = |line: String| eprintln!("{line}");
    let migrated = migrate::up(project, app.store(), false, &tell).await;
    // Identity's own tables come first: they are there whatever became of the application's.
    app.tick().await;
    migrated?;
    if with_seed {
        migrate::seed(project, app.store(), &tell).await?;
    }
    Ok(())
}

/// One look at the folder after a change. The server goes on with the last good state whatever is found.
async fn follow(project: &Project, app: &App, waiting: Option<Box<Failed>>) -> Option<Box<Failed>> {
    match bring_up(project, app, true).await {
        Ok(()) => {
            if waiting.is_some() {
                eprintln!("all migrations are applied again");
            }
            None
        }
        // The same mistake is told once, not at every save of another file.
        Err(failed)
            if waiting
                .as_ref()
                .is_some_and(|last| last.problem == failed.problem && last.text == failed.text) =>
        {
            Some(failed)
        }
        Err(failed) => {
            failed.print();
            eprintln!("the last good state keeps serving");
            Some(failed)
        }
    }
}

fn bind(project: &Project, options: &RunOptions) -> Result<Vec<TcpListener>> {
    let address = options.listen.as_ref().unwrap_or(&project.settings.server.listen);
    build::listeners(address, project.settings.server.threads).map_err(|error| {
        let problem = Problem::new("MS030", format!("cannot listen on {address}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => problem.with_hint(
                "another program uses this port (perhaps another `mainstay dev` or the Supabase CLI): stop it, or pass `--listen 127.0.0.1:0` for any free port",
            ),
            std::io::ErrorKind::PermissionDenied => {
                problem.with_hint("ports below 1024 need rights: use a higher port behind a proxy, or grant CAP_NET_BIND_SERVICE")
            }
            _ => problem.with_hint("`--listen` and `[server] listen` take an address of this machine with a port"),
        }
    })
}

fn reset(data_dir: &Path) -> Result<()> {
    // Only a folder that Mainstay made is removed, whatever `data_dir` says.
    if !data_dir.exists() {
        return Ok(());
    }
    if !data_dir.join("main.db").exists() {
        return Err(Problem::new(
            "MS025",
            format!("`{}` holds no Mainstay data, so it is not removed", data_dir.display()),
        )
        .with_hint("check `[store] data_dir`"));
    }
    let secret = std::fs::read(data_dir.join("jwt_secret")).ok();
    build::lock_free(data_dir)?;
    std::fs::remove_dir_all(data_dir)
        .and_then(|()| std::fs::create_dir_all(data_dir))
        // The keys stay, so that clients which hold them go on working.
        .and_then(|()| secret.map_or(Ok(()), |bytes| std::fs::write(data_dir.join("jwt_secret"), bytes)))
        .map_err(|error| Problem::new("MS020", format!("cannot empty `{}`: {error}", data_dir.display())))
}

/// What is served and the keys to it, once the folder is applied.
fn banner(project: &Project, app: &App) -> String {
    let (url, keys) = (app.url(), app.keys());
    let (tables, views, functions) = app.counts();
    format!(
        "\n  {}: {tables} tables, {views} views, {functions} functions\n\n  REST         {url}/rest/v1\n  Auth         {url}/auth/v1\n  inbox        {url}/auth/v1/inbox\n  reference    {url}/reference\n  anon         {}\n  service_role {}\n  data         {}\n",
        project.name(),
        keys.anon,
        keys.service_role,
        project.data_dir.display()
    )
}

/// Watches the migrations and the seed. The folder may vanish and come back: its parent is watched too.
fn watch(project: &Project, told: mpsc::UnboundedSender<()>) -> Result<notify::RecommendedWatcher> {
    let failed = |error: notify::Error| {
        Problem::new("MS031", format!("cannot watch `{}`: {error}", project.root.display())).with_hint(
            "raise the limit of file watches (fs.inotify.max_user_watches), or use `mainstay serve`",
        )
    };
    let (data_dir, migrations_dir) = (project.data_dir.clone(), project.migrations_dir.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let relevant = event.is_ok_and(|event| {
            !event.kind.is_access()
                && event.paths.iter().any(|path| {
                    !path.starts_with(&data_dir)
                        && (*path == migrations_dir
                            || path.extension().is_some_and(|extension| extension == "sql")
                            || path.is_dir())
                })
        });
        if relevant {
            // A closed channel means that the server stops: nobody needs to hear.
            let _ = told.send(());
        }
    })
    .map_err(failed)?;
    let base = project.migrations_dir.parent().unwrap_or(&project.root);
    watcher.watch(base, notify::RecursiveMode::NonRecursive).map_err(failed)?;
    if project.migrations_dir.is_dir() {
        watcher.watch(&project.migrations_dir, notify::RecursiveMode::NonRecursive).map_err(failed)?;
    }
    Ok(watcher)
}

/// A folder that came back is another one to the system: it is watched anew, before it is read. Says whether it is there.
fn watch_anew(watcher: &mut notify::RecommendedWatcher, migrations: &Path, was_there: bool) -> bool {
    let there = migrations.is_dir();
    if there {
        // Nothing is watched by this name where the folder was removed.
        let _ = watcher.unwatch(migrations);
        if let Err(error) = watcher.watch(migrations, notify::RecursiveMode::NonRecursive) {
            eprintln!("cannot watch `{}`: {error}; restart to follow it again", migrations.display());
        }
    } else if was_there {
        eprintln!("`{}` has vanished; the last good state keeps serving", migrations.display());
    }
    there
}

/// Editors write a file in several steps: waits until nothing has happened for a moment.
async fn settle(changes: &mut mpsc::UnboundedReceiver<()>) {
    while let Ok(Some(())) = tokio::time::timeout(Duration::from_millis(60), changes.recv()).await {}
}

pub(crate) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    pub fn new() -> Result<Stop> {
        let failed = |error: std::io::Error| Problem::internal(format!("cannot listen for signals: {error}"));
        Ok(Stop {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

//! Row policies and sign-in against a peer with the equivalent rules: `cargo xtask bench policies`.
//!
//! Rooms have members and messages; a message is written by its author where they are a member of its room. Notes, a
//! million of them, are their owner's. Users are signed in by password before anything is measured.

mod mainstay;
mod pocketbase;

use super::server::{Measured, Server};
use super::{CONNECTIONS, remove, timed, wrk};
use crate::process::{Result, root};
use std::fmt::Write as _;
use std::path::Path;

/// Users who sign in; each is a member of every room.
pub const USERS: usize = 32;
pub const ROOMS: usize = 50;
pub const NOTES: u64 = 1_000_000;
/// Owners of notes, the users among them.
pub const OWNERS: u64 = 1_000;
pub const PASSWORD: &str = "correct horse battery";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    ReadOwn,
    InsertAsMember,
    ListOwn,
    /// The same rows, by a filter instead of a policy, as somebody whom policies do not bind.
    ListUnbound,
    Refresh,
    SignIn,
}

impl Workload {
    const ALL: [Workload; 6] = [
        Workload::ReadOwn,
        Workload::InsertAsMember,
        Workload::ListOwn,
        Workload::ListUnbound,
        Workload::Refresh,
        Workload::SignIn,
    ];

    /// A password takes milliseconds of a core by intent: more at a time only wait, or are refused.
    fn connections(self) -> u32 {
        if self == Workload::SignIn { 8 } else { CONNECTIONS }
    }

    fn name(self) -> &'static str {
        match self {
            Workload::ReadOwn => "read a note by key, its owner's only",
            Workload::InsertAsMember => "insert a message, members of its room only",
            Workload::ListOwn => "list 20 of a million notes, the owner's only",
            Workload::ListUnbound => "the same list by a filter, no policy",
            Workload::Refresh => "refresh a session",
            Workload::SignIn => "sign in by password",
        }
    }
}

/// A system with users.
trait Subject {
    fn name(&self) -> &'static str;
    /// Starts it on an empty data directory, with all rows and users.
    fn start(&mut self, scratch: &Path) -> Result<Server>;
    /// A wrk script; signs users in where it needs their tokens. `None` where the system has no such thing.
    fn script(&self, server: &Server, workload: Workload) -> Result<Option<String>>;
}

pub fn policies(arguments: &[&str]) -> Result<()> {
    let value = |name: &str| arguments.iter().find_map(|word| word.strip_prefix(name));
    let known = ["--seconds=", "--systems=", "--binary="];
    if let Some(unknown) = arguments.iter().find(|word| !known.iter().any(|name| word.starts_with(name))) {
        return Err(format!("bench policies knows no {unknown}"));
    }
    let seconds = value("--seconds=").unwrap_or("4").parse().map_err(|_| "--seconds= takes a number")?;
    wrk::require()?;
    let scratch = root().join("target/bench");
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let mut measured = Vec::new();
    for system in value("--systems=").unwrap_or("mainstay,pocketbase").split(',') {
        let mut subject: Box<dyn Subject> = match system {
            "mainstay" => Box::new(mainstay::Mainstay::new(value("--binary="))?),
            "pocketbase" => Box::new(pocketbase::PocketBase::install(&scratch)?),
            other => return Err(format!("there is no system {other}; there are mainstay, pocketbase")),
        };
        measured.push((subject.name(), measure(subject.as_mut(), &scratch, seconds)?));
    }
    print!("{}", table(&measured, seconds));
    Ok(())
}

type Results = Vec<(Workload, Measured)>;

fn measure(subject: &mut dyn Subject, scratch: &Path, seconds: u64) -> Result<Results> {
    eprintln!("{}: starting and filling", subject.name());
    let folder = scratch.join(format!("run-{}", std::process::id()));
    let server = subject.start(&folder)?;
    let mut results = Vec::new();
    for workload in Workload::ALL {
        let Some(first) = subject.script(&server, workload)? else { continue };
        wrk::run(&server.url, &first, &folder, workload.connections(), 1)?;
        // A session that was refreshed while warming up has another token by now.
        let Some(script) = subject.script(&server, workload)? else { continue };
        let measured = timed(&server, &script, &folder, workload.connections(), seconds)?;
        eprintln!("{}: {}: {:.0}/s", subject.name(), workload.name(), measured.load.per_second);
        results.push((workload, measured));
    }
    drop(server);
    remove(&folder)?;
    Ok(results)
}

fn table(systems: &[(&'static str, Results)], seconds: u64) -> String {
    let mut out = format!(
        "{CONNECTIONS} connections (8 for signing in), {seconds} s each, {USERS} users' tokens in turn\n\n\
         | workload | system | requests/s | p50 ms | p99 ms | server CPU µs/request | failed | the first does |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for workload in Workload::ALL {
        let of = |results: &Results| {
            results.iter().find(|(name, _)| *name == workload).map(|(_, measured)| measured.load.per_second)
        };
        let first = systems.first().and_then(|(_, results)| of(results));
        for (system, results) in systems {
            let Some((_, Measured { load, cpu_micros })) = results.iter().find(|(name, _)| *name == workload)
            else {
                continue;
            };
            let ratio =
                first.map_or_else(String::new, |first| format!("{:.1} ×", first / load.per_second.max(1e-9)));
            let _ = writeln!(
                out,
                "| {} | {system} | {:.0} | {:.2} | {:.2} | {cpu_micros:.1} | {} | {ratio} |",
                workload.name(),
                load.per_second,
                load.p50_ms,
                load.p99_ms,
                load.failed,
            );
        }
    }
    out
}

/// A table of Lua's.
fn lua_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("{{{}}}", quoted.join(", "))
}

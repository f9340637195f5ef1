//! All tests, with everything that they need installed first or named exactly.

use crate::process::{self, Result, root};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What tests look for, and the Debian package that brings it.
const NEEDED: &[(&str, &str)] = &[
    ("node", "nodejs"),
    ("npm", "npm"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("python3", "python3"),
    ("psql", "postgresql-client"),
    ("cc", "build-essential"),
];

pub fn run(arguments: &[&str]) -> Result<()> {
    install_debian()?;
    let clients = root().join("target/clients");
    install_node(&clients)?;
    install_python(&clients)?;
    let mut command = process::cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .env("MAINSTAY_TEST_CLIENTS", &clients);
    run_and_sum(&mut command)
}

/// Passes on what the runner says and closes with the sum over all crates.
fn run_and_sum(command: &mut Command) -> Result<()> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot run cargo: {error}"))?;
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines())
        .map_while(|line| line.ok())
    {
        println!("{line}");
        if let Some(counts) = line.strip_prefix("test result:") {
            let mut words = counts.split_whitespace().collect::<Vec<_>>().into_iter().rev();
            while let Some(word) = words.next() {
                let mut count = || words.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
                match word.trim_end_matches(';') {
                    "passed" => passed += count(),
                    "failed" => failed += count(),
                    _ => {}
                }
            }
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    println!("{passed} passed, {failed} failed");
    if status.success() { Ok(()) } else { Err(format!("the tests failed: {status}")) }
}

fn postgres_binaries() -> Option<PathBuf> {
    (14..=18)
        .rev()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
        .find(|path| path.join("initdb").exists())
}

fn install_debian() -> Result<()> {
    let mut missing: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| !process::has(program)).map(|(_, package)| *package).collect();
    if !Path::new("/usr/lib/postgresql/15/bin/initdb").exists() && postgres_binaries().is_none() {
        missing.push("postgresql-15");
    }
    if process::has("python3") && !has_venv() {
        missing.push("python3-venv");
    }
    process::install(&missing)
}

fn has_venv() -> bool {
    process::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

fn install_node(clients: &Path) -> Result<()> {
    let folder = clients.join("node");
    let wanted = root().join("tests/clients/package.json");
    if !stale(&wanted, &folder.join("node_modules/.installed")) {
        return Ok(());
    }
    println!("installing npm clients");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    std::fs::copy(&wanted, folder.join("package.json")).map_err(|error| error.to_string())?;
    process::run(Command::new("npm").current_dir(&folder).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--ignore-scripts",
    ]))?;
    std::fs::write(folder.join("node_modules/.installed"), "").map_err(|error| error.to_string())
}

fn install_python(clients: &Path) -> Result<()> {
    let folder = clients.join("python");
    let wanted = root().join("tests/clients/requirements.txt");
    if !stale(&wanted, &folder.join(".installed")) {
        return Ok(());
    }
    println!("installing Python clients");
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    process::run(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&wanted),
    )?;
    std::fs::write(folder.join(".installed"), "").map_err(|error| error.to_string())
}

/// Whether the mark of an installation is older than what was asked for.
fn stale(wanted: &Path, mark: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    match (time(wanted), time(mark)) {
        (Some(wanted), Some(mark)) => mark < wanted,
        _ => true,
    }
}

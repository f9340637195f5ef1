//! What a machine does to a server: a disk that is full, a directory that nobody may write, a folder that vanishes.

mod support;

use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{App, Server, binary};

const TABLE: &str = "create table t (id int primary key, note text);";

/// A command that runs the binary in a mount namespace of its own, with a file system of some megabytes as the data
/// directory. What is mounted there goes with the last process that has it open.
///
/// `None` where this user may not mount: told on the terminal, and a failure where tests are not run by a person.
fn on_small_disk(app: &App, megabytes: u32, first: &str, words: &[&str]) -> Option<Command> {
    let unshare = |rights: &[&str], script: &str| {
        let mut command = Command::new("unshare");
        command.arg("--mount").args(rights).args(["sh", "-ec", script, "sh"]);
        command
    };
    let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$1\"");
    let data = app.path().join(".mainstay");
    std::fs::create_dir_all(&data).expect("makes the mount point");
    let may = |rights: &&[&str]| {
        let tried = unshare(rights, &mount).arg(&data).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    // As root, or in a user namespace where users may make one.
    let Some(rights) = [&[][..], &["--map-root-user"]].into_iter().find(may) else {
        let words = "NOT TESTED: a full disk. This user may not mount a file system: run the tests as root";
        // Past the test runner, which shows the output of failed tests alone.
        let _ = writeln!(std::io::stderr(), "\n{words}\n");
        assert!(std::env::var_os("CI").is_none(), "{words}");
        return None;
    };
    let mut command = unshare(rights, &format!("{mount}\n{first}\nshift; exec \"$@\""));
    command.arg(&data).arg(binary().get_program()).args(words).env("NO_COLOR", "1");
    Some(command)
}

/// Writes until nothing more fits.
fn fill(path: &Path) -> u64 {
    let mut file = std::fs::File::create(path).expect("a new file");
    let mut written = 0;
    for size in [64 * 1024, 4096, 1] {
        while let Ok(count) = file.write(&vec![0; size]) {
            written += count as u64;
        }
    }
    written
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_recovers_by_itself() {
    let app = App::with(TABLE);
    let folder = app.path().to_str().expect("a path in UTF-8").to_owned();
    let words = ["dev", &folder, "--listen", "127.0.0.1:0"];
    let Some(mut command) = on_small_disk(&app, 8, "", &words) else { return };
    let mut server = Server::start(&mut command);
    let row = |id: i64| json!({"id": id, "note": "x".repeat(2000)});
    assert_eq!(server.post("/rest/v1/t", &row(0)).status, 201);
    // Its files as the server sees them; the open directory keeps them when it has gone.
    let data = PathBuf::from(format!("/proc/{}/root{folder}/.mainstay", server.id()));
    let kept = std::fs::File::open(&data).expect("the namespace's directory");
    let ballast = data.join("ballast");
    assert!(fill(&ballast) > 1024 * 1024, "the disk was full before");
    let mut acknowledged = 1;
    let refused = loop {
        let answer = server.post("/rest/v1/t", &row(acknowledged));
        if answer.status != 201 {
            break answer;
        }
        acknowledged += 1;
    };
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert_eq!(refused.json()["code"], json!("53100"), "{}", refused.text());
    assert!(
        refused.json()["hint"].as_str().is_some_and(|hint| hint.contains("free disk space")),
        "{}",
        refused.text()
    );
    assert_eq!(refused.header("retry-after"), Some("5"));
    for _ in 0..20 {
        assert_eq!(server.post("/rest/v1/t", &row(acknowledged)).status, 507);
        assert_eq!(server.get("/rest/v1/t?select=id&id=eq.0").json(), json!([{"id": 0}]), "reads go on");
    }
    std::fs::remove_file(&ballast).expect("makes room");
    for _ in 0..50 {
        let answer = server.post("/rest/v1/t", &row(acknowledged));
        assert_eq!(answer.status, 201, "{}", answer.text());
        acknowledged += 1;
    }
    // Full again, and killed: what was acknowledged is there when it starts on another disk.
    fill(&ballast);
    while server.post("/rest/v1/t", &row(acknowledged)).status == 201 {
        acknowledged += 1;
    }
    server.kill();
    let other = App::with(TABLE);
    let left = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&kept)));
    std::fs::create_dir(other.path().join(".mainstay")).expect("a directory");
    for name in ["main.db", "main.db-wal", "jwt_secret"] {
        std::fs::copy(left.join(name), other.path().join(".mainstay").join(name)).expect("copies");
    }
    let server = other.dev();
    let counted = server.send("GET", "/rest/v1/t?select=id&limit=1", &[("prefer", "count=exact")], None);
    assert_eq!(counted.header("content-range"), Some(format!("0-0/{acknowledged}").as_str()));
    assert_eq!(server.post("/rest/v1/t", &row(acknowledged)).status, 201);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_named() {
    let app = App::with(TABLE);
    let folder = app.path().to_str().expect("a path in UTF-8").to_owned();
    let fill = "head -c 2m /dev/zero > \"$1/ballast\" 2>/dev/null || true";
    let Some(mut command) = on_small_disk(&app, 1, fill, &["serve", &folder, "--listen", "127.0.0.1:0"])
    else {
        return;
    };
    let (code, _, errors) = support::run(&mut command);
    assert_eq!(code, 1, "{errors}");
    assert!(
        errors.to_lowercase().contains("no space left") && errors.contains("free disk space"),
        "{errors}"
    );
    assert!(!errors.contains("panicked"), "{errors}");
}

/// The binary with the rights that any user has: root without its power over other people's files.
fn as_any_user() -> Command {
    let mut command = Command::new("setpriv");
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if root {
        let power = "-dac_override,-dac_read_search";
        command.args(["--bounding-set", power, "--inh-caps", power]);
    }
    command.arg(binary().get_program()).env("NO_COLOR", "1");
    command
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("sets rights");
}

#[test]
fn a_data_directory_that_may_not_be_written_is_named() {
    let app = App::with(TABLE);
    assert_eq!(app.dev().terminate().code(), Some(0));
    let data = app.path().join(".mainstay");
    let before = std::fs::read(data.join("main.db")).expect("a database");
    // The directory itself, and then each of its files.
    for (path, mode, back) in [
        (data.clone(), 0o555, 0o755),
        (data.join("main.db"), 0o444, 0o644),
        (data.join("main.db"), 0o000, 0o644),
        (data.join("lock"), 0o444, 0o644),
        (data.join("jwt_secret"), 0o000, 0o600),
    ] {
        set_mode(&path, mode);
        let mut command = as_any_user();
        let (code, _, errors) =
            support::run(command.args(["serve", "--listen", "127.0.0.1:0"]).arg(app.path()));
        set_mode(&path, back);
        assert_eq!(code, 1, "{} with {mode:o}: {errors}", path.display());
        assert!(
            errors.contains("check owner and permissions") || errors.contains("may read and write"),
            "{errors}"
        );
        assert!(errors.contains(".mainstay") && !errors.contains("panicked"), "{errors}");
    }
    assert_eq!(std::fs::read(data.join("main.db")).expect("reads"), before, "the file is as it was");
    assert_eq!(app.dev().get("/rest/v1/t").status, 200);
}

#[test]
fn a_migrations_folder_may_vanish_and_come_back_while_it_is_followed() {
    let app = App::with(TABLE);
    let mut server = app.dev();
    let (migrations, away) = (app.path().join("migrations"), app.path().join("away"));
    std::fs::rename(&migrations, &away).expect("moves it away");
    server.wait_for("has vanished");
    assert_eq!(server.get("/rest/v1/t").status, 200, "the last good state keeps serving");
    std::fs::rename(&away, &migrations).expect("moves it back");
    app.write("migrations/2_more.sql", "create table more (id int primary key);");
    server.wait_for("applied 2_more");
    assert_eq!(server.get("/rest/v1/more").json(), json!([]));
    // Deleted for good, and made anew with what was there: as `git checkout` does.
    std::fs::remove_dir_all(&migrations).expect("removes it");
    server.wait_for("has vanished");
    app.write("migrations/1_init.sql", TABLE);
    app.write("migrations/2_more.sql", "create table more (id int primary key);");
    app.write("migrations/3_last.sql", "create table last (id int primary key);");
    server.wait_for("applied 3_last");
    assert_eq!(server.get("/rest/v1/last").json(), json!([]));
}

#[test]
fn a_database_that_is_damaged_in_the_middle_is_refused_and_left_alone() {
    let app = App::with(&format!(
        "{TABLE} insert into t select n, repeat('x', 500) from generate_series(1, 500) n;"
    ));
    assert_eq!(app.run(&["migrate", "up"]).0, 0);
    let data = app.path().join(".mainstay");
    let mut bytes = std::fs::read(data.join("main.db")).expect("a database");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8192].fill(0x5a);
    std::fs::write(data.join("main.db"), &bytes).expect("writes");
    // As after a crash: then the file is looked at before it is served.
    std::fs::write(data.join("lock"), "1").expect("writes");
    let (code, _, errors) = app.run(&["serve", ".", "--listen", "127.0.0.1:0"]);
    assert!(code == 1 && errors.contains("damaged") && errors.contains("backup"), "{errors}");
    assert_eq!(
        std::fs::read(data.join("main.db")).expect("reads"),
        bytes,
        "it is left for whoever rescues it"
    );
}

#[test]
fn a_log_that_is_cut_or_damaged_loses_its_end_alone() {
    let app = App::with(TABLE);
    let mut server = app.dev();
    for id in 0..20 {
        assert_eq!(server.post("/rest/v1/t", &json!({"id": id})).status, 201);
    }
    server.kill();
    let log = app.path().join(".mainstay/main.db-wal");
    let whole = std::fs::read(&log).expect("a log");
    for cut in [whole.len() - 1, whole.len() - 5000] {
        std::fs::write(&log, &whole[..cut]).expect("writes");
        let mut server = app.dev();
        let rows = server.get("/rest/v1/t?select=id&order=id").json();
        let count = rows.as_array().map(Vec::len).expect("rows");
        assert!((15..20).contains(&count), "{rows}");
        server.kill();
    }
}

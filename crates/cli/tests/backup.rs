//! Backups from outside: while writes go on, of a directory on which nothing runs, for clients that go away, and the
//! way back.

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use support::{App, Server};

const TABLE: &str = "
create type mood as enum ('sad', 'ok');
create table t (
  id bigint generated always as identity primary key,
  note text not null check (length(trim(note)) > 0),
  mood mood not null default 'ok',
  price numeric(20, 2) generated always as (length(note) * 1.5) stored
);
create index on t (mood, price);
create publication everything for table t;";

/// An application that is restored from a copy, with the secret of the first.
fn restored(app: &App, copy: &Path) -> (App, Server) {
    let fresh = App::with(TABLE);
    let data = fresh.path().join(".mainstay");
    std::fs::create_dir(&data).expect("an empty data directory");
    std::fs::copy(copy, data.join("main.db")).expect("copies");
    std::fs::copy(app.path().join(".mainstay/jwt_secret"), data.join("jwt_secret")).expect("copies");
    let server = fresh.serve();
    (fresh, server)
}

fn rows(count: usize, length: usize) -> Value {
    (0..count).map(|_| json!({"note": "x".repeat(length)})).collect()
}

fn count(server: &Server) -> u64 {
    let headers = [("prefer", "count=exact"), ("range", "0-0")];
    let answer = server.send("GET", "/rest/v1/t?select=id", &headers, None);
    let range = answer.header("content-range").unwrap_or_default().to_owned();
    range.rsplit('/').next().and_then(|total| total.parse().ok()).expect("a total")
}

fn position(server: &Server) -> u64 {
    server.get("/health").json()["position"].as_u64().expect("a position")
}

fn scratch(app: &App) -> Vec<String> {
    let entries = std::fs::read_dir(app.path().join(".mainstay/tmp")).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_backup_beside_writes_is_of_one_moment_and_can_be_restored() {
    let app = App::with(TABLE);
    let server = app.dev();
    for _ in 0..4 {
        assert_eq!(server.post("/rest/v1/t", &rows(1_000, 20)).status, 201);
    }
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(4_000));
    let copy = app.path().join("copy.db");
    let url = server.url.clone();
    let (before, after, told) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let three = rows(3, 20).to_string();
            while !done.load(Ordering::Relaxed) {
                let answer = support::send(&url, "POST", "/rest/v1/t", &[], Some(three.as_bytes()));
                assert_eq!(answer.status, 201, "{}", answer.text());
                acknowledged.fetch_add(3, Ordering::SeqCst);
            }
        });
        let before = acknowledged.load(Ordering::SeqCst);
        let told = app.run(&["backup", "--to", "copy.db", "--url", &url]);
        let after = acknowledged.load(Ordering::SeqCst);
        done.store(true, Ordering::Relaxed);
        (before, after, told)
    });
    assert_eq!((told.0, told.1.as_str()), (0, "copy.db\n"), "{}", told.2);
    assert!(told.2.contains("from the running process at http://127.0.0.1:"), "{}", told.2);
    assert!(scratch(&app).is_empty());
    let again = app.run(&["backup", "--to", "copy.db", "--url", &server.url]);
    assert!(again.0 == 1 && again.2.contains("58P02"), "{}", again.2);
    let (_fresh, copied) = restored(&app, &copy);
    let (rows_there, position_there) = (count(&copied), position(&copied));
    assert_eq!(rows_there, position_there, "each row is one change");
    // One write may have been committed and not be acknowledged yet.
    assert!((before..=after + 3).contains(&rows_there), "{before} {rows_there} {after}");
    assert_eq!((rows_there - 4_000) % 3, 0, "no write is half there");
    // The keys of the first application open it, and its counters go on.
    let bearer = format!("Bearer {}", server.service_role);
    let body = json!({"note": "after"}).to_string();
    let headers = [("authorization", bearer.as_str()), ("prefer", "return=representation")];
    let answer = copied.send("POST", "/rest/v1/t", &headers, Some(body.as_bytes()));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()[0]["price"].to_string(), "7.50");
    assert_eq!(position(&copied), position_there + 1);
}

#[test]
fn a_directory_on_which_nothing_runs_is_copied_directly() {
    let app = App::with(TABLE);
    let refused = app.run(&["backup", "--to", "copy.db"]);
    assert!(refused.0 == 1 && refused.2.contains("holds no Mainstay data"), "{}", refused.2);
    assert!(!app.path().join(".mainstay").exists(), "nothing is made by asking");
    let mut server = app.dev();
    assert_eq!(server.post("/rest/v1/t", &rows(10, 20)).status, 201);
    // Without an order: the copy is of what was acknowledged all the same.
    server.kill();
    let told = app.run(&["backup", "--to", "copy.db"]);
    assert!(told.0 == 0 && told.2.contains("nothing runs on it"), "{}", told.2);
    let (_fresh, copied) = restored(&app, &app.path().join("copy.db"));
    assert_eq!((count(&copied), position(&copied)), (10, 10));
    let refused = app.run(&["backup", "--to", "nowhere/copy.db"]);
    assert!(refused.0 == 1 && refused.2.contains("58P01"), "{}", refused.2);
}

#[test]
fn a_process_that_cannot_be_asked_is_said_so() {
    let (app, other) = (App::with(TABLE), App::with(TABLE));
    let (_server, stranger) = (app.dev(), other.dev());
    let ask = |url: &str| app.run(&["backup", "--to", "copy.db", "--url", url]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let nobody = format!("http://{}", nobody.expect("a port that is free again"));
    for (url, words) in [
        (nobody.as_str(), "08001"),
        (stranger.url.as_str(), "does another application listen there?"),
        ("https://example.com/x", "22023"),
    ] {
        let (code, _, errors) = ask(url);
        assert!(code == 1 && errors.contains(words), "{errors}");
        assert!(words == "22023" || errors.contains("--url"), "it says what to do: {errors}");
    }
    let names = std::fs::read_dir(app.path()).expect("a folder");
    let left = names.filter(|name| {
        name.as_ref().is_ok_and(|name| name.file_name().to_string_lossy().contains("copy.db"))
    });
    assert_eq!(left.count(), 0, "nothing is left of what was begun");
}

#[test]
fn a_client_that_goes_away_leaves_no_file_and_a_start_removes_what_a_killed_process_left() {
    let app = App::with(TABLE);
    app.write(".mainstay/tmp/.shop-1.db.123.part", "half");
    app.write(".mainstay/tmp/.shop-1.db.123.part-journal", "");
    let server = app.dev();
    assert!(scratch(&app).is_empty(), "{:?}", scratch(&app));
    for _ in 0..2 {
        // More than sockets hold: the answer is not over when its client goes.
        assert_eq!(server.post("/rest/v1/t", &rows(1_000, 9_000)).status, 201);
    }
    let head = format!(
        "GET /admin/v1/backup HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n",
        server.service_role
    );
    for wait in [true, false, true] {
        let address = server.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("connects");
        stream.write_all(head.as_bytes()).expect("writes");
        if wait {
            let mut start = [0; 12];
            stream.read_exact(&mut start).expect("it begins");
            assert_eq!(&start, b"HTTP/1.1 200");
        }
        drop(stream);
        // Its turn is over when another gets one.
        let began = std::time::Instant::now();
        let headers = [("apikey", server.service_role.as_str())];
        while server.send("GET", "/admin/v1/backup", &headers, None).status != 200 {
            assert!(began.elapsed() < support::PATIENCE, "its turn is never over");
        }
        assert!(scratch(&app).is_empty(), "{:?}", scratch(&app));
    }
    assert_eq!(server.get("/admin/v1/backup").status, 401);
    assert_eq!(server.send("GET", "/admin/v1/backup", &[("apikey", &server.anon)], None).status, 401);
}

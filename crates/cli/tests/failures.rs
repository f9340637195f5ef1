//! Things that go wrong on somebody's machine: each gets words that say what to do, and no file is damaged.

mod support;

use serde_json::json;
use support::{App, binary, run};

const TABLE: &str = "create table t (id int primary key, note text);";

#[track_caller]
fn fails(app: &App, words: &[&str], expected: &[&str]) {
    let (code, _, errors) = app.run(words);
    assert_eq!(code, 1, "{errors}");
    for part in expected {
        assert!(errors.contains(part), "`{part}` is not in:\n{errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn a_port_in_use() {
    let app = App::with(TABLE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("an address").to_string();
    fails(
        &app,
        &["dev", ".", "--listen", &address],
        &["MS030", "another program uses this port", "--listen"],
    );
}

#[test]
fn a_second_process_on_one_data_directory() {
    let app = App::with(TABLE);
    let server = app.dev();
    let id = server.id().to_string();
    fails(&app, &["migrate", "up"], &["another mainstay process", &id]);
    assert_eq!(server.get("/rest/v1/t").status, 200);
}

#[test]
fn a_corrupt_database_file() {
    let app = App::with(TABLE);
    drop(app.run(&["migrate", "up"]));
    let file = app.path().join(".mainstay/main.db");
    let garbage = vec![0x5a; 8_192];
    std::fs::write(&file, &garbage).expect("writes");
    let _ = std::fs::remove_file(app.path().join(".mainstay/main.db-wal"));
    fails(&app, &["dev", ".", "--listen", "127.0.0.1:0"], &["main.db", "backup"]);
    assert_eq!(
        std::fs::read(&file).expect("reads"),
        garbage,
        "the file is left as it was, for whoever rescues it"
    );
}

#[test]
fn a_data_directory_that_cannot_be_written() {
    let app = App::with(TABLE);
    app.write("mainstay.toml", "[store]\ndata_dir = \"/proc/mainstay\"\n");
    fails(&app, &["dev", ".", "--listen", "127.0.0.1:0"], &["/proc/mainstay", "data_dir"]);
}

#[test]
fn a_folder_that_is_no_application() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, errors) = run(binary().arg("dev").arg(folder.path()));
    assert!(
        code == 1 && errors.contains("holds no application") && errors.contains("mainstay new"),
        "{errors}"
    );
    let (code, _, errors) = run(binary().args(["dev", "no-such-folder"]));
    assert!(code == 1 && errors.contains("is no folder"), "{errors}");
}

#[test]
fn a_migrations_folder_that_vanished() {
    let app = App::with(TABLE);
    app.write("mainstay.toml", "");
    drop(app.run(&["migrate", "up"]));
    std::fs::remove_dir_all(app.path().join("migrations")).expect("removes");
    let server = app.dev();
    assert_eq!(server.get("/rest/v1/t").status, 200, "what was applied is served");
    drop(server);
    assert!(app.run(&["migrate", "status"]).1.contains("missing   1_init"));
}

#[test]
fn misspelt_settings() {
    let app = App::with(TABLE);
    app.write("mainstay.toml", "[server]\nlistne = \"127.0.0.1:1\"\n");
    fails(&app, &["dev", "."], &["listne", "mainstay.toml:2:1", "docs/settings.md"]);
    app.write("mainstay.toml", "[server]\nlisten = \"here\"\n");
    fails(&app, &["dev", "."], &["`here`", "127.0.0.1:54321"]);
}

#[test]
fn a_syntax_error_has_a_caret() {
    let app = App::with("create table a (\n  id int,\n  name txet\n);");
    fails(&app, &["migrate", "up"], &["type \"txet\" does not exist", "1_init.sql:3:8", "       ^"]);
}

#[test]
fn what_needs_postgresql_is_named_and_can_be_skipped() {
    let app = App::with(
        "create table a (id int primary key);\ncreate extension postgis;\ncreate table b (id int primary key);",
    );
    fails(&app, &["migrate", "up"], &["postgis", "needs the PostgreSQL engine", "1_init.sql:2:"]);
    assert_eq!(app.run(&["migrate", "status"]).1, "pending   1_init\n", "a failed migration leaves no trace");
    let (code, out, _) = app.run(&["migrate", "assess"]);
    assert!(code == 1 && out.contains("2 of 3 statements in 1 files fit"), "{out}");
    let (code, out, errors) = app.run(&["migrate", "up", "--keep-going"]);
    assert!(code == 0 && out.contains("1 statements skipped") && errors.contains("postgis"), "{out}{errors}");
    let server = app.dev();
    assert_eq!((server.get("/rest/v1/a").status, server.get("/rest/v1/b").status), (200, 200));
}

#[test]
fn a_body_that_does_not_fit_has_postgresqls_code() {
    let app =
        App::with("create table t (id int primary key, note varchar(5), amount numeric(6,2), data jsonb);");
    let server = app.dev();
    for (body, code) in [
        (&b"{"[..], "PGRST102"),
        (b"[{\"id\":1},{\"note\":\"x\"}]", "PGRST102"),
        (b"{\"id\":\"x\"}", "22P02"),
        (b"{\"id\":3000000000}", "22003"),
        (b"{\"id\":1,\"note\":\"too long\"}", "22001"),
        (b"{\"id\":1,\"amount\":123456.78}", "22003"),
        (b"{\"nothing\":1}", "PGRST204"),
        (b"{\"id\":null}", "23502"),
    ] {
        let answer = server.send("POST", "/rest/v1/t", &[], Some(body));
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["code"], json!(code), "{}", answer.text());
    }
}

#[test]
fn assess_tells_causes_from_what_follows_from_them() {
    let app = App::with(
        "create extension vector; -- for search
         create table items (id int primary key, embedding vector(3));
         create index on items (id);
         alter table items enable row level security;
         create table notes (id int primary key, at timestamptz);
         create function touch() returns trigger language plpgsql as $$ begin new.at := now(); return new; end $$;
         create trigger a before update on notes for each row execute function touch();
         create trigger b before insert on notes for each row execute function touch();
         create policy p on storage.objects using (true);",
    );
    let (code, out, errors) = app.run(&["migrate", "assess"]);
    assert_eq!(code, 1, "{errors}");
    for words in [
        "1_init.sql:1:1: create extension vector\n",
        "2 × the trigger \"…\" needs the PostgreSQL engine: a, b\n",
        "2 × only because they need what one of these would have made: items\n",
        "1 × relation \"…\" does not exist: storage.objects\n",
        "hint: `storage` is the schema of a service of Supabase",
        "2 of 9 statements in 1 files fit",
    ] {
        assert!(out.contains(words), "`{words}` is not in\n{out}");
    }
    assert!(!out.contains("[store] url"), "nothing is proposed that is not there:\n{out}");
}

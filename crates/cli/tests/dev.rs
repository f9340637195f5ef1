//! A new user's way: make an app, see it served, change it, break it, mend it, restart it.

mod support;

use serde_json::json;
use support::{App, binary, run};

#[test]
fn a_new_app_is_served_and_follows_its_folder() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("my-app");
    let (code, _, errors) = run(binary().arg("new").arg(&path));
    assert_eq!(code, 0, "{errors}");

    let mut server = support::Server::start(binary().arg("dev").arg(&path).args(["--listen", "127.0.0.1:0"]));
    let tasks = server.get("/rest/v1/tasks?select=title,lists(name)&done=is.false&order=title");
    assert_eq!(tasks.status, 200, "{}", tasks.text());
    assert_eq!(tasks.json()[0], json!({"title": "Coffee beans", "lists": {"name": "Groceries"}}));

    // A new migration is applied as it is saved.
    let migration = path.join("migrations/29990101000000_notes.sql");
    std::fs::write(
        &migration,
        "create table notes (id int primary key, task_id bigint references tasks (id));
         alter table notes enable row level security;
         create policy \"everybody reads notes\" on notes for select using (true);",
    )
    .expect("writes");
    server.wait_for("applied 29990101000000_notes");
    assert_eq!(server.get("/rest/v1/notes?select=id,tasks(title)").json(), json!([]));

    // A broken one is reported with its place, and the old state keeps serving.
    let broken = path.join("migrations/29990102000000_broken.sql");
    std::fs::write(&broken, "create table fine (id int);\ncreate tabel broken (id int);\n").expect("writes");
    server.wait_for("29990102000000_broken.sql:2:8");
    server.wait_for("the last good state keeps serving");
    assert_eq!(server.get("/rest/v1/notes").status, 200);
    assert_eq!(server.get("/rest/v1/fine").status, 404, "nothing of a failed migration stays");

    let fine = "create table fine (id int primary key);\ngrant select, insert on fine to anon;\n";
    std::fs::write(&broken, fine).expect("writes");
    server.wait_for("applied 29990102000000_broken");
    assert_eq!(server.post("/rest/v1/fine", &json!({"id": 1})).status, 201);

    // A restart finds everything where it was.
    assert_eq!(server.terminate().code(), Some(0));
    let server = support::Server::start(binary().arg("dev").arg(&path).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(server.get("/rest/v1/fine").json(), json!([{"id": 1}]));
}

#[test]
fn the_shop_looks_like_a_shop() {
    let app = App::shop();
    let server = app.dev();
    // What accounts of each kind see is a matter of policies: see tests/policies.rs.
    let service = format!("Bearer {}", server.service_role);
    let get = |path: &str| server.send("GET", path, &[("authorization", &service)], None);
    for (path, expected) in [
        (
            "/rest/v1/products?select=sku,price,categories(name)&id=eq.1",
            json!([{"sku": "THR-0001", "price": 50.78, "categories": {"name": "Textiles"}}]),
        ),
        (
            "/rest/v1/orders?select=id,order_items(line,quantity,line_total)&id=eq.3",
            json!([{"id": 3, "order_items": []}]),
        ),
    ] {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let got = answer.json();
        assert_eq!(
            got[0].as_object().map(|row| row.len()),
            expected[0].as_object().map(|row| row.len()),
            "{path}: {got}"
        );
    }
    for view in ["active_products", "product_ratings", "order_totals", "best_sellers", "monthly_revenue"] {
        let answer = get(&format!("/rest/v1/{view}?limit=3"));
        assert_eq!(answer.status, 200, "{view}: {}", answer.text());
        assert_eq!(answer.json().as_array().map(Vec::len), Some(3), "{view}");
    }
    let found = get("/rest/v1/rpc/search_products?query=oak%20lamp&max_price=50&select=sku,price");
    assert_eq!(found.status, 200, "{}", found.text());
    assert_eq!(found.json()[0]["sku"], json!("TAB-0154"));
    assert_eq!(get("/rest/v1/rpc/order_total?order_id=3").text(), "333.10");
    let counted = server.send(
        "GET",
        "/rest/v1/orders?limit=1",
        &[("prefer", "count=exact"), ("authorization", &service)],
        None,
    );
    assert_eq!(counted.header("content-range"), Some("0-0/1500"));
}

#[test]
fn a_supabase_project_is_served_as_it_is() {
    let app = App::empty();
    std::fs::remove_dir(app.path().join("migrations")).expect("removes");
    app.write("supabase/config.toml", "project_id = \"x\"\n");
    app.write(
        "supabase/migrations/20240101000000_init.sql",
        "create table todos (id bigint primary key generated always as identity, task text);",
    );
    app.write("supabase/seed.sql", "insert into todos (task) values ('from the seed');");
    let server = app.dev();
    assert_eq!(server.get("/rest/v1/todos").json(), json!([{"id": 1, "task": "from the seed"}]));
}

#[test]
fn serve_drains_on_sigterm() {
    let app = App::with("create table t (id int primary key);");
    let mut server = app.serve();
    assert_eq!(server.get("/rest/v1/t").status, 200);
    let begin = std::time::Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "an idle server ends at once");
}

#[test]
fn every_command_explains_itself() {
    let app = App::empty();
    for words in [
        vec!["--help"],
        vec!["dev", "--help"],
        vec!["migrate", "--help"],
        vec!["migrate", "assess", "--help"],
    ] {
        let (code, out, _) = app.run(&words);
        assert_eq!(code, 0);
        assert!(out.contains("Usage:"), "{out}");
    }
    let (code, out, _) = app.run(&["completions", "bash"]);
    assert!(code == 0 && out.contains("_mainstay"), "{out}");
    let (code, _, errors) = app.run(&["serv"]);
    assert!(code == 2 && errors.contains("serve"), "{errors}");
}

#[test]
fn migrations_have_a_status() {
    let app = App::with("create table a (id int);");
    assert_eq!(app.run(&["migrate", "status"]).1, "pending   1_init\n");
    let (code, out, errors) = app.run(&["migrate", "up"]);
    assert_eq!((code, out.as_str()), (0, "1 migrations applied\n"), "{errors}");
    assert!(app.run(&["migrate", "status"]).1.starts_with("applied   1_init"));
    let (_, out, _) = app.run(&["migrate", "new", "Add Notes"]);
    assert!(out.trim().ends_with("_add_notes.sql"), "{out}");

    app.write("migrations/1_init.sql", "create table a (id bigint);");
    let (code, out, _) = app.run(&["migrate", "status"]);
    assert_eq!(code, 1);
    assert!(
        out.contains(
            "edited    1_init  (line 1 was `create table a (id int);` and is `create table a (id bigint);`)"
        ),
        "{out}"
    );
    let (code, _, errors) = app.run(&["migrate", "up"]);
    assert_eq!(code, 1);
    assert!(errors.contains("was edited after it was applied") && errors.contains("line 1 was"), "{errors}");
}

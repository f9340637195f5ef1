//! Pages by key, through HTTP.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{Answer, App, Server};

const APP: &str = "
create table authors (id int primary key, name text);
create table posts (
  id int primary key,
  author int references authors (id),
  topic text,
  score numeric,
  created timestamptz not null,
  meta jsonb not null default '{}'
);
create index on posts (created, id);
create table pairs (a int, b text, \"after\" text, primary key (a, b));
create view recent as select id, topic, created from posts where id > 10;
create view topics as select topic, count(*) as posts from posts group by topic;
create function all_posts() returns setof posts language sql stable as 'select * from posts';
insert into authors values (1, 'Ada'), (2, null), (3, 'Bob');
insert into posts
  select n, nullif(n % 4, 0), case when n % 5 = 0 then null else 't' || (n % 3) end,
         case when n % 7 = 0 then null else (n % 4) / 2.0 end,
         timestamptz '2026-01-01' + (n % 6) * interval '1 hour',
         case when n % 3 = 0 then '{}'::jsonb else jsonb_build_object('k', n % 4) end
  from generate_series(1, 40) n;
insert into pairs select n % 3, 'b' || n, 'x' from generate_series(1, 9) n;
";

/// The path of the next page, from the `Link` header.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (url, rel) = link.split_once('>').expect("a URL in brackets");
    assert_eq!(rel, "; rel=\"next\"");
    Some(url.trim_start_matches('<').to_owned())
}

#[track_caller]
fn page(server: &Server, path: &str) -> (Vec<Value>, Option<String>) {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    (answer.json().as_array().expect("a list").clone(), next(&answer))
}

#[track_caller]
fn walk(server: &Server, first: &str, between: &mut dyn FnMut()) -> Vec<Vec<Value>> {
    let (mut pages, mut path) = (Vec::new(), Some(first.to_owned()));
    while let Some(at) = path {
        let (rows, following) = page(server, &at);
        pages.push(rows);
        path = following;
        between();
    }
    pages
}

#[test]
fn pages_are_the_list_in_parts() {
    let app = App::with(APP);
    let server = app.dev();
    for order in [
        "",
        "topic",
        "topic.desc",
        "topic.nullsfirst,score.desc.nullslast",
        "score.desc,topic",
        "score.nullsfirst",
        "created.desc,id.desc",
        "created",
        "meta-%3E%3Ek",
        "meta-%3Ek.desc.nullslast,created",
        "authors(name).desc",
        "authors(name).nullsfirst,topic",
    ] {
        let select = "select=id,authors(id,name)";
        let total = if order.is_empty() { "id".to_owned() } else { format!("{order},id") };
        let (all, link) = page(&server, &format!("/rest/v1/posts?{select}&order={total}"));
        assert_eq!((all.len(), link), (40, None));
        let order = if order.is_empty() { String::new() } else { format!("&order={order}") };
        for limit in [1, 7, 40] {
            let pages =
                walk(&server, &format!("/rest/v1/posts?{select}{order}&limit={limit}&after="), &mut || {});
            assert_eq!(pages.len(), 40_usize.div_ceil(limit), "{order}");
            assert_eq!(pages.concat(), all, "{order} by {limit}");
        }
    }
    let pages = walk(&server, "/rest/v1/pairs?select=b&after=&limit=4&order=a.desc&a=gt.0", &mut || {});
    let all = page(&server, "/rest/v1/pairs?select=b&order=a.desc,b&a=gt.0").0;
    assert_eq!(pages.concat(), all);
    let pages = walk(&server, "/rest/v1/recent?order=topic&limit=8&after=", &mut || {});
    assert_eq!(pages.concat(), page(&server, "/rest/v1/recent?order=topic,id").0);
    // A column that is called so is filtered as any other.
    assert_eq!(page(&server, "/rest/v1/pairs?after=eq.x&limit=2").0.len(), 2);
}

#[test]
fn rows_that_come_meanwhile_shift_nothing() {
    let app = App::with(APP);
    let server = app.dev();
    let mut number = 100;
    let mut insert = || {
        for hour in ["2025-12-31T00:00:00Z", "2026-01-01T02:30:00Z", "2027-01-01T00:00:00Z"] {
            number += 1;
            server.post("/rest/v1/posts", &json!({ "id": number, "created": hour }));
        }
    };
    let first = "/rest/v1/posts?select=id,created&id=lt.1000&order=created.desc&limit=6&after=";
    let before = page(&server, "/rest/v1/posts?select=id,created&order=created.desc,id").0;
    // Bounded by the pages that there are at first: new rows are added to the end as well.
    let mut pages = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(at) = path.filter(|_| pages.len() < 12) {
        let (rows, following) = page(&server, &at);
        pages.push(rows);
        path = following;
        insert();
    }
    let seen: Vec<Value> = pages.concat();
    let old: Vec<&Value> = seen.iter().filter(|row| row["id"].as_i64() < Some(100)).collect();
    assert_eq!(old, before.iter().collect::<Vec<_>>());
    let distinct: BTreeSet<i64> = seen.iter().filter_map(|row| row["id"].as_i64()).collect();
    assert_eq!(distinct.len(), seen.len());
}

#[test]
fn a_cursor_is_good_for_its_list_alone() {
    let app = App::with(APP);
    let mut server = app.dev();
    let (_, link) = page(&server, "/rest/v1/posts?select=id&order=score&limit=5&after=");
    let path = link.expect("there is more");
    let cursor = path.rsplit("after=").next().expect("a cursor").to_owned();
    let refused = |server: &Server, path: &str, words: &str| {
        let answer = server.get(path);
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].clone()), (400, json!("MS043")), "{path}: {problem}");
        assert!(problem["details"].as_str().is_some_and(|details| details.contains(words)), "{problem}");
    };
    let forged = format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { "B" } else { "A" });
    refused(&server, &format!("/rest/v1/posts?order=score&after={forged}"), "did not make it");
    refused(&server, "/rest/v1/posts?order=score&after=k1.eyJhIjoxfQ", "did not make it");
    refused(&server, &format!("/rest/v1/posts?order=score.desc&after={cursor}"), "another order");
    refused(&server, &format!("/rest/v1/recent?order=score&after={cursor}"), "another relation");
    // Other filters and another size are no other list, and a restart does not matter.
    assert_eq!(
        page(&server, &format!("/rest/v1/posts?order=score&id=gt.30&limit=2&after={cursor}")).0.len(),
        2
    );
    server.terminate();
    let mut server = app.dev();
    assert_eq!(page(&server, &path).0.len(), 5);
    app.write("migrations/2_more.sql", "create table more (id int primary key);");
    server.wait_for("applied 2_more");
    refused(&server, &path, "schema has changed");
}

#[test]
fn what_has_no_key_has_no_pages() {
    let app = App::with(APP);
    app.write("mainstay.toml", "[rest]\nrows_max = 10\naggregates = true\n");
    let server = app.dev();
    for path in [
        "/rest/v1/topics?after=",
        "/rest/v1/posts?select=topic,id.count()&after=",
        "/rest/v1/posts?after=&offset=3",
        "/rest/v1/rpc/all_posts?after=",
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("MS044")), "{path}");
    }
    // The server's own limit is a page too.
    let pages = walk(&server, "/rest/v1/posts?select=id&after=", &mut || {});
    assert_eq!(pages.len(), 4);
    let counted = server.send("GET", "/rest/v1/posts?limit=3&after=", &[("prefer", "count=exact")], None);
    assert_eq!((counted.status, counted.header("content-range")), (206, Some("0-2/40")));
    assert_eq!(next(&server.get("/rest/v1/posts?limit=0&after=")), None);
    assert_eq!(server.get("/rest/v1/posts?limit=3").header("link"), None);
}

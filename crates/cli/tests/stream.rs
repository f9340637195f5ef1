//! Long lists and long imports: row by row, with bounded memory. Compressed answers.

mod support;

use serde_json::{Value, json};
use std::fmt::Write as _;
use support::{Answer, App, Server};

const APP: &str = "
create table readings (id int primary key, station text not null, note text, value numeric not null check (value >= 0));
";

/// Rows whose list has about 40 MB.
const MANY: usize = 100_000;
/// What a server may grow by while 40 MB go through it.
const GROWTH_KIB_MAX: u64 = 24 * 1024;

fn many() -> String {
    format!(
        "{APP} insert into readings select n, 'station ' || n % 50, repeat('note ', 70), n / 4.0
         from generate_series(1, {MANY}) n;"
    )
}

fn get(server: &Server, path: &str, accept: &str) -> Answer {
    server.send("GET", path, &[("accept", accept)], None)
}

fn import(server: &Server, kind: &str, extra: &[(&str, &str)], body: &str) -> Answer {
    let mut headers = vec![("prefer", "import=lines"), ("content-type", kind)];
    headers.extend_from_slice(extra);
    server.send("POST", "/rest/v1/readings", &headers, Some(body.as_bytes()))
}

/// The most memory that the process has had, in KiB.
fn peak(server: &Server) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the process's status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_long_list_leaves_row_by_row() {
    let app = App::with(&many());
    app.write("mainstay.toml", "[rest]\nrows_max = 0\n");
    let server = app.serve();
    // Warm: plans, connections, the page cache of a reader.
    get(&server, "/rest/v1/readings?select=id,value&order=id", "text/csv");
    let before = peak(&server);
    let lines = get(&server, "/rest/v1/readings?order=id", "application/x-ndjson");
    assert_eq!((lines.status, lines.header("content-range")), (200, Some("*/*")));
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    assert_eq!(lines.header("content-length"), None);
    let text = lines.text();
    assert!(text.len() > 35_000_000, "{}", text.len());
    assert_eq!(text.lines().count(), MANY);
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["id"], MANY);
    let csv = get(&server, "/rest/v1/readings?select=id,station&order=id", "text/csv").text();
    assert_eq!(csv.lines().count(), MANY + 1);
    assert_eq!(csv.lines().nth(MANY), Some(format!("{MANY},\"station 0\"").as_str()));
    let all = get(&server, "/rest/v1/readings?select=id", "application/json").json();
    assert_eq!(all.as_array().map(Vec::len), Some(MANY));
    let grown = peak(&server) - before;
    assert!(grown < GROWTH_KIB_MAX, "the server grew by {grown} KiB");

    // What is short has a length and a range, whatever the limit.
    let short = get(&server, "/rest/v1/readings?id=lte.3&select=id", "application/json");
    assert_eq!(
        (short.text().as_str(), short.header("content-range")),
        (r#"[{"id":1},{"id":2},{"id":3}]"#, Some("0-2/*"))
    );
    let none = get(&server, "/rest/v1/readings?id=lt.0", "application/x-ndjson");
    assert_eq!((none.status, none.text().as_str(), none.header("content-range")), (200, "", Some("*/*")));
    let wrong = get(&server, "/rest/v1/readings?select=1nope", "application/x-ndjson");
    assert_eq!(wrong.status, 400);
}

#[test]
fn lines_of_json_come_and_go() {
    let app = App::with(APP);
    let server = app.dev();
    let lines = "{\"id\":1,\"station\":\"a\",\"value\":1}\n\n{\"id\":2,\"station\":\"b\",\"value\":2}\n";
    let kind = ("content-type", "application/x-ndjson");
    let whole = [kind, ("accept", "application/x-ndjson"), ("prefer", "return=representation")];
    let written = server.send("POST", "/rest/v1/readings?select=id,station", &whole, Some(lines.as_bytes()));
    assert_eq!(
        (written.status, written.text().as_str()),
        (201, "{\"id\":1,\"station\":\"a\"}\n{\"id\":2,\"station\":\"b\"}\n")
    );
    let read = get(&server, "/rest/v1/readings?select=id&order=id.desc&limit=1", "application/x-ndjson");
    assert_eq!((read.text().as_str(), read.header("content-range")), ("{\"id\":2}\n", Some("0-0/*")));
    // Without `import=lines` it is all or nothing.
    let broken = server.send(
        "POST",
        "/rest/v1/readings",
        &[kind],
        Some(b"{\"id\":3,\"station\":\"c\",\"value\":1}\n{\"id\":4\n"),
    );
    assert_eq!((broken.status, broken.json()["message"].clone()), (400, json!("line 2 is no JSON object")));
    assert_eq!(server.get("/rest/v1/readings").json().as_array().map(Vec::len), Some(2));
}

#[test]
fn an_import_names_each_line_that_it_refuses() {
    let app = App::with(APP);
    app.write("mainstay.toml", "[rest]\nrows_max = 0\n");
    let server = app.dev();
    let mut csv = "id,station,value\r\n".to_owned();
    for number in 1..=3_000 {
        let value = if number % 1_000 == 0 { -1 } else { number };
        let _ = write!(csv, "{number},\"a \"\"b\"\"\nc\",{value}\r\n");
    }
    csv.push_str("1,again,5\r\nx,no number,5\r\n9,too,many,fields\r\n9001,last,1");
    let answer = import(&server, "text/csv", &[], &csv);
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (200, Some("import=lines")),
        "{}",
        answer.text()
    );
    let result = answer.json();
    assert_eq!((result["inserted"].clone(), result["refused_total"].clone()), (json!(2_998), json!(6)));
    let refused: Vec<(i64, &str)> = result["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| (line["line"].as_i64().expect("a line"), line["code"].as_str().expect("a code")))
        .collect();
    // The header and two lines of each record stand before.
    let wanted = [
        (2000, "23514"),
        (4000, "23514"),
        (6000, "23514"),
        (6002, "23505"),
        (6003, "22P02"),
        (6004, "PGRST102"),
    ];
    assert_eq!(refused, wanted);
    assert_eq!(server.get("/rest/v1/readings?select=id").json().as_array().map(Vec::len), Some(2_998));

    let lines = "{\"id\":1,\"station\":\"new\",\"value\":7}\n{\"id\":8},{\"id\":9}\n{\"id\":9002,\"station\":null,\"value\":1}\n";
    let merged =
        import(&server, "application/x-ndjson", &[("prefer", "resolution=merge-duplicates")], lines).json();
    assert_eq!((merged["inserted"].clone(), merged["refused_total"].clone()), (json!(1), json!(2)));
    assert_eq!(
        (merged["refused"][0]["line"].clone(), merged["refused"][1]["code"].clone()),
        (json!(2), json!("23502"))
    );
    assert_eq!(server.get("/rest/v1/readings?id=eq.1").json()[0]["station"], "new");

    // What is wrong with all lines ends the import.
    let unknown = import(&server, "text/csv", &[], "id,nowhere\n1,2\n");
    assert_eq!((unknown.status, unknown.json()["code"].clone()), (400, json!("PGRST204")));
    assert_eq!(import(&server, "application/json", &[], "[]").status, 400);
    assert_eq!(import(&server, "text/csv", &[("idempotency-key", "k")], "id\n1").status, 400);
}

#[test]
fn a_long_import_stays_small() {
    let app = App::with(APP);
    let server = app.serve();
    let kind = "application/x-ndjson";
    let row = "{\"id\":1,\"station\":\"s\",\"value\":1}\n";
    assert_eq!(import(&server, kind, &[], row).json()["inserted"], 1);
    let before = peak(&server);
    // 40 MB that are refused line by line: what is measured is the import, not the disk.
    let mut lines = format!("no object: {}\n", "n".repeat(2_000)).repeat(20_000);
    lines.push_str(&row.replace("\"id\":1", "\"id\":2"));
    let answer = import(&server, kind, &[], &lines);
    let result = answer.json();
    assert_eq!(
        (answer.status, result["inserted"].clone(), result["refused_total"].clone()),
        (200, json!(1), json!(20_000))
    );
    // All are counted, the first of them are listed.
    assert_eq!(result["refused"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(result["refused"][999]["line"], 1_000);
    let grown = peak(&server) - before;
    assert!(grown < GROWTH_KIB_MAX, "the server grew by {grown} KiB");
}

#[test]
fn an_import_over_its_bound_says_what_it_has_done() {
    let app = App::with(APP);
    app.write("mainstay.toml", "[rest]\nimport_bytes_max = 100000\n");
    let server = app.dev();
    let mut csv = "id,station,value\n".to_owned();
    for number in 1..=3_000 {
        let _ = writeln!(csv, "{number},{},1", "s".repeat(40));
    }
    let large = import(&server, "text/csv", &[], &csv);
    assert_eq!(large.status, 413, "{}", large.text());
    assert!(
        large.json()["details"]
            .as_str()
            .is_some_and(|words| words.contains("rows are written, 0 lines refused"))
    );
}

#[test]
fn large_answers_are_compressed_for_those_who_ask() {
    let app = App::with(&format!(
        "{APP} insert into readings select n, 'station', repeat('x', 200), 1 from generate_series(1, 900) n;"
    ));
    let server = app.dev();
    let send = |path: &str, headers: &[(&str, &str)]| server.send("GET", path, headers, None);
    let plain = send("/rest/v1/readings", &[]);
    assert_eq!(
        (plain.header("content-encoding"), plain.header("vary")),
        (None, Some("Accept, Prefer, Range"))
    );
    for (accepted, coding) in [("gzip, deflate", "gzip"), ("gzip, br", "br"), ("gzip, br, zstd", "zstd")] {
        let answer = send("/rest/v1/readings", &[("accept-encoding", accepted)]);
        assert_eq!(answer.header("content-encoding"), Some(coding));
        assert!(answer.headers.contains(&("vary".to_owned(), "Accept-Encoding".to_owned())));
        assert!(answer.body.len() * 5 < plain.body.len(), "{coding}: {}", answer.body.len());
    }
    let small = send("/rest/v1/readings?limit=1", &[("accept-encoding", "gzip")]);
    assert_eq!(small.header("content-encoding"), None);
    // A compressed row has a validator of its own, which is as good as the plain one's.
    server.post("/rest/v1/readings", &json!({ "id": 1000, "station": "z".repeat(9_000), "value": 1 }));
    let one = ("accept", "application/vnd.pgrst.object+json");
    let row = send("/rest/v1/readings?id=eq.1000", &[one, ("accept-encoding", "zstd")]);
    let validator = row.header("etag").expect("an ETag").to_owned();
    assert!(validator.ends_with("-zstd\""), "{validator}");
    assert_eq!(send("/rest/v1/readings?id=eq.1000", &[one, ("if-none-match", &validator)]).status, 304);
}

//! Bad input at the door, over real sockets: bounded, answered with 4xx, and the server is well afterwards.

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::{App, PATIENCE, Server};

const SCHEMA: &str = r#"
create table t (id int primary key, note varchar(5), amount numeric(6, 2), data jsonb);
create table child (id int primary key, t_id int references t (id));
create table n (
  i2 int2, i4 int4, i8 int8, n numeric, n62 numeric(6, 2), f4 float4, f8 float8, d date, ts timestamp,
  tz timestamptz, tm time, iv interval, u uuid, b bool, r int4range, a int[], o inet
);
create function echo(v int4) returns int4 language sql immutable as 'select v';
insert into t values (7, 'seven', 7.00, '{}');
"#;

fn served() -> (App, Server) {
    let app = App::with(SCHEMA);
    let server = app.dev();
    (app, server)
}

#[track_caller]
fn is_well(server: &Server) {
    let rows = server.get("/rest/v1/t?select=id,note,child(id)&id=eq.7");
    assert_eq!((rows.status, rows.json()), (200, json!([{"id": 7, "note": "seven", "child": []}])));
}

#[track_caller]
fn is_refused(status: u16, what: &str) {
    let shown: String = what.chars().take(160).collect();
    assert!((400..500).contains(&status), "{status} for {shown}");
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("sets a timeout");
    stream
}

/// Sends bytes as they are and reads until the server closes: the first status (0 for none) and all that came.
fn exchange(server: &Server, request: &[u8]) -> (u16, String) {
    let mut stream = connect(server);
    // The server may refuse before it has read everything, and a reset is an end too.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0), text)
}

fn get(server: &Server, path: &str) -> (u16, String) {
    exchange(server, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes())
}

fn post(server: &Server, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    exchange(server, &request)
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn what_is_too_much_is_refused_quickly() {
    let (_app, server) = served();
    let filters = "id=eq.7&".repeat(10_000);
    let short_filters = "id=eq.7&".repeat(2_000);
    let listed = |count: usize| vec!["7"; count].join(",");
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let began = Instant::now();
    for path in [
        format!("/rest/v1/t?{filters}"),
        format!("/rest/v1/t?{short_filters}"),
        format!("/rest/v1/t?select={}", nested("t(", "id", ")", 100)),
        format!("/rest/v1/t?select={}", nested("child(t(", "id", "))", 5_000)),
        format!("/rest/v1/t?or={}", nested("(or", "(id.eq.1)", ")", 10_000)),
        format!("/rest/v1/t?or={}", nested("(not.and", "(id.eq.1)", ")", 5_000)),
        format!("/rest/v1/t?or={}", "(or".repeat(10_000)),
        format!("/rest/v1/t?or={}", "(".repeat(30_000)),
        format!("/rest/v1/t?and=({})", vec!["id.eq.1"; 8_000].join(",")),
        format!("/rest/v1/t?select={}", vec!["id"; 20_000].join(",")),
        format!("/rest/v1/t?order={}", vec!["id"; 20_000].join(",")),
        format!("/rest/v1/t?id=in.({})", listed(40_000)),
        format!("/rest/v1/t?select=data{}", "->a".repeat(20_000)),
        format!("/rest/v1/t?select=id{}", "::text".repeat(10_000)),
        format!("/rest/v1/n?a=cs.{}", nested("%7B", "1", "%7D", 10_000)),
        format!("/rest/v1/{}", "t".repeat(70_000)),
        format!("/rest/v1/{}", "t/".repeat(10_000)),
    ] {
        let (status, text) = get(&server, &path);
        is_refused(status, &format!("{path} -> {text}"));
    }
    // Deep JSON: jsonb has a depth of its own, and json_to_record reads the rest.
    for body in [
        format!("{{\"id\":8,\"data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        nested("[", "", "]", 200_000),
        nested("{\"id\":", "1", "}", 50_000),
        format!("[{}]", vec!["{\"id\":\"x\"}"; 50_000].join(",")),
        format!("{{{}}}", (0..50_000).map(|n| format!("\"c{n}\":1")).collect::<Vec<_>>().join(",")),
    ] {
        let (status, text) =
            post(&server, "/rest/v1/t", "content-type: application/json\r\n", body.as_bytes());
        is_refused(status, &format!("{body} -> {text}"));
    }
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    is_well(&server);
}

#[test]
fn a_body_of_a_hundred_megabytes_is_not_read() {
    let (_app, server) = served();
    let before = memory_kib(server.id());
    let mut declared = connect(&server);
    let head = "POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-length: 104857600\r\n\r\n";
    declared.write_all(head.as_bytes()).expect("writes");
    let mut start = [0; 12];
    declared.read_exact(&mut start).expect("refused before a byte of it has come");
    assert_eq!(&start, b"HTTP/1.1 413");
    // Without a length: chunk by chunk, until the server has had enough.
    let mut chunked = connect(&server);
    chunked
        .write_all(
            b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .expect("writes");
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let taken = (0..1600).take_while(|_| chunked.write_all(&chunk).is_ok()).count();
    let mut text = Vec::new();
    let _ = chunked.read_to_end(&mut text);
    assert!(text.starts_with(b"HTTP/1.1 413") || taken < 1600, "{taken} chunks were taken");
    let grown = memory_kib(server.id()).saturating_sub(before);
    assert!(grown < 64 * 1024, "the server grew by {grown} KiB");
    is_well(&server);
}

/// Resident memory.
fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
}

#[test]
fn bytes_that_are_no_text_are_refused_everywhere() {
    let (_app, server) = served();
    for path in [
        "/rest/v1/t?note=eq.%00",
        "/rest/v1/t?note=eq.a%00b",
        "/rest/v1/t?no%00te=eq.1",
        "/rest/v1/t?select=i%00d",
        "/rest/v1/t%00",
        "/rest/v1/%00",
        "/rest/v1/t?note=eq.%ff",
        "/rest/v1/t?note=eq.%c3%28",
        "/rest/v1/%ff",
        "/rest/v1/t?select=%e2%28%a1",
        "/rest/v1/t?note=eq.%ed%a0%80",
        "/rest/v1/t?order=%fe",
        "/rest/v1/rpc/%00",
        "/rest/v1/rpc/echo?v=%00",
        "/rest/v1/t?or=(note.eq.%00)",
        "/rest/v1/t?or=(note.eq.%ff)",
    ] {
        let (status, text) = get(&server, path);
        is_refused(status, &format!("{path} -> {text}"));
        assert!(text.contains("\"code\""), "{path}: {text}");
    }
    // In the request line and in headers as they are.
    for request in [
        b"GET /rest/v1/t\0 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".as_slice(),
        b"GET /rest/v1/t?id=eq.\0 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\naccept: a\0b\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\nx\0y: 1\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\naccept-profile: \xff\xfe\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\nauthorization: Bearer \xff\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\napikey: \xff\r\nconnection: close\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\naccept: \xff/\xff\r\nconnection: close\r\n\r\n",
        b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-type: \xff\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"G\0T / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\0\0\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a browser that speaks TLS\r\n\r\n",
        b"GET /rest/v1/t HTTP/9.9\r\nhost: a\r\n\r\n",
        b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ] {
        let (status, text) = exchange(&server, request);
        is_refused(status, &format!("{} -> {text}", String::from_utf8_lossy(request)));
    }
    for (headers, body) in [
        ("content-type: application/json\r\n", b"{\"id\":1,\"note\":\"\xff\"}".as_slice()),
        ("content-type: application/json\r\n", b"{\"id\":1,\"note\":\"a\\u0000\"}"),
        ("content-type: application/json\r\n", b"{\"id\":1,\"data\":\"a\\u0000\"}"),
        ("content-type: application/json\r\n", b"{\"id\":1,\"data\":{\"\\u0000\":1}}"),
        ("content-type: application/json\r\n", b"{\"id\":1,\"note\":\"\\ud800\"}"),
        ("content-type: application/json\r\n", b"{\"id\":1,\"note\":\"\0\"}"),
        ("content-type: application/json\r\n", b"{\"id\":1}\0"),
        ("content-type: application/json\r\n", b"\xef\xbb\xbf\xff"),
        ("content-type: application/json\r\n", b"\0"),
        ("content-type: text/csv\r\n", b"id,note\n1,\xff"),
        ("content-type: text/csv\r\n", b"id,note\n1,a\0b"),
        ("content-type: text/csv\r\n", b"id,\0\n1,a"),
        ("content-type: application/x-www-form-urlencoded\r\n", b"id=1&note=%00"),
        ("content-type: application/x-www-form-urlencoded\r\n", b"id=1&note=%ff"),
    ] {
        let (status, text) = post(&server, "/rest/v1/t", headers, body);
        is_refused(status, &format!("{headers}{} -> {text}", String::from_utf8_lossy(body)));
    }
    is_well(&server);
}

#[test]
fn numbers_out_of_range_have_postgresqls_code() {
    let (_app, server) = served();
    let huge = "9".repeat(400);
    let long = format!("1{}", "0".repeat(140_000));
    for (column, value, code) in [
        ("i2", "32768", "22003"),
        ("i2", "-32769", "22003"),
        ("i2", "1e10", "22P02"),
        ("i2", "", "22P02"),
        ("i4", "2147483648", "22003"),
        ("i4", "-2147483649", "22003"),
        ("i4", huge.as_str(), "22003"),
        ("i8", "9223372036854775808", "22003"),
        ("i8", "-9223372036854775809", "22003"),
        ("i8", huge.as_str(), "22003"),
        ("i4", "1.5", "22P02"),
        ("i4", "NaN", "22P02"),
        ("i4", "0x", "22P02"),
        ("f4", "1e39", "22003"),
        ("f4", "1e-60", "22003"),
        ("f8", "1e309", "22003"),
        ("f8", "-1e400", "22003"),
        ("f8", "1e-400", "22003"),
        ("f8", "one", "22P02"),
        ("n", "1e200000", "22003"),
        ("n", "1e99999999999", "22003"),
        ("n", "1,5", "22P02"),
        ("n", "--1", "22P02"),
        ("d", "2024-02-30", "22008"),
        ("d", "99999999-01-01", "22008"),
        ("d", "soon", "22007"),
        ("ts", "2024-13-01 00:00", "22008"),
        ("tz", "294277-01-01 00:00Z", "22008"),
        ("tm", "25:00", "22008"),
        ("iv", "999999999999 years", "22015"),
        ("u", "abc", "22P02"),
        ("b", "perhaps", "22P02"),
        ("r", "[5,1)", "22000"),
        ("r", "[1,99999999999)", "22003"),
        ("a", "{2147483648}", "22003"),
        ("a", "{1", "22P02"),
        ("o", "1.2.3.400", "22P02"),
    ] {
        let (status, text) = get(&server, &format!("/rest/v1/n?{column}=eq.{}", encoded(value)));
        assert_eq!(status, 400, "{column}=eq.{value}: {text}");
        assert!(text.contains(&format!("\"code\":\"{code}\"")), "{column}=eq.{value}: {text}");
        let body = json!({column: value}).to_string();
        let (status, text) = post(&server, "/rest/v1/n", "", body.as_bytes());
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains(&format!("\"code\":\"{code}\"")), "{body}: {text}");
    }
    // As JSON's own numbers.
    for (column, number) in [
        ("i2", "32768"),
        ("i4", "2147483648"),
        ("i8", "9223372036854775808"),
        ("i4", "1e10"),
        ("i4", "1e400"),
        ("i8", "1e19"),
        ("i8", huge.as_str()),
        ("f4", "1e39"),
        ("f8", "1e309"),
        ("n62", "10000"),
        ("n62", "1e5"),
        ("n", "1e200000"),
        ("n", long.as_str()),
        ("i4", long.as_str()),
        ("d", "5"),
        ("u", "5"),
        ("o", "5"),
        ("r", "5"),
    ] {
        let body = format!("{{\"{column}\":{number}}}");
        let (status, text) = post(&server, "/rest/v1/n", "", body.as_bytes());
        is_refused(status, &format!("{body} -> {text}"));
    }
    for window in
        ["limit=-1", "limit=99999999999999999999", "limit=1e3", "offset=-1", "offset=99999999999999999999"]
    {
        // PostgREST takes what is no number for no limit, and a negative one for a mistake.
        let (status, text) = get(&server, &format!("/rest/v1/t?{window}"));
        assert!(status == 200 || status == 416, "{window} -> {text}");
    }
    for (path, code) in [("echo?v=2147483648", "22003"), ("echo?v=x", "22P02"), ("echo?v=", "22P02")] {
        let (status, text) = get(&server, &format!("/rest/v1/rpc/{path}"));
        assert!(status == 400 && text.contains(code), "{path}: {text}");
    }
    is_well(&server);
}

/// What would do harm if it were ever text of a statement.
const FRAGMENTS: &[&str] = &[
    "';drop table t;--",
    "\";drop table t;--",
    "\"\";drop table t;--",
    "id;drop table t",
    "id)+from+t;delete from t;--",
    "1 or 1=1",
    "' or ''='",
    "id/**/union/**/select/**/1",
    "$1",
    "?1",
    "(select 1)",
    "pg_sleep(10)",
    "\\'; drop table t; --",
    "t\" where 1=1; --",
    "id\u{2019};drop",
    "id`",
    "[id]",
    ":id",
    "@id",
    "sqlite_master",
    "_mainstay_meta",
    "rowid",
];

#[test]
fn sql_in_the_place_of_a_name_is_no_name() {
    let (_app, server) = served();
    for fragment in FRAGMENTS {
        let raw = encoded(fragment);
        let quoted = encoded(&format!("\"{}\"", fragment.replace('\\', "\\\\").replace('"', "\\\"")));
        for name in [&raw, &quoted] {
            for path in [
                format!("/rest/v1/{name}"),
                format!("/rest/v1/rpc/{name}"),
                format!("/rest/v1/t?select=id,child!{name}(id)"),
                format!("/rest/v1/t?select=id::{name}"),
                format!("/rest/v1/t?order={name}"),
                format!("/rest/v1/t?order=id.{name}"),
                format!("/rest/v1/t?{name}=eq.1"),
                format!("/rest/v1/t?id={name}.1"),
                format!("/rest/v1/t?or=({name}.eq.1)"),
                format!("/rest/v1/t?or=(id.{name}.1)"),
                format!("/rest/v1/t?{name}.id=eq.1"),
                format!("/rest/v1/t?{name}.order=id"),
                format!("/rest/v1/t?id=eq.{name}"),
                format!("/rest/v1/t?id=in.({name})"),
                format!("/rest/v1/t?note=fts({name}).x"),
            ] {
                let (status, text) = get(&server, &path);
                is_refused(status, &format!("{path} -> {text}"));
            }
            // As in PostgREST, what follows a complete list is not read, and a limit that is no number is none.
            for path in ["select=", "select=id,", "limit=", "offset="] {
                let (status, text) = get(&server, &format!("/rest/v1/t?{path}{name}"));
                assert!(status == 200 || (400..500).contains(&status), "{path}{name} -> {text}");
            }
            for path in ["on_conflict=", "columns="] {
                let headers = "prefer: resolution=merge-duplicates\r\n";
                let (status, text) =
                    post(&server, &format!("/rest/v1/t?{path}{name}"), headers, b"{\"id\":7}");
                assert!(status == 200 || (400..500).contains(&status), "{path}{name} -> {text}");
            }
            for header in ["accept-profile", "range-unit", "prefer"] {
                let request = format!(
                    "GET /rest/v1/t HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}: {name}\r\n\r\n"
                );
                let (status, text) = exchange(&server, request.as_bytes());
                assert!(
                    status < 500 && (header != "accept-profile" || status == 406),
                    "{header}: {name}: {text}"
                );
            }
            let (status, text) =
                post(&server, "/rest/v1/t", &format!("content-profile: {name}\r\n"), b"{\"id\":8}");
            assert_eq!(status, 406, "{text}");
        }
        let body = json!({"id": 8, *fragment: 1}).to_string();
        is_refused(post(&server, "/rest/v1/t", "", body.as_bytes()).0, &body);
        let csv = format!("id,\"{}\"\n8,1", fragment.replace('"', "\"\""));
        is_refused(post(&server, "/rest/v1/t", "content-type: text/csv\r\n", csv.as_bytes()).0, &csv);
        let body = json!({*fragment: 1}).to_string();
        is_refused(post(&server, "/rest/v1/rpc/echo", "", body.as_bytes()).0, &body);
    }
    is_well(&server);
}

#[test]
fn sql_in_the_place_of_a_value_is_a_value() {
    let app = App::with("create table w (id int primary key, word text, data jsonb);");
    let server = app.dev();
    let names: Vec<String> = FRAGMENTS.iter().map(|fragment| (*fragment).to_owned()).collect();
    for (id, fragment) in FRAGMENTS.iter().enumerate() {
        let row = json!({"id": id, "word": fragment, "data": {*fragment: [fragment]}});
        let answer = server.post("/rest/v1/w", &row);
        assert_eq!((answer.status, answer.json()), (201, json!([row])));
        let found = server.get(&format!("/rest/v1/w?select=id&word=eq.{}", encoded(fragment)));
        assert_eq!((found.status, found.json()), (200, json!([{"id": id}])), "{fragment}");
        let alias = format!("\"{}\"", fragment.replace('\\', "\\\\").replace('"', "\\\""));
        let named = server.get(&format!("/rest/v1/w?select={}:id&id=eq.{id}", encoded(&alias)));
        assert_eq!((named.status, named.json()), (200, json!([{*fragment: id}])), "{fragment}");
        let key = encoded(&alias);
        let inside = server.get(&format!("/rest/v1/w?select=x:data-%3E{key}-%3E%3E0&id=eq.{id}"));
        assert_eq!((inside.status, inside.json()), (200, json!([{"x": fragment}])), "{fragment}");
        for operator in ["like", "ilike", "match", "fts", "plfts", "wfts", "phfts"] {
            let answer = server.get(&format!("/rest/v1/w?word={operator}.{}", encoded(fragment)));
            assert!(answer.status == 200 || answer.status == 400, "{operator} {fragment}: {}", answer.text());
        }
    }
    let all = server.get("/rest/v1/w?select=word&order=id");
    assert_eq!(all.json(), Value::Array(names.iter().map(|word| json!({"word": word})).collect()));
}

#[test]
fn requests_in_a_row_are_answered_in_a_row() {
    let (_app, server) = served();
    let one = b"GET /rest/v1/t?select=id HTTP/1.1\r\nhost: a\r\n\r\n".repeat(500);
    let bad = b"GET /rest/v1/nothing HTTP/1.1\r\nhost: a\r\n\r\n".repeat(5);
    let last = b"GET /rest/v1/t?select=note HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let (_, text) = exchange(&server, &[&one[..], &bad[..], &last[..]].concat());
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 501);
    assert_eq!(text.matches("HTTP/1.1 404 Not Found").count(), 5);
    assert!(text.ends_with("[{\"note\":\"seven\"}]"));
    // A request hidden in the body of another one is a body.
    let hidden = b"GET /rest/v1/t HTTP/1.1\r\nhost: a\r\n\r\n";
    let (status, text) = post(&server, "/rest/v1/t", "", hidden);
    assert!(status == 400 && text.matches("HTTP/1.1").count() == 1, "{text}");
    is_well(&server);
}

#[test]
fn slow_clients_hold_nobody_up() {
    let (_app, server) = served();
    let mut slow: Vec<TcpStream> = Vec::new();
    for start in [
        "",
        "G",
        "GET /rest/v1/t HTTP/1.1\r\nhost: a\r\nx: ",
        "POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
        "POST /rest/v1/t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        for _ in 0..50 {
            let mut stream = connect(&server);
            stream.write_all(start.as_bytes()).expect("writes");
            slow.push(stream);
        }
    }
    // These ask for much and read nothing of it.
    for _ in 0..20 {
        let mut stream = connect(&server);
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let _ = stream.write_all(&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2000));
        slow.push(stream);
    }
    for _ in 0..20 {
        is_well(&server);
    }
    let (status, _) = post(&server, "/rest/v1/t", "", b"{\"id\":8}");
    assert_eq!(status, 201);
    drop(slow);
    is_well(&server);
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET /rest/v1/t`, as HPACK: two entries of the static table, and a path and a host written out.
fn head() -> Vec<u8> {
    [&[0x82, 0x86, 0x04, 10][..], b"/rest/v1/t", &[0x01, 1][..], b"a"].concat()
}

#[test]
fn floods_of_http_2_frames_end_their_own_connection_alone() {
    let (_app, server) = served();
    let before = memory_kib(server.id());
    let (headers, data, reset, settings, ping) = (1, 0, 3, 4, 6);
    let (window_update, continuation) = (8, 9);
    let streams = |count: u32| (0..count).map(|index| 2 * index + 1);
    let rapid_reset: Vec<u8> = streams(20_000)
        .flat_map(|id| [frame(headers, 5, id, &head()), frame(reset, 0, id, &[0, 0, 0, 8])].concat())
        .collect();
    let many_streams: Vec<u8> = streams(5_000).flat_map(|id| frame(headers, 4, id, &head())).collect();
    let pings = frame(ping, 0, 0, &[0; 8]).repeat(50_000);
    let setting_storm = frame(settings, 0, 0, &[0, 3, 0, 0, 0, 1]).repeat(50_000);
    let endless_head = [
        frame(headers, 1, 1, &head()),
        frame(continuation, 0, 1, &[&[0x00, 5][..], b"x-abc", &[100], &[b'y'; 100]].concat()).repeat(50_000),
    ]
    .concat();
    let empty_continuations =
        [frame(headers, 1, 1, &head()), frame(continuation, 0, 1, &[]).repeat(100_000)].concat();
    let empty_data = [frame(headers, 4, 1, &head()), frame(data, 0, 1, &[]).repeat(100_000)].concat();
    let too_wide = frame(window_update, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2);
    let nonsense = frame(headers, 4, 1, &[0xff; 200]);
    let too_long = [&[0xff, 0xff, 0xff, 0, 0][..], &[0, 0, 0, 1], &[0; 1000]].concat();
    let bomb = [&[0x40, 5][..], b"x-big", &[0x7f, 0xa1, 0x1e], &vec![b'z'; 4000], &[0xbe; 8000]].concat();
    let bombs: Vec<u8> =
        streams(100).flat_map(|id| frame(headers, 5, id, &[&head(), &bomb[..]].concat())).collect();
    for flood in [
        rapid_reset,
        many_streams,
        pings,
        setting_storm,
        endless_head,
        empty_continuations,
        empty_data,
        too_wide,
        nonsense,
        too_long,
        bombs,
    ] {
        let mut stream = connect(&server);
        let _ = stream.set_write_timeout(Some(Duration::from_secs(2)));
        let _ = stream.write_all(&[PREFACE, &flood].concat());
        is_well(&server);
        drop(stream);
    }
    let grown = memory_kib(server.id()).saturating_sub(before);
    assert!(grown < 96 * 1024, "the server grew by {grown} KiB");
    is_well(&server);
}

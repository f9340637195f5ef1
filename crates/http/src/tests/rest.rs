use super::*;
use mainstay_records::query::{Action, Answer as Form, Count, Payload, Return};

#[test]
fn a_read_gives_rows_and_their_range() {
    let server = rows("[{\"id\":1}]", 1);
    let answer = server.get("/rest/v1/orders?id=eq.1&select=id");
    assert_eq!((answer.status, answer.body.as_str()), (200, "[{\"id\":1}]"));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("content-range"), Some("0-0/*"));
    assert_eq!(answer.header("content-length"), Some("10"));
    let asked = server.asked();
    assert_eq!((asked.schema.as_str(), asked.target.as_str()), ("public", "orders"));
    assert_eq!(asked.literals, ["1"]);
    assert_eq!(asked.session.role, "anon");
    assert_eq!(asked.session.settings["request.jwt.claims"], "{\"role\":\"anon\"}");
    assert_eq!(asked.session.search_path, ["public", "extensions"]);
}

#[test]
fn count_and_range_make_partial_content() {
    let server = rows("[]", 5);
    let answer = server.send("GET", "/rest/v1/orders?limit=5&offset=10", &[("Prefer", "count=exact")], "");
    assert_eq!((answer.status, answer.header("content-range")), (206, Some("10-14/100")));
    assert_eq!(answer.header("preference-applied"), Some("count=exact"));
    let asked = server.asked();
    assert_eq!((asked.offset, asked.limit, asked.shape.count), (10, Some(5), Some(Count::Exact)));
    let answer = server.send("GET", "/rest/v1/orders", &[("Range", "10-14")], "");
    assert_eq!((answer.status, server.asked().limit), (200, Some(5)));
    let answer = server.send("GET", "/rest/v1/orders?offset=101", &[("Prefer", "count=exact")], "");
    assert_eq!(answer.status, 416);
    assert_eq!(
        answer.body,
        "{\"code\":\"PGRST103\",\"details\":\"An offset of 101 was requested, but there are only 100 rows.\",\"hint\":null,\"message\":\"Requested range not satisfiable\"}"
    );
    assert_eq!(server.get("/rest/v1/orders?limit=-1").status, 416);
}

#[test]
fn head_has_headers_alone() {
    let server = rows("[]", 5);
    let answer = server.send("HEAD", "/rest/v1/orders", &[("Prefer", "count=exact")], "");
    assert_eq!((answer.status, answer.body.as_str()), (206, ""));
    assert_eq!(answer.header("content-range"), Some("0-4/100"));
    assert_eq!(server.asked().shape.answer, Form::Nothing);
}

#[test]
fn an_insert_says_created() {
    let server = rows("[{\"id\":1}]", 1);
    let json = [("Content-Type", "application/json")];
    let answer = server.send("POST", "/rest/v1/orders", &json, "{\"a\":1}");
    assert_eq!((answer.status, answer.body.as_str()), (201, ""));
    assert_eq!((answer.header("content-range"), answer.header("content-type")), (Some("*/*"), None));
    let asked = server.asked();
    assert!(matches!(&asked.payload, Payload::Json(bytes) if bytes == b"{\"a\":1}"));
    assert_eq!((asked.shape.returning, asked.shape.answer), (Return::Minimal, Form::Nothing));
    let headers = [("Prefer", "return=representation, resolution=merge-duplicates, missing=default")];
    let answer = server.send("POST", "/rest/v1/orders?on_conflict=id&columns=id,b", &headers, "[]");
    assert_eq!((answer.status, answer.body.as_str()), (201, "[{\"id\":1}]"));
    assert_eq!(
        answer.header("preference-applied"),
        Some("resolution=merge-duplicates, missing=default, return=representation")
    );
    let Action::Insert(insert) = server.asked().shape.action else { panic!("an insert") };
    assert_eq!(insert.on_conflict.as_deref(), Some(&["id".to_owned()][..]));
    assert_eq!(insert.columns.map(|columns| columns.len()), Some(2));
    assert!(insert.missing_default);
}

#[test]
fn headers_only_names_the_new_row() {
    let server = serve(settings(), |_| {
        Ok(query::Response {
            rows: 1,
            created: true,
            location: Some("id=eq.7".to_owned()),
            ..Default::default()
        })
    });
    let answer = server.send("POST", "/rest/v1/a%20b", &[("Prefer", "return=headers-only")], "{}");
    assert_eq!((answer.status, answer.header("location")), (201, Some("/rest/v1/a%20b?id=eq.7")));
}

#[test]
fn updates_and_deletes_say_how_many() {
    let server = rows("[]", 3);
    let answer = server.send("PATCH", "/rest/v1/orders?id=gt.1", &[], "{\"a\":1}");
    assert_eq!((answer.status, answer.header("content-range")), (204, Some("0-2/*")));
    let answer = server.send("DELETE", "/rest/v1/orders?id=gt.1", &[("Prefer", "return=representation")], "");
    assert_eq!((answer.status, answer.header("content-range")), (200, Some("*/*")));
    let headers = [("Prefer", "handling=strict, max-affected=10")];
    let answer = server.send("DELETE", "/rest/v1/orders?id=gt.1", &headers, "");
    assert_eq!(answer.header("preference-applied"), Some("handling=strict, max-affected=10"));
    assert_eq!(server.asked().max_affected, Some(10));
    let answer = server.send("PUT", "/rest/v1/orders?id=eq.1", &[("Prefer", "return=representation")], "{}");
    assert_eq!((answer.status, answer.header("content-range")), (201, None));
    let answer = server.send("PUT", "/rest/v1/orders?id=eq.1&limit=1", &[], "{}");
    assert!(answer.status == 400 && answer.body.contains("PGRST114"), "{answer:?}");
}

#[test]
fn functions_are_called_with_query_or_body() {
    let server = rows("3", 1);
    let answer = server.get("/rest/v1/rpc/add?a=1&b=2&b=3");
    assert_eq!((answer.status, answer.body.as_str()), (200, "3"));
    let Action::Call(call) = server.asked().shape.action else { panic!("a call") };
    assert!(call.read_only && call.arguments.len() == 2 && call.arguments[1].1.len() == 2);
    server.send("POST", "/rest/v1/rpc/add", &[("Content-Type", "text/plain")], "raw");
    let asked = server.asked();
    assert!(matches!(&asked.payload, Payload::Raw(bytes) if bytes == b"raw"));
    let answer = server.send("DELETE", "/rest/v1/rpc/add", &[], "");
    assert_eq!(answer.status, 405);
    assert_eq!(
        answer.body,
        "{\"code\":\"PGRST101\",\"details\":null,\"hint\":null,\"message\":\"Cannot use the DELETE method on RPC\"}"
    );
    let void = serve(settings(), |_| Ok(query::Response { returns_void: true, ..Default::default() }));
    let answer = void.send("POST", "/rest/v1/rpc/add", &[], "{}");
    assert_eq!((answer.status, answer.header("content-type")), (204, None));
}

#[test]
fn statements_can_set_the_status_and_headers() {
    let server = serve(settings(), |request| {
        let headers = if request.target == "bad" {
            "[{\"a\":1}]"
        } else {
            "[{\"X-Test\":\"1\"},{\"Set-Cookie\":\"a=b\"},{\"Set-Cookie\":\"c=d\"}]"
        };
        let settings = vec![
            ("response.headers".to_owned(), headers.to_owned()),
            ("response.status".to_owned(), "402".to_owned()),
        ];
        Ok(query::Response { body: b"1".to_vec(), settings, ..Default::default() })
    });
    let answer = server.send("POST", "/rest/v1/rpc/f", &[], "{}");
    assert_eq!((answer.status, answer.header("x-test")), (402, Some("1")));
    assert_eq!(answer.head.matches("set-cookie").count(), 2);
    let answer = server.send("POST", "/rest/v1/rpc/bad", &[], "{}");
    assert!(answer.status == 500 && answer.body.contains("PGRST111"));
}

#[test]
fn media_types_are_negotiated() {
    let server = rows("{}", 1);
    let answer =
        server.send("GET", "/rest/v1/orders", &[("Accept", "application/vnd.pgrst.object+json")], "");
    assert_eq!(answer.header("content-type"), Some("application/vnd.pgrst.object+json; charset=utf-8"));
    assert_eq!(server.asked().shape.answer, Form::Object);
    let answer = server.send("GET", "/rest/v1/orders", &[("Accept", "image/png")], "");
    assert!(answer.status == 406 && answer.body.contains("PGRST107"));
    let answer = server.send("POST", "/rest/v1/orders", &[("Content-Type", "image/png")], "x");
    assert!(answer.status == 400 && answer.body.contains("Content-Type not acceptable: image/png"));
    server.send(
        "POST",
        "/rest/v1/orders",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "a=1&b=x+y",
    );
    assert!(matches!(&server.asked().payload, Payload::Form(pairs) if pairs[1].1 == "x y"));
}

#[test]
fn a_token_or_a_key_says_who_asks() {
    let server = rows("[]", 0);
    server.send("GET", "/rest/v1/orders", &[("apikey", "service")], "");
    assert_eq!(server.asked().session.role, "service_role");
    server.send("GET", "/rest/v1/orders", &[("apikey", "service"), ("Authorization", "Bearer good")], "");
    assert_eq!(server.asked().session.role, "authenticated");
    let answer = server.send("GET", "/rest/v1/orders", &[("Authorization", "Bearer old")], "");
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Bearer error=\"invalid_token\", error_description=\"JWT expired\""))
    );
    assert_eq!(answer.header("proxy-status"), Some("PostgREST; error=PGRST303"));
    let denied = serve(settings(), |_| Err(Problem::new("42501", "permission denied for table orders")));
    assert_eq!(denied.get("/rest/v1/orders").status, 401);
    assert_eq!(denied.send("GET", "/rest/v1/orders", &[("apikey", "good")], "").status, 403);
    // a key that stands for the anonymous role is no more than none
    assert_eq!(denied.send("GET", "/rest/v1/orders", &[("apikey", "public")], "").status, 401);
}

#[test]
fn profiles_choose_the_schema() {
    let mut settings = settings();
    settings.rest.schemas = vec!["v1".to_owned(), "v2".to_owned()];
    let server = serve(settings, |_| Ok(query::Response::default()));
    let answer = server.send("GET", "/rest/v1/x", &[("Accept-Profile", "v2")], "");
    assert_eq!((server.asked().schema.as_str(), answer.header("content-profile")), ("v2", Some("v2")));
    let answer = server.send("POST", "/rest/v1/x", &[("Content-Profile", "v3")], "{}");
    assert_eq!(answer.status, 406);
    assert_eq!(
        answer.body,
        "{\"code\":\"PGRST106\",\"details\":null,\"hint\":\"Only the following schemas are exposed: v1, v2\",\"message\":\"Invalid schema: v3\"}"
    );
}

#[test]
fn browsers_may_call_from_anywhere() {
    let server = rows("[]", 0);
    let headers = [
        ("Origin", "http://example.com"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "apikey, content-type"),
    ];
    let answer = server.send("OPTIONS", "/rest/v1/orders", &headers, "");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(answer.header("access-control-allow-headers"), Some("Authorization, apikey, content-type"));
    let answer = server.send("GET", "/rest/v1/orders?x=bad", &[("Origin", "http://example.com")], "");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, Some("*")));
    assert!(
        answer.header("access-control-expose-headers").is_some_and(|value| value.contains("Content-Range"))
    );
    let mut settings = settings();
    settings.rest.cors_origins = vec!["http://ours.example".to_owned()];
    let server = serve(settings, |_| Ok(query::Response::default()));
    let from = |origin| server.send("GET", "/rest/v1/orders", &[("Origin", origin)], "");
    assert_eq!(
        from("http://ours.example").header("access-control-allow-origin"),
        Some("http://ours.example")
    );
    assert_eq!(from("http://theirs.example").header("access-control-allow-origin"), None);
}

#[test]
fn options_say_what_is_allowed() {
    let server = rows("[]", 0);
    let answer = server.send("OPTIONS", "/rest/v1/orders", &[], "");
    assert_eq!(answer.header("allow"), Some("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"));
    assert_eq!(
        server.send("OPTIONS", "/rest/v1/rpc/place_order", &[], "").header("allow"),
        Some("OPTIONS,GET,HEAD,POST")
    );
    assert_eq!(server.send("OPTIONS", "/rest/v1/unknown", &[], "").status, 404);
}

#[test]
fn what_is_not_there_is_a_problem() {
    let server = rows("[]", 0);
    for path in ["/rest/v1/a/b", "/rest/v1/rpc/a/b", "/nowhere", "/rest/v11/x"] {
        let answer = server.get(path);
        assert!(answer.status == 404 && answer.body.contains("PGRST125"), "{path} {answer:?}");
    }
    let answer = server.send("BREW", "/rest/v1/orders", &[], "");
    assert_eq!(answer.status, 405);
    let answer = server.send("GET", "/rest/v1/orders", &[("Prefer", "handling=strict, anything")], "");
    assert!(answer.status == 400 && answer.body.contains("PGRST122"));
}

#[test]
fn transactions_are_kept_or_taken_back_as_asked() {
    let server = rows("[]", 0);
    let answer = server.send("POST", "/rest/v1/orders", &[("Prefer", "tx=rollback")], "{}");
    assert_eq!(answer.header("preference-applied"), Some("tx=rollback"));
    assert!(server.asked().rollback);
    server.send("POST", "/rest/v1/orders", &[], "{}");
    assert!(!server.asked().rollback);

    let mut tests = settings();
    tests.rest.tx_rollback = true;
    let server = serve(tests, |_| Ok(query::Response::default()));
    let answer = server.send("POST", "/rest/v1/orders", &[], "{}");
    assert_eq!(answer.header("preference-applied"), None);
    assert!(server.asked().rollback);
    server.send("POST", "/rest/v1/orders", &[("Prefer", "tx=commit")], "{}");
    assert!(!server.asked().rollback);
}

#[test]
fn a_negative_offset_skips_nothing_and_a_zone_must_exist() {
    let server = rows("[]", 0);
    assert_eq!(server.get("/rest/v1/orders?offset=-4").status, 200);
    assert_eq!(server.asked().offset, 0);
    let answer = server.send("GET", "/rest/v1/orders", &[("Prefer", "timezone=Mars/Base")], "");
    assert!(answer.status == 400 && answer.body.contains("22023"), "{answer:?}");
}

#[test]
fn a_token_whose_keys_are_not_here_yet_is_waited_for() {
    for (method, path) in [("GET", "/rest/v1/items"), ("POST", "/rest/v1/batch")] {
        let body = if method == "POST" { "[]" } else { "" };
        let ask = |server: &Server, token: &str| {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            server.send(method, path, &headers, body).status
        };
        let server = rows("[]", 0);
        assert_eq!(ask(&server, "stranger"), 401, "{path}");
        assert_ne!(ask(&server, "foreign"), 401, "{path}");
    }
}

//! Requests against the embedded engine, from the migration to the answer.

#[path = "support/shop.rs"]
mod shop;
mod support;

use mainstay_records::RecordsSettings;
use mainstay_records::query::{Action, Answer, Count, Explain, Payload, Request, Resolution, Return};
use shop::{Shop, text};
use std::sync::Arc;
use support::{records, request, settings};

#[test]
fn reads_filter_order_and_shape() {
    let shop = Shop::open();
    shop.gets("customers?select=id,name&name=like.*b*", r#"[{"id":2,"name":"bob"}]"#);
    shop.gets("customers?select=n:name&order=name.desc&limit=1&offset=1", r#"[{"n":"bob"}]"#);
    shop.gets("orders?select=id&status=in.(paid)&total=gte.10.50", r#"[{"id":1}]"#);
    shop.gets(
        "customers?select=data->>city&data->>city=not.is.null&order=id",
        r#"[{"city":"Oslo"},{"city":"Rome"}]"#,
    );
    shop.gets("customers?select=id&or=(name.eq.ann,and(id.gt.2,data.is.null))", r#"[{"id":1}]"#);
    shop.gets("customers?select=shout&id=eq.1", r#"[{"shout":"ANN"}]"#);
    shop.gets("customers?select=id&data=cs.{\"city\":\"Oslo\"}", r#"[{"id":1}]"#);
    shop.gets("orders?select=total::text&id=eq.1", r#"[{"total":"10.50"}]"#);
    assert_eq!(shop.refuses(request("GET", "customers?id=eq.x", "")).0, "22P02");
}

#[test]
fn embeds_follow_every_kind_of_relationship() {
    let shop = Shop::open();
    shop.gets("orders?select=id,customers(name)&id=eq.1", r#"[{"id":1,"customers":{"name":"ann"}}]"#);
    shop.gets(
        "customers?select=name,orders(id,total)&orders.order=id.desc&order=id",
        r#"[{"name":"ann","orders":[{"id":2,"total":20.00},{"id":1,"total":10.50}]},{"name":"bob","orders":[{"id":3,"total":5.00}]},{"name":"cyd","orders":[]}]"#,
    );
    shop.gets(
        "orders?select=id,tags(label)&id=eq.1&tags.order=id",
        r#"[{"id":1,"tags":[{"label":"red"},{"label":"blue"}]}]"#,
    );
    shop.gets(
        "employees?select=name,manager_id(name)&id=eq.3",
        r#"[{"name":"dev","manager_id":{"name":"cto"}}]"#,
    );
    shop.gets("employees?select=team:employees(name)&id=eq.1", r#"[{"team":[{"name":"cto"}]}]"#);
    shop.gets(
        "paid_orders?select=id,customers(name)&order=id&limit=1",
        r#"[{"id":1,"customers":{"name":"ann"}}]"#,
    );
    shop.gets("customers?select=name,orders!inner()&orders.total=lt.6", r#"[{"name":"bob"}]"#);
    shop.gets("customers?select=name,orders()&orders=is.null", r#"[{"name":"cyd"}]"#);
    shop.gets(
        "orders?select=id,...customers(buyer:name)&order=customers(name).desc,id&limit=1",
        r#"[{"id":3,"buyer":"bob"}]"#,
    );
    shop.gets(
        "customers?select=name,...orders(totals:total)&orders.order=id&id=eq.1",
        r#"[{"name":"ann","totals":[10.50, 20.00]}]"#,
    );
    shop.gets("customers?select=orders(tags(label))&id=eq.2", r#"[{"orders":[{"tags":[]}]}]"#);
}

#[test]
fn a_plan_is_shown_and_nothing_runs() {
    let shop = Shop::open();
    let explained = |method: &str, url: &str, form: Explain| {
        let mut asked = request(method, url, "");
        asked.explain = Some(form);
        asked.shape.answer = Answer::Raw;
        text(&shop.run(asked)).to_owned()
    };
    let tree = explained("GET", "orders?id=eq.1&select=id,customers(name)", Explain::Json);
    assert!(tree.starts_with(r#"[{"Plan":{"Node Type":"Statement","Plans":["#), "{tree}");
    assert!(tree.contains(r#""SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)""#), "{tree}");
    let lines = explained("DELETE", "order_tags?order_id=eq.1", Explain::Text);
    assert!(lines.starts_with("SEARCH order_tags USING "), "{lines}");
    shop.gets("order_tags?select=tag_id&order_id=eq.1", r#"[{"tag_id":1},{"tag_id":2}]"#);
}

#[test]
fn rows_without_an_order_come_as_they_were_inserted() {
    let shop = Shop::open();
    shop.run(request("POST", "customers", r#"{"name":"aaa"}"#));
    let names = r#"[{"name":"ann"},{"name":"bob"},{"name":"cyd"},{"name":"aaa"}]"#;
    shop.gets("customers?select=name", names);
}

#[test]
fn a_function_that_get_calls_sets_headers() {
    let shop = Shop::open();
    let response = shop.run(request("GET", "rpc/headed", ""));
    assert_eq!(response.settings, [("response.headers".to_owned(), r#"[{"x-a":"b"}]"#.to_owned())]);
}

fn with_pre_request(name: &str) -> Shop {
    Shop::with(RecordsSettings { pre_request: Some(name.to_owned()), ..settings() })
}

fn from_path(method: &str, url: &str, body: &str, path: &str) -> Request {
    let mut request = request(method, url, body);
    let mut session = (*request.session).clone();
    session.settings.insert("request.path".to_owned(), path.to_owned());
    session.search_path = vec!["public".to_owned()];
    request.session = Arc::new(session);
    request
}

#[test]
fn a_function_runs_before_each_request() {
    let headers = [("response.headers".to_owned(), r#"[{"x-pre": "1"}]"#.to_owned())];
    for name in ["public.checked", "checked"] {
        let shop = with_pre_request(name);
        for (method, url, body, expected) in [
            ("GET", "who", "", r#"[{"id":1,"who":"pre"}]"#),
            ("GET", "rpc/said", "", r#""pre""#),
            ("POST", "rpc/said", "{}", r#""pre""#),
            ("POST", "tags?select=id", r#"{"id": 9, "label": "x"}"#, r#"[{"id":9}]"#),
            ("PATCH", "tags?select=label&id=eq.9", r#"{"label": "y"}"#, r#"[{"label":"y"}]"#),
            ("PATCH", "tags?id=eq.9", "{}", "[]"),
            ("POST", "tags", "[]", "[]"),
            ("DELETE", "tags?select=id&id=eq.9", "", r#"[{"id":9}]"#),
        ] {
            let response = shop.run(from_path(method, url, body, "/open"));
            assert_eq!(text(&response), expected, "{method} {url}");
            let kept = response.settings.iter().filter(|(name, _)| name.starts_with("response."));
            assert_eq!(kept.cloned().collect::<Vec<_>>(), headers, "{method} {url}");
            let (code, _) = shop.refuses(from_path(method, url, body, "/closed"));
            assert_eq!(code, "22012", "{method} {url}");
        }
        let mut page = from_path("GET", "tags?select=id&order=id", "", "/open");
        (page.after, page.shape.count) = (Some(String::new()), Some(Count::Exact));
        let page = shop.run(page);
        assert_eq!((text(&page), page.total, page.settings.len()), (r#"[{"id":1},{"id":2}]"#, Some(2), 1));
        let at_once =
            shop.records.run_at_once(&from_path("GET", "who", "", "/open")).expect("is short").unwrap();
        assert_eq!((text(&at_once), &at_once.settings[..]), (r#"[{"id":1,"who":"pre"}]"#, &headers[..]));
        let refused = shop.records.run_at_once(&from_path("GET", "who", "", "/closed")).expect("is short");
        assert_eq!(refused.unwrap_err().code(), "22012");
        let (mut rows, set) =
            shop.runtime.block_on(shop.records.stream(from_path("GET", "who", "", "/open"))).unwrap();
        assert_eq!(set, headers);
        let piece = shop.runtime.block_on(std::future::poll_fn(|cx| rows.poll_next(cx))).unwrap().unwrap();
        assert_eq!(String::from_utf8(piece.bytes).unwrap(), r#"[{"id":1,"who":"pre"}]"#);
        let refused = shop.runtime.block_on(shop.records.stream(from_path("GET", "who", "", "/closed")));
        assert_eq!(refused.err().map(|problem| problem.code().to_owned()).as_deref(), Some("22012"));
    }
}

#[test]
fn a_function_before_requests_writes_with_those_that_write() {
    let shop = with_pre_request("public.logged");
    let read_only = ("25006".to_owned(), "cannot execute INSERT in a read-only transaction".to_owned());
    for url in ["visits", "rpc/said", "rpc/headed"] {
        assert_eq!(shop.refuses(from_path("GET", url, "", "/read")), read_only, "{url}");
    }
    let insert = |path| from_path("POST", "tags", r#"{"id": 9, "label": "x"}"#, path);
    shop.run(insert("/first"));
    // It is undone with its request.
    assert_eq!(shop.refuses(insert("/again")).0, "23505");
    shop.run(from_path("POST", "rpc/headed", "{}", "/call"));
    let plain = records(shop.store.clone(), settings());
    let seen = shop.runtime.block_on(plain.run(request("GET", "visits?select=path&order=id", ""))).unwrap();
    assert_eq!(text(&seen), r#"[{"path":"/first"},{"path":"/call"}]"#);
}

#[test]
fn a_missing_function_before_requests_is_named() {
    for (name, words) in [
        ("public.absent", "function public.absent(), which should run before each request, does not exist"),
        ("takes", "function takes, which runs before each request, takes arguments"),
    ] {
        let refused = with_pre_request(name).refuses(from_path("GET", "tags", "", "/open"));
        assert_eq!(refused, ("42883".to_owned(), words.to_owned()));
    }
}

#[test]
fn writes_without_a_filter_are_refused_where_that_is_set() {
    let shop = Shop::with(RecordsSettings { unfiltered_writes_refused: true, ..settings() });
    let refused = |method, url| shop.refuses(request(method, url, r#"{"label": "x"}"#));
    let words = |what: &str| ("21000".to_owned(), format!("{what} requires a WHERE clause"));
    assert_eq!(refused("PATCH", "tags"), words("UPDATE"));
    assert_eq!(refused("PATCH", "tags?select=id"), words("UPDATE"));
    assert_eq!(refused("DELETE", "tags"), words("DELETE"));
    assert_eq!(refused("DELETE", "tags?nope=eq.1").0, "42703");
    shop.answers("PATCH", "tags?id=gt.1&select=id", r#"{"label": "x"}"#, r#"[{"id":2}]"#);
    shop.answers("DELETE", "order_tags?or=(tag_id.eq.2)&select=tag_id", "", r#"[{"tag_id":2}]"#);
    Shop::open().answers("PATCH", "tags?select=id&order=id", r#"{"label": "x"}"#, r#"[{"id":1},{"id":2}]"#);
}

#[test]
fn a_function_without_a_body_does_nothing() {
    let shop = Shop::open();
    assert!(shop.run(request("GET", "rpc/nothing", "")).returns_void);
}

#[test]
fn anonymous_rows_have_the_columns_of_the_functions_body() {
    let shop = Shop::open();
    shop.gets("rpc/all_tags", r#"[{"id":1,"label":"red"},{"id":2,"label":"blue"}]"#);
    shop.gets("rpc/all_tags?limit=1", r#"[{"id":1,"label":"red"}]"#);
    shop.gets("rpc/first_tag", r#"{"label":"red","id":1}"#);
    shop.gets("rpc/no_tag", r#"{"id":null,"label":null}"#);
    shop.gets("rpc/pair", r#"{"f1":1,"f2":"a"}"#);
}

/// What PostgREST calls domain representations.
#[test]
fn a_domain_says_how_its_values_come_in_and_go_out() {
    let shop = Shop::open();
    shop.gets("paints?select=id,tint&order=id", r##"[{"id":1,"tint":"#ff"},{"id":2,"tint":""}]"##);
    shop.gets("paints?id=eq.1", r##"[{"id":1,"tint":"#ff","dried":255000}]"##);
    shop.gets("paints?select=shade:tint&tint=eq.ff", r##"[{"shade":"#ff"}]"##);
    shop.gets("paints?select=id&tint=in.(ff,aa)", r#"[{"id":1}]"#);
    shop.gets("paints?select=id&tint=not.eq.ff", "[]");
    shop.gets("half_paints?select=half", r##"[{"half":"#7f"},{"half":""}]"##);
    let body = r##"{"id":3,"tint":"#10","dried":1}"##;
    shop.answers("POST", "paints", body, r##"[{"id":3,"tint":"#10","dried":1000}]"##);
    let bodies = r##"[{"id":4,"tint":"#20"},{"id":5,"tint":"#21"}]"##;
    shop.answers("POST", "paints?select=tint&order=id.desc", bodies, r##"[{"tint":"#21"},{"tint":"#20"}]"##);
    let changed = r##"[{"id":5,"tint":"#40","half":"#20"}]"##;
    shop.answers("PATCH", "half_paints?id=eq.5", r##"{"tint":"#40"}"##, changed);
}

#[test]
fn aggregates_and_counts() {
    let shop = Shop::open();
    shop.gets(
        "customers?select=name,orders(count)&order=id&limit=1",
        r#"[{"name":"ann","orders":[{"count":2}]}]"#,
    );
    shop.gets(
        "orders?select=status,total.sum()&order=status",
        r#"[{"status":"open","sum":20.00},{"status":"paid","sum":15.50}]"#,
    );
    shop.gets(
        "orders?select=total.sum(),...customers(name)&order=customers(name)",
        r#"[{"sum":30.50,"name":"ann"},{"sum":5.00,"name":"bob"}]"#,
    );
    let mut counted = request("GET", "orders?limit=1&status=eq.paid", "");
    counted.shape.count = Some(Count::Exact);
    let response = shop.run(counted);
    assert_eq!((response.rows, response.total), (1, Some(2)));
}

#[test]
fn inserts_return_what_was_stored() {
    let shop = Shop::open();
    shop.answers("POST", "customers?select=id,name", r#"{"name":"dan"}"#, r#"[{"id":4,"name":"dan"}]"#);
    shop.answers(
        "POST",
        "orders?select=total,status",
        r#"[{"customer_id":4,"total":"1.005"},{"total":2,"customer_id":null}]"#,
        r#"[{"total":1.01,"status":"open"},{"total":2.00,"status":"open"}]"#,
    );
    shop.answers(
        "POST",
        "orders?select=id,customers(name)",
        r#"{"customer_id":1}"#,
        r#"[{"id":6,"customers":{"name":"ann"}}]"#,
    );
    shop.answers(
        "POST",
        "tags?order=id.desc&select=id",
        r#"[{"id":8,"label":"x"},{"id":9,"label":"y"}]"#,
        r#"[{"id":9},{"id":8}]"#,
    );
    let mut headers = request("POST", "customers", r#"{"name":"eve"}"#);
    headers.shape.returning = Return::HeadersOnly;
    assert_eq!(shop.run(headers).location.as_deref(), Some("id=eq.5"));
    let (code, _) = shop.refuses(request("POST", "customers", r#"{"name":"ann"}"#));
    assert_eq!(code, "23505");
    let mut csv = request("POST", "tags?select=label", "");
    csv.payload = Payload::Csv(b"id,label\n20,\"a,b\"\n21,c\n".to_vec());
    assert_eq!(text(&shop.run(csv)), r#"[{"label":"a,b"},{"label":"c"}]"#);
}

#[test]
fn upserts_merge_or_ignore() {
    let shop = Shop::open();
    let upsert = |url: &str, body: &str, resolution: Resolution| {
        let mut request = request("POST", url, body);
        if let Action::Insert(insert) = &mut request.shape.action {
            insert.resolution = Some(resolution);
        }
        shop.run(request)
    };
    let merged = upsert("tags?select=label", r#"[{"id":1,"label":"crimson"}]"#, Resolution::Merge);
    assert_eq!((text(&merged), merged.created), (r#"[{"label":"crimson"}]"#, false));
    let made = upsert(
        "tags?select=label",
        r#"[{"id":1,"label":"red"},{"id":3,"label":"green"}]"#,
        Resolution::Merge,
    );
    assert_eq!((made.rows, made.created), (2, true));
    let ignored = upsert(
        "customers?on_conflict=name&select=name",
        r#"[{"name":"ann"},{"name":"fay"}]"#,
        Resolution::Ignore,
    );
    assert_eq!(text(&ignored), r#"[{"name":"fay"}]"#);
    let put = shop.run(request("PUT", "tags?id=eq.7", r#"{"id":7,"label":"new"}"#));
    assert_eq!((text(&put), put.created), (r#"[{"id":7,"label":"new"}]"#, true));
    assert!(!shop.run(request("PUT", "tags?id=eq.7", r#"{"id":7,"label":"newer"}"#)).created);
}

#[test]
fn updates_and_deletes() {
    let shop = Shop::open();
    shop.answers(
        "PATCH",
        "orders?id=eq.2&select=id,status,customers(name)",
        r#"{"status":"paid"}"#,
        r#"[{"id":2,"status":"paid","customers":{"name":"ann"}}]"#,
    );
    shop.answers("PATCH", "orders?id=eq.99", r#"{"status":"paid"}"#, "[]");
    shop.answers("DELETE", "order_tags?order_id=eq.1&tag_id=eq.2&select=tag_id", "", r#"[{"tag_id":2}]"#);
    let (code, _) = shop.refuses(request("DELETE", "customers?id=eq.1", ""));
    assert_eq!(code, "23503");
    let mut all = request("DELETE", "order_tags?order_id=gt.0", "");
    all.max_affected = Some(1);
    let problem = shop.runtime.block_on(shop.records.run(all)).unwrap_err();
    assert_eq!((problem.code(), problem.details()), ("PGRST124", Some("The query affects 2 rows")));
    shop.gets("order_tags?select=order_id&order=order_id", r#"[{"order_id":1},{"order_id":2}]"#);
    let mut one = request("PATCH", "orders?id=gt.0", r#"{"total":1}"#);
    one.shape.answer = Answer::Object;
    assert_eq!(shop.refuses(one).0, "PGRST116");
    let mut undone = request("DELETE", "order_tags?order_id=gt.0", "");
    undone.rollback = true;
    assert_eq!(shop.run(undone).rows, 2);
    shop.gets("order_tags?select=order_id&limit=1", r#"[{"order_id":1}]"#);
}

#[test]
fn a_write_embeds_its_own_table_as_it_was_before() {
    let shop = Shop::open();
    shop.answers(
        "POST",
        "employees?select=id,boss:manager_id(name)",
        r#"[{"id":4,"name":"new","manager_id":1},{"id":5,"name":"own","manager_id":5}]"#,
        r#"[{"id":4,"boss":{"name":"ceo"}},{"id":5,"boss":null}]"#,
    );
    shop.answers(
        "PATCH",
        "employees?id=eq.1&select=name,reports:employees!manager_id(name)&reports.order=id",
        r#"{"name":"founder","manager_id":1}"#,
        r#"[{"name":"founder","reports":[{"name":"cto"},{"name":"new"}]}]"#,
    );
    shop.answers(
        "DELETE",
        "employees?id=eq.3&select=id,boss:manager_id(name,boss:manager_id(name))",
        "",
        r#"[{"id":3,"boss":{"name":"cto","boss":{"name":"founder"}}}]"#,
    );
}

#[test]
fn calls_return_values_and_rows() {
    let shop = Shop::open();
    shop.answers("POST", "rpc/add_up", r#"{"a":1}"#, "11");
    shop.gets("rpc/add_up?a=1&b=2", "3");
    shop.gets(
        "rpc/orders_over?floor=5&select=id,customers(name)&order=id.desc&limit=1",
        r#"[{"id":2,"customers":{"name":"ann"}}]"#,
    );
    shop.gets("rpc/doubled?num=2", r#"{"twice":4}"#);
}

#[test]
fn names_in_a_body_are_those_of_the_requests_search_path() {
    let shop = Shop::open();
    let mut call = request("GET", "rpc/book_count", "");
    assert_eq!(shop.refuses(call.clone()), ("42P01".into(), "relation \"books\" does not exist".into()));
    let session = Arc::make_mut(&mut call.session);
    session.search_path = vec!["public".into(), "shelf".into()];
    assert_eq!(text(&shop.run(call)), "2");
}

#[test]
fn single_objects_and_counts_of_nothing() {
    let shop = Shop::open();
    let mut one = request("GET", "customers?id=eq.1&select=id", "");
    one.shape.answer = Answer::Object;
    assert_eq!(text(&shop.run(one.clone())), r#"{"id":1}"#);
    one.literals[0] = "99".into();
    assert_eq!(shop.refuses(one).0, "PGRST116");
    let head = shop.run(request("HEAD", "customers", ""));
    assert_eq!((text(&head), head.rows), ("", 3));
}

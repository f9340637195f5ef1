//! Several requests in one transaction, through HTTP.

mod support;

use serde_json::{Value, json};
use support::{Answer, App, Server};

const APP: &str = "
create table orders (id bigint generated always as identity primary key, customer text not null, total int not null default 0);
create table items (
  order_id bigint not null references orders (id), line int not null, product text not null, price int not null check (price > 0),
  primary key (order_id, line)
);
create function total_of(order_id bigint) returns int language sql stable as
  $$ select coalesce(sum(price), 0)::int from items i where i.order_id = total_of.order_id $$;
";

fn batch(server: &Server, headers: &[(&str, &str)], requests: &Value) -> Answer {
    server.send("POST", "/rest/v1/batch", headers, Some(requests.to_string().as_bytes()))
}

fn count(server: &Server, table: &str) -> usize {
    server.get(&format!("/rest/v1/{table}")).json().as_array().map_or(0, Vec::len)
}

#[test]
fn later_requests_refer_to_earlier_answers() {
    let app = App::with(APP);
    let server = app.dev();
    let one = "application/vnd.pgrst.object+json";
    let whole = "return=representation";
    let requests = json!([
        { "method": "POST", "path": "/orders?select=id", "headers": { "Prefer": whole, "Accept": one },
          "body": { "customer": "Ada & Co" } },
        { "method": "POST", "path": "/items", "body": [
            { "order_id": { "$ref": "0/body/id" }, "line": 1, "product": "lamp", "price": 40 },
            { "order_id": { "$ref": "0/body/id" }, "line": 2, "product": "shade", "price": 2 } ] },
        { "method": "POST", "path": "rpc/total_of", "body": { "order_id": { "$ref": "0/body/id" } } },
        { "method": "PATCH", "path": "/rest/v1/orders?id=eq.${0/body/id}", "headers": { "Prefer": whole },
          "body": { "total": { "$ref": "2/body" } } },
        { "path": "/orders?customer=eq.${3/body/0/customer}&select=customer,total,items(product)" },
        { "method": "GET", "path": "/orders?id=eq.${0/body/id}", "headers": { "Accept": one } },
        { "method": "PATCH", "path": "/orders?id=eq.${0/body/id}", "headers": { "If-Match": "${5/headers/etag}" },
          "body": { "total": 43 } },
    ]);
    let answer = batch(&server, &[("isolation-level", "read-committed")], &requests);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("isolation-level"), Some("serializable"));
    let answers = answer.json();
    let statuses: Vec<i64> =
        answers.as_array().expect("a list").iter().filter_map(|answer| answer["status"].as_i64()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 200, 200, 204]);
    assert_eq!(answers[1]["body"], Value::Null);
    assert_eq!(answers[2]["body"], 42);
    assert_eq!(
        answers[4]["body"],
        json!([{ "customer": "Ada & Co", "total": 42, "items": [{ "product": "lamp" }, { "product": "shade" }] }])
    );
    assert_eq!(answers[0]["headers"]["content-type"], "application/vnd.pgrst.object+json; charset=utf-8");
    assert_eq!(server.get("/rest/v1/orders").json()[0]["total"], 43);
}

#[test]
fn a_request_that_fails_undoes_all() {
    let app = App::with(APP);
    let server = app.dev();
    let order = json!({ "method": "POST", "path": "/orders", "headers": { "Prefer": "return=representation" },
        "body": { "customer": "Ada" } });
    let item = |price: i64| {
        json!({ "method": "POST", "path": "/items",
            "body": { "order_id": { "$ref": "0/body/0/id" }, "line": 1, "product": "lamp", "price": price } })
    };
    let refused = batch(&server, &[], &json!([order, item(0), item(1)]));
    assert_eq!(refused.status, 400, "{}", refused.text());
    let problem = refused.json();
    assert_eq!((problem["code"].clone(), problem["index"].clone()), (json!("23514"), json!(1)));
    assert_eq!((count(&server, "orders"), count(&server, "items")), (0, 0));
    for (requests, index, code) in [
        (json!([order, { "method": "PATCH", "path": "/nowhere?id=eq.1", "body": {} }]), 1, "PGRST205"),
        (json!([order, { "path": "/orders?id=eq.${1/body}" }]), 1, "PGRST102"),
        (
            json!([order, { "path": "/orders?id=eq.0", "headers": { "accept": "application/vnd.pgrst.object+json" } }]),
            1,
            "PGRST116",
        ),
        (json!([order, { "path": "/" }]), 1, "PGRST125"),
    ] {
        let problem = batch(&server, &[], &requests).json();
        assert_eq!(
            (problem["code"].clone(), problem["index"].clone()),
            (json!(code), json!(index)),
            "{requests}"
        );
    }
    assert_eq!(count(&server, "orders"), 0);
    // The sequence has gone on, as PostgreSQL's would; the writer too.
    assert_eq!(batch(&server, &[], &json!([order, item(1)])).status, 200);
    assert_eq!((count(&server, "orders"), count(&server, "items")), (1, 1));
}

#[test]
fn a_batch_is_bounded_and_says_what_is_wrong_with_it() {
    let app = App::with(APP);
    app.write("mainstay.toml", "[rest]\nbatch_requests_max = 3\n");
    let server = app.dev();
    let read = json!({ "path": "/orders" });
    assert_eq!(batch(&server, &[], &json!([])).json(), json!([]));
    assert_eq!(batch(&server, &[], &json!([read, read, read])).status, 200);
    assert_eq!(batch(&server, &[], &json!([read, read, read, read])).status, 413);
    for (requests, words) in [
        (json!({}), "expected a sequence"),
        (json!([read, { "method": "GET" }]), "request 1: missing field `path`"),
        (json!([{ "path": "/orders", "method": "TRACE" }]), "request 0: `TRACE` is no method of a batch"),
        (json!([{ "path": "/orders", "headers": { "idempotency-key": "k" } }]), "goes onto the batch itself"),
    ] {
        let answer = batch(&server, &[], &requests);
        let problem = answer.json();
        let details = problem["details"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && details.contains(words), "{requests}: {problem}");
    }
    assert_eq!(batch(&server, &[("isolation-level", "chaos")], &json!([read])).status, 400);
    assert_eq!(server.get("/rest/v1/batch").status, 404);
}

#[test]
fn a_batch_with_a_key_is_done_once() {
    let app = App::with(APP);
    let server = app.dev();
    let requests = json!([
        { "method": "POST", "path": "/orders", "body": { "customer": "Ada" } },
        { "method": "POST", "path": "/orders", "body": { "customer": "Bob" } },
    ]);
    let key = [("idempotency-key", "batch-1")];
    let first = batch(&server, &key, &requests);
    assert_eq!((first.status, batch(&server, &key, &requests).text()), (200, first.text()));
    assert_eq!(count(&server, "orders"), 2);
    assert_eq!(batch(&server, &key, &json!([])).status, 422);
}

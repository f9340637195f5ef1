//! Requests and the PostgreSQL statements that are made of them.

mod support;

use mainstay_engine::Format;
use mainstay_records::query::{Answer, Count, Payload, Resolution, Return};
use mainstay_records::{RecordsSettings, query};
use mainstay_types::Value;
use support::{asked, asked_with, problem, request, settings, statement};

#[track_caller]
fn reads(url: &str, sql: &str) {
    assert_eq!(statement("GET", url, ""), sql);
}

#[test]
fn columns_filters_order_and_limits() {
    reads(
        "customers?select=id,label:name&id=gt.3&name=not.ilike.*a*&order=name.desc.nullslast,id&limit=2&offset=4",
        r#"SELECT "customers"."id" AS "id", "customers"."name" AS "label" FROM "public"."customers" AS "customers" WHERE "customers"."id" > $1 AND NOT ("customers"."name" ILIKE $2) ORDER BY "customers"."name" DESC NULLS LAST, "customers"."id" LIMIT $3 OFFSET $4"#,
    );
}

#[test]
fn literals_are_read_as_their_columns_types() {
    let asked =
        asked(request("GET", "orders?select=id&status=in.(open,paid)&placed=lt.2024-01-01&id=eq.7", ""))
            .unwrap();
    assert_eq!(
        asked[0].sql,
        r#"SELECT "orders"."id" AS "id" FROM "public"."orders" AS "orders" WHERE "orders"."status" = ANY($1) AND "orders"."placed" < $2 AND "orders"."id" = $3"#
    );
    assert_eq!(
        asked[0].values[0],
        [Value::text(r#"["open","paid"]"#), Value::Integer(757_382_400_000_000), Value::Integer(7)]
    );
    let problem = problem("GET", "orders?id=eq.seven", "");
    assert_eq!(
        (problem.code(), problem.message()),
        ("22P02", "invalid input syntax for type integer: \"seven\"")
    );
}

#[test]
fn logic_is_nested_and_negated() {
    reads(
        "customers?select=id&or=(id.eq.1,and(id.gt.5,name.is.null),not.and(id.lt.3,id.gt.1))",
        r#"SELECT "customers"."id" AS "id" FROM "public"."customers" AS "customers" WHERE ("customers"."id" = $1 OR ("customers"."id" > $2 AND "customers"."name" IS NULL) OR NOT ("customers"."id" < $3 AND "customers"."id" > $4))"#,
    );
}

#[test]
fn operators_of_arrays_text_search_and_distinctness() {
    reads(
        "products?select=id&words=cs.{a,b}&document=fts(english).cat&name=plfts.dog&price=isdistinct.3&name=like(any).{a*,b*}",
        r#"SELECT "products"."id" AS "id" FROM "public"."products" AS "products" WHERE "products"."words" @> $1 AND "products"."document" @@ to_tsquery($2, $3) AND to_tsvector("products"."name") @@ plainto_tsquery($4) AND "products"."price" IS DISTINCT FROM $5 AND "products"."name" LIKE ANY($6)"#,
    );
}

#[test]
fn json_paths_keep_their_keys_as_constants() {
    reads(
        "profiles?select=data->address->>city,first:data->tags->0&data->>it's=eq.x&order=data->n",
        r#"SELECT ("profiles"."data"->'address'->>'city') AS "city", ("profiles"."data"->'tags'->0) AS "first" FROM "public"."profiles" AS "profiles" WHERE ("profiles"."data"->>'it''s') = $1 ORDER BY ("profiles"."data"->'n')"#,
    );
}

#[test]
fn casts_name_known_types() {
    reads(
        "orders?select=total::text,kind:status::status",
        r#"SELECT CAST("orders"."total" AS text) AS "total", CAST("orders"."status" AS "public"."status") AS "kind" FROM "public"."orders" AS "orders""#,
    );
    let problem = problem("GET", "orders?select=total::nonsense", "");
    assert_eq!((problem.code(), problem.message()), ("42704", "type \"nonsense\" does not exist"));
}

#[test]
fn to_one_and_to_many_embeds_are_correlated_subqueries() {
    reads(
        "orders?select=id,customers(name)",
        r#"SELECT "orders"."id" AS "id", (SELECT row_to_json("_e") FROM (SELECT "customers_1"."name" AS "name" FROM "public"."customers" AS "customers_1" WHERE "customers_1"."id" = "orders"."customer_id" LIMIT 1) AS "_e") AS "customers" FROM "public"."orders" AS "orders""#,
    );
    reads(
        "customers?select=id,orders(id)&orders.order=id.desc&orders.limit=2&orders.status=eq.open",
        r#"SELECT "customers"."id" AS "id", (SELECT COALESCE(json_agg("_e"), '[]') FROM (SELECT "orders_1"."id" AS "id" FROM "public"."orders" AS "orders_1" WHERE "orders_1"."customer_id" = "customers"."id" AND "orders_1"."status" = $1 ORDER BY "orders_1"."id" DESC LIMIT $2) AS "_e") AS "orders" FROM "public"."customers" AS "customers""#,
    );
}

#[test]
fn one_to_one_is_an_object_in_both_directions() {
    for url in ["customers?select=profiles(data)", "profiles?select=customers(name)"] {
        let sql = statement("GET", url, "");
        assert!(sql.contains("row_to_json") && !sql.contains("json_agg"), "{sql}");
    }
}

#[test]
fn many_to_many_goes_through_the_junction() {
    reads(
        "products?select=id,tags(label)",
        r#"SELECT "products"."id" AS "id", (SELECT COALESCE(json_agg("_e"), '[]') FROM (SELECT "tags_1"."label" AS "label" FROM "public"."tags" AS "tags_1", "public"."product_tags" AS "product_tags_j1" WHERE "product_tags_j1"."tag_id" = "tags_1"."id" AND "product_tags_j1"."product_id" = "products"."id") AS "_e") AS "tags" FROM "public"."products" AS "products""#,
    );
}

#[test]
fn inner_embeds_and_empty_embeds_filter_the_parent() {
    reads(
        "customers?select=id,orders!inner()&orders.total=gt.10",
        r#"SELECT "customers"."id" AS "id" FROM "public"."customers" AS "customers" WHERE EXISTS (SELECT 1 FROM "public"."orders" AS "orders_1" WHERE "orders_1"."customer_id" = "customers"."id" AND "orders_1"."total" > $1)"#,
    );
    reads(
        "customers?select=id,orders()&orders=is.null",
        r#"SELECT "customers"."id" AS "id" FROM "public"."customers" AS "customers" WHERE NOT EXISTS (SELECT 1 FROM "public"."orders" AS "orders_1" WHERE "orders_1"."customer_id" = "customers"."id")"#,
    );
}

#[test]
fn order_by_a_column_of_a_to_one_embed() {
    reads(
        "orders?select=id,customers()&order=customers(name).desc",
        r#"SELECT "orders"."id" AS "id" FROM "public"."orders" AS "orders" ORDER BY (SELECT "customers_1"."name" FROM "public"."customers" AS "customers_1" WHERE "customers_1"."id" = "orders"."customer_id" LIMIT 1) DESC"#,
    );
    assert_eq!(problem("GET", "customers?select=id,orders()&order=orders(id)", "").code(), "PGRST118");
    assert_eq!(problem("GET", "customers?select=id&order=orders(id)", "").code(), "PGRST108");
}

#[test]
fn spreads_put_columns_or_arrays_into_the_parent() {
    reads(
        "orders?select=id,...customers(buyer:name)",
        r#"SELECT "orders"."id" AS "id", (SELECT "customers_1"."name" FROM "public"."customers" AS "customers_1" WHERE "customers_1"."id" = "orders"."customer_id" LIMIT 1) AS "buyer" FROM "public"."orders" AS "orders""#,
    );
    reads(
        "customers?select=id,...orders(totals:total)&orders.order=id",
        r#"SELECT "customers"."id" AS "id", (SELECT COALESCE(json_agg("_e"."v"), '[]') FROM (SELECT "orders_1"."total" AS "v" FROM "public"."orders" AS "orders_1" WHERE "orders_1"."customer_id" = "customers"."id" ORDER BY "orders_1"."id") AS "_e") AS "totals" FROM "public"."customers" AS "customers""#,
    );
}

#[test]
fn aggregates_group_by_the_other_columns() {
    reads(
        "orders?select=customer_id,total.sum(),n:count()&order=customer_id",
        r#"SELECT "orders"."customer_id" AS "customer_id", sum("orders"."total") AS "sum", count(*) AS "n" FROM "public"."orders" AS "orders" GROUP BY "orders"."customer_id" ORDER BY "orders"."customer_id""#,
    );
    reads(
        "orders?select=total.sum()::text,...customers(name)",
        r#"SELECT CAST(sum("_q"."f0") AS text) AS "sum", "_q"."f1" AS "name" FROM (SELECT "orders"."total" AS "f0", (SELECT "customers_1"."name" FROM "public"."customers" AS "customers_1" WHERE "customers_1"."id" = "orders"."customer_id" LIMIT 1) AS "f1" FROM "public"."orders" AS "orders") AS "_q" GROUP BY "_q"."f1""#,
    );
}

#[test]
fn count_is_allowed_where_other_aggregates_are_not() {
    let off = RecordsSettings { aggregates_enabled: false, ..settings() };
    let asked = asked_with(off.clone(), request("GET", "customers?select=name,orders(count)", "")).unwrap();
    assert!(
        asked[0].sql.contains(r#"SELECT count(*) AS "count" FROM "public"."orders""#),
        "{}",
        asked[0].sql
    );
    let refused = asked_with(off, request("GET", "orders?select=total.sum()", "")).unwrap_err();
    assert_eq!(refused.code(), "PGRST123");
}

#[test]
fn computed_columns_and_relationships_are_calls() {
    reads(
        "customers?select=shout&shout=eq.A",
        r#"SELECT "public"."shout"("customers") AS "shout" FROM "public"."customers" AS "customers" WHERE "public"."shout"("customers") = $1"#,
    );
    reads(
        "customers?select=latest_order(id)",
        r#"SELECT (SELECT row_to_json("_e") FROM (SELECT "orders_1"."id" AS "id" FROM "public"."latest_order"("customers") AS "orders_1" LIMIT 1) AS "_e") AS "latest_order" FROM "public"."customers" AS "customers""#,
    );
}

#[test]
fn self_references_go_up_by_column_and_down_by_table() {
    let up = statement("GET", "employees?select=manager_id(name)", "");
    assert!(up.contains(r#""employees_1"."id" = "employees"."manager_id" LIMIT 1"#), "{up}");
    let down = statement("GET", "employees?select=team:employees(name)", "");
    assert!(
        down.contains(r#"json_agg"#) && down.contains(r#""employees_1"."manager_id" = "employees"."id""#)
    );
}

#[test]
fn views_have_the_relationships_of_their_columns() {
    let sql = statement("GET", "open_orders?select=order_id,customers(name)", "");
    assert!(sql.contains(r#""customers_1"."id" = "open_orders"."customer""#), "{sql}");
    let sql = statement("GET", "customers?select=open_orders(order_id)", "");
    assert!(sql.contains(r#""open_orders_1"."customer" = "customers"."id""#), "{sql}");
}

#[test]
fn ambiguous_and_unknown_embeds_say_what_to_do() {
    let ambiguous = problem("GET", "transfers?select=customers(name)", "");
    assert_eq!(ambiguous.code(), "PGRST201");
    assert_eq!(
        ambiguous.hint(),
        Some(
            "Try changing 'customers' to one of the following: 'customers!transfers_from_id_fkey', \
             'customers!transfers_to_id_fkey'. Find the desired relationship in the 'details' key."
        )
    );
    let details: serde_json::Value = serde_json::from_str(ambiguous.details().unwrap()).unwrap();
    assert_eq!(
        details[0]["relationship"],
        "transfers_from_id_fkey using transfers(from_id) and customers(id)"
    );
    for hint in ["transfers_to_id_fkey", "to_id"] {
        let sql = statement("GET", &format!("transfers?select=customers!{hint}(name)"), "");
        assert!(sql.contains(r#""customers_1"."id" = "transfers"."to_id""#), "{sql}");
    }
    let unknown = problem("GET", "customers?select=order(id)", "");
    assert_eq!(
        (unknown.code(), unknown.hint()),
        ("PGRST200", Some("Perhaps you meant 'orders' instead of 'order'."))
    );
}

#[test]
fn unknown_names_never_reach_a_statement() {
    let table = problem("GET", "costumers", "");
    assert_eq!(
        (table.code(), table.message(), table.hint()),
        (
            "PGRST205",
            "Could not find the table 'public.costumers' in the schema cache",
            Some("Perhaps you meant the table 'public.customers'")
        )
    );
    let column = problem("GET", "customers?select=id,nope", "");
    assert_eq!((column.code(), column.message()), ("42703", "column customers.nope does not exist"));
    let embedded = problem("GET", "customers?select=orders(nope)", "");
    assert_eq!(embedded.message(), "column orders_1.nope does not exist");
}

#[test]
fn exact_counts_are_taken_where_limits_hide_rows() {
    let mut limited = request("GET", "customers?select=id,orders!inner(id)&limit=1", "");
    limited.shape.count = Some(Count::Exact);
    let asked = asked(limited).unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[1].sql,
        r#"SELECT count(*) AS "count" FROM "public"."customers" AS "customers" WHERE EXISTS (SELECT 1 FROM "public"."orders" AS "orders_1" WHERE "orders_1"."customer_id" = "customers"."id")"#
    );
    let mut whole = request("GET", "customers", "");
    whole.shape.count = Some(Count::Exact);
    assert_eq!(support::asked(whole).unwrap().len(), 1);
}

#[test]
fn the_row_limit_of_the_server_holds_for_embeds_too() {
    let most = RecordsSettings { rows_max: Some(2), ..settings() };
    let asked = asked_with(most, request("GET", "customers?select=id,orders(id)&limit=50", "")).unwrap();
    assert_eq!(asked[0].sql.matches(" LIMIT $").count(), 2, "{}", asked[0].sql);
    assert!(asked[0].values[0].iter().all(|value| *value == Value::Integer(2)));
}

#[test]
fn inserts_bind_one_plan_for_all_rows() {
    let asked =
        asked(request("POST", "customers?select=id", r#"[{"id":1,"name":"a"},{"name":null,"id":2}]"#));
    let asked = asked.unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].sql,
        r#"INSERT INTO "public"."customers" AS "customers" ("id", "name") VALUES ($1, $2) RETURNING "customers"."id" AS "id""#
    );
    assert_eq!(
        asked[0].values,
        [vec![Value::Integer(1), Value::text("a")], vec![Value::Integer(2), Value::Null]]
    );
}

#[test]
fn minimal_inserts_return_nothing_and_headers_return_the_key() {
    let mut minimal = request("POST", "customers", r#"{"name":"a"}"#);
    minimal.shape.returning = Return::Minimal;
    let asked_minimal = asked(minimal).unwrap();
    assert_eq!(
        asked_minimal[0].sql,
        r#"INSERT INTO "public"."customers" AS "customers" ("name") VALUES ($1)"#
    );
    assert_eq!(asked_minimal[0].format, Format::Nothing);
    let mut headers = request("POST", "customers", r#"{"name":"a"}"#);
    headers.shape.returning = Return::HeadersOnly;
    let asked_headers = asked(headers).unwrap();
    assert!(asked_headers[0].sql.ends_with(r#"RETURNING "customers"."id""#));
    assert_eq!(asked_headers[0].format, Format::Values);
}

#[test]
fn writes_with_embeds_go_through_a_cte() {
    assert_eq!(
        statement("POST", "orders?select=id,customers(name)", r#"{"customer_id":1}"#),
        r#"WITH "pgrst_source" AS (INSERT INTO "public"."orders" AS "orders" ("customer_id") VALUES ($1) RETURNING "orders"."id", "orders"."customer_id", "orders"."status", "orders"."total", "orders"."placed") SELECT "orders"."id" AS "id", (SELECT row_to_json("_e") FROM (SELECT "customers_1"."name" AS "name" FROM "public"."customers" AS "customers_1" WHERE "customers_1"."id" = "orders"."customer_id" LIMIT 1) AS "_e") AS "customers" FROM "pgrst_source" AS "orders""#
    );
}

#[test]
fn ordered_bulk_inserts_take_all_rows_at_once() {
    let sql = statement("POST", "customers?select=id&order=id.desc", r#"[{"id":1},{"id":2}]"#);
    assert!(
        sql.contains(r#"SELECT "pgrst_body"."id" FROM json_to_recordset($1) AS "pgrst_body"("id" integer)"#),
        "{sql}"
    );
    assert!(sql.ends_with(r#"ORDER BY "customers"."id" DESC"#), "{sql}");
}

#[test]
fn upserts_look_first_and_change_what_is_not_the_key() {
    let mut upsert = request("POST", "customers?select=id", r#"[{"id":1,"name":"a"}]"#);
    if let query::Action::Insert(insert) = &mut upsert.shape.action {
        insert.resolution = Some(Resolution::Merge);
    }
    let asked = asked(upsert).unwrap();
    assert_eq!(
        asked[0].sql,
        r#"SELECT 1 FROM "public"."customers" AS "customers" WHERE "customers"."id" = $1"#
    );
    assert!(
        asked[1].sql.contains(r#"ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name" RETURNING"#),
        "{}",
        asked[1].sql
    );
    let mut ignore = request("POST", "customers?on_conflict=name", r#"{"id":1,"name":"a"}"#);
    if let query::Action::Insert(insert) = &mut ignore.shape.action {
        insert.resolution = Some(Resolution::Ignore);
    }
    let asked = support::asked(ignore).unwrap();
    assert!(asked[0].sql.contains(r#"ON CONFLICT ("name") DO NOTHING"#));
}

#[test]
fn missing_keys_take_their_defaults_when_asked_to() {
    let mut request = request("POST", "customers?columns=id,name", r#"[{"id":1,"name":"a"},{"name":"b"}]"#);
    if let query::Action::Insert(insert) = &mut request.shape.action {
        insert.missing_default = true;
    }
    request.shape.returning = Return::Minimal;
    let statements: Vec<String> = asked(request).unwrap().into_iter().map(|asked| asked.sql).collect();
    assert_eq!(
        statements,
        [
            r#"INSERT INTO "public"."customers" AS "customers" ("id", "name") VALUES ($1, $2)"#,
            r#"INSERT INTO "public"."customers" AS "customers" ("name") VALUES ($1)"#
        ]
    );
}

#[test]
fn updates_and_deletes_filter_their_target() {
    assert_eq!(
        statement("PATCH", "orders?id=eq.7&select=id", r#"{"status":"paid"}"#),
        r#"UPDATE "public"."orders" AS "orders" SET "status" = $1 WHERE "orders"."id" = $2 RETURNING "orders"."id" AS "id""#
    );
    assert_eq!(
        statement("DELETE", "orders?id=in.(1,2)&select=id", ""),
        r#"DELETE FROM "public"."orders" AS "orders" WHERE "orders"."id" = ANY($1) RETURNING "orders"."id" AS "id""#
    );
    assert!(asked(request("PATCH", "orders?id=eq.7", "{}")).unwrap().is_empty());
}

#[test]
fn puts_name_their_row_twice() {
    let sql = statement("PUT", "customers?id=eq.1", r#"{"id":1,"name":"a"}"#);
    assert!(sql.starts_with("SELECT 1 FROM"), "{sql}");
    let codes: Vec<String> = [
        ("customers?name=eq.a", r#"{"id":1,"name":"a"}"#),
        ("customers?id=gt.1", r#"{"id":1,"name":"a"}"#),
        ("customers?id=eq.2", r#"{"id":1,"name":"a"}"#),
        ("customers?id=eq.1&limit=1", r#"{"id":1,"name":"a"}"#),
    ]
    .iter()
    .map(|(url, body)| problem("PUT", url, body).code().to_owned())
    .collect();
    assert_eq!(codes, ["PGRST105", "PGRST105", "PGRST115", "PGRST114"]);
}

#[test]
fn payloads_name_known_columns() {
    let problem = problem("POST", "customers", r#"{"nom":"a"}"#);
    assert_eq!(
        (problem.code(), problem.message()),
        ("PGRST204", "Could not find the 'nom' column of 'customers' in the schema cache")
    );
}

#[test]
fn calls_pass_named_arguments() {
    assert_eq!(
        statement("POST", "rpc/add", r#"{"b":2,"a":1}"#),
        r#"SELECT "public"."add"("a" => $1, "b" => $2) AS "pgrst_scalar""#
    );
    assert_eq!(statement("GET", "rpc/add?a=1", ""), r#"SELECT "public"."add"("a" => $1) AS "pgrst_scalar""#);
    assert_eq!(
        statement("GET", "rpc/orders_of?customer=1&select=id&total=gt.5", ""),
        r#"SELECT "orders"."id" AS "id" FROM "public"."orders_of"("customer" => $1) AS "orders" WHERE "orders"."total" > $2"#
    );
    assert_eq!(
        statement("GET", "rpc/numbers?limit=2", ""),
        r#"SELECT "numbers"."pgrst_scalar" FROM "public"."numbers"() AS "numbers"("pgrst_scalar") LIMIT $1"#
    );
    let joined = asked(request("GET", "rpc/joined?words=a&words=b", "")).unwrap();
    assert_eq!(joined[0].sql, r#"SELECT "public"."joined"(VARIADIC "words" => $1) AS "pgrst_scalar""#);
    assert_eq!(joined[0].values[0], [Value::text(r#"["a","b"]"#)]);
    let mut form = request("POST", "rpc/joined", "");
    let field = |value: &str| ("words".to_owned(), value.to_owned());
    for (fields, array) in [(vec!["a", "b"], r#"["a","b"]"#), (vec!["a"], r#"["a"]"#)] {
        form.payload = Payload::Form(fields.into_iter().map(field).collect());
        let joined = asked(form.clone()).unwrap();
        assert_eq!(joined[0].sql, r#"SELECT "public"."joined"(VARIADIC "words" => $1) AS "pgrst_scalar""#);
        assert_eq!(joined[0].values[0], [Value::text(array)]);
    }
    form.target = "add".to_owned();
    form.payload = Payload::Form([("a", "1"), ("a", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert_eq!(asked(form).unwrap()[0].values[0], [Value::Integer(2)]);
}

#[test]
fn a_body_may_be_the_only_argument() {
    let asked = asked(request("POST", "rpc/echo", r#"{"any":"thing"}"#)).unwrap();
    assert_eq!(asked[0].sql, r#"SELECT "public"."echo"($1) AS "pgrst_scalar""#);
    assert_eq!(asked[0].values[0], [Value::text(r#"{"any":"thing"}"#)]);
}

#[test]
fn calls_that_write_need_a_post() {
    assert!(asked(request("POST", "rpc/take_stock", "")).unwrap()[0].wrote);
    assert!(!asked(request("POST", "rpc/add", r#"{"a":1}"#)).unwrap()[0].wrote);
    assert_eq!(problem("GET", "rpc/take_stock", "").code(), "25006");
}

#[test]
fn functions_that_are_not_there_are_named() {
    let unknown = problem("GET", "rpc/order_of?customer=1", "");
    assert_eq!(
        (unknown.code(), unknown.message(), unknown.hint()),
        (
            "PGRST202",
            "Could not find the function public.order_of(customer) in the schema cache",
            Some("Perhaps you meant to call the function public.orders_of")
        )
    );
    let ambiguous = problem("GET", "rpc/same?a=1", "");
    assert_eq!(
        (ambiguous.code(), ambiguous.message()),
        (
            "PGRST203",
            "Could not choose the best candidate function between: public.same(a => integer), public.same(a => text)"
        )
    );
}

#[test]
fn single_objects_come_from_exactly_one_row() {
    let mut one = request("GET", "customers?id=eq.1", "");
    one.shape.answer = Answer::Object;
    let refused = asked(one).unwrap_err();
    assert_eq!((refused.code(), refused.details()), ("PGRST116", Some("The result contains 0 rows")));
}

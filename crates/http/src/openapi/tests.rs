use super::*;
use mainstay_sql::Name;
use mainstay_sql::catalog::*;
use mainstay_types::{ColumnType, Type, TypeId, Volatility};

fn column(name: &str, ty: Type, not_null: bool) -> Column {
    Column {
        name: name.to_owned(),
        ty: ColumnType::from(ty),
        domain: None,
        not_null,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        comment: None,
    }
}

/// A catalog with one table and one function.
pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::fresh();
    catalog.version = 1;
    let name = Name::public("orders");
    let key = Constraint {
        name: "orders_pkey".to_owned(),
        kind: ConstraintKind::PrimaryKey { columns: vec!["id".to_owned()] },
        deferrable: false,
        initially_deferred: false,
        comment: None,
    };
    let mut id = column("id", Type::Int8, true);
    id.identity = Some(Identity::ByDefault);
    let relation = Relation {
        id: 1,
        name: name.clone(),
        kind: RelationKind::Table,
        columns: vec![
            id,
            column("total price", Type::Numeric, true),
            column("tags", Type::array(Type::Text), false),
        ],
        constraints: vec![key],
        indexes: Vec::new(),
        triggers: Vec::new(),
        policies: Vec::new(),
        row_security: false,
        force_row_security: false,
        comment: Some("What people buy".to_owned()),
        owner: None,
        row_type: TypeId(77),
        origins: Vec::new(),
        partitioning: None,
    };
    catalog.relations.insert(name, Arc::new(relation));
    let name = Name::public("place_order");
    let argument = Argument {
        name: "amount".to_owned(),
        ty: ColumnType::from(Type::Int4),
        domain: None,
        mode: ArgumentMode::In,
        default: None,
    };
    let function = Function {
        name: name.clone(),
        arguments: vec![argument],
        returns: Returns { ty: ColumnType::from(Type::Composite(TypeId(77))), domain: None, set: true },
        language: "sql".to_owned(),
        body: "select * from orders".to_owned(),
        volatility: Volatility::Stable,
        strict: false,
        security_definer: false,
        owner: None,
        settings: Vec::new(),
        comment: None,
        definition: String::new(),
    };
    catalog.functions.insert(name, vec![Arc::new(function)]);
    catalog
}

#[test]
fn tables_and_functions_are_described() {
    let document = document(&RestSettings::default(), &catalog(), "public", "service_role");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/rest/v1");
    let row = &document["components"]["schemas"]["orders"];
    assert_eq!(row["properties"]["id"]["format"], "int64");
    assert_eq!(row["properties"]["tags"]["type"], json!(["array", "null"]));
    assert_eq!(document["components"]["schemas"]["orders-insert"]["required"], json!(["total price"]));
    assert!(document["paths"]["/orders"]["put"].is_object());
    assert_eq!(
        document["paths"]["/rpc/place_order"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            ["items"]["$ref"],
        "#/components/schemas/orders"
    );
}

/// Every reference leads somewhere, every operation has a name of its own.
#[test]
fn references_resolve_and_operations_are_unique() {
    fn walk<'a>(value: &'a Value, references: &mut Vec<&'a str>, operations: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("$ref", Value::String(to)) => references.push(to),
                        ("operationId", Value::String(id)) => operations.push(id),
                        _ => walk(value, references, operations),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, references, operations)),
            _ => {}
        }
    }
    let document = document(&RestSettings::default(), &catalog(), "public", "service_role");
    let (mut references, mut operations) = (Vec::new(), Vec::new());
    walk(&document, &mut references, &mut operations);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let count = operations.len();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!(operations.len(), count);
}

fn described(migration: &str) -> Value {
    let planned = mainstay_sql::ddl::plan_migration(&Catalog::fresh(), migration).expect("parses");
    assert!(planned.first_problem().is_none(), "{:?}", planned.first_problem());
    document(&RestSettings::default(), &planned.catalog, "public", "service_role")
}

fn parameters<'d>(document: &'d Value, operation: &str) -> Vec<(&'d str, &'d Value)> {
    let list = document.pointer(operation).and_then(|found| found["parameters"].as_array()).expect(operation);
    list.iter()
        .map(|parameter| match parameter["$ref"].as_str() {
            Some(to) => document.pointer(&to[1..]).expect(to),
            None => parameter,
        })
        .map(|parameter| (parameter["name"].as_str().unwrap(), parameter))
        .collect()
}

#[test]
fn rows_and_bodies_ask_for_what_they_need() {
    let document = described(
        "create type mood as enum ('sad', 'ok');
         create table notes (id int generated always as identity primary key, body text not null,
           mood mood not null default 'ok', feeling mood, half int generated always as (1) stored,
           \"order\" int, at timestamp, data jsonb, key uuid not null default gen_random_uuid());
         create view short as select id, body, mood, upper(body) as loud from notes;
         create view counts as select mood, count(*) as number from notes group by mood;",
    );
    let schemas = &document["components"]["schemas"];
    let required = |name: &str| schemas[name]["required"].as_array().map_or(0, Vec::len);
    assert_eq!((required("notes"), required("notes-update")), (9, 0));
    assert_eq!(schemas["notes-insert"]["required"], json!(["body"]));
    assert_eq!(schemas["notes-insert"]["properties"].get("half"), None);
    assert_eq!(schemas["notes"]["properties"]["half"]["readOnly"], json!(true));
    let mood = json!({ "$ref": "#/components/schemas/mood-enum" });
    assert_eq!(schemas["notes-insert"]["properties"]["mood"], mood);
    assert_eq!(schemas["notes"]["properties"]["feeling"]["anyOf"], json!([mood, { "type": "null" }]));
    assert_eq!(schemas["notes"]["properties"]["data"], json!({ "x-postgres-type": "jsonb" }));
    assert_eq!(schemas["notes"]["properties"]["at"].get("format"), None);

    // A view that can be written is as its table; one that cannot has neither bodies nor columns without NULL.
    assert_eq!(schemas["short-insert"]["required"], json!(["body"]));
    assert_eq!(schemas["short-insert"]["properties"].get("loud"), None);
    assert_eq!(schemas["short"]["properties"]["body"]["type"], json!("string"));
    assert_eq!(schemas["counts"]["properties"]["number"]["type"], json!(["integer", "null"]));
    assert_eq!((required("counts"), schemas.get("counts-insert")), (2, None));

    let read = parameters(&document, "/paths/~1notes/get");
    let ordered: Vec<&Value> =
        read.iter().filter(|(name, _)| *name == "order").map(|(_, parameter)| *parameter).collect();
    assert_eq!(ordered.len(), 1, "a name stands once");
    assert_eq!(ordered[0]["description"], "Columns to sort by");
    let limit = read.iter().find(|(name, _)| *name == "limit").expect("a limit").1;
    assert_eq!(limit["schema"], json!({ "type": "integer", "minimum": 0 }));
}

#[test]
fn functions_say_what_they_take_and_give() {
    let document = described(
        "create table notes (id int primary key, body text not null);
         create function twice(a int, b text default 'x') returns int language sql immutable as 'select a';
         create function twice(a int, c uuid) returns text language sql immutable as 'select c::text';
         create function nothing() returns void language sql volatile as 'delete from notes';
         create function words(variadic list text[]) returns setof text language sql immutable as 'select unnest(list)';
         create function pairs() returns table (a int, b text) language sql immutable as $$ select 1, 'x' $$;
         create function raw(bytea) returns bytea language sql immutable as 'select $1';
         create domain \"image/png\" as bytea;
         create function picture() returns \"image/png\" language sql immutable as $$ select ''::bytea $$;",
    );
    let paths = &document["paths"];
    let schema = |name: &str, method: &str| {
        &paths[name][method]["responses"]["200"]["content"]["application/json"]["schema"]
    };
    let both = parameters(&document, "/paths/~1rpc~1twice/get");
    let names: Vec<(&str, bool)> =
        both.iter().map(|(name, parameter)| (*name, parameter["required"] == true)).collect();
    assert_eq!(names, [("a", true), ("b", false), ("c", false), ("Prefer", false)]);
    assert_eq!(both[0].1["schema"]["type"], "integer");
    assert_eq!(schema("/rpc/twice", "post")["anyOf"].as_array().map(Vec::len), Some(2));
    assert_eq!(paths["/rpc/nothing"].get("get"), None);
    let answers = paths["/rpc/nothing"]["post"]["responses"].as_object().expect("answers");
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["204", "4XX", "5XX"]);
    let words = parameters(&document, "/paths/~1rpc~1words/get");
    assert_eq!((words[0].0, &words[0].1["schema"]["type"]), ("list", &json!("array")));
    assert!(words.iter().any(|(name, _)| *name == "limit"));
    assert_eq!(schema("/rpc/words", "get")["items"]["type"], json!(["string", "null"]));
    assert_eq!(schema("/rpc/pairs", "get")["items"]["required"], json!(["a", "b"]));
    let body = &paths["/rpc/raw"]["post"]["requestBody"]["content"];
    assert!(body.get("application/octet-stream").is_some(), "{body}");
    let picture = &paths["/rpc/picture"]["get"]["responses"]["200"]["content"];
    assert_eq!(picture, &json!({ "image/png": { "schema": {} } }));
}

#[test]
fn the_schema_is_named_where_it_is_not_the_first() {
    let settings = RestSettings { schemas: vec!["api".into(), "public".into()], ..RestSettings::default() };
    let document = document(&settings, &catalog(), "public", "service_role");
    for (operation, header) in [("get", "Accept-Profile"), ("post", "Content-Profile")] {
        let list = parameters(&document, &format!("/paths/~1orders/{operation}"));
        let profile = list.iter().find(|(name, _)| *name == header).expect(header).1;
        assert_eq!((&profile["required"], &profile["schema"]["enum"]), (&json!(true), &json!(["public"])));
    }
}

#[test]
fn a_comment_of_several_lines_brings_a_title() {
    let document = described(
        "comment on schema public is $$A shop

Sells lamps.$$;
         create function f() returns int language sql stable as 'select 1';
         comment on function f() is $$One
It is one.$$;",
    );
    assert_eq!(
        (&document["info"]["title"], &document["info"]["description"]),
        (&json!("A shop"), &json!("Sells lamps."))
    );
    let read = &document["paths"]["/rpc/f"]["get"];
    assert_eq!((&read["summary"], &read["description"]), (&json!("One"), &json!("It is one.")));
}

/// A dot would be a module to generators, and a table's key is never that of another's body.
#[test]
fn keys_of_components_are_distinct() {
    let keys: Vec<String> = ["a b", "a-b", "a.b", "a_b", "a-insert", "a-20-b"].into_iter().map(key).collect();
    assert_eq!(keys, ["a-20-b", "a-2d-b", "a-2e-b", "a_b", "a-2d-insert", "a-2d-20-2d-b"]);
}

#[test]
fn a_document_is_kept_until_the_catalog_changes() {
    let (open_api, settings) = (OpenApi::default(), RestSettings::default());
    let first = Arc::new(catalog());
    let one = open_api.document(&settings, &first, "public", "service_role");
    assert_eq!(one.as_ptr(), open_api.document(&settings, &first, "public", "service_role").as_ptr());
    let mut second = catalog();
    second.version = 2;
    second.relations.clear();
    assert_ne!(one, open_api.document(&settings, &Arc::new(second), "public", "service_role"));
}

#[test]
fn defaults_have_the_form_of_their_column() {
    let mut types = mainstay_types::Registry::default();
    let mood = mainstay_types::EnumType {
        schema: "public".to_owned(),
        name: "mood".to_owned(),
        labels: vec!["sad".to_owned(), "ok".to_owned()],
    };
    types.enums.insert(TypeId(5), mood);
    let types = Arc::new(types);
    let default = |ty: Type, text: &str| {
        defaults::of_column(&types, &ColumnType::from(ty), text).map(|value| value.to_string())
    };
    for (ty, text, json) in [
        (Type::array(Type::Text), "'{}'", "[]"),
        (Type::array(Type::Text), "'{a,\"b c\"}'::text[]", "[\"a\",\"b c\"]"),
        (Type::Jsonb, "'{\"a\": 1}'::jsonb", "{\"a\":1}"),
        (Type::Numeric, "0.190", "0.190"),
        (Type::Int4, "'5'", "5"),
        (Type::Int8, "-1::bigint", "-1"),
        (Type::Bool, "TRUE", "true"),
        (Type::Text, "'it''s'::character varying(9)", "\"it's\""),
        (Type::Interval, "interval '7 days'", "\"7 days\""),
        (Type::Range(mainstay_types::RangeKind::Int4), "'[8,17]'", "\"[8,18)\""),
        (Type::Date, "'2024-02-29'::date", "\"2024-02-29\""),
        (Type::Enum(TypeId(5)), "'ok'::mood", "\"ok\""),
    ] {
        assert_eq!(default(ty, text).as_deref(), Some(json), "{text}");
    }
    for (ty, text) in [
        (Type::TimestampTz, "now()"),
        (Type::TimestampTz, "'now'::timestamptz"),
        (Type::Text, "'LL-' || nextval('order_numbers')"),
        (Type::Text, "'a'::text || 'b'"),
        (Type::Bool, "'x'::text is null"),
        (Type::Text, "null"),
        (Type::Int4, "1 + 1"),
        (Type::Int4, "'seven'"),
        (Type::Enum(TypeId(5)), "'glad'"),
        (Type::Text, "'"),
    ] {
        assert_eq!(default(ty, text), None, "{text}");
    }
}

#[test]
fn a_document_shows_what_the_role_may_use() {
    let paths = |catalog: &Catalog, role: &str| -> Vec<String> {
        let document = document(&RestSettings::default(), catalog, "public", role);
        document["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect()
    };
    let mut catalog = catalog();
    assert_eq!(paths(&catalog, "anon"), ["/rpc/place_order"]);
    assert_eq!(paths(&catalog, "service_role"), ["/orders", "/rpc/place_order"]);
    let name = Name::public("orders");
    let mut guarded = (*catalog.relations[&name]).clone();
    guarded.row_security = true;
    let open = RestSettings { openapi: OpenApiMode::IgnorePrivileges, ..RestSettings::default() };
    assert!(document(&open, &catalog, "public", "anon")["paths"]["/orders"]["post"].is_object());
    catalog.relations.insert(name, Arc::new(guarded));
    assert_eq!(paths(&catalog, "anon"), ["/orders", "/rpc/place_order"]);
}

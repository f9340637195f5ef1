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
    let row = &document["components"]["schemas"]["row.orders"];
    assert_eq!(row["properties"]["id"]["format"], "bigint");
    assert_eq!(row["properties"]["tags"]["type"], json!(["array", "null"]));
    assert_eq!(document["components"]["schemas"]["insert.orders"]["required"], json!(["total price"]));
    assert!(document["paths"]["/orders"]["put"].is_object());
    assert_eq!(
        document["paths"]["/rpc/place_order"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            ["items"]["$ref"],
        "#/components/schemas/row.orders"
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
    catalog.relations.insert(name, Arc::new(guarded));
    assert_eq!(paths(&catalog, "anon"), ["/orders", "/rpc/place_order"]);
}

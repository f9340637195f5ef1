//! What holds for all values: orders are total, forms come back, tables have no two entries of one name.

#[allow(dead_code)]
mod support;

use mainstay_types::registry::{Body, aggregates, natives};
use mainstay_types::{Call, RangeKind, Session, Type, Value, ValueRef, value};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use support::{column, context, json, shown};

/// A generator that gives the same sequence in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A text of pieces that make JSON, numbers, ranges, intervals, addresses, or nonsense.
    fn text(&mut self) -> String {
        const PIECES: [&str; 40] = [
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\\",
            "null",
            "true",
            "false",
            "1",
            "-1",
            "1.0",
            "0.10",
            "1e5",
            "9",
            "NaN",
            "Infinity",
            "a",
            "A",
            "b ",
            "é",
            "\u{1F600}",
            "\"a\"",
            "\"b\":",
            " ",
            "-",
            "(",
            ")",
            "empty",
            "[1,3)",
            "1 day",
            "01:02:03",
            "+02",
            "10.0.0.1",
            "/8",
            "::1",
            "happy",
            "2020-01-01",
        ];
        let count = self.below(6);
        (0..count).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

#[test]
fn every_collation_is_a_total_order_of_any_texts() {
    let context = context();
    let mut names: Vec<String> =
        ["numeric", "bpchar", "citext", "timetz", "interval", "jsonb", "inet", "array", "enum_1", "enum_9"]
            .iter()
            .map(|name| format!("pg_{name}"))
            .collect();
    names.extend(RangeKind::ALL.iter().map(|kind| format!("pg_range_{}", kind.name())));
    let mut chance = Chance(7);
    for name in &names {
        let texts: Vec<String> = (0..60).map(|_| chance.text()).collect();
        let order: Vec<Vec<Ordering>> = texts
            .iter()
            .map(|a| texts.iter().map(|b| value::collate(name, a, b, &context.registry)).collect())
            .collect();
        for (a, row) in order.iter().enumerate() {
            assert_eq!(row[a], Ordering::Equal, "{name}: {:?}", texts[a]);
            for b in 0..texts.len() {
                assert_eq!(row[b], order[b][a].reverse(), "{name}: {:?} and {:?}", texts[a], texts[b]);
                for c in 0..texts.len() {
                    let in_order = !(row[b].is_le() && order[b][c].is_le()) || row[c].is_le();
                    assert!(in_order, "{name}: {:?}, {:?}, {:?}", texts[a], texts[b], texts[c]);
                }
            }
        }
    }
}

#[test]
fn what_output_prints_input_reads() {
    let context = context();
    let mut chance = Chance(11);
    for _ in 0..400 {
        let texts: Vec<Option<String>> =
            (0..chance.below(4)).map(|_| (chance.below(5) > 0).then(|| chance.text())).collect();
        let json = serde_json::to_string(&texts).unwrap();
        for name in ["text[]", "varchar[]", "citext[]"] {
            let ty = column(name).ty;
            let stored = Value::text(&json);
            let printed = shown(&ty, &stored, &context);
            assert_eq!(value::input(&column(name), &printed, &context).unwrap(), stored, "{printed}");
        }
        let bytes = Value::Blob(chance.text().into_bytes());
        let printed = shown(&Type::Bytea, &bytes, &context);
        assert_eq!(value::input(&column("bytea"), &printed, &context).unwrap(), bytes);
    }
}

#[test]
fn jsonb_is_a_fixed_point_and_equals_its_source() {
    let context = context();
    let mut chance = Chance(13);
    let mut valid = 0;
    for _ in 0..4000 {
        let text = chance.text();
        let json = value::input(&column("json"), &text, &context);
        let jsonb = value::input(&column("jsonb"), &text, &context);
        assert_eq!(json.is_ok(), jsonb.is_ok(), "{text}");
        if let Ok(Value::Text(normal)) = jsonb {
            valid += 1;
            assert_eq!(value::input(&column("jsonb"), &normal, &context).unwrap(), Value::text(&normal));
            let order = value::collate("pg_jsonb", &text, &normal, &context.registry);
            assert_eq!(order, Ordering::Equal, "{text} and {normal}");
        }
    }
    assert!(valid > 100, "the generator makes too little JSON");
}

#[test]
fn what_to_json_writes_is_json() {
    let context = context();
    let mut chance = Chance(17);
    for _ in 0..1000 {
        let text = chance.text();
        let written = json(&Type::Text, &Value::text(&text), &context);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        let back = value::from_json(&column("text"), &written, &context).unwrap();
        assert_eq!(back, Value::Text(text));
    }
}

#[test]
fn no_two_entries_share_a_symbol() {
    let mut seen = BTreeSet::new();
    for native in natives() {
        assert!(
            seen.insert((native.kind == mainstay_types::registry::Kind::Operator, native.symbol())),
            "{}",
            native.symbol()
        );
    }
    for aggregate in aggregates() {
        assert!(seen.insert((false, aggregate.symbol())), "{}", aggregate.symbol());
    }
}

fn native(name: &str, args: &[ValueRef<'_>], types: &[Type], context: &mainstay_types::Context) -> Value {
    let native = natives().find(|native| native.name == name).unwrap();
    let returns = native.returns.to_type();
    match native.body {
        Body::Rust(body) => body(&Call { args, types, returns: &returns, context }).unwrap(),
        _ => panic!("{name} is not carried out by Rust"),
    }
}

const SPEC: &str =
    "a\u{1f}int4\u{1e}b \"q\"\u{1f}text\u{1e}c\u{1f}timestamp\u{1e}d\u{1f}jsonb\u{1e}e\u{1f}numeric[]";

#[test]
fn a_row_is_written_by_its_specification() {
    let context = context();
    let args = [
        ValueRef::Text(SPEC),
        ValueRef::Integer(1),
        ValueRef::Text("x\ny"),
        ValueRef::Integer(0),
        ValueRef::Text("{\"k\": 1}"),
        ValueRef::Text("[\"1.50\",null]"),
    ];
    let row = r#"{"a":1,"b \"q\"":"x\ny","c":"2000-01-01T00:00:00","d":{"k": 1},"e":[1.50,null]}"#;
    assert_eq!(native("pg_row_to_json", &args, &[], &context), Value::text(row));
    let aggregate = aggregates().find(|aggregate| aggregate.name == "pg_json_rows").unwrap();
    let mut state = (aggregate.start)();
    let call = Call { args: &args, types: &[], returns: &Type::Json, context: &context };
    assert_eq!(state.value(&call).unwrap(), Value::Null);
    state.step(&call).unwrap();
    state.step(&call).unwrap();
    assert_eq!(state.value(&call).unwrap(), Value::Text(format!("[{row},{row}]")));
}

#[test]
fn claims_and_settings_are_those_of_the_request() {
    let mut context = context();
    let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let claims = format!(r#"{{"role":"authenticated","sub":"{id}","email":"x@example.com"}}"#);
    assert_eq!(native("auth.uid", &[], &[], &context), Value::Null);
    let mut session = Session { role: "authenticated".into(), ..Session::default() };
    session.settings.insert("request.jwt.claims".into(), claims);
    context.session = Arc::new(session);
    assert_eq!(shown(&Type::Uuid, &native("auth.uid", &[], &[], &context), &context), id);
    assert_eq!(native("auth.email", &[], &[], &context), Value::text("x@example.com"));
    assert_eq!(native("current_user", &[], &[], &context), Value::text("authenticated"));
    let set = [ValueRef::Text("app.tenant"), ValueRef::Text("7"), ValueRef::Integer(1)];
    native("set_config", &set, &[], &context);
    assert_eq!(native("current_setting", &[ValueRef::Text("App.Tenant")], &[], &context), Value::text("7"));
}

#[test]
fn arrays_of_moments_are_stored_in_utc_and_shown_in_the_zone_of_the_session() {
    let mut context = context();
    context.session = Arc::new(Session { time_zone: "Europe/Berlin".into(), ..Session::default() });
    let column = column("timestamptz[]");
    let stored = value::input(&column, "{2020-01-01 12:00:00}", &context).unwrap();
    assert_eq!(stored, Value::text("[\"2020-01-01 11:00:00+00\"]"));
    assert_eq!(shown(&column.ty, &stored, &context), "{\"2020-01-01 12:00:00+01\"}");
    assert_eq!(json(&column.ty, &stored, &context), "[\"2020-01-01T12:00:00+01:00\"]");
}

#[test]
fn random_ids_have_their_version_and_variant() {
    let context = context();
    for (name, version) in [("gen_random_uuid", '4'), ("uuidv7", '7')] {
        let text = shown(&Type::Uuid, &native(name, &[], &[], &context), &context);
        assert_eq!(text.chars().nth(14), Some(version), "{text}");
        assert!(matches!(text.chars().nth(19), Some('8' | '9' | 'a' | 'b')), "{text}");
    }
}

#[test]
fn a_uuid_is_sent_as_its_bytes() {
    let context = context();
    let id = value::input(&column("uuid"), "846c4ffd-92ce-4de7-8d11-8e29929f4ec4", &context).unwrap();
    let sent = native("uuid_send", &[id.as_ref()], &[Type::Uuid], &context);
    assert_eq!(shown(&Type::Bytea, &sent, &context), r"\x846c4ffd92ce4de78d118e29929f4ec4");
}

#[test]
fn deep_nesting_fails_instead_of_exhausting_the_stack() {
    let context = context();
    let deep = "[".repeat(100_000);
    for name in ["json", "jsonb", "int4[]"] {
        assert!(value::input(&column(name), &deep, &context).is_err());
    }
    let braces = "{".repeat(100_000);
    assert!(value::input(&column("int4[]"), &braces, &context).is_err());
    value::collate("pg_jsonb", &deep, "[]", &context.registry);
    value::collate("pg_array", &deep, "[]", &context.registry);
    shown(&Type::array(Type::Text), &Value::Text(deep.clone()), &context);
    json(&Type::array(Type::Numeric), &Value::text(&deep), &context);
    shown(&Type::Record, &Value::text(&deep), &context);
    json(&Type::Record, &Value::Text(deep), &context);
}

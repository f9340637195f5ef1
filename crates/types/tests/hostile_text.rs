//! Random text at every door that reads text: nothing panics, what is read is written as it is read again,
//! and `LIKE` agrees with its definition.

#[path = "support/still.rs"]
mod still;

use mainstay_types::registry::{Body, natives};
use mainstay_types::{Call, ColumnType, Context, Native, RangeKind, Type, Value, ValueRef, value};
use std::collections::HashMap;
use std::sync::LazyLock;
use still::context;

/// A small generator with a fixed seed, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn text(&mut self, alphabet: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}

static NATIVES: LazyLock<HashMap<String, &'static Native>> =
    LazyLock::new(|| natives().map(|native| (native.symbol(), native)).collect());

fn called(symbol: &str, args: &[&str], context: &Context) -> Option<Value> {
    let native = NATIVES.get(symbol).expect("the function exists");
    let types: Vec<Type> = native.args.iter().map(|ty| ty.to_type()).collect();
    let values: Vec<ValueRef<'_>> = args.iter().map(|text| ValueRef::Text(text)).collect();
    let call = Call { args: &values, types: &types, returns: &native.returns.to_type(), context };
    match &native.body {
        Body::Rust(body) => body(&call).ok(),
        Body::Rows { call: body, .. } => body(&call).ok().map(|_| Value::Null),
        _ => None,
    }
}

const ROUNDS: usize = 4000;

#[test]
fn what_is_read_is_written_as_it_is_read_again() {
    let context = context();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let addresses = ["1", "25", "0", ".", ":", "::", "/", "f", "a0", "-", "x", " ", "é"];
    let ranges =
        ["[", "]", "(", ")", ",", "1", "-", "9", "\"", "\\", "empty", " ", "2024-01-01", "infinity", "é"];
    let searches =
        ["a", "b", "'", "\\", ":", "1", ",", "A", "*", "&", "|", "!", "(", ")", "<->", "<2>", " ", "é"];
    let mut types: Vec<(Type, &[&str])> = vec![
        (Type::Inet, &addresses),
        (Type::Cidr, &addresses),
        (Type::MacAddr, &addresses),
        (Type::VarBit, &["0", "1", "x", "b", "F", "2", "é"]),
        (Type::Money, &["$", "1", ",", ".", "-", "(", ")", " ", "99", "é"]),
        (Type::Xml, &["<", ">", "a", "/", "=", "'", "&", ";", "amp", "<!--", "-->", "<?xml", "?>", " ", "é"]),
        (Type::TsVector, &searches),
        (Type::TsQuery, &searches),
    ];
    types.extend(RangeKind::ALL.map(|kind| (Type::Range(kind), &ranges[..])));
    for (ty, alphabet) in types {
        let column = ColumnType::from(ty.clone());
        for _ in 0..ROUNDS {
            let text = random.text(alphabet, 12);
            let Ok(stored) = value::input(&column, &text, &context) else { continue };
            let mut shown = String::new();
            value::output(&ty, stored.as_ref(), &context, &mut shown);
            let again = value::input(&column, &shown, &context);
            assert_eq!(again, Ok(stored.clone()), "{ty:?} {text:?} is shown as {shown:?}");
            assert!(value::compare(&ty, stored.as_ref(), stored.as_ref(), &context).is_eq());
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed_into_the_ground() {
    let context = context();
    for text in ["!".repeat(100_000) + "a", "(".repeat(100_000) + "a" + &")".repeat(100_000)] {
        let problem = value::input(&ColumnType::from(Type::TsQuery), &text, &context).unwrap_err();
        assert_eq!(problem.code(), "54001");
        assert!(called("pg:~(text,text)", &["a", &text], &context).is_none() || text.starts_with('!'));
    }
    let dashes = "-".repeat(100_001) + "a";
    let query = called("pg:websearch_to_tsquery(regconfig,text)", &["simple", &dashes], &context);
    assert!(query.is_some_and(|query| matches!(query, Value::Text(text) if text.ends_with("!'a'"))));
    let words = "a & ".repeat(50_000) + "a";
    assert!(value::input(&ColumnType::from(Type::TsQuery), &words, &context).is_ok());
    let groups = "(".repeat(5_000) + &"a)*".repeat(5_000);
    assert!(called("pg:~(text,text)", &["a", &groups], &context).is_none());
}

#[test]
fn no_text_makes_a_function_panic() {
    let context = context();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let patterns = [
        "a",
        "b",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "1",
        ",",
        "*",
        "+",
        "?",
        "|",
        "\\",
        "^",
        "$",
        ".",
        "-",
        ":",
        "=",
        "é",
        "\\m",
        "(?=",
        "(?:",
        "(?i)",
        "[[:alpha:]]",
        "\\1",
        "&",
        "#",
        "%",
        "_",
        "\"",
    ];
    let texts = [
        "a", "b", "B", "é", " ", "-", "1", ".", "@", "/", "<", ">", "&", ";", "\"", "'", "://", "日",
        "\u{301}",
    ];
    let pairs = [
        "pg:~(text,text)",
        "pg:~*(text,text)",
        "pg:~~(text,text)",
        "pg:~~*(text,text)",
        "pg:regexp_match(text,text)",
        "pg:regexp_matches(text,text)",
        "pg:regexp_split_to_array(text,text)",
        "pg:substring(text,text)",
        "pg:like_escape(text,text)",
        "pg:similar_to_escape(text,text)",
        "pg:similarity(text,text)",
        "pg:word_similarity(text,text)",
        "pg:crypt(text,text)",
        "pg:decode(text,text)",
        "pg:levenshtein(text,text)",
    ];
    let searches = [
        "pg:to_tsvector(regconfig,text)",
        "pg:to_tsquery(regconfig,text)",
        "pg:plainto_tsquery(regconfig,text)",
        "pg:phraseto_tsquery(regconfig,text)",
        "pg:websearch_to_tsquery(regconfig,text)",
    ];
    for _ in 0..ROUNDS {
        let (text, pattern) = (random.text(&texts, 12), random.text(&patterns, 10));
        called(pairs[random.below(pairs.len())], &[&text, &pattern], &context);
        called("pg:regexp_replace(text,text,text)", &[&text, &pattern, &pattern], &context);
        for one in ["pg:parse_ident(text)", "pg:unistr(text)", "pg:quote_ident(text)", "pg:soundex(text)"] {
            called(one, &[&pattern], &context);
        }
        let search = searches[random.below(searches.len())];
        called(search, &[["english", "simple"][random.below(2)], &text], &context);
        let query = called("pg:websearch_to_tsquery(regconfig,text)", &["english", &pattern], &context);
        if let Some(Value::Text(query)) = query {
            let options =
                ["", "MaxFragments=2", "MaxWords=3, MinWords=1", "HighlightAll=on"][random.below(4)];
            called(
                "pg:ts_headline(regconfig,text,tsquery,text)",
                &["english", &text, &query, options],
                &context,
            );
            let vector = called("pg:to_tsvector(regconfig,text)", &["english", &text], &context);
            if let Some(Value::Text(vector)) = vector {
                for both in [
                    "pg:@@(tsvector,tsquery)",
                    "pg:ts_rank(tsvector,tsquery)",
                    "pg:ts_rank_cd(tsvector,tsquery)",
                ] {
                    called(both, &[&vector, &query], &context).expect("both were just written by us");
                }
            }
        }
    }
}

/// `LIKE` by its definition.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
        [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}

#[test]
fn like_agrees_with_its_definition() {
    let context = context();
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..10 * ROUNDS {
        let text = random.text(&["a", "b", "é", "日", "%"], 8);
        let pattern = random.text(&["a", "b", "é", "日", "%", "_", "\\%", "\\_"], 6);
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = Value::Integer(i64::from(like(&chars(&text), &chars(&pattern))));
        let found = called("pg:~~(text,text)", &[&text, &pattern], &context);
        assert_eq!(found, Some(expected), "{text:?} LIKE {pattern:?}");
    }
}

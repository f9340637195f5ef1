//! Native functions and operators against recorded answers of PostgreSQL 15.
//!
//! Each line of `tests/answers/*.jsonl` is one call: its name, its arguments as type and text, and what PostgreSQL
//! printed for it: `answer`, `rows`, or `error` (SQLSTATE, message, details, hint; as far as they are there).

#[path = "support/still.rs"]
mod still;

use mainstay_base::Problem;
use mainstay_types::registry::{Body, Ty, natives};
use mainstay_types::{Call, ColumnType, Context, Native, Type, Value, ValueRef, value};
use serde::Deserialize;
use still::context;

#[derive(Deserialize)]
struct Case {
    call: String,
    args: Vec<(String, Option<String>)>,
    #[serde(default)]
    answer: Option<String>,
    rows: Option<Vec<Option<String>>>,
    error: Option<Vec<Option<String>>>,
}

/// Whether a concrete type fits a type of a signature; what `anyelement` and the like stand for is kept.
fn fits(wanted: Ty, given: &Type, element: &mut Option<Type>, range: &mut Option<Type>) -> bool {
    match wanted {
        Ty::Any => true,
        Ty::AnyNonArray => !matches!(given, Type::Array(_)),
        Ty::AnyElement => match element {
            Some(known) => known == given,
            None => {
                *element = Some(given.clone());
                true
            }
        },
        Ty::AnyRange => match given {
            Type::Range(kind) => {
                *range = Some(given.clone());
                let subtype = kind.subtype();
                let agrees = element.as_ref().is_none_or(|known| *known == subtype);
                *element = Some(subtype);
                agrees
            }
            _ => false,
        },
        other => other.to_type() == *given,
    }
}

/// The overload that takes exactly these types, and the type that it returns.
fn resolve(name: &str, types: &[Type]) -> Option<(&'static Native, Type)> {
    let mut found = natives().filter(|native| native.name == name).filter_map(|native| {
        let fixed = native.args.len() - usize::from(native.variadic);
        if types.len() < fixed || (!native.variadic && types.len() > fixed) {
            return None;
        }
        let (mut element, mut range) = (None, None);
        let all = types.iter().enumerate().all(|(index, ty)| {
            let wanted = native.args[index.min(native.args.len() - 1)];
            fits(wanted, ty, &mut element, &mut range)
        });
        let returns = match native.returns {
            Ty::AnyElement => element,
            Ty::AnyRange => range,
            other => Some(other.to_type()),
        };
        if all { Some((native, returns?)) } else { None }
    });
    let first = found.next()?;
    // A signature without pseudo-types goes first, as in PostgreSQL.
    if first.0.is_polymorphic() {
        Some(found.find(|(native, _)| !native.is_polymorphic()).unwrap_or(first))
    } else {
        Some(first)
    }
}

fn printed(ty: &Type, value: ValueRef<'_>, context: &Context) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut out = String::new();
    value::output(ty, value, context, &mut out);
    Some(out)
}

enum Outcome {
    Answer(Option<String>),
    Rows(Vec<Option<String>>),
    Error(Problem),
}

fn call(case: &Case, context: &Context) -> Outcome {
    let types: Vec<Type> = case
        .args
        .iter()
        .map(|(ty, _)| Type::from_symbol(ty).unwrap_or_else(|| panic!("no type {ty}")))
        .collect();
    let mut values = Vec::new();
    for ((_, text), ty) in case.args.iter().zip(&types) {
        match text.as_ref().map(|text| value::input(&ColumnType::from(ty.clone()), text, context)) {
            None => values.push(Value::Null),
            Some(Ok(value)) => values.push(value),
            Some(Err(problem)) => return Outcome::Error(problem),
        }
    }
    let Some((native, returns)) = resolve(&case.call, &types) else {
        panic!("no function {}({types:?})", case.call)
    };
    if native.strict && values.iter().any(Value::is_null) {
        return Outcome::Answer(None);
    }
    let args: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
    let call = Call { args: &args, types: &types, returns: &returns, context };
    match &native.body {
        Body::Rust(body) => match body(&call) {
            Ok(value) => Outcome::Answer(printed(&returns, value.as_ref(), context)),
            Err(problem) => Outcome::Error(problem),
        },
        Body::Rows { columns, call: body } => match body(&call) {
            Ok(rows) => Outcome::Rows(
                rows.iter().map(|row| printed(&columns[0].1.to_type(), row[0].as_ref(), context)).collect(),
            ),
            Err(problem) => Outcome::Error(problem),
        },
        // Carried out by the engine; its own tests cover it.
        Body::Sqlite(_) | Body::Engine => Outcome::Answer(case.answer.clone()),
    }
}

/// What differs from the recorded outcome, in words.
fn difference(case: &Case, context: &Context) -> Option<String> {
    match (call(case, context), &case.error) {
        (Outcome::Error(problem), Some(expected)) => {
            let text = |index: usize| expected.get(index).cloned().flatten();
            let found = [
                Some(problem.code().to_owned()),
                Some(problem.message().to_owned()),
                problem.details().map(str::to_owned),
                problem.hint().map(str::to_owned),
            ];
            let wanted = [text(0), text(1), text(2), text(3)];
            (found != wanted).then(|| format!("{found:?} instead of {wanted:?}"))
        }
        (Outcome::Error(problem), None) => Some(format!("failed: {problem}")),
        (Outcome::Answer(found), Some(expected)) => Some(format!("{found:?} instead of {expected:?}")),
        (Outcome::Rows(found), Some(expected)) => Some(format!("{found:?} instead of {expected:?}")),
        (Outcome::Answer(found), None) => {
            (found != case.answer).then(|| format!("{found:?} instead of {:?}", case.answer))
        }
        (Outcome::Rows(found), None) => {
            let wanted = case.rows.clone().unwrap_or_default();
            (found != wanted).then(|| format!("{found:?} instead of {wanted:?}"))
        }
    }
}

#[track_caller]
fn check(answers: &str) {
    let context = context();
    let mut wrong = Vec::new();
    for line in answers.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Some(difference) = difference(&case, &context) {
            wrong.push(format!("{}{:?}: {difference}", case.call, case.args));
        }
    }
    assert!(wrong.is_empty(), "{} calls differ from PostgreSQL:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn strings_are_as_in_postgresql() {
    check(include_str!("answers/string.jsonl"));
}

#[test]
fn patterns_are_as_in_postgresql() {
    check(include_str!("answers/pattern.jsonl"));
}

#[test]
fn addresses_are_as_in_postgresql() {
    check(include_str!("answers/network.jsonl"));
}

#[test]
fn ranges_are_as_in_postgresql() {
    check(include_str!("answers/range.jsonl"));
}

#[test]
fn text_search_is_as_in_postgresql() {
    check(include_str!("answers/text_search.jsonl"));
}

#[test]
fn cryptography_is_as_in_pgcrypto() {
    check(include_str!("answers/crypto.jsonl"));
}

#[test]
fn trigrams_are_as_in_pg_trgm() {
    check(include_str!("answers/trigram.jsonl"));
}

//! `@>`, `?` and their kin.

use crate::forms::json::parse::{Json, parse};
use crate::forms::jsonb::compare;
use crate::functions::define::{Args, text_elements, truth};
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::Result;

pub(crate) fn contains(call: &Call<'_>) -> Result<Value> {
    Ok(truth(holds(&parse(call.text(0))?, &parse(call.text(1))?)))
}

pub(crate) fn contained(call: &Call<'_>) -> Result<Value> {
    Ok(truth(holds(&parse(call.text(1))?, &parse(call.text(0))?)))
}

/// At the top an array also contains its scalars without brackets.
fn holds(outer: &Json<'_>, inner: &Json<'_>) -> bool {
    match (outer, inner) {
        (Json::Array(values), scalar) if scalar.is_scalar() => {
            values.iter().any(|value| equal(value, scalar))
        }
        _ => deep(outer, inner),
    }
}

fn equal(left: &Json<'_>, right: &Json<'_>) -> bool {
    compare(left, right).is_eq()
}

fn deep(outer: &Json<'_>, inner: &Json<'_>) -> bool {
    match (outer, inner) {
        (Json::Object(_), Json::Object(pairs)) => {
            pairs.iter().all(|(key, value)| outer.get(key).is_some_and(|found| deep(found, value)))
        }
        (Json::Array(values), Json::Array(wanted)) => {
            wanted.iter().all(|want| values.iter().any(|value| deep(value, want)))
        }
        (left, right) => left.is_scalar() && right.is_scalar() && equal(left, right),
    }
}

fn has(json: &Json<'_>, key: &str) -> bool {
    match json {
        Json::Object(_) => json.get(key).is_some(),
        Json::Array(values) => values.iter().any(|value| matches!(value, Json::String(text) if text == key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

pub(crate) fn exists(call: &Call<'_>) -> Result<Value> {
    Ok(truth(has(&parse(call.text(0))?, call.text(1))))
}

pub(crate) fn exists_any(call: &Call<'_>) -> Result<Value> {
    let json = parse(call.text(0))?;
    Ok(truth(text_elements(call.text(1)).into_iter().flatten().any(|key| has(&json, &key))))
}

pub(crate) fn exists_all(call: &Call<'_>) -> Result<Value> {
    let json = parse(call.text(0))?;
    Ok(truth(text_elements(call.text(1)).into_iter().flatten().all(|key| has(&json, &key))))
}

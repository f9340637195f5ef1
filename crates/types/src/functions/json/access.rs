//! What lies at a place. json and jsonb alike are walked as text: what jsonb stores is already what it prints.

use crate::forms::json::scan::{self, Shape};
use crate::functions::define::{Args, integer, text_elements};
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::{Problem, Result};

fn raw(found: Option<&str>) -> Result<Value> {
    Ok(found.map_or(Value::Null, Value::text))
}

/// The text of a JSON value: strings decoded, null as NULL.
pub(crate) fn text(found: Option<&str>) -> Result<Value> {
    Ok(match found {
        None => Value::Null,
        Some(json) => match scan::shape(json) {
            Shape::Null => Value::Null,
            Shape::String => Value::Text(decode(json)?),
            _ => Value::text(json.trim_matches(scan::is_space)),
        },
    })
}

/// The text of a raw JSON string.
pub(crate) fn decode(json: &str) -> Result<String> {
    let json = json.trim_matches(scan::is_space);
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    Ok(crate::forms::json::lexer::decode(inner)?.into_owned())
}

pub(crate) fn field(call: &Call<'_>) -> Result<Value> {
    raw(scan::member(call.text(0), call.text(1)))
}

pub(crate) fn field_text(call: &Call<'_>) -> Result<Value> {
    text(scan::member(call.text(0), call.text(1)))
}

pub(crate) fn element(call: &Call<'_>) -> Result<Value> {
    raw(scan::element(call.text(0), call.int(1)))
}

pub(crate) fn element_text(call: &Call<'_>) -> Result<Value> {
    text(scan::element(call.text(0), call.int(1)))
}

fn step<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    match scan::shape(json) {
        Shape::Object => scan::member(json, key),
        Shape::Array => scan::element(json, i64::from(key.trim_start().parse::<i32>().ok()?)),
        _ => None,
    }
}

fn walk(json: &str, keys: impl Iterator<Item = Option<String>>) -> Option<&str> {
    let mut at = json;
    for key in keys {
        at = step(at, &key?)?;
    }
    Some(at)
}

pub(crate) fn path(call: &Call<'_>) -> Result<Value> {
    raw(walk(call.text(0), text_elements(call.text(1)).into_iter()))
}

pub(crate) fn path_text(call: &Call<'_>) -> Result<Value> {
    text(walk(call.text(0), text_elements(call.text(1)).into_iter()))
}

fn arguments(call: &Call<'_>) -> impl Iterator<Item = Option<String>> {
    (1..call.args.len()).map(|index| Some(call.text(index).to_owned()))
}

pub(crate) fn extract_path(call: &Call<'_>) -> Result<Value> {
    raw(walk(call.text(0), arguments(call)))
}

pub(crate) fn extract_path_text(call: &Call<'_>) -> Result<Value> {
    text(walk(call.text(0), arguments(call)))
}

pub(crate) fn type_of(call: &Call<'_>) -> Result<Value> {
    Ok(Value::text(scan::shape(call.text(0)).name()))
}

pub(crate) fn array_length(call: &Call<'_>) -> Result<Value> {
    let what = match scan::shape(call.text(0)) {
        Shape::Array => return Ok(integer(scan::elements(call.text(0)).count())),
        Shape::Object => "a non-array",
        _ => "a scalar",
    };
    Err(Problem::new("22023", format!("cannot get array length of {what}")))
}

//! Functions that return the parts of a JSON value as rows.

use super::access::{decode, text};
use crate::forms::json::scan::{self, Shape};
use crate::functions::define::Args;
use crate::registry::Call;
use crate::ty::Type;
use crate::value::Value;
use mainstay_base::{Problem, Result};

fn refuse(message: String) -> Problem {
    Problem::new("22023", message)
}

fn array<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a str> {
    let json = call.text(0);
    match scan::shape(json) {
        Shape::Array => Ok(json),
        Shape::Object if is_binary(call) => Err(refuse("cannot extract elements from an object".into())),
        Shape::Object => Err(refuse(format!("cannot call {name} on a non-array"))),
        _ if is_binary(call) => Err(refuse("cannot extract elements from a scalar".into())),
        _ => Err(refuse(format!("cannot call {name} on a scalar"))),
    }
}

fn is_binary(call: &Call<'_>) -> bool {
    call.types.first() == Some(&Type::Jsonb)
}

pub(crate) fn elements(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    Ok(scan::elements(array(call, "json_array_elements")?).map(|raw| vec![Value::text(raw)]).collect())
}

pub(crate) fn elements_text(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    scan::elements(array(call, "json_array_elements_text")?).map(|raw| Ok(vec![text(Some(raw))?])).collect()
}

fn object<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a str> {
    let json = call.text(0);
    match scan::shape(json) {
        Shape::Object => Ok(json),
        _ if is_binary(call) => Err(refuse(format!("cannot call {name} on a non-object"))),
        Shape::Array => Err(refuse("cannot deconstruct an array as an object".into())),
        _ => Err(refuse("cannot deconstruct a scalar".into())),
    }
}

pub(crate) fn each(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    scan::members(object(call, "jsonb_each")?)
        .map(|(key, value)| Ok(vec![Value::Text(decode(key)?), Value::text(value)]))
        .collect()
}

pub(crate) fn each_text(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    scan::members(object(call, "jsonb_each_text")?)
        .map(|(key, value)| Ok(vec![Value::Text(decode(key)?), text(Some(value))?]))
        .collect()
}

fn keys(call: &Call<'_>, name: &str) -> Result<Vec<Vec<Value>>> {
    let json = call.text(0);
    match scan::shape(json) {
        Shape::Object => scan::members(json).map(|(key, _)| Ok(vec![Value::Text(decode(key)?)])).collect(),
        Shape::Array => Err(refuse(format!("cannot call {name} on an array"))),
        _ => Err(refuse(format!("cannot call {name} on a scalar"))),
    }
}

pub(crate) fn keys_json(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    keys(call, "json_object_keys")
}

pub(crate) fn keys_jsonb(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    keys(call, "jsonb_object_keys")
}

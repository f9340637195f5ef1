//! JSON made of SQL values.

use crate::context::Context;
use crate::forms::json::escape::write_string;
use crate::forms::json::scan;
use crate::forms::{self, jsonb};
use crate::functions::define::{Args, text_elements};
use crate::registry::Call;
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

/// Bytes that our own writers made; they write whole characters only.
pub(crate) fn finish(out: Vec<u8>) -> Value {
    match String::from_utf8(out) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

pub(crate) fn argument_type<'a>(call: &Call<'a>, index: usize) -> &'a Type {
    call.types.get(index).unwrap_or(&Type::Text)
}

pub(crate) fn to_json(call: &Call<'_>) -> Result<Value> {
    let mut out = Vec::new();
    forms::write_json(argument_type(call, 0), call.value(0), call.context, &mut out);
    Ok(finish(out))
}

pub(crate) fn to_jsonb(call: &Call<'_>) -> Result<Value> {
    let mut out = Vec::new();
    push_jsonb(argument_type(call, 0), call.value(0), call.context, &mut out)?;
    Ok(finish(out))
}

/// With `true`, PostgreSQL breaks the line between elements of the first dimension.
pub(crate) fn array_to_json_pretty(call: &Call<'_>) -> Result<Value> {
    let Value::Text(json) = to_json(call)? else { return Ok(Value::Null) };
    if call.int(1) == 0 {
        return Ok(Value::Text(json));
    }
    let elements: Vec<&str> = scan::elements(&json).collect();
    Ok(Value::Text(format!("[{}]", elements.join(",\n "))))
}

/// With `true`, PostgreSQL breaks the line between fields.
pub(crate) fn row_to_json_pretty(call: &Call<'_>) -> Result<Value> {
    let Value::Text(json) = to_json(call)? else { return Ok(Value::Null) };
    if call.int(1) == 0 {
        return Ok(Value::Text(json));
    }
    let fields: Vec<String> = scan::members(&json).map(|(key, value)| format!("{key}:{value}")).collect();
    Ok(Value::Text(format!("{{{}}}", fields.join(",\n "))))
}

/// Appends what `to_jsonb` makes of a value.
pub(crate) fn push_jsonb(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) -> Result<()> {
    let needs_normalizing = matches!(
        ty,
        Type::Float4 | Type::Float8 | Type::Json | Type::Array(_) | Type::Composite(_) | Type::Record
    );
    if !needs_normalizing || value.is_null() {
        forms::write_json(ty, value, context, out);
        return Ok(());
    }
    let mut json = Vec::new();
    forms::write_json(ty, value, context, &mut json);
    let Value::Text(json) = finish(json) else { return Ok(()) };
    out.extend_from_slice(jsonb::normalize(&json)?.as_bytes());
    Ok(())
}

/// Appends a value as the key of an object.
pub(crate) fn push_key(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) -> Result<()> {
    if matches!(ty, Type::Array(_) | Type::Composite(_) | Type::Record | Type::Json | Type::Jsonb) {
        return Err(Problem::new("22023", "key value must be scalar, not array, composite, or json"));
    }
    let mut key = Vec::new();
    forms::write_json(ty, value, context, &mut key);
    if key.first() == Some(&b'"') {
        out.append(&mut key);
    } else {
        out.push(b'"');
        out.append(&mut key);
        out.push(b'"');
    }
    Ok(())
}

fn check_pairs(call: &Call<'_>, name: &str) -> Result<()> {
    if call.args.len() % 2 == 1 {
        return Err(Problem::new("22023", "argument list must have even number of elements")
            .with_hint(format!("The arguments of {name}() must consist of alternating keys and values.")));
    }
    Ok(())
}

pub(crate) fn json_object_of(call: &Call<'_>) -> Result<Value> {
    check_pairs(call, "json_build_object")?;
    let mut out = vec![b'{'];
    for (index, value) in call.args.iter().enumerate() {
        let ty = argument_type(call, index);
        if index % 2 == 1 {
            out.extend_from_slice(b" : ");
            forms::write_json(ty, *value, call.context, &mut out);
            continue;
        }
        if value.is_null() {
            return Err(Problem::new("22023", format!("argument {} cannot be null", index + 1))
                .with_hint("Object keys should be text."));
        }
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        push_key(ty, *value, call.context, &mut out)?;
    }
    out.push(b'}');
    Ok(finish(out))
}

pub(crate) fn jsonb_object_of(call: &Call<'_>) -> Result<Value> {
    check_pairs(call, "jsonb_build_object")?;
    let mut out = vec![b'{'];
    for (index, value) in call.args.iter().enumerate() {
        let ty = argument_type(call, index);
        if index % 2 == 1 {
            out.push(b':');
            forms::write_json(ty, *value, call.context, &mut out);
            continue;
        }
        if value.is_null() {
            return Err(Problem::new("22023", format!("argument {}: key must not be null", index + 1)));
        }
        if index > 0 {
            out.push(b',');
        }
        push_key(ty, *value, call.context, &mut out)?;
    }
    out.push(b'}');
    normalized(out)
}

/// JSON that we wrote, as jsonb.
pub(crate) fn normalized(json: Vec<u8>) -> Result<Value> {
    match finish(json) {
        Value::Text(json) => jsonb::normalize(&json).map(Value::Text),
        other => Ok(other),
    }
}

pub(crate) fn json_array_of(call: &Call<'_>) -> Result<Value> {
    let mut out = vec![b'['];
    for (index, value) in call.args.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        forms::write_json(argument_type(call, index), *value, call.context, &mut out);
    }
    out.push(b']');
    Ok(finish(out))
}

pub(crate) fn jsonb_array_of(call: &Call<'_>) -> Result<Value> {
    match json_array_of(call)? {
        Value::Text(json) => jsonb::normalize(&json).map(Value::Text),
        other => Ok(other),
    }
}

pub(crate) fn json_object_of_texts(call: &Call<'_>) -> Result<Value> {
    let mut out = String::from("{");
    for (index, (key, value)) in text_pairs(call)?.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_string(&key, &mut out);
        out.push_str(" : ");
        match value {
            Some(value) => write_string(&value, &mut out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(Value::Text(out))
}

pub(crate) fn jsonb_object_of_texts(call: &Call<'_>) -> Result<Value> {
    match json_object_of_texts(call)? {
        Value::Text(json) => jsonb::normalize(&json).map(Value::Text),
        other => Ok(other),
    }
}

/// Keys and values of `json_object`: alternating, in pairs, or in two arrays.
fn text_pairs(call: &Call<'_>) -> Result<Vec<(String, Option<String>)>> {
    let bad = |message: &str| Problem::new("2202E", message.to_owned());
    let no_key = || Problem::new("22004", "null value not allowed for object key");
    let first = text_elements(call.text(0));
    if call.has(1) {
        let values = text_elements(call.text(1));
        if values.len() != first.len() {
            return Err(bad("mismatched array dimensions"));
        }
        return first
            .into_iter()
            .zip(values)
            .map(|(key, value)| Ok((key.ok_or_else(no_key)?, value)))
            .collect();
    }
    if let Some(inner) = scan::elements(call.text(0)).next().filter(|raw| raw.starts_with('[')) {
        if inner.contains('[') && scan::elements(inner).next().is_some_and(|raw| raw.starts_with('[')) {
            return Err(bad("wrong number of array subscripts"));
        }
        if scan::elements(inner).count() != 2 {
            return Err(bad("array must have two columns"));
        }
    }
    if first.len() % 2 == 1 {
        return Err(bad("array must have even number of elements"));
    }
    let mut pairs = Vec::with_capacity(first.len() / 2);
    let mut texts = first.into_iter();
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        pairs.push((key.ok_or_else(no_key)?, value));
    }
    Ok(pairs)
}

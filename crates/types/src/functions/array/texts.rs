//! Between arrays and texts.

use super::{argument, element_type, items};
use crate::functions::define::text_array;
use crate::registry::Call;
use crate::value::{Value, ValueRef};
use mainstay_base::Result;

pub(crate) fn join(call: &Call<'_>) -> Result<Value> {
    let ValueRef::Text(separator) = argument(call, 1) else { return Ok(Value::Null) };
    let Some(items) = items(call, 0)? else { return Ok(Value::Null) };
    let null = match argument(call, 2) {
        ValueRef::Text(text) => Some(text),
        _ => None,
    };
    let ty = element_type(call, 0);
    let mut out = String::new();
    let mut first = true;
    for value in &items.values {
        if value.is_null() && null.is_none() {
            continue;
        }
        if !first {
            out.push_str(separator);
        }
        first = false;
        match null {
            Some(null) if value.is_null() => out.push_str(null),
            _ => crate::forms::output(ty, value.as_ref(), call.context, &mut out),
        }
    }
    Ok(Value::Text(out))
}

/// Without a separator (NULL) the text falls into its characters; with an empty one it stays whole.
fn parts<'a>(call: &Call<'a>) -> Option<Vec<Option<&'a str>>> {
    let ValueRef::Text(text) = argument(call, 0) else { return None };
    let parts: Vec<&str> = match argument(call, 1) {
        _ if text.is_empty() => Vec::new(),
        ValueRef::Text("") => vec![text],
        ValueRef::Text(separator) => text.split(separator).collect(),
        _ => text.char_indices().map(|(at, c)| text.get(at..at + c.len_utf8()).unwrap_or_default()).collect(),
    };
    let null = match argument(call, 2) {
        ValueRef::Text(null) => Some(null),
        _ => None,
    };
    Some(parts.into_iter().map(|part| (Some(part) != null).then_some(part)).collect())
}

pub(crate) fn split(call: &Call<'_>) -> Result<Value> {
    Ok(parts(call).map_or(Value::Null, text_array))
}

//! Changed copies of jsonb values.

use crate::forms::json::escape::write_string;
use crate::forms::json::parse::{Json, parse};
use crate::forms::json::scan::{self, Shape};
use crate::forms::jsonb;
use crate::functions::define::{Args, text_elements};
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::borrow::Cow;

fn done(json: &Json<'_>) -> Result<Value> {
    Ok(Value::Text(jsonb::to_text(json)))
}

fn refuse(message: impl Into<String>) -> Problem {
    Problem::new("22023", message)
}

pub(crate) fn concat(call: &Call<'_>) -> Result<Value> {
    let joined = match (parse(call.text(0))?, parse(call.text(1))?) {
        (Json::Object(mut left), Json::Object(right)) => {
            left.extend(right);
            Json::object(left)
        }
        (Json::Array(mut left), Json::Array(right)) => {
            left.extend(right);
            Json::Array(left)
        }
        (Json::Array(mut left), right) => {
            left.push(right);
            Json::Array(left)
        }
        (left, Json::Array(mut right)) => {
            right.insert(0, left);
            Json::Array(right)
        }
        (left, right) => Json::Array(vec![left, right]),
    };
    done(&joined)
}

fn without(json: Json<'_>, keys: &[String]) -> Result<Value> {
    let listed = |text: &str| keys.iter().any(|key| key == text);
    done(&match json {
        Json::Object(mut pairs) => {
            pairs.retain(|(key, _)| !listed(key));
            Json::Object(pairs)
        }
        Json::Array(mut values) => {
            values.retain(|value| !matches!(value, Json::String(text) if listed(text)));
            Json::Array(values)
        }
        _ => return Err(refuse("cannot delete from scalar")),
    })
}

pub(crate) fn delete_key(call: &Call<'_>) -> Result<Value> {
    without(parse(call.text(0))?, &[call.text(1).to_owned()])
}

pub(crate) fn delete_keys(call: &Call<'_>) -> Result<Value> {
    let keys: Vec<String> = text_elements(call.text(1)).into_iter().flatten().collect();
    without(parse(call.text(0))?, &keys)
}

pub(crate) fn delete_index(call: &Call<'_>) -> Result<Value> {
    match parse(call.text(0))? {
        Json::Array(mut values) => {
            if let Some(at) = place(call.int(1), values.len()) {
                values.remove(at);
            }
            done(&Json::Array(values))
        }
        Json::Object(_) => Err(refuse("cannot delete from object using integer index")),
        _ => Err(refuse("cannot delete from scalar")),
    }
}

/// The index that a number means, where there is such an element.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    if (0..length).contains(&index) { usize::try_from(index).ok() } else { None }
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Delete,
    /// Sets what is there; creates what is not only where `create` says so.
    Replace {
        create: bool,
    },
    Insert {
        after: bool,
    },
}

impl Operation {
    fn creates(self) -> bool {
        matches!(self, Operation::Replace { create: true } | Operation::Insert { .. })
    }
}

pub(crate) fn delete_path(call: &Call<'_>) -> Result<Value> {
    change(call, &Json::Null, Operation::Delete, "cannot delete path in scalar")
}

pub(crate) fn set(call: &Call<'_>) -> Result<Value> {
    let create = !call.has(3) || call.int(3) != 0;
    let new = parse(call.text(2))?;
    change(call, &new, Operation::Replace { create }, "cannot set path in scalar")
}

pub(crate) fn insert(call: &Call<'_>) -> Result<Value> {
    let after = call.has(3) && call.int(3) != 0;
    let new = parse(call.text(2))?;
    change(call, &new, Operation::Insert { after }, "cannot set path in scalar")
}

/// `jsonb_set` with a choice of what a NULL value means.
pub(crate) fn set_lax(call: &Call<'_>) -> Result<Value> {
    if call.value(0).is_null() || call.value(1).is_null() || (call.has(3) && call.value(3).is_null()) {
        return Ok(Value::Null);
    }
    let treatment = match call.value(4) {
        _ if !call.has(4) => "use_json_null",
        crate::ValueRef::Text(text) => text,
        _ => {
            return Err(refuse(
                "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
            ));
        }
    };
    if !call.value(2).is_null() {
        return set(call);
    }
    let create = !call.has(3) || call.int(3) != 0;
    match treatment {
        "raise_exception" => Err(Problem::new("22004", "JSON value must not be null")
            .with_details("Exception was raised because null_value_treatment is \"raise_exception\".")
            .with_hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")),
        "return_target" => Ok(call.value(0).to_owned()),
        "delete_key" => delete_path(call),
        "use_json_null" => change(call, &Json::Null, Operation::Replace { create }, "cannot set path in scalar"),
        _ => Err(refuse(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )),
    }
}

fn change<'a>(call: &Call<'a>, new: &Json<'a>, operation: Operation, scalar: &str) -> Result<Value> {
    let mut json = parse(text(call, 0))?;
    if json.is_scalar() {
        return Err(refuse(scalar));
    }
    let path = text_elements(call.text(1));
    if path.is_empty() {
        return Ok(call.value(0).to_owned());
    }
    apply(&mut json, &path, 0, new, operation)?;
    done(&json)
}

/// As [`Args::text`], but lives as long as the arguments do.
fn text<'a>(call: &Call<'a>, index: usize) -> &'a str {
    match call.args.get(index) {
        Some(crate::ValueRef::Text(text)) => text,
        _ => "",
    }
}

fn apply<'a>(
    json: &mut Json<'a>,
    path: &[Option<String>],
    level: usize,
    new: &Json<'a>,
    operation: Operation,
) -> Result<()> {
    let Some(step) = path.get(level) else { return Ok(()) };
    let Some(step) = step else {
        return Err(Problem::new("22004", format!("path element at position {} is null", level + 1)));
    };
    let last = level + 1 == path.len();
    match json {
        Json::Object(pairs) => {
            let found = pairs.iter().position(|(key, _)| key == step);
            match (found.and_then(|at| pairs.get_mut(at).map(|pair| (at, pair))), last) {
                (Some((_, pair)), false) => return apply(&mut pair.1, path, level + 1, new, operation),
                (Some((at, pair)), true) => match operation {
                    Operation::Delete => drop(pairs.remove(at)),
                    Operation::Replace { .. } => pair.1 = new.clone(),
                    Operation::Insert { .. } => {
                        return Err(refuse("cannot replace existing key")
                            .with_hint("Try using the function jsonb_set to replace key value."));
                    }
                },
                (None, true) if operation.creates() => {
                    let mut all = std::mem::take(pairs);
                    all.push((Cow::Owned(step.clone()), new.clone()));
                    *json = Json::object(all);
                }
                (None, _) => {}
            }
        }
        Json::Array(values) => {
            let index: i64 = step.trim_start().parse::<i32>().map(i64::from).map_err(|_| {
                Problem::new(
                    "22P02",
                    format!("path element at position {} is not an integer: \"{step}\"", level + 1),
                )
            })?;
            change_array(values, index, path, level, new, operation)?;
        }
        _ => {}
    }
    Ok(())
}

fn change_array<'a>(
    values: &mut Vec<Json<'a>>,
    index: i64,
    path: &[Option<String>],
    level: usize,
    new: &Json<'a>,
    operation: Operation,
) -> Result<()> {
    let last = level + 1 == path.len();
    match place(index, values.len()) {
        Some(at) if !last => {
            if let Some(value) = values.get_mut(at) {
                apply(value, path, level + 1, new, operation)?;
            }
        }
        Some(at) => match operation {
            Operation::Delete => drop(values.remove(at)),
            Operation::Replace { .. } => {
                if let Some(value) = values.get_mut(at) {
                    *value = new.clone();
                }
            }
            Operation::Insert { after } => values.insert(at + usize::from(after), new.clone()),
        },
        // Outside of the array: before its first or behind its last element.
        None if last && operation.creates() => {
            if index < 0 {
                values.insert(0, new.clone());
            } else {
                values.push(new.clone());
            }
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn strip_nulls(call: &Call<'_>) -> Result<Value> {
    fn strip(json: &mut Json<'_>) {
        match json {
            Json::Object(pairs) => {
                pairs.retain(|(_, value)| *value != Json::Null);
                pairs.iter_mut().for_each(|(_, value)| strip(value));
            }
            Json::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut json = parse(call.text(0))?;
    strip(&mut json);
    done(&json)
}

pub(crate) fn strip_nulls_json(call: &Call<'_>) -> Result<Value> {
    fn strip(json: &str, out: &mut String) {
        match scan::shape(json) {
            Shape::Object => {
                out.push('{');
                let kept = scan::members(json).filter(|(_, value)| scan::shape(value) != Shape::Null);
                for (index, (key, value)) in kept.enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(&scan::text_of(key), out);
                    out.push(':');
                    strip(value, out);
                }
                out.push('}');
            }
            Shape::Array => {
                out.push('[');
                for (index, value) in scan::elements(json).enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    strip(value, out);
                }
                out.push(']');
            }
            _ => out.push_str(json.trim_matches(scan::is_space)),
        }
    }
    let mut out = String::new();
    strip(call.text(0), &mut out);
    Ok(Value::Text(out))
}

pub(crate) fn pretty(call: &Call<'_>) -> Result<Value> {
    fn indent(depth: usize, out: &mut String) {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    }
    fn write(json: &Json<'_>, depth: usize, out: &mut String) {
        match json {
            Json::Array(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    indent(depth + 1, out);
                    write(value, depth + 1, out);
                }
                indent(depth, out);
                out.push(']');
            }
            Json::Object(pairs) => {
                out.push('{');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    indent(depth + 1, out);
                    write_string(key, out);
                    out.push_str(": ");
                    write(value, depth + 1, out);
                }
                indent(depth, out);
                out.push('}');
            }
            scalar => jsonb::write(scalar, out),
        }
    }
    let mut out = String::new();
    write(&parse(call.text(0))?, 0, &mut out);
    Ok(Value::Text(out))
}

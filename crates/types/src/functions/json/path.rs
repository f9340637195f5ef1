//! SQL/JSON paths: `jsonb_path_query` and its kin.

mod evaluate;
mod lexer;
mod parse;
mod truth;

use crate::forms::json::parse::{Json, parse as parse_json};
use crate::forms::jsonb;
use crate::functions::define::{Args, truth};
use crate::registry::Call;
use crate::value::Value;
use evaluate::Evaluation;
use mainstay_base::{Problem, Result};

/// What a path gives for a document: the items, or nothing where an error was to be silent.
fn items<T>(
    call: &Call<'_>,
    silent: bool,
    then: impl FnOnce(Vec<Json<'_>>) -> Result<T>,
) -> Result<Option<T>> {
    let path = parse::parse(call.text(1))?;
    let document = parse_json(call.text(0))?;
    let variables = if call.has(2) { parse_json(call.text(2))? } else { Json::Object(Vec::new()) };
    if !matches!(variables, Json::Object(_)) {
        return Err(Problem::new("22023", "\"vars\" argument is not an object")
            .with_details("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."));
    }
    match Evaluation::new(&path, &document, &variables, call.context).run() {
        Ok(items) => then(items).map(Some),
        Err(problem) if silent && evaluate::is_suppressible(&problem) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn is_silent(call: &Call<'_>) -> bool {
    call.has(3) && call.int(3) != 0
}

fn exists_with(call: &Call<'_>, silent: bool) -> Result<Value> {
    let found = items(call, silent, |items| Ok(!items.is_empty()))?;
    Ok(found.map_or(Value::Null, truth))
}

pub(crate) fn exists(call: &Call<'_>) -> Result<Value> {
    exists_with(call, is_silent(call))
}

pub(crate) fn exists_silent(call: &Call<'_>) -> Result<Value> {
    exists_with(call, true)
}

fn match_with(call: &Call<'_>, silent: bool) -> Result<Value> {
    let answer = items(call, silent, |items| match items.as_slice() {
        [Json::Bool(flag)] => Ok(truth(*flag)),
        [Json::Null] => Ok(Value::Null),
        _ if silent => Ok(Value::Null),
        _ => Err(Problem::new("22038", "single boolean result is expected")),
    })?;
    Ok(answer.unwrap_or_default())
}

pub(crate) fn matches(call: &Call<'_>) -> Result<Value> {
    match_with(call, is_silent(call))
}

pub(crate) fn match_silent(call: &Call<'_>) -> Result<Value> {
    match_with(call, true)
}

pub(crate) fn query(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let rows = items(call, is_silent(call), |items| {
        Ok(items.iter().map(|item| vec![Value::Text(jsonb::to_text(item))]).collect())
    })?;
    Ok(rows.unwrap_or_default())
}

pub(crate) fn query_array(call: &Call<'_>) -> Result<Value> {
    let array = items(call, is_silent(call), |items| Ok(Value::Text(jsonb::to_text(&Json::Array(items)))))?;
    Ok(array.unwrap_or_else(|| Value::text("[]")))
}

pub(crate) fn query_first(call: &Call<'_>) -> Result<Value> {
    let first = items(call, is_silent(call), |items| {
        Ok(items.first().map_or(Value::Null, |item| Value::Text(jsonb::to_text(item))))
    })?;
    Ok(first.unwrap_or_default())
}

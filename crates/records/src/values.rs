//! Fills the parameters of a statement: the only work that a request with a known plan still needs.

use crate::payload::Cell;
use crate::plan::{Parameter, Source};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Context, Modifier, Type, Value, value};

/// What one run of a plan is filled from.
#[derive(Default)]
pub(crate) struct Inputs<'a> {
    pub(crate) literals: &'a [String],
    /// The row being written or the arguments of a call, in the order of the plan's keys.
    pub(crate) cells: &'a [&'a Cell<'a>],
    /// All rows as JSON.
    pub(crate) rows: Option<&'a str>,
    pub(crate) body: Option<&'a [u8]>,
}

pub(crate) fn fill(parameters: &[Parameter], inputs: &Inputs<'_>, context: &Context) -> Result<Vec<Value>> {
    parameters.iter().map(|parameter| one(parameter, inputs, context)).collect()
}

fn one(parameter: &Parameter, inputs: &Inputs<'_>, context: &Context) -> Result<Value> {
    let literal = |id: &crate::query::LiteralId| {
        inputs
            .literals
            .get(id.0 as usize)
            .map(String::as_str)
            .ok_or_else(|| Problem::internal("a literal of the request is missing"))
    };
    match &parameter.source {
        Source::Literal(id) => text(&parameter.ty, literal(id)?, context),
        Source::Literals(ids) => {
            let elements: Vec<&str> = ids.iter().map(literal).collect::<Result<_>>()?;
            text(&parameter.ty, &array_text(&elements), context)
        }
        Source::Limit { literal: id, rows_max } => {
            // What is no number is no limit, as in PostgREST.
            let asked = match id {
                Some(id) => literal(id)?.parse::<i64>().unwrap_or(i64::MAX),
                None => i64::MAX,
            };
            let most = rows_max.map_or(i64::MAX, |most| i64::try_from(most).unwrap_or(i64::MAX));
            Ok(Value::Integer(asked.min(most)))
        }
        Source::Offset(id) => Ok(Value::Integer(literal(id)?.parse::<i64>().unwrap_or(0))),
        Source::Key(place) => match inputs.cells.get(*place) {
            Some(cell) => from_cell(&parameter.ty, cell, context),
            None => Ok(Value::Null),
        },
        Source::Keys(places) => {
            let cells = places.iter().filter_map(|place| inputs.cells.get(*place));
            let elements: Vec<&str> = cells
                .filter_map(|cell| match cell {
                    Cell::Text(element) => Some(element.as_ref()),
                    Cell::Json(_) | Cell::Null => None,
                })
                .collect();
            text(&parameter.ty, &array_text(&elements), context)
        }
        Source::JsonKey(place) => match inputs.cells.get(*place) {
            Some(Cell::Text(plain)) => Ok(Value::Text(serde_json::Value::from(plain.as_ref()).to_string())),
            Some(cell) => from_cell(&parameter.ty, cell, context),
            None => Ok(Value::Null),
        },
        Source::Rows => Ok(Value::text(inputs.rows.unwrap_or("[]"))),
        Source::Body => body(&parameter.ty, inputs.body.unwrap_or_default(), context),
    }
}

fn text(ty: &ColumnType, text: &str, context: &Context) -> Result<Value> {
    match (&ty.ty, ty.modifier) {
        (Type::Text | Type::Varchar, Modifier::None) => Ok(Value::text(text)),
        _ => value::input(ty, text, context),
    }
}

pub(crate) fn from_cell(ty: &ColumnType, cell: &Cell<'_>, context: &Context) -> Result<Value> {
    match cell {
        Cell::Null => Ok(Value::Null),
        Cell::Json(json) => value::from_json(ty, json, context),
        Cell::Text(plain) => text(ty, plain, context),
    }
}

fn body(ty: &ColumnType, bytes: &[u8], context: &Context) -> Result<Value> {
    if ty.ty == Type::Bytea {
        return Ok(Value::Blob(bytes.to_vec()));
    }
    let plain = std::str::from_utf8(bytes)
        .map_err(|_| Problem::new("22021", "invalid byte sequence for encoding \"UTF8\""))?;
    text(ty, plain, context)
}

/// `{"a","b"}`
pub(crate) fn array_text(elements: &[&str]) -> String {
    let quoted: Vec<String> = elements
        .iter()
        .map(|element| format!("\"{}\"", element.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{{{}}}", quoted.join(","))
}

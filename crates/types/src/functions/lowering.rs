//! What lowered statements call and no user writes: values out of JSON, and failures on purpose.

use super::define::function;
use crate::registry::{Aggregate, AggregateState, Call, Native, Ty};
use crate::value::{self, Value, ValueRef};
use mainstay_base::{Problem, Result};

const SECTION: &str = "Internal functions";

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "pg_from_json", &[Ty::Json], Ty::AnyElement, from_json),
    function(SECTION, "pg_limit", &[Ty::Int8], Ty::Int8, limit),
    function(SECTION, "pg_offset", &[Ty::Int8], Ty::Int8, offset),
    function(SECTION, "pg_raise", &[Ty::Text, Ty::Text], Ty::Void, raise).volatile(),
    function(SECTION, "pg_refuse_row", &[Ty::Text, Ty::Any], Ty::Bool, refuse_row)
        .with_variadic()
        .called_on_null()
        .volatile(),
    function(SECTION, "pg_refuse_part", &[Ty::Text, Ty::Any], Ty::Bool, refuse_part)
        .with_variadic()
        .called_on_null()
        .volatile(),
];

pub(crate) static AGGREGATES: &[Aggregate] = &[Aggregate {
    name: "pg_single",
    args: &[Ty::Any],
    variadic: false,
    returns: Ty::Any,
    strict: false,
    ordered_set: false,
    start: single,
    section: SECTION,
}];

/// The raw JSON of a member as a value of the type that the call returns, as `json_populate_record` makes it.
fn from_json(call: &Call<'_>) -> Result<Value> {
    match call.args {
        [ValueRef::Text(json)] if *json != "null" => {
            value::from_json(&call.returns.clone().into(), json, call.context)
        }
        _ => Ok(Value::Null),
    }
}

/// The row count of `LIMIT`.
fn limit(call: &Call<'_>) -> Result<Value> {
    not_negative(call, "2201W", "LIMIT")
}

/// The row count of `OFFSET`.
fn offset(call: &Call<'_>) -> Result<Value> {
    not_negative(call, "2201X", "OFFSET")
}

/// SQLite takes a negative LIMIT for none and a negative OFFSET for zero.
fn not_negative(call: &Call<'_>, code: &'static str, what: &str) -> Result<Value> {
    match call.args {
        [ValueRef::Integer(count)] if *count < 0 => {
            Err(Problem::new(code, format!("{what} must not be negative")))
        }
        [count] => Ok((*count).to_owned()),
        _ => Ok(Value::Null),
    }
}

/// `pg_raise(code, message)`: where a value of a domain breaks its constraint.
fn raise(call: &Call<'_>) -> Result<Value> {
    let text = |index: usize| match call.args.get(index) {
        Some(ValueRef::Text(text)) => (*text).to_owned(),
        _ => String::new(),
    };
    Err(Problem::new(text(0), text(1)))
}

/// `pg_refuse_row(view, column, …)`: a row that a view WITH CHECK OPTION does not show.
fn refuse_row(call: &Call<'_>) -> Result<Value> {
    let view = name_of(call);
    let problem = Problem::new("44000", format!("new row violates check option for view \"{view}\""));
    Err(with_row(call, problem))
}

/// `pg_refuse_part(partition, column, …)`: a row that a partition does not hold.
fn refuse_part(call: &Call<'_>) -> Result<Value> {
    let partition = name_of(call);
    let message = format!("new row for relation \"{partition}\" violates partition constraint");
    Err(with_row(call, Problem::new("23514", message)))
}

fn name_of<'c>(call: &Call<'c>) -> &'c str {
    match call.args.first() {
        Some(ValueRef::Text(name)) => name,
        _ => "",
    }
}

/// Without a row where policies may hide it.
fn with_row(call: &Call<'_>, problem: Problem) -> Problem {
    if call.args.len() == 1 {
        return problem;
    }
    let values = call.types.iter().zip(call.args.iter().copied()).skip(1);
    problem.with_details(format!("Failing row contains {}.", value::show_row(values, call.context)))
}

/// The value of a subquery's only row.
#[derive(Default)]
struct Single(Option<Value>);

fn single() -> Box<dyn AggregateState> {
    Box::new(Single::default())
}

impl AggregateState for Single {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if self.0.is_some() {
            return Err(Problem::new(
                "21000",
                "more than one row returned by a subquery used as an expression",
            ));
        }
        self.0 = Some(call.args.first().copied().unwrap_or_default().to_owned());
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.0.clone().unwrap_or(Value::Null))
    }
}

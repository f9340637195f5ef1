//! What lowered statements call and no user writes: values out of JSON, and failures on purpose.

use super::define::function;
use crate::registry::{Call, Native, Ty};
use crate::value::{self, Value, ValueRef};
use mainstay_base::{Problem, Result};

const SECTION: &str = "Internal functions";

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "pg_from_json", &[Ty::Json], Ty::AnyElement, from_json),
    function(SECTION, "pg_raise", &[Ty::Text, Ty::Text], Ty::Void, raise).volatile(),
];

/// The raw JSON of a member as a value of the type that the call returns, as `json_populate_record` makes it.
fn from_json(call: &Call<'_>) -> Result<Value> {
    match call.args {
        [ValueRef::Text(json)] if *json != "null" => {
            value::from_json(&call.returns.clone().into(), json, call.context)
        }
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

//! A value in its storage form, and the doors into and out of it.

use crate::context::Context;
use crate::ty::{ColumnType, Type};
use mainstay_base::Result;
use std::cmp::Ordering;

/// A value as it lies in the store. Which type it has is known beside it, never from it.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// A borrowed [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum ValueRef<'a> {
    #[default]
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Value {
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value),
            Value::Blob(value) => ValueRef::Blob(value),
        }
    }

    pub fn text(value: impl Into<String>) -> Value {
        Value::Text(value.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl ValueRef<'_> {
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Text(value) => Value::Text(value.to_owned()),
            ValueRef::Blob(value) => Value::Blob(value.to_owned()),
        }
    }

    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }
}

/// PostgreSQL's input function: the text form of a type to its storage form, modifier applied as by an
/// assignment cast (`varchar(3)` refuses four characters with 22001, `numeric(5,2)` rounds or fails with 22003).
/// Bad text fails with the SQLSTATE and message of PostgreSQL (22P02 `invalid input syntax for type integer: "x"`).
pub fn input(ty: &ColumnType, text: &str, context: &Context) -> Result<Value> {
    crate::forms::input(ty, text, context)
}

/// PostgreSQL's output function, appended to `out`. NULL appends nothing.
pub fn output(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut String) {
    crate::forms::output(ty, value, context, out);
}

/// The JSON that `to_json` makes of the value, appended to `out`. Hot path: no allocation for scalars.
pub fn write_json(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    crate::forms::write_json(ty, value, context, out);
}

/// What `json_populate_record` makes of a JSON value: a JSON string goes through [`input`], numbers and booleans
/// through their text, objects and arrays become json/jsonb text, arrays or composites. `json` is the raw JSON text.
pub fn from_json(ty: &ColumnType, json: &str, context: &Context) -> Result<Value> {
    crate::forms::from_json(ty, json, context)
}

/// PostgreSQL's btree order of two values of one type that are not NULL.
pub fn compare(ty: &Type, left: ValueRef<'_>, right: ValueRef<'_>, context: &Context) -> Ordering {
    crate::forms::compare(ty, left, right, context)
}

/// The order that a collation of [`Type::storage`] gives to two stored texts (`name` as it stands there; enums are
/// looked up in `registry`). Total and free of panics for any text: SQLite calls it on whatever lies in a file.
pub fn collate(name: &str, left: &str, right: &str, registry: &crate::Registry) -> Ordering {
    crate::forms::collate(name, left, right, registry)
}

/// A cast as in `value::to`, storage form to storage form. `explicit` is false for assignment casts
/// (an explicit cast to `varchar(3)` truncates, an assignment fails). The binder only asks for casts that
/// [`crate::registry::cast_kind`] knows.
pub fn cast(
    value: ValueRef<'_>,
    from: &Type,
    to: &ColumnType,
    explicit: bool,
    context: &Context,
) -> Result<Value> {
    crate::forms::cast(value, from, to, explicit, context)
}

/// The most bytes that a message shows of one value.
const SHOWN_BYTES: usize = 64;

/// `(1, abc, null)`: a row as PostgreSQL's messages show it (`Failing row contains …`), long values cut.
pub fn show_row<'v>(values: impl IntoIterator<Item = (&'v Type, ValueRef<'v>)>, context: &Context) -> String {
    let mut row = String::from("(");
    for (index, (ty, value)) in values.into_iter().enumerate() {
        if index > 0 {
            row.push_str(", ");
        }
        if value.is_null() {
            row.push_str("null");
            continue;
        }
        let mut text = String::new();
        output(ty, value, context, &mut text);
        if text.len() > SHOWN_BYTES {
            let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            text.push_str("...");
        }
        row.push_str(&text);
    }
    row.push(')');
    row
}

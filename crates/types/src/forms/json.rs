//! `json`: kept as written. Also the JSON machinery that the other forms share: [`escape`] writes strings,
//! [`scan`] walks raw text without building anything, [`parse`] checks and builds trees.

pub(crate) mod escape;
pub(crate) mod lexer;
pub(crate) mod parse;
pub(crate) mod scan;

use crate::context::Context;
use crate::value::{Value, ValueRef};
use mainstay_base::Result;

pub(crate) fn input(text: &str, _context: &Context) -> Result<Value> {
    parse::validate(text)?;
    Ok(Value::text(text))
}

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    if let ValueRef::Text(text) = value {
        out.push_str(text);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Text(text) => out.extend_from_slice(text.as_bytes()),
        _ => out.extend_from_slice(b"null"),
    }
}

//! `time`: microseconds since midnight; 24:00 is a time.

use super::datetime::calendar::{Moment, round_micros};
use super::datetime::{decode, encode};
use super::writing::Bytes;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::Result;
use std::fmt::Write;

pub(crate) fn input(text: &str, modifier: Modifier, context: &Context) -> Result<Value> {
    let (moment, _) =
        decode::time_only(text, context).map_err(|malformed| malformed.problem(text, "time"))?;
    Ok(Value::Integer(rounded(moment.time_micros(), modifier)))
}

fn rounded(micros: i64, modifier: Modifier) -> i64 {
    match modifier {
        Modifier::Precision(digits) => round_micros(micros, digits),
        _ => micros,
    }
}

pub(crate) fn write(micros: i64, out: &mut impl Write) {
    let mut moment = Moment::default();
    moment.set_time(micros);
    encode::time(&moment, out);
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Integer(micros) = value {
        write(micros, out);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    let ValueRef::Integer(micros) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    write(micros, &mut Bytes(out));
    out.push(b'"');
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    match value {
        ValueRef::Integer(micros) => Ok(Value::Integer(rounded(micros, modifier))),
        _ => Ok(value.to_owned()),
    }
}

//! `timestamp`: microseconds since 2000-01-01 00:00 on a wall clock.

use super::datetime::Malformed;
use super::datetime::calendar::{
    Moment, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, UNIX_TO_EPOCH_MICROS, is_finite_timestamp,
    is_valid_timestamp, round_micros,
};
use super::datetime::{decode, encode};
use super::writing::Bytes;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::fmt::Write;

pub(crate) fn out_of_range() -> Problem {
    Problem::new("22008", "timestamp out of range")
}

pub(crate) fn parse(text: &str, context: &Context) -> Result<i64> {
    let bad = |malformed: Malformed| malformed.problem(text, "timestamp");
    match decode::date_time(text, context).map_err(bad)? {
        decode::Decoded::Moment { moment, .. } => moment
            .to_micros()
            .ok_or_else(|| Problem::new("22008", format!("timestamp out of range: \"{text}\""))),
        decode::Decoded::Epoch => Ok(-UNIX_TO_EPOCH_MICROS),
        decode::Decoded::Infinity => Ok(TIMESTAMP_INFINITY),
        decode::Decoded::NegativeInfinity => Ok(TIMESTAMP_NEGATIVE_INFINITY),
    }
}

pub(crate) fn input(text: &str, modifier: Modifier, context: &Context) -> Result<Value> {
    rounded(parse(text, context)?, modifier).map(Value::Integer)
}

pub(crate) fn rounded(micros: i64, modifier: Modifier) -> Result<i64> {
    match modifier {
        Modifier::Precision(digits) if is_finite_timestamp(micros) => {
            let rounded = round_micros(micros, digits);
            if is_valid_timestamp(rounded) { Ok(rounded) } else { Err(out_of_range()) }
        }
        _ => Ok(micros),
    }
}

/// Writes the timestamp; the offset stands behind the time and before the era.
pub(crate) fn write(micros: i64, separator: char, offset: Option<(i32, bool)>, out: &mut impl Write) {
    match micros {
        TIMESTAMP_INFINITY => _ = out.write_str("infinity"),
        TIMESTAMP_NEGATIVE_INFINITY => _ = out.write_str("-infinity"),
        _ => {
            let moment = Moment::of_micros(micros);
            encode::date_time(&moment, separator, out);
            if let Some((seconds, with_minutes)) = offset {
                encode::offset(seconds, with_minutes, out);
            }
            encode::era(&moment, out);
        }
    }
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Integer(micros) = value {
        write(micros, ' ', None, out);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    let ValueRef::Integer(micros) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    write(micros, 'T', None, &mut Bytes(out));
    out.push(b'"');
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    match value {
        ValueRef::Integer(micros) => rounded(micros, modifier).map(Value::Integer),
        _ => Ok(value.to_owned()),
    }
}

//! `date`: days since 2000-01-01.

use super::datetime::Malformed;
use super::datetime::calendar::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, EPOCH_JULIAN_DAY, Moment, UNIX_EPOCH_JULIAN_DAY, days_of,
};
use super::datetime::{decode, encode};
use super::writing::Bytes;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::fmt::Write;

pub(crate) fn parse(text: &str, context: &Context) -> Result<i64> {
    let bad = |malformed: Malformed| malformed.problem(text, "date");
    match decode::date_time(text, context).map_err(bad)? {
        decode::Decoded::Moment { moment, .. } => days_of(moment.year, moment.month, moment.day)
            .ok_or_else(|| Problem::new("22008", format!("date out of range: \"{text}\""))),
        decode::Decoded::Epoch => Ok(i64::from(UNIX_EPOCH_JULIAN_DAY - EPOCH_JULIAN_DAY)),
        decode::Decoded::Infinity => Ok(DATE_INFINITY),
        decode::Decoded::NegativeInfinity => Ok(DATE_NEGATIVE_INFINITY),
    }
}

pub(crate) fn input(text: &str, _modifier: Modifier, context: &Context) -> Result<Value> {
    parse(text, context).map(Value::Integer)
}

pub(crate) fn write(days: i64, out: &mut impl Write) {
    match days {
        DATE_INFINITY => _ = out.write_str("infinity"),
        DATE_NEGATIVE_INFINITY => _ = out.write_str("-infinity"),
        _ => {
            let moment = Moment::of_days(days);
            encode::date(&moment, out);
            encode::era(&moment, out);
        }
    }
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Integer(days) = value {
        write(days, out);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    let ValueRef::Integer(days) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    write(days, &mut Bytes(out));
    out.push(b'"');
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    _modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    Ok(value.to_owned())
}

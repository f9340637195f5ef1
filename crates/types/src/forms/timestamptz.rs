//! `timestamp with time zone`: microseconds since 2000-01-01 00:00 UTC, read and shown in the session's zone.

use super::datetime::Malformed;
use super::datetime::calendar::{
    MICROS_PER_SECOND, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, UNIX_TO_EPOCH_MICROS,
    is_finite_timestamp, is_valid_timestamp,
};
use super::datetime::decode;
use super::timestamp;
use super::timezone::Zone;
use super::writing::Bytes;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::fmt::Write;

pub(crate) fn parse(text: &str, context: &Context) -> Result<i64> {
    let bad = |malformed: Malformed| malformed.problem(text, "timestamp with time zone");
    match decode::date_time(text, context).map_err(bad)? {
        decode::Decoded::Moment { moment, offset } => moment
            .micros_unchecked()
            .and_then(|local| local.checked_sub(i64::from(offset) * MICROS_PER_SECOND))
            .filter(|micros| is_valid_timestamp(*micros))
            .ok_or_else(|| Problem::new("22008", format!("timestamp out of range: \"{text}\""))),
        decode::Decoded::Epoch => Ok(-UNIX_TO_EPOCH_MICROS),
        decode::Decoded::Infinity => Ok(TIMESTAMP_INFINITY),
        decode::Decoded::NegativeInfinity => Ok(TIMESTAMP_NEGATIVE_INFINITY),
    }
}

pub(crate) fn input(text: &str, modifier: Modifier, context: &Context) -> Result<Value> {
    timestamp::rounded(parse(text, context)?, modifier).map(Value::Integer)
}

/// The wall clock in a zone at a time.
pub(crate) fn to_local(micros: i64, zone: &Zone) -> i64 {
    if !is_finite_timestamp(micros) {
        return micros;
    }
    micros.saturating_add(i64::from(zone.offset_at(micros)) * MICROS_PER_SECOND)
}

/// The time at which the clock on a wall of the zone shows this.
pub(crate) fn from_local(local: i64, zone: &Zone) -> Result<i64> {
    if !is_finite_timestamp(local) {
        return Ok(local);
    }
    local
        .checked_sub(i64::from(zone.offset_for_local(local)) * MICROS_PER_SECOND)
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(timestamp::out_of_range)
}

fn write(micros: i64, separator: char, with_minutes: bool, context: &Context, out: &mut impl Write) {
    let offset = if is_finite_timestamp(micros) { Zone::of_session(context).offset_at(micros) } else { 0 };
    let local = if is_finite_timestamp(micros) {
        micros.saturating_add(i64::from(offset) * MICROS_PER_SECOND)
    } else {
        micros
    };
    timestamp::write(local, separator, Some((offset, with_minutes)), out);
}

pub(crate) fn output(value: ValueRef<'_>, context: &Context, out: &mut String) {
    if let ValueRef::Integer(micros) = value {
        write(micros, ' ', false, context, out);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    let ValueRef::Integer(micros) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    write(micros, 'T', true, context, &mut Bytes(out));
    out.push(b'"');
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    modifier: Modifier,
    explicit: bool,
    context: &Context,
) -> Result<Value> {
    timestamp::apply_modifier(value, modifier, explicit, context)
}

//! The casts among numbers and among times.

use super::datetime::calendar::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, date_has_timestamp, is_finite_timestamp, is_valid_timestamp,
};
use super::interval::Interval;
use super::numeric::Decimal;
use super::printed::Printed;
use super::timetz::TimeTz;
use super::timezone::Zone;
use super::{casts, float, integer, timestamp, timestamptz};
use crate::context::Context;
use crate::ty::{ColumnType, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

/// The cast if both types are numbers (or boolean) or both are times; `None` for any other pair.
pub(crate) fn cast(
    value: ValueRef<'_>,
    from: &Type,
    to: &ColumnType,
    explicit: bool,
    context: &Context,
) -> Option<Result<Value>> {
    if value.is_null() || *from == to.ty {
        return None;
    }
    let plain = number(value, from, &to.ty).or_else(|| time(value, from, &to.ty, context))?;
    Some(plain.and_then(|value| casts::apply_modifier(to, value, explicit, context)))
}

fn is_integer(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid)
}

fn number(value: ValueRef<'_>, from: &Type, to: &Type) -> Option<Result<Value>> {
    let is_float = |ty: &Type| matches!(ty, Type::Float4 | Type::Float8);
    Some(match (from, to) {
        (_, Type::Bool) if is_integer(from) => {
            let ValueRef::Integer(number) = value else { return None };
            Ok(Value::Integer(i64::from(number != 0)))
        }
        (Type::Int4, Type::Oid) | (Type::Oid, Type::Int4) => {
            // The same 32 bits, read with and without a sign.
            let ValueRef::Integer(number) = value else { return None };
            Ok(Value::Integer(if *to == Type::Oid {
                i64::from(number as i32 as u32)
            } else {
                i64::from(number as u32 as i32)
            }))
        }
        _ if is_integer(from) && is_integer(to) => {
            let ValueRef::Integer(number) = value else { return None };
            integer::in_range(to, i128::from(number))
        }
        _ if is_integer(from) && is_float(to) => {
            let ValueRef::Integer(number) = value else { return None };
            Ok(Value::Real(if *to == Type::Float4 { f64::from(number as f32) } else { number as f64 }))
        }
        (_, Type::Numeric) if is_integer(from) => {
            let ValueRef::Integer(number) = value else { return None };
            Ok(Value::Text(itoa::Buffer::new().format(number).to_owned()))
        }
        (Type::Numeric, _) if is_integer(to) => Decimal::load(value).to_integer(to).map(Value::Integer),
        (Type::Numeric, _) if is_float(to) => {
            let decimal = Decimal::load(value);
            float::parse(to, &decimal.to_string()).map(float::store)
        }
        _ if is_float(from) && is_integer(to) => float_to_integer(float::load(value), to),
        (Type::Float4, Type::Float8) => Ok(float::store(float::load(value))),
        (Type::Float8, Type::Float4) => narrow(float::load(value)).map(float::store),
        (Type::Float4, Type::Numeric) => Ok(Decimal::from_float_digits(float::load(value), 6).store()),
        (Type::Float8, Type::Numeric) => Ok(Decimal::from_float(float::load(value)).store()),
        _ => return None,
    })
}

/// Rounded half to even, as C's `rint` does.
pub(crate) fn float_to_integer(number: f64, to: &Type) -> Result<Value> {
    let rounded = number.round_ties_even();
    if !(-9.3e18..=9.3e18).contains(&rounded) {
        return Err(integer::out_of_range(to));
    }
    integer::in_range(to, rounded as i128)
}

/// A `real`, as wide as SQLite keeps it.
pub(crate) fn narrow(number: f64) -> Result<f64> {
    let narrow = number as f32;
    if narrow.is_infinite() && number.is_finite() {
        return Err(Problem::new("22003", "value out of range: overflow"));
    }
    if narrow == 0.0 && number != 0.0 {
        return Err(Problem::new("22003", "value out of range: underflow"));
    }
    Ok(f64::from(narrow))
}

pub(crate) fn date_to_timestamp(days: i64) -> Result<i64> {
    match days {
        DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        DATE_NEGATIVE_INFINITY => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        _ if date_has_timestamp(days) => Ok(days * MICROS_PER_DAY),
        _ => Err(Problem::new("22008", "date out of range for timestamp")),
    }
}

/// Midnight in the zone.
pub(crate) fn date_to_timestamptz(days: i64, zone: &Zone) -> Result<i64> {
    let local = date_to_timestamp(days)?;
    if !is_finite_timestamp(local) {
        return Ok(local);
    }
    local
        .checked_sub(i64::from(zone.offset_for_local(local)) * MICROS_PER_SECOND)
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(|| Problem::new("22008", "date out of range for timestamp"))
}

pub(crate) fn timestamp_to_date(micros: i64) -> i64 {
    match micros {
        TIMESTAMP_INFINITY => DATE_INFINITY,
        TIMESTAMP_NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
        _ => micros.div_euclid(MICROS_PER_DAY),
    }
}

/// The time of day; infinity has none.
fn time_of_day(micros: i64) -> Value {
    if is_finite_timestamp(micros) { Value::Integer(micros.rem_euclid(MICROS_PER_DAY)) } else { Value::Null }
}

fn time(value: ValueRef<'_>, from: &Type, to: &Type, context: &Context) -> Option<Result<Value>> {
    use Type::{Date, Time, TimeTz as TimeTzType, Timestamp, TimestampTz};
    if let ValueRef::Text(_) = value {
        return match (from, to) {
            (Type::Interval, Time) => {
                Some(Ok(Value::Integer(Interval::load(value).micros.rem_euclid(MICROS_PER_DAY))))
            }
            (TimeTzType, Time) => Some(Ok(Value::Integer(TimeTz::load(value).micros))),
            _ => None,
        };
    }
    let ValueRef::Integer(number) = value else { return None };
    let zone = || Zone::of_session(context);
    Some(match (from, to) {
        (Date, Timestamp) => date_to_timestamp(number).map(Value::Integer),
        (Date, TimestampTz) => date_to_timestamptz(number, &zone()).map(Value::Integer),
        (Timestamp, Date) => Ok(Value::Integer(timestamp_to_date(number))),
        (Timestamp, Time) => Ok(time_of_day(number)),
        (Timestamp, TimestampTz) => timestamptz::from_local(number, &zone()).map(Value::Integer),
        (TimestampTz, Timestamp) => {
            let local = timestamptz::to_local(number, &zone());
            if is_finite_timestamp(number) && !is_valid_timestamp(local) {
                return Some(Err(timestamp::out_of_range()));
            }
            Ok(Value::Integer(local))
        }
        (TimestampTz, Date) => Ok(Value::Integer(timestamp_to_date(timestamptz::to_local(number, &zone())))),
        (TimestampTz, Time) => Ok(time_of_day(timestamptz::to_local(number, &zone()))),
        (TimestampTz, TimeTzType) => {
            let zone = zone();
            match time_of_day(timestamptz::to_local(number, &zone)) {
                Value::Integer(micros) => Ok(TimeTz { micros, offset: zone.offset_at(number) }.store()),
                infinite => Ok(infinite),
            }
        }
        (Time, Type::Interval) => Ok(Interval::of_micros(number).store()),
        (Time, TimeTzType) => {
            let zone = zone();
            let now = timestamptz::to_local(context.transaction_time, &zone);
            let today = now.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
            let offset = zone.offset_for_local(today.saturating_add(number));
            Ok(TimeTz { micros: number, offset }.store())
        }
        _ => return None,
    })
}

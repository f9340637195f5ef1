//! `(start, end) OVERLAPS (start, end)`: whether two periods share a point in time.

use super::arithmetic::{add_to_time, add_to_timestamp, add_to_timestamptz};
use super::{FUNCTIONS, interval};
use crate::forms::printed::Printed;
use crate::forms::timetz::TimeTz;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function, truth};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::Result;
use std::cmp::Ordering;

use Ty::{Bool, Interval, Time, TimeTz as ZonedTime, Timestamp, TimestampTz};

/// The four overloads of a type: each end may be given as a length, which with a time zone depends on the session's.
macro_rules! of_type {
    ($ty:expr, $zoned:expr) => {
        [
            function(FUNCTIONS, "overlaps", &[$ty, $ty, $ty, $ty], Bool, overlaps).called_on_null(),
            by_length(&[$ty, Interval, $ty, Interval], $zoned),
            by_length(&[$ty, $ty, $ty, Interval], $zoned),
            by_length(&[$ty, Interval, $ty, $ty], $zoned),
        ]
    };
}

const fn by_length(args: &'static [Ty], zoned: bool) -> Native {
    let native = function(FUNCTIONS, "overlaps", args, Bool, overlaps).called_on_null();
    if zoned { native.stable() } else { native }
}

static TIMESTAMPS: [Native; 4] = of_type!(Timestamp, false);
static TIMESTAMPS_WITH_ZONE: [Native; 4] = of_type!(TimestampTz, true);
static TIMES: [Native; 4] = of_type!(Time, false);
static TIMES_WITH_ZONE: [Native; 1] =
    [function(FUNCTIONS, "overlaps", &[ZonedTime, ZonedTime, ZonedTime, ZonedTime], Bool, overlaps)
        .called_on_null()];

pub(crate) static TABLES: [&[Native]; 4] = [&TIMESTAMPS, &TIMESTAMPS_WITH_ZONE, &TIMES, &TIMES_WITH_ZONE];

/// A point as a number that orders as the points do; `None` for NULL.
fn point(call: &Call<'_>, index: usize) -> Result<Option<i128>> {
    if call.value(index).is_null() {
        return Ok(None);
    }
    let ty = call.types.get(index);
    Ok(Some(match ty {
        Some(Type::TimeTz) => {
            let time = TimeTz::load(call.value(index));
            let instant = i128::from(time.micros) - i128::from(time.offset) * 1_000_000;
            instant * 200_000 - i128::from(time.offset)
        }
        Some(Type::Interval) => {
            let start = call.int(index.saturating_sub(1));
            let length = interval(call, index);
            if call.value(index.saturating_sub(1)).is_null() {
                return Ok(None);
            }
            i128::from(match call.types.get(index.saturating_sub(1)) {
                Some(Type::Time) => add_to_time(start, length.micros),
                Some(Type::TimestampTz) => {
                    add_to_timestamptz(start, length, &Zone::of_session(call.context))?
                }
                _ => add_to_timestamp(start, length)?,
            })
        }
        _ => i128::from(call.int(index)),
    }))
}

/// A period with its ends in order; an end that is NULL comes last. `None` where both are NULL.
fn period(start: Option<i128>, end: Option<i128>) -> Option<(i128, Option<i128>)> {
    match (start, end) {
        (Some(start), Some(end)) => Some((start.min(end), Some(start.max(end)))),
        (Some(point), None) | (None, Some(point)) => Some((point, None)),
        (None, None) => None,
    }
}

/// Three-valued: NULL where an unknown end could decide either way.
fn overlaps(call: &Call<'_>) -> Result<Value> {
    let first = period(point(call, 0)?, point(call, 1)?);
    let second = period(point(call, 2)?, point(call, 3)?);
    let (Some((first_start, first_end)), Some((second_start, second_end))) = (first, second) else {
        return Ok(Value::Null);
    };
    // The period that starts later must start before the other one ends.
    let later_starts_inside = |start: i128, other_end: Option<i128>, end: Option<i128>| match other_end {
        Some(other_end) if start < other_end => truth(true),
        Some(_) if end.is_some() => truth(false),
        _ => Value::Null,
    };
    Ok(match first_start.cmp(&second_start) {
        Ordering::Greater => later_starts_inside(first_start, second_end, first_end),
        Ordering::Less => later_starts_inside(second_start, first_end, second_end),
        // Both start together: they overlap, even when a period is a single point.
        Ordering::Equal if first_end.is_none() || second_end.is_none() => Value::Null,
        Ordering::Equal => truth(true),
    })
}

//! `date_trunc` and `date_bin`.

use super::{FUNCTIONS, interval, known_unit, unsupported};
use crate::Value;
use crate::forms::datetime::calendar::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, Moment, date_of_julian_day,
    day_of_week, is_finite_timestamp,
};
use crate::forms::datetime::words::{self, Unit};
use crate::forms::interval::Interval;
use crate::forms::printed::Printed;
use crate::forms::timestamp::out_of_range;
use crate::forms::timestamptz::to_local;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use mainstay_base::{Problem, Result};

use Ty::{Interval as Span, Text, Timestamp, TimestampTz};

const WITHOUT_ZONE: &str = "timestamp without time zone";
const WITH_ZONE: &str = "timestamp with time zone";

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "date_trunc", &[Text, Timestamp], Timestamp, |c| {
        let micros = c.int(1);
        if !is_finite_timestamp(micros) {
            return Ok(Value::Integer(micros));
        }
        let unit = known_unit(c.text(0), WITHOUT_ZONE, words::unit)?;
        truncated(micros, unit, c.text(0), WITHOUT_ZONE).map(Value::Integer)
    }),
    function(FUNCTIONS, "date_trunc", &[Text, TimestampTz], TimestampTz, |c| {
        in_zone(c, &Zone::of_session(c.context))
    })
    .stable(),
    function(FUNCTIONS, "date_trunc", &[Text, TimestampTz, Text], TimestampTz, |c| {
        in_zone(c, &Zone::find(c.text(2))?)
    })
    .stable(),
    function(FUNCTIONS, "date_trunc", &[Text, Span], Span, truncate_interval),
    function(FUNCTIONS, "date_bin", &[Span, Timestamp, Timestamp], Timestamp, bin),
    function(FUNCTIONS, "date_bin", &[Span, TimestampTz, TimestampTz], TimestampTz, bin),
];

/// A wall clock time with everything below the unit at its beginning.
fn truncated(local: i64, unit: Unit, text: &str, type_name: &str) -> Result<i64> {
    let to = |size: i64| Ok(local - local.rem_euclid(size));
    let mut moment = Moment::of_micros(local);
    moment.set_time(0);
    match unit {
        Unit::Microsecond => return Ok(local),
        Unit::Millisecond => return to(1000),
        Unit::Second => return to(MICROS_PER_SECOND),
        Unit::Minute => return to(MICROS_PER_MINUTE),
        Unit::Hour => return to(MICROS_PER_HOUR),
        Unit::Day => return to(MICROS_PER_DAY),
        Unit::Week => {
            let julian = moment.julian_day();
            let monday = julian - (day_of_week(julian) + 6) % 7;
            (moment.year, moment.month, moment.day) = date_of_julian_day(monday);
        }
        Unit::Month => moment.day = 1,
        Unit::Quarter => (moment.month, moment.day) = ((moment.month - 1) / 3 * 3 + 1, 1),
        Unit::Year => (moment.month, moment.day) = (1, 1),
        Unit::Decade => {
            moment.year = moment.year.div_euclid(10) * 10;
            (moment.month, moment.day) = (1, 1);
        }
        // The first century begins with year 1, the one before it with year -99 (100 BC).
        Unit::Century | Unit::Millennium => {
            let length = if unit == Unit::Century { 100 } else { 1000 };
            moment.year = (moment.year - 1).div_euclid(length) * length + 1;
            (moment.month, moment.day) = (1, 1);
        }
        _ => return Err(unsupported(text, type_name)),
    }
    moment.to_micros().ok_or_else(out_of_range)
}

/// From days upwards the offset is that of the day found; below it stays as it was.
fn in_zone(call: &Call<'_>, zone: &Zone) -> Result<Value> {
    let micros = call.int(1);
    if !is_finite_timestamp(micros) {
        return Ok(Value::Integer(micros));
    }
    let unit = known_unit(call.text(0), WITH_ZONE, words::unit)?;
    let local = truncated(to_local(micros, zone), unit, call.text(0), WITH_ZONE)?;
    let keeps_offset =
        matches!(unit, Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour);
    let offset = if keeps_offset { zone.offset_at(micros) } else { zone.offset_for_local(local) };
    local.checked_sub(i64::from(offset) * MICROS_PER_SECOND).map(Value::Integer).ok_or_else(out_of_range)
}

fn truncate_interval(call: &Call<'_>) -> Result<Value> {
    let unit = known_unit(&call.text(0).to_ascii_lowercase(), "interval", words::unit)?;
    let span = interval(call, 1);
    let to_months = |size: i32| Interval { months: span.months / size * size, days: 0, micros: 0 };
    let to_micros = |size: i64| Interval { micros: span.micros / size * size, ..span };
    let result = match unit {
        Unit::Millennium => to_months(12_000),
        Unit::Century => to_months(1200),
        Unit::Decade => to_months(120),
        Unit::Year => to_months(12),
        Unit::Quarter => to_months(3),
        Unit::Month => to_months(1),
        Unit::Day => Interval { micros: 0, ..span },
        Unit::Hour => to_micros(MICROS_PER_HOUR),
        Unit::Minute => to_micros(MICROS_PER_MINUTE),
        Unit::Second => to_micros(MICROS_PER_SECOND),
        Unit::Millisecond => to_micros(1000),
        Unit::Microsecond => span,
        Unit::Week => {
            return Err(
                unsupported(call.text(0), "interval").with_details("Months usually have fractional weeks.")
            );
        }
        _ => return Err(unsupported(call.text(0), "interval")),
    };
    Ok(result.store())
}

/// The beginning of the bin, of those that a stride makes from an origin, in which a time falls.
fn bin(call: &Call<'_>) -> Result<Value> {
    let (stride, source, origin) = (interval(call, 0), call.int(1), call.int(2));
    if !is_finite_timestamp(source) {
        return Ok(Value::Integer(source));
    }
    if !is_finite_timestamp(origin) {
        return Err(Problem::new("22008", "origin out of range"));
    }
    if stride.months != 0 {
        return Err(Problem::new(
            "0A000",
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let length = i64::from(stride.days)
        .checked_mul(MICROS_PER_DAY)
        .and_then(|days| days.checked_add(stride.micros))
        .ok_or_else(crate::forms::interval::out_of_range)?;
    if length <= 0 {
        return Err(Problem::new("22008", "stride must be greater than zero"));
    }
    let distance = source.checked_sub(origin).ok_or_else(crate::forms::interval::out_of_range)?;
    source.checked_sub(distance.rem_euclid(length)).map(Value::Integer).ok_or_else(out_of_range)
}

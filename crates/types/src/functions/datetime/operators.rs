//! `+`, `-`, `*` and `/` between dates, times and intervals.

use super::arithmetic::{
    add_days, add_to_time, add_to_timestamp, add_to_timestamptz, date_difference, negated, scaled,
    timestamp_difference,
};
use super::{OPERATORS, interval};
use crate::forms::datetime::calendar::{MICROS_PER_SECOND, is_finite_timestamp};
use crate::forms::interval::{Interval, out_of_range};
use crate::forms::numeric::division_by_zero;
use crate::forms::numeric_time_casts::date_to_timestamp;
use crate::forms::printed::Printed;
use crate::forms::timestamp;
use crate::forms::timetz::TimeTz;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, operator};
use crate::registry::{Call, Native, Ty};
use crate::{Value, ValueRef};
use mainstay_base::Result;

use Ty::{Date, Float8, Int4, Interval as Span, Time, TimeTz as ZonedTime, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    operator(OPERATORS, "+", &[Date, Int4], Date, |c| date(add_days(c.int(0), c.int(1)))),
    operator(OPERATORS, "+", &[Int4, Date], Date, |c| date(add_days(c.int(1), c.int(0)))),
    operator(OPERATORS, "-", &[Date, Int4], Date, |c| date(add_days(c.int(0), -c.int(1)))),
    operator(OPERATORS, "-", &[Date, Date], Int4, |c| date(date_difference(c.int(0), c.int(1)))),
    operator(OPERATORS, "+", &[Date, Time], Timestamp, |c| date_and_time(c.int(0), c.int(1))),
    operator(OPERATORS, "+", &[Time, Date], Timestamp, |c| date_and_time(c.int(1), c.int(0))),
    operator(OPERATORS, "+", &[Date, ZonedTime], TimestampTz, |c| date_and_timetz(c.int(0), c.value(1))),
    operator(OPERATORS, "+", &[ZonedTime, Date], TimestampTz, |c| date_and_timetz(c.int(1), c.value(0))),
    operator(OPERATORS, "+", &[Date, Span], Timestamp, |c| {
        moved(date_to_timestamp(c.int(0))?, interval(c, 1))
    }),
    operator(OPERATORS, "+", &[Span, Date], Timestamp, |c| {
        moved(date_to_timestamp(c.int(1))?, interval(c, 0))
    }),
    operator(OPERATORS, "-", &[Date, Span], Timestamp, |c| {
        moved(date_to_timestamp(c.int(0))?, negated(interval(c, 1))?)
    }),
    operator(OPERATORS, "+", &[Timestamp, Span], Timestamp, |c| moved(c.int(0), interval(c, 1))),
    operator(OPERATORS, "+", &[Span, Timestamp], Timestamp, |c| moved(c.int(1), interval(c, 0))),
    operator(OPERATORS, "-", &[Timestamp, Span], Timestamp, |c| moved(c.int(0), negated(interval(c, 1))?)),
    operator(OPERATORS, "-", &[Timestamp, Timestamp], Span, difference),
    operator(OPERATORS, "+", &[TimestampTz, Span], TimestampTz, |c| {
        moved_in_zone(c, c.int(0), interval(c, 1))
    })
    .stable(),
    operator(OPERATORS, "+", &[Span, TimestampTz], TimestampTz, |c| {
        moved_in_zone(c, c.int(1), interval(c, 0))
    })
    .stable(),
    operator(OPERATORS, "-", &[TimestampTz, Span], TimestampTz, |c| {
        moved_in_zone(c, c.int(0), negated(interval(c, 1))?)
    })
    .stable(),
    operator(OPERATORS, "-", &[TimestampTz, TimestampTz], Span, difference),
    operator(OPERATORS, "+", &[Time, Span], Time, |c| time_plus(c.int(0), interval(c, 1))),
    operator(OPERATORS, "+", &[Span, Time], Time, |c| time_plus(c.int(1), interval(c, 0))),
    operator(OPERATORS, "-", &[Time, Span], Time, |c| time_minus(c.int(0), interval(c, 1))),
    operator(OPERATORS, "-", &[Time, Time], Span, |c| Ok(Interval::of_micros(c.int(0) - c.int(1)).store())),
    operator(OPERATORS, "+", &[ZonedTime, Span], ZonedTime, |c| timetz_plus(c.value(0), interval(c, 1))),
    operator(OPERATORS, "+", &[Span, ZonedTime], ZonedTime, |c| timetz_plus(c.value(1), interval(c, 0))),
    operator(OPERATORS, "-", &[ZonedTime, Span], ZonedTime, |c| {
        timetz_plus(c.value(0), negated(interval(c, 1))?)
    }),
    operator(OPERATORS, "+", &[Span, Span], Span, |c| sum(interval(c, 0), interval(c, 1))),
    operator(OPERATORS, "-", &[Span, Span], Span, |c| {
        let (left, right) = (interval(c, 0), interval(c, 1));
        let parts = (
            left.months.checked_sub(right.months),
            left.days.checked_sub(right.days),
            left.micros.checked_sub(right.micros),
        );
        match parts {
            (Some(months), Some(days), Some(micros)) => Ok(Interval { months, days, micros }.store()),
            _ => Err(out_of_range()),
        }
    }),
    operator(OPERATORS, "-", &[Span], Span, |c| negated(interval(c, 0)).map(Interval::store)),
    operator(OPERATORS, "*", &[Span, Float8], Span, |c| times(interval(c, 0), c.real(1))),
    operator(OPERATORS, "*", &[Float8, Span], Span, |c| times(interval(c, 1), c.real(0))),
    operator(OPERATORS, "/", &[Span, Float8], Span, |c| {
        let divisor = c.real(1);
        if divisor == 0.0 {
            return Err(division_by_zero());
        }
        scaled(interval(c, 0), |part| part / divisor).map(Interval::store)
    }),
];

fn date(days: Result<i64>) -> Result<Value> {
    days.map(Value::Integer)
}

fn date_and_time(days: i64, micros: i64) -> Result<Value> {
    let midnight = date_to_timestamp(days)?;
    if !is_finite_timestamp(midnight) {
        return Ok(Value::Integer(midnight));
    }
    midnight.checked_add(micros).map(Value::Integer).ok_or_else(timestamp::out_of_range)
}

fn date_and_timetz(days: i64, time: ValueRef<'_>) -> Result<Value> {
    let time = TimeTz::load(time);
    date_and_time(days, time.micros - i64::from(time.offset) * MICROS_PER_SECOND)
}

fn moved(micros: i64, interval: Interval) -> Result<Value> {
    add_to_timestamp(micros, interval).map(Value::Integer)
}

fn moved_in_zone(call: &Call<'_>, micros: i64, interval: Interval) -> Result<Value> {
    add_to_timestamptz(micros, interval, &Zone::of_session(call.context)).map(Value::Integer)
}

fn difference(call: &Call<'_>) -> Result<Value> {
    timestamp_difference(call.int(0), call.int(1)).map(Interval::store)
}

fn time_plus(micros: i64, interval: Interval) -> Result<Value> {
    Ok(Value::Integer(add_to_time(micros, interval.micros)))
}

fn time_minus(micros: i64, interval: Interval) -> Result<Value> {
    time_plus(
        micros,
        Interval { micros: interval.micros.checked_neg().ok_or_else(out_of_range)?, ..interval },
    )
}

fn timetz_plus(time: ValueRef<'_>, interval: Interval) -> Result<Value> {
    let time = TimeTz::load(time);
    Ok(TimeTz { micros: add_to_time(time.micros, interval.micros), ..time }.store())
}

fn sum(left: Interval, right: Interval) -> Result<Value> {
    left.checked_add(right).map(Interval::store).ok_or_else(out_of_range)
}

fn times(interval: Interval, factor: f64) -> Result<Value> {
    scaled(interval, |part| part * factor).map(Interval::store)
}

//! The current time, in all its forms.

use super::FUNCTIONS;
use super::arithmetic::local_midnight;
use crate::Value;
use crate::forms::datetime::calendar::{
    MICROS_PER_DAY, Moment, UNIX_TO_EPOCH_MICROS, day_of_week, round_micros,
};
use crate::forms::datetime::words::{DAYS, MONTHS};
use crate::forms::printed::Printed;
use crate::forms::timestamptz::to_local;
use crate::forms::timetz::TimeTz;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use mainstay_base::Result;

use Ty::{Date, Int4, Text, Time, TimeTz as ZonedTime, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "now", &[], TimestampTz, transaction).stable(),
    function(FUNCTIONS, "transaction_timestamp", &[], TimestampTz, transaction).stable(),
    function(FUNCTIONS, "current_timestamp", &[], TimestampTz, transaction).stable(),
    function(FUNCTIONS, "current_timestamp", &[Int4], TimestampTz, transaction).stable(),
    function(FUNCTIONS, "statement_timestamp", &[], TimestampTz, |c| {
        Ok(Value::Integer(c.context.statement_time))
    })
    .stable(),
    function(FUNCTIONS, "clock_timestamp", &[], TimestampTz, |c| Ok(Value::Integer(clock(c)))).volatile(),
    function(FUNCTIONS, "timeofday", &[], Text, time_of_day).volatile(),
    function(FUNCTIONS, "current_date", &[], Date, |c| {
        Ok(Value::Integer(local(c).div_euclid(MICROS_PER_DAY)))
    })
    .stable(),
    function(FUNCTIONS, "localtimestamp", &[], Timestamp, local_timestamp).stable(),
    function(FUNCTIONS, "localtimestamp", &[Int4], Timestamp, local_timestamp).stable(),
    function(FUNCTIONS, "localtime", &[], Time, local_time).stable(),
    function(FUNCTIONS, "localtime", &[Int4], Time, local_time).stable(),
    function(FUNCTIONS, "current_time", &[], ZonedTime, current_time).stable(),
    function(FUNCTIONS, "current_time", &[Int4], ZonedTime, current_time).stable(),
];

fn zone(call: &Call<'_>) -> Zone {
    Zone::of_session(call.context)
}

fn local(call: &Call<'_>) -> i64 {
    to_local(call.context.transaction_time, &zone(call))
}

/// Microseconds since 2000-01-01 UTC by the world's clock.
fn clock(call: &Call<'_>) -> i64 {
    call.context.env.unix_micros().saturating_sub(UNIX_TO_EPOCH_MICROS)
}

/// Rounded to the digits that `CURRENT_TIMESTAMP(n)` asks for.
fn rounded(call: &Call<'_>, micros: i64) -> i64 {
    if call.has(0) { round_micros(micros, call.int(0).clamp(0, 6) as u8) } else { micros }
}

fn transaction(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(rounded(call, call.context.transaction_time)))
}

fn local_timestamp(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(rounded(call, local(call))))
}

fn time(call: &Call<'_>) -> i64 {
    let midnight = local_midnight(call.context.transaction_time, &zone(call));
    rounded(call, local(call) - midnight)
}

fn local_time(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(time(call)))
}

fn current_time(call: &Call<'_>) -> Result<Value> {
    let offset = zone(call).offset_at(call.context.transaction_time);
    Ok(TimeTz { micros: time(call), offset }.store())
}

fn time_of_day(call: &Call<'_>) -> Result<Value> {
    let (now, zone) = (clock(call), zone(call));
    let moment = Moment::of_micros(to_local(now, &zone));
    let short = |names: &[&'static str], index: i32| {
        usize::try_from(index).ok().and_then(|index| names.get(index)?.get(..3)).unwrap_or("")
    };
    Ok(Value::Text(format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {:04} {}",
        short(&DAYS, day_of_week(moment.julian_day())),
        short(&MONTHS, moment.month - 1),
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.micros,
        moment.year,
        zone.observed_at(now).abbreviation,
    )))
}

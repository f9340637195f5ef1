//! `timezone(zone, x)`: what `x AT TIME ZONE zone` calls.

use super::{FUNCTIONS, interval};
use crate::forms::datetime::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, is_finite_timestamp, is_valid_timestamp,
};
use crate::forms::printed::Printed;
use crate::forms::timestamp::out_of_range;
use crate::forms::timestamptz::{from_local, to_local};
use crate::forms::timetz::TimeTz;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::{Problem, Result};

use Ty::{Interval, Text, TimeTz as ZonedTime, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "timezone", &[Text, Timestamp], TimestampTz, to_instant),
    function(FUNCTIONS, "timezone", &[Interval, Timestamp], TimestampTz, to_instant),
    function(FUNCTIONS, "timezone", &[Text, TimestampTz], Timestamp, to_wall_clock),
    function(FUNCTIONS, "timezone", &[Interval, TimestampTz], Timestamp, to_wall_clock),
    function(FUNCTIONS, "timezone", &[Text, ZonedTime], ZonedTime, to_other_zone).stable(),
    function(FUNCTIONS, "timezone", &[Interval, ZonedTime], ZonedTime, to_other_zone),
];

/// The zone that the first argument names, or the fixed offset that it is.
fn zone(call: &Call<'_>) -> Result<Zone> {
    if call.types.first() != Some(&Type::Interval) {
        return Zone::find(call.text(0));
    }
    let offset = interval(call, 0);
    if offset.months != 0 || offset.days != 0 {
        return Err(Problem::new(
            "22023",
            format!("interval time zone \"{}\" must not include months or days", call.text(0)),
        ));
    }
    Ok(Zone::Fixed(i32::try_from(offset.micros / MICROS_PER_SECOND).unwrap_or(0)))
}

fn to_instant(call: &Call<'_>) -> Result<Value> {
    from_local(call.int(1), &zone(call)?).map(Value::Integer)
}

fn to_wall_clock(call: &Call<'_>) -> Result<Value> {
    let micros = call.int(1);
    let local = to_local(micros, &zone(call)?);
    if is_finite_timestamp(micros) && !is_valid_timestamp(local) {
        return Err(out_of_range());
    }
    Ok(Value::Integer(local))
}

fn to_other_zone(call: &Call<'_>) -> Result<Value> {
    let time = TimeTz::load(call.value(1));
    let offset = zone(call)?.offset_at(call.context.transaction_time);
    let shift = i64::from(offset - time.offset) * MICROS_PER_SECOND;
    Ok(TimeTz { micros: (time.micros + shift).rem_euclid(MICROS_PER_DAY), offset }.store())
}

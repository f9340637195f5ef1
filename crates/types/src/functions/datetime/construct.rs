//! `make_date` and its kin, and `to_timestamp` from seconds.

use super::FUNCTIONS;
use crate::forms::datetime::calendar::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
    UNIX_TO_EPOCH_MICROS, days_in_month, days_of, is_valid_timestamp,
};
use crate::forms::float;
use crate::forms::interval::{Interval, out_of_range as interval_out_of_range};
use crate::forms::numeric_time_casts::date_to_timestamp;
use crate::forms::printed::Printed;
use crate::forms::timestamp::out_of_range;
use crate::forms::timestamptz::from_local;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::{Problem, Result};

use Ty::{Date, Float8, Int4, Interval as Span, Text, Time, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "make_date", &[Int4, Int4, Int4], Date, |c| date(c, 0).map(Value::Integer)),
    function(FUNCTIONS, "make_time", &[Int4, Int4, Float8], Time, |c| time(c, 0).map(Value::Integer)),
    function(FUNCTIONS, "make_timestamp", &[Int4, Int4, Int4, Int4, Int4, Float8], Timestamp, |c| {
        timestamp(c).map(Value::Integer)
    }),
    function(FUNCTIONS, "make_timestamptz", &[Int4, Int4, Int4, Int4, Int4, Float8], TimestampTz, |c| {
        from_local(timestamp(c)?, &Zone::of_session(c.context)).map(Value::Integer)
    })
    .stable(),
    function(
        FUNCTIONS,
        "make_timestamptz",
        &[Int4, Int4, Int4, Int4, Int4, Float8, Text],
        TimestampTz,
        |c| from_local(timestamp(c)?, &written_zone(c.text(6))?).map(Value::Integer),
    )
    .stable(),
    // Every argument of PostgreSQL's `make_interval` has the default 0.
    function(FUNCTIONS, "make_interval", &[], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4, Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4, Int4, Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4, Int4, Int4, Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4, Int4, Int4, Int4, Int4], Span, interval),
    function(FUNCTIONS, "make_interval", &[Int4, Int4, Int4, Int4, Int4, Int4, Float8], Span, interval),
    function(FUNCTIONS, "to_timestamp", &[Float8], TimestampTz, |c| from_unix(c.real(0)).map(Value::Integer)),
];

fn date(call: &Call<'_>, first: usize) -> Result<i64> {
    let field = |index: usize| call.int(first + index) as i32;
    let (written_year, month, day) = (field(0), field(1), field(2));
    // Years before Christ are written negative; there is no year zero.
    let year = if written_year < 0 { written_year + 1 } else { written_year };
    let exists =
        written_year != 0 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    if !exists {
        return Err(Problem::new(
            "22008",
            format!("date field value out of range: {written_year}-{month:02}-{day:02}"),
        ));
    }
    days_of(year, month, day).ok_or_else(|| {
        Problem::new("22008", format!("date out of range: {written_year}-{month:02}-{day:02}"))
    })
}

fn time(call: &Call<'_>, first: usize) -> Result<i64> {
    let (hour, minute) = (call.int(first), call.int(first + 1));
    let seconds = call.real(first + 2);
    let micros = (seconds * 1e6).round_ties_even();
    let total = hour
        .saturating_mul(MICROS_PER_HOUR)
        .saturating_add(minute.saturating_mul(MICROS_PER_MINUTE))
        .saturating_add(micros as i64);
    let fits = (0..=24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..=60e6).contains(&micros)
        && total <= MICROS_PER_DAY;
    if !fits {
        let mut shown = String::new();
        float::write(&Type::Float8, seconds, &mut shown);
        let width = if shown.len() < 2 { format!("0{shown}") } else { shown };
        return Err(Problem::new(
            "22008",
            format!("time field value out of range: {hour}:{minute:02}:{width}"),
        ));
    }
    Ok(total)
}

fn timestamp(call: &Call<'_>) -> Result<i64> {
    let days = date(call, 0)?;
    let time = time(call, 3)?;
    date_to_timestamp(days)?
        .checked_add(time)
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(out_of_range)
}

/// The zone argument of `make_timestamptz`: a name, or a signed offset that counts eastwards.
fn written_zone(text: &str) -> Result<Zone> {
    let offset = text.strip_prefix(['+', '-']).map(|digits| (text.starts_with('-'), digits));
    let Some((west, digits)) = offset else { return Zone::find(text) };
    let mut parts = digits.splitn(3, ':').map(str::parse::<u16>);
    let mut seconds = 0i32;
    for unit in [3600, 60, 1] {
        match parts.next() {
            Some(Ok(number)) if number < 60 => seconds += i32::from(number) * unit,
            None => {}
            _ => {
                return Err(Problem::new(
                    "22023",
                    format!("invalid input syntax for type numeric time zone: \"{text}\""),
                ));
            }
        }
    }
    Ok(Zone::Fixed(if west { -seconds } else { seconds }))
}

fn interval(call: &Call<'_>) -> Result<Value> {
    let part = |index: usize| call.int(index);
    let seconds = if call.has(6) { call.real(6) } else { 0.0 };
    if !seconds.is_finite() || seconds.abs() > 9e12 {
        return Err(interval_out_of_range());
    }
    let months = i32::try_from(part(0) * 12 + part(1));
    let days = i32::try_from(part(2) * 7 + part(3));
    let (Ok(months), Ok(days)) = (months, days) else { return Err(interval_out_of_range()) };
    let micros =
        part(4) * MICROS_PER_HOUR + part(5) * MICROS_PER_MINUTE + (seconds * 1e6).round_ties_even() as i64;
    Ok(Interval { months, days, micros }.store())
}

fn from_unix(seconds: f64) -> Result<i64> {
    if seconds.is_nan() {
        return Err(Problem::new("22008", "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { TIMESTAMP_INFINITY } else { TIMESTAMP_NEGATIVE_INFINITY });
    }
    let since_epoch = seconds - UNIX_TO_EPOCH_MICROS as f64 / 1e6;
    let micros = (since_epoch * 1e6).round_ties_even() as i64;
    if is_valid_timestamp(micros) {
        return Ok(micros);
    }
    let mut shown = String::new();
    float::write(&Type::Float8, seconds, &mut shown);
    Err(Problem::new("22008", format!("timestamp out of range: \"{shown}\"")))
}

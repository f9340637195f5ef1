//! `extract` (exact, a numeric) and `date_part` (a double): one field of a date, time or interval.

use super::{FUNCTIONS, interval, known_field, unsupported};
use crate::forms::datetime::calendar::{
    EPOCH_JULIAN_DAY, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, Moment,
    UNIX_TO_EPOCH_MICROS, day_of_week, is_finite_date, is_finite_timestamp, iso_week,
};
use crate::forms::datetime::words::Unit;
use crate::forms::float;
use crate::forms::numeric::Decimal;
use crate::forms::printed::Printed;
use crate::forms::timestamptz::to_local;
use crate::forms::timetz::TimeTz;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::Result;

use Ty::{Date, Float8, Interval, Numeric, Text, Time, TimeTz as ZonedTime, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "extract", &[Text, Date], Numeric, |c| of_date(c).map(|part| exact(c, part))),
    function(FUNCTIONS, "extract", &[Text, Time], Numeric, |c| of_time(c).map(|part| exact(c, part))),
    function(FUNCTIONS, "extract", &[Text, ZonedTime], Numeric, |c| of_timetz(c).map(|part| exact(c, part))),
    function(FUNCTIONS, "extract", &[Text, Timestamp], Numeric, |c| {
        of_timestamp(c).map(|part| exact(c, part))
    }),
    function(FUNCTIONS, "extract", &[Text, TimestampTz], Numeric, |c| {
        of_timestamptz(c).map(|part| exact(c, part))
    })
    .stable(),
    function(FUNCTIONS, "extract", &[Text, Interval], Numeric, |c| of_interval(c).map(|part| exact(c, part))),
    function(FUNCTIONS, "date_part", &[Text, Date], Float8, |c| of_date_as_timestamp(c).map(double)),
    function(FUNCTIONS, "date_part", &[Text, Time], Float8, |c| of_time(c).map(double)),
    function(FUNCTIONS, "date_part", &[Text, ZonedTime], Float8, |c| of_timetz(c).map(double)),
    function(FUNCTIONS, "date_part", &[Text, Timestamp], Float8, |c| of_timestamp(c).map(double)),
    function(FUNCTIONS, "date_part", &[Text, TimestampTz], Float8, |c| of_timestamptz(c).map(double))
        .stable(),
    function(FUNCTIONS, "date_part", &[Text, Interval], Float8, |c| of_interval(c).map(double)),
];

/// A field's value before it becomes a numeric or a double.
enum Part {
    Whole(i64),
    /// `number / 10^scale`
    Scaled(i128, u32),
    /// A Julian day and the microseconds of the day.
    Julian(i64, i64),
    /// A field that only grows, of an infinite time.
    Infinite(f64),
    /// A field that goes round, of an infinite time.
    Unknown,
}

fn exact(_call: &Call<'_>, part: Part) -> Value {
    match part {
        Part::Whole(number) => Decimal::from(number).store(),
        Part::Scaled(number, scale) => Decimal::new(number, scale).store(),
        Part::Julian(day, micros) => {
            let fraction = Decimal::from(micros).div(&Decimal::from(MICROS_PER_DAY));
            fraction.and_then(|fraction| Decimal::from(day).add(&fraction)).unwrap_or(Decimal::NaN).store()
        }
        Part::Infinite(number) if number > 0.0 => Decimal::Infinity.store(),
        Part::Infinite(_) => Decimal::NegativeInfinity.store(),
        Part::Unknown => Value::Null,
    }
}

fn double(part: Part) -> Value {
    float::store(match part {
        Part::Whole(number) => number as f64,
        Part::Scaled(number, scale) => number as f64 / 10f64.powi(scale as i32),
        Part::Julian(day, micros) => day as f64 + micros as f64 / 1e6 / 86_400.0,
        Part::Infinite(number) => number,
        Part::Unknown => return Value::Null,
    })
}

/// The fields of a time of day.
fn time_part(unit: Unit, micros: i64) -> Option<Part> {
    let in_minute = i128::from(micros % MICROS_PER_MINUTE);
    Some(match unit {
        Unit::Microsecond => Part::Whole(micros % MICROS_PER_MINUTE),
        Unit::Millisecond => Part::Scaled(in_minute, 3),
        Unit::Second => Part::Scaled(in_minute, 6),
        Unit::Minute => Part::Whole(micros / MICROS_PER_MINUTE % 60),
        Unit::Hour => Part::Whole(micros / MICROS_PER_HOUR),
        _ => return None,
    })
}

/// There is no year 0: 1 BC is -1.
fn shown_year(year: i32) -> i64 {
    i64::from(if year > 0 { year } else { year - 1 })
}

/// The number of a period of so many years, counted from 1 in both directions.
fn period(year: i32, length: i32) -> i64 {
    i64::from(if year > 0 { (year + length - 1) / length } else { -((length - 1 - (year - 1)) / length) })
}

/// The fields of a date.
fn date_part(unit: Unit, moment: &Moment) -> Option<Part> {
    let weekday = i64::from(day_of_week(moment.julian_day()));
    let iso = || iso_week(moment.year, moment.month, moment.day);
    Some(Part::Whole(match unit {
        Unit::Day => i64::from(moment.day),
        Unit::Month => i64::from(moment.month),
        Unit::Quarter => i64::from((moment.month - 1) / 3 + 1),
        Unit::Week => i64::from(iso().1),
        Unit::IsoYear => shown_year(iso().0),
        Unit::Year => shown_year(moment.year),
        Unit::Decade => i64::from(moment.year.div_euclid(10)),
        Unit::Century => period(moment.year, 100),
        Unit::Millennium => period(moment.year, 1000),
        Unit::DayOfWeek => weekday,
        Unit::IsoDayOfWeek => {
            if weekday == 0 {
                7
            } else {
                weekday
            }
        }
        Unit::DayOfYear => i64::from(moment.day_of_year()),
        _ => return None,
    }))
}

/// Of an infinite time, fields that grow are infinite and fields that go round are unknown.
fn infinite_part(unit: Unit, positive: bool) -> Part {
    match unit {
        Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium
        | Unit::Julian
        | Unit::IsoYear
        | Unit::Epoch => Part::Infinite(if positive { f64::INFINITY } else { f64::NEG_INFINITY }),
        _ => Part::Unknown,
    }
}

fn wall_clock_part(unit: Unit, local: i64) -> Option<Part> {
    let moment = Moment::of_micros(local);
    let time = moment.time_micros();
    match unit {
        Unit::Julian => Some(Part::Julian(i64::from(moment.julian_day()), time)),
        _ => time_part(unit, time).or_else(|| date_part(unit, &moment)),
    }
}

fn epoch(micros: i64) -> Part {
    Part::Scaled(i128::from(micros) + i128::from(UNIX_TO_EPOCH_MICROS), 6)
}

fn of_timestamp(call: &Call<'_>) -> Result<Part> {
    timestamp_part(call.text(0), call.int(1))
}

fn timestamp_part(text: &str, micros: i64) -> Result<Part> {
    const NAME: &str = "timestamp without time zone";
    let unit = known_field(text, NAME)?;
    if matches!(unit, Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute) {
        return Err(unsupported(text, NAME));
    }
    if !is_finite_timestamp(micros) {
        return Ok(infinite_part(unit, micros > 0));
    }
    if unit == Unit::Epoch {
        return Ok(epoch(micros));
    }
    wall_clock_part(unit, micros).ok_or_else(|| unsupported(text, NAME))
}

fn zone_part(unit: Unit, offset: i32) -> Option<Part> {
    Some(Part::Whole(i64::from(match unit {
        Unit::Zone => offset,
        Unit::ZoneHour => offset / 3600,
        Unit::ZoneMinute => offset / 60 % 60,
        _ => return None,
    })))
}

fn of_timestamptz(call: &Call<'_>) -> Result<Part> {
    const NAME: &str = "timestamp with time zone";
    let (text, micros) = (call.text(0), call.int(1));
    let unit = known_field(text, NAME)?;
    if !is_finite_timestamp(micros) {
        return Ok(infinite_part(unit, micros > 0));
    }
    if unit == Unit::Epoch {
        return Ok(epoch(micros));
    }
    let zone = Zone::of_session(call.context);
    zone_part(unit, zone.offset_at(micros))
        .or_else(|| wall_clock_part(unit, to_local(micros, &zone)))
        .ok_or_else(|| unsupported(text, NAME))
}

fn of_date(call: &Call<'_>) -> Result<Part> {
    const NAME: &str = "date";
    let (text, days) = (call.text(0), call.int(1));
    let unit = known_field(text, NAME)?;
    let is_time = matches!(
        unit,
        Unit::Microsecond
            | Unit::Millisecond
            | Unit::Second
            | Unit::Minute
            | Unit::Hour
            | Unit::Zone
            | Unit::ZoneHour
            | Unit::ZoneMinute
    );
    if is_time {
        return Err(unsupported(text, NAME));
    }
    if !is_finite_date(days) {
        return Ok(infinite_part(unit, days > 0));
    }
    match unit {
        Unit::Julian => Ok(Part::Whole(days + i64::from(EPOCH_JULIAN_DAY))),
        Unit::Epoch => {
            let unix_days = days + UNIX_TO_EPOCH_MICROS / MICROS_PER_DAY;
            Ok(Part::Whole(unix_days * 86_400))
        }
        _ => date_part(unit, &Moment::of_days(days)).ok_or_else(|| unsupported(text, NAME)),
    }
}

fn of_date_as_timestamp(call: &Call<'_>) -> Result<Part> {
    timestamp_part(call.text(0), crate::forms::numeric_time_casts::date_to_timestamp(call.int(1))?)
}

fn of_time(call: &Call<'_>) -> Result<Part> {
    const NAME: &str = "time without time zone";
    let (text, micros) = (call.text(0), call.int(1));
    match known_field(text, NAME)? {
        Unit::Epoch => Ok(Part::Scaled(i128::from(micros), 6)),
        unit => time_part(unit, micros).ok_or_else(|| unsupported(text, NAME)),
    }
}

fn of_timetz(call: &Call<'_>) -> Result<Part> {
    const NAME: &str = "time with time zone";
    let (text, time) = (call.text(0), TimeTz::load(call.value(1)));
    match known_field(text, NAME)? {
        Unit::Epoch => {
            let micros = i128::from(time.micros) - i128::from(time.offset) * i128::from(MICROS_PER_SECOND);
            Ok(Part::Scaled(micros, 6))
        }
        unit => time_part(unit, time.micros)
            .or_else(|| zone_part(unit, time.offset))
            .ok_or_else(|| unsupported(text, NAME)),
    }
}

fn of_interval(call: &Call<'_>) -> Result<Part> {
    let text = call.text(0);
    let span = interval(call, 1);
    let unit = known_field(text, "interval")?;
    if let Some(part) = time_part(unit, span.micros) {
        return Ok(part);
    }
    let years = i64::from(span.months / 12);
    Ok(match unit {
        Unit::Day => Part::Whole(i64::from(span.days)),
        Unit::Month => Part::Whole(i64::from(span.months % 12)),
        Unit::Quarter => Part::Whole(i64::from(span.months % 12 / 3 + 1)),
        Unit::Year => Part::Whole(years),
        Unit::Decade => Part::Whole(years / 10),
        Unit::Century => Part::Whole(years / 100),
        Unit::Millennium => Part::Whole(years / 1000),
        Unit::Epoch => {
            // A year has 365.25 days here, a month 30.
            let quarter_days =
                i128::from(years) * 1461 + i128::from(span.months % 12) * 120 + i128::from(span.days) * 4;
            let micros = quarter_days * i128::from(MICROS_PER_DAY / 4) + i128::from(span.micros);
            // As a double PostgreSQL divides by a million too.
            Part::Scaled(micros, 6)
        }
        _ => return Err(unsupported(text, &Type::Interval.builtin_name().unwrap_or_default())),
    })
}

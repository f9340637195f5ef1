//! Sums and differences of dates, times and intervals, as functions over plain numbers.

use crate::forms::datetime::calendar::{
    self, MICROS_PER_DAY, MICROS_PER_SECOND, Moment, days_in_month, is_finite_date, is_finite_timestamp,
    is_valid_date, is_valid_timestamp,
};
use crate::forms::interval::{Interval, out_of_range as interval_out_of_range};
use crate::forms::timestamp::out_of_range;
use crate::forms::timestamptz::to_local;
use crate::forms::timezone::Zone;
use mainstay_base::{Problem, Result};

/// A wall clock time moved by months and then by days. A day that the month does not have becomes its last one.
fn moved(local: i64, months: i32, days: i32) -> Option<i64> {
    let mut moment = Moment::of_micros(local);
    if months != 0 {
        let total = i64::from(moment.year) * 12 + i64::from(moment.month) - 1 + i64::from(months);
        moment.year = i32::try_from(total.div_euclid(12)).ok()?;
        moment.month = total.rem_euclid(12) as i32 + 1;
        moment.day = moment.day.min(days_in_month(moment.year, moment.month));
    }
    moment.micros_unchecked()?.checked_add(i64::from(days).checked_mul(MICROS_PER_DAY)?)
}

pub(crate) fn add_to_timestamp(micros: i64, interval: Interval) -> Result<i64> {
    if !is_finite_timestamp(micros) {
        return Ok(micros);
    }
    moved(micros, interval.months, interval.days)
        .and_then(|local| local.checked_add(interval.micros))
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(out_of_range)
}

/// Months and days move the clock on the wall, the rest moves time itself.
pub(crate) fn add_to_timestamptz(micros: i64, interval: Interval, zone: &Zone) -> Result<i64> {
    if !is_finite_timestamp(micros) {
        return Ok(micros);
    }
    let mut micros = micros;
    for (months, days) in [(interval.months, 0), (0, interval.days)] {
        if months != 0 || days != 0 {
            let local = moved(to_local(micros, zone), months, days).ok_or_else(out_of_range)?;
            let offset = i64::from(zone.offset_for_local(local)) * MICROS_PER_SECOND;
            micros = local.checked_sub(offset).ok_or_else(out_of_range)?;
        }
    }
    micros.checked_add(interval.micros).filter(|micros| is_valid_timestamp(*micros)).ok_or_else(out_of_range)
}

pub(crate) fn negated(interval: Interval) -> Result<Interval> {
    interval.checked_neg().ok_or_else(interval_out_of_range)
}

/// The difference of two timestamps: days of 24 hours, and the rest.
pub(crate) fn timestamp_difference(left: i64, right: i64) -> Result<Interval> {
    if !is_finite_timestamp(left) || !is_finite_timestamp(right) {
        return Err(Problem::new("22008", "cannot subtract infinite timestamps"));
    }
    let micros = left.checked_sub(right).ok_or_else(interval_out_of_range)?;
    Ok(justify_hours(Interval::of_micros(micros)).unwrap_or(Interval::of_micros(micros)))
}

pub(crate) fn add_days(date: i64, days: i64) -> Result<i64> {
    if !is_finite_date(date) {
        return Ok(date);
    }
    date.checked_add(days)
        .filter(|date| is_valid_date(*date))
        .ok_or_else(|| Problem::new("22008", "date out of range"))
}

pub(crate) fn date_difference(left: i64, right: i64) -> Result<i64> {
    if !is_finite_date(left) || !is_finite_date(right) {
        return Err(Problem::new("22008", "cannot subtract infinite dates"));
    }
    Ok(left - right)
}

/// The time of day after an interval: only its hours and less count, and midnight follows 24:00.
pub(crate) fn add_to_time(micros: i64, interval_micros: i64) -> i64 {
    let sum = i128::from(micros) + i128::from(interval_micros);
    sum.rem_euclid(i128::from(MICROS_PER_DAY)) as i64
}

/// Seconds rounded to microseconds, as PostgreSQL's `TSROUND`.
fn to_micros_precision(seconds: f64) -> f64 {
    (seconds * 1e6).round_ties_even() / 1e6
}

/// `interval * factor`, or `interval / factor`: what is not whole of months and days goes down to days and seconds.
pub(crate) fn scaled(interval: Interval, scale: impl Fn(f64) -> f64) -> Result<Interval> {
    const SECONDS_PER_DAY: f64 = 86_400.0;
    let narrow = |number: f64| {
        let fits = number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX);
        if fits { Ok(number as i32) } else { Err(interval_out_of_range()) }
    };
    let exact_months = scale(f64::from(interval.months));
    let exact_days = scale(f64::from(interval.days));
    let months = narrow(exact_months)?;
    let mut days = narrow(exact_days)?;
    let month_rest_days = to_micros_precision((exact_months - f64::from(months)) * 30.0);
    let mut rest_seconds = to_micros_precision(
        (exact_days - f64::from(days) + month_rest_days - month_rest_days.trunc()) * SECONDS_PER_DAY,
    );
    if rest_seconds.abs() >= SECONDS_PER_DAY {
        let whole = (rest_seconds / SECONDS_PER_DAY).trunc();
        days = narrow(f64::from(days) + whole)?;
        rest_seconds -= whole * SECONDS_PER_DAY;
    }
    days = narrow(f64::from(days) + month_rest_days.trunc())?;
    let micros = (scale(interval.micros as f64) + rest_seconds * 1e6).round_ties_even();
    if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros) {
        return Err(interval_out_of_range());
    }
    Ok(Interval { months, days, micros: micros as i64 })
}

/// Hours beyond 24 become days; days and hours get the same sign.
pub(crate) fn justify_hours(interval: Interval) -> Option<Interval> {
    let days = i32::try_from(interval.micros / MICROS_PER_DAY).ok()?;
    let mut result = Interval {
        days: interval.days.checked_add(days)?,
        micros: interval.micros % MICROS_PER_DAY,
        ..interval
    };
    align_hours(&mut result);
    Some(result)
}

fn align_hours(interval: &mut Interval) {
    if interval.days > 0 && interval.micros < 0 {
        interval.micros += MICROS_PER_DAY;
        interval.days -= 1;
    } else if interval.days < 0 && interval.micros > 0 {
        interval.micros -= MICROS_PER_DAY;
        interval.days += 1;
    }
}

/// Days beyond 30 become months; months and days get the same sign.
pub(crate) fn justify_days(interval: Interval) -> Option<Interval> {
    let mut result = Interval {
        months: interval.months.checked_add(interval.days / 30)?,
        days: interval.days % 30,
        ..interval
    };
    if result.months > 0 && result.days < 0 {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && result.days > 0 {
        result.days -= 30;
        result.months += 1;
    }
    Some(result)
}

pub(crate) fn justify_interval(interval: Interval) -> Option<Interval> {
    let days = i64::from(interval.days) + interval.micros / MICROS_PER_DAY;
    let months = i64::from(interval.months) + days / 30;
    let mut result = Interval {
        months: i32::try_from(months).ok()?,
        days: (days % 30) as i32,
        micros: interval.micros % MICROS_PER_DAY,
    };
    let (days, micros) = (result.days, result.micros);
    if result.months > 0 && (days < 0 || (days == 0 && micros < 0)) {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && (days > 0 || (days == 0 && micros > 0)) {
        result.days -= 30;
        result.months += 1;
    }
    align_hours(&mut result);
    Some(result)
}

/// Midnight of the day on which a timestamp of the zone falls, as a wall clock time.
pub(crate) fn local_midnight(micros: i64, zone: &Zone) -> i64 {
    to_local(micros, zone).div_euclid(MICROS_PER_DAY) * calendar::MICROS_PER_DAY
}

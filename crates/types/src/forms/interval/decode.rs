//! Reads intervals: PostgreSQL's own forms (`DecodeInterval`) and ISO 8601 (`DecodeISO8601Interval`).

use super::Interval;
use crate::forms::datetime::Malformed;
use crate::forms::datetime::calendar::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND,
};
use crate::forms::datetime::tokens::{Kind, Token, tokens};
use crate::forms::datetime::words::{Unit, unit};

/// The interval of a text; `Ok(None)` where its parts are numbers that do not fit.
pub(super) fn interval(text: &str) -> Result<Option<Interval>, Malformed> {
    let read = match tokens(text).and_then(|tokens| verbose(&tokens)) {
        Err(Malformed::Format) => iso(text),
        other => other,
    };
    match read {
        Err(Malformed::FieldOverflow) => Err(Malformed::IntervalOverflow),
        Err(other) => Err(other),
        Ok(sum) => Ok(sum.interval()),
    }
}

/// The parts as they add up, wider than an interval holds them.
#[derive(Default)]
struct Sum {
    years: i64,
    months: i64,
    days: i64,
    micros: i64,
}

impl Sum {
    fn interval(&self) -> Option<Interval> {
        let months = self.years.checked_mul(12)?.checked_add(self.months)?;
        Some(Interval {
            months: i32::try_from(months).ok()?,
            days: i32::try_from(self.days).ok()?,
            micros: self.micros,
        })
    }

    fn add(&mut self, unit: Unit, whole: i64, fraction: f64) -> Result<(), Malformed> {
        match unit {
            Unit::Microsecond => self.add_micros(whole, fraction, 1),
            Unit::Millisecond => self.add_micros(whole, fraction, 1000),
            Unit::Second => self.add_micros(whole, fraction, MICROS_PER_SECOND),
            Unit::Minute => self.add_micros(whole, fraction, MICROS_PER_MINUTE),
            Unit::Hour => self.add_micros(whole, fraction, MICROS_PER_HOUR),
            Unit::Day => {
                self.add_days(whole, 1)?;
                self.add_fraction_micros(fraction, MICROS_PER_DAY)
            }
            Unit::Week => {
                self.add_days(whole, 7)?;
                self.add_fraction_days(fraction, 7)
            }
            Unit::Month => {
                self.months = narrow(self.months.checked_add(whole))?;
                self.add_fraction_days(fraction, 30)
            }
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Millennium => self.add_years(whole, fraction, 1000),
            _ => Err(Malformed::Format),
        }
    }

    fn add_micros(&mut self, whole: i64, fraction: f64, scale: i64) -> Result<(), Malformed> {
        let micros = whole.checked_mul(scale).and_then(|micros| self.micros.checked_add(micros));
        self.micros = micros.ok_or(Malformed::FieldOverflow)?;
        self.add_fraction_micros(fraction, scale)
    }

    fn add_fraction_micros(&mut self, fraction: f64, scale: i64) -> Result<(), Malformed> {
        let exact = fraction * scale as f64;
        let mut micros = exact as i64;
        let rest = exact - micros as f64;
        if rest > 0.5 {
            micros += 1;
        } else if rest < -0.5 {
            micros -= 1;
        }
        self.micros = self.micros.checked_add(micros).ok_or(Malformed::FieldOverflow)?;
        Ok(())
    }

    fn add_days(&mut self, whole: i64, scale: i64) -> Result<(), Malformed> {
        self.days = narrow(whole.checked_mul(scale).and_then(|days| self.days.checked_add(days)))?;
        Ok(())
    }

    fn add_fraction_days(&mut self, fraction: f64, scale: i64) -> Result<(), Malformed> {
        let exact = fraction * scale as f64;
        let days = exact as i64;
        self.add_days(days, 1)?;
        self.add_fraction_micros(exact - days as f64, MICROS_PER_DAY)
    }

    fn add_years(&mut self, whole: i64, fraction: f64, scale: i64) -> Result<(), Malformed> {
        self.years = narrow(whole.checked_mul(scale).and_then(|years| self.years.checked_add(years)))?;
        let months = (fraction * scale as f64 * 12.0).round_ties_even() as i64;
        self.months = narrow(self.months.checked_add(months))?;
        Ok(())
    }

    fn negate(&mut self) -> Result<(), Malformed> {
        for part in [&mut self.years, &mut self.months, &mut self.days, &mut self.micros] {
            *part = part.checked_neg().ok_or(Malformed::FieldOverflow)?;
        }
        Ok(())
    }
}

/// Years, months and days are 32 bits wide in PostgreSQL.
fn narrow(number: Option<i64>) -> Result<i64, Malformed> {
    number.filter(|number| i32::try_from(*number).is_ok()).ok_or(Malformed::FieldOverflow)
}

/// The bit that keeps a unit from being given twice.
fn bit(unit: Unit) -> u32 {
    1 << (unit as u32)
}

const TIME: u32 = 1 << Unit::Hour as u32
    | 1 << Unit::Minute as u32
    | 1 << Unit::Second as u32
    | 1 << Unit::Millisecond as u32
    | 1 << Unit::Microsecond as u32;
const ALL_SECONDS: u32 =
    1 << Unit::Second as u32 | 1 << Unit::Millisecond as u32 | 1 << Unit::Microsecond as u32;

/// `1 day 02:03:04`, `1 year 2 mons ago`, `1-2`: read from the right, so that a unit is known before its number.
fn verbose(tokens: &[Token]) -> Result<Sum, Malformed> {
    let mut sum = Sum::default();
    let mut known = 0u32;
    let mut next_unit: Option<Unit> = None;
    let mut unit_waits = false;
    let mut ago = false;
    for token in tokens.iter().rev() {
        let found = match token.kind {
            Kind::Time => {
                sum.micros = time_micros(&token.text)?;
                next_unit = Some(Unit::Day);
                unit_waits = false;
                TIME
            }
            Kind::Signed if token.text.contains(':') => {
                let micros = time_micros(token.text.get(1..).unwrap_or(""))?;
                sum.micros = if token.text.starts_with('-') { -micros } else { micros };
                next_unit = Some(Unit::Day);
                unit_waits = false;
                TIME
            }
            Kind::Signed | Kind::Date | Kind::Number => {
                unit_waits = false;
                let (found, unit) = number(&mut sum, &token.text, next_unit.unwrap_or(Unit::Second))?;
                next_unit = Some(unit);
                found
            }
            Kind::Word | Kind::SignedWord => {
                if unit_waits {
                    return Err(Malformed::Format);
                }
                if token.text == "ago" {
                    ago = true;
                    continue;
                }
                let named = unit(&token.text).filter(|unit| (*unit as u32) < Unit::Epoch as u32);
                next_unit = Some(named.ok_or(Malformed::Format)?);
                unit_waits = true;
                continue;
            }
        };
        if found & known != 0 {
            return Err(Malformed::Format);
        }
        known |= found;
    }
    if known == 0 || unit_waits {
        return Err(Malformed::Format);
    }
    if ago {
        sum.negate()?;
    }
    Ok(sum)
}

/// One number in a unit, or `years-months`. Returns what it was.
fn number(sum: &mut Sum, text: &str, unit: Unit) -> Result<(u32, Unit), Malformed> {
    let negative = text.starts_with('-');
    let sign_length = usize::from(text.starts_with(['-', '+']));
    let digits_end = text
        .get(sign_length..)
        .and_then(|rest| rest.find(|c: char| !c.is_ascii_digit()))
        .map_or(text.len(), |at| at + sign_length);
    let (digits, rest) = text.split_at(digits_end);
    let mut whole: i64 =
        if digits.len() == sign_length { 0 } else { digits.parse().map_err(|_| Malformed::FieldOverflow)? };
    if let Some(months) = rest.strip_prefix('-') {
        if months.is_empty() || !months.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::Format);
        }
        let months: i64 =
            months.parse().ok().filter(|months| *months < 12).ok_or(Malformed::FieldOverflow)?;
        let months = if negative { -months } else { months };
        whole = whole.checked_mul(12).and_then(|m| m.checked_add(months)).ok_or(Malformed::FieldOverflow)?;
        sum.add(Unit::Month, whole, 0.0)?;
        return Ok((bit(Unit::Month), Unit::Month));
    }
    let fraction = if rest.is_empty() { 0.0 } else { fraction(rest)? };
    sum.add(unit, whole, if negative { -fraction } else { fraction })?;
    let found = if unit == Unit::Second && fraction != 0.0 { ALL_SECONDS } else { bit(unit) };
    Ok((found, unit))
}

/// The number that `.25` is.
fn fraction(text: &str) -> Result<f64, Malformed> {
    let digits = text.strip_prefix('.').ok_or(Malformed::Format)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Format);
    }
    if digits.is_empty() { Ok(0.0) } else { text.parse().map_err(|_| Malformed::Format) }
}

/// `04:05`, `04:05:06.7`; hours without a bound.
fn time_micros(text: &str) -> Result<i64, Malformed> {
    let number = |part: &str| -> Result<i64, Malformed> {
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::Format);
        }
        if part.is_empty() { Ok(0) } else { part.parse().map_err(|_| Malformed::FieldOverflow) }
    };
    let (clock, micros) = match text.find('.') {
        None => (text, 0),
        Some(at) => {
            let (clock, rest) = text.split_at(at);
            (clock, (fraction(rest)? * 1e6).round_ties_even() as i64)
        }
    };
    let mut parts = clock.split(':');
    let first = number(parts.next().unwrap_or(""))?;
    let second = number(parts.next().ok_or(Malformed::Format)?)?;
    let (hour, minute, seconds) = match parts.next() {
        Some(third) => (first, second, number(third)?),
        None if clock.len() < text.len() => (0, first, second),
        None => (first, second, 0),
    };
    if parts.next().is_some() {
        return Err(Malformed::Format);
    }
    if minute > 59 || seconds > 60 {
        return Err(Malformed::FieldOverflow);
    }
    hour.checked_mul(MICROS_PER_HOUR)
        .and_then(|total| {
            total.checked_add(minute * MICROS_PER_MINUTE + seconds * MICROS_PER_SECOND + micros)
        })
        .ok_or(Malformed::FieldOverflow)
}

/// `P1Y2M3DT4H5M6S`, `P2W`, and the alternative form `P0001-02-03T04:05:06`.
fn iso(text: &str) -> Result<Sum, Malformed> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Malformed::Format)?;
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut have_field = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            rest = time;
            in_time = true;
            have_field = false;
            continue;
        }
        let (whole, fraction, behind) = iso_number(rest)?;
        let mut letters = behind.chars();
        let designator = letters.next();
        rest = letters.as_str();
        let unit = match (in_time, designator) {
            (false, Some('Y')) => Unit::Year,
            (false, Some('M')) => Unit::Month,
            (false, Some('W')) => Unit::Week,
            (false, Some('D')) => Unit::Day,
            (true, Some('H')) => Unit::Hour,
            (true, Some('M')) => Unit::Minute,
            (true, Some('S')) => Unit::Second,
            (false, None | Some('T' | '-')) => {
                return iso_alternative_date(&mut sum, whole, fraction, behind, have_field).map(|()| sum);
            }
            (true, None | Some(':')) => {
                return iso_alternative_time(&mut sum, whole, fraction, behind, have_field).map(|()| sum);
            }
            _ => return Err(Malformed::Format),
        };
        sum.add(unit, whole, fraction)?;
        have_field = true;
    }
    Ok(sum)
}

/// A number with its sign in front and its fraction apart, and what follows.
fn iso_number(text: &str) -> Result<(i64, f64, &str), Malformed> {
    let sign_length = usize::from(text.starts_with(['-', '+']));
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = text
        .get(sign_length..)
        .and_then(|rest| rest.find(|c| !is_number(c)))
        .map_or(text.len(), |at| at + sign_length);
    let (number, behind) = text.split_at(end);
    let unsigned = number.get(sign_length..).unwrap_or("");
    if unsigned.is_empty() || unsigned == "." {
        return Err(Malformed::Format);
    }
    let value: f64 = number.parse().map_err(|_| Malformed::Format)?;
    if value.abs() >= 1e15 {
        return Err(Malformed::FieldOverflow);
    }
    let whole = value.trunc();
    Ok((whole as i64, value - whole, behind))
}

fn iso_alternative_date(
    sum: &mut Sum,
    whole: i64,
    fraction: f64,
    behind: &str,
    have_field: bool,
) -> Result<(), Malformed> {
    if have_field {
        return Err(Malformed::Format);
    }
    let (date, time) = behind.split_once('T').map_or((behind, None), |(date, time)| (date, Some(time)));
    if date.is_empty() {
        // Without separators the digits are YYYYMMDD.
        sum.add(Unit::Year, whole / 10_000, 0.0)?;
        sum.add(Unit::Month, whole / 100 % 100, 0.0)?;
        sum.add(Unit::Day, whole % 100, fraction)?;
    } else {
        sum.add(Unit::Year, whole, fraction)?;
        let (months, fraction, behind) = iso_number(date.strip_prefix('-').ok_or(Malformed::Format)?)?;
        sum.add(Unit::Month, months, fraction)?;
        if !behind.is_empty() {
            let (days, fraction, behind) = iso_number(behind.strip_prefix('-').ok_or(Malformed::Format)?)?;
            sum.add(Unit::Day, days, fraction)?;
            if !behind.is_empty() {
                return Err(Malformed::Format);
            }
        }
    }
    let Some(time) = time else { return Ok(()) };
    let (whole, fraction, behind) = iso_number(time)?;
    iso_alternative_time(sum, whole, fraction, behind, false)
}

fn iso_alternative_time(
    sum: &mut Sum,
    whole: i64,
    fraction: f64,
    behind: &str,
    have_field: bool,
) -> Result<(), Malformed> {
    if have_field {
        return Err(Malformed::Format);
    }
    if behind.is_empty() {
        // Without separators the digits are HHMMSS.
        sum.add(Unit::Hour, whole / 10_000, 0.0)?;
        sum.add(Unit::Minute, whole / 100 % 100, 0.0)?;
        return sum.add(Unit::Second, whole % 100, fraction);
    }
    sum.add(Unit::Hour, whole, fraction)?;
    let (minutes, fraction, behind) = iso_number(behind.strip_prefix(':').ok_or(Malformed::Format)?)?;
    sum.add(Unit::Minute, minutes, fraction)?;
    if behind.is_empty() {
        return Ok(());
    }
    let (seconds, fraction, behind) = iso_number(behind.strip_prefix(':').ok_or(Malformed::Format)?)?;
    sum.add(Unit::Second, seconds, fraction)?;
    if behind.is_empty() { Ok(()) } else { Err(Malformed::Format) }
}

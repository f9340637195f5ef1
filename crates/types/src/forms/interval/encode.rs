//! Intervals in the style `postgres`: `1 year 2 mons 3 days 04:05:06.7`.

use super::Interval;
use crate::forms::datetime::calendar::{MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use crate::forms::writing::{fraction, padded};
use std::fmt::Write;

pub(super) fn write(interval: Interval, out: &mut impl Write) {
    let mut is_first = true;
    let mut after_negative = false;
    let parts = [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")];
    for (number, unit) in parts {
        if number == 0 {
            continue;
        }
        let space = if is_first { "" } else { " " };
        let sign = if after_negative && number > 0 { "+" } else { "" };
        let plural = if number == 1 { "" } else { "s" };
        let _ = write!(out, "{space}{sign}{number} {unit}{plural}");
        after_negative = number < 0;
        is_first = false;
    }
    if !is_first && interval.micros == 0 {
        return;
    }
    if !is_first {
        let _ = out.write_char(' ');
    }
    if interval.micros < 0 {
        let _ = out.write_char('-');
    } else if after_negative {
        let _ = out.write_char('+');
    }
    let size = interval.micros.unsigned_abs();
    padded(out, size / MICROS_PER_HOUR as u64, 2);
    let _ = out.write_char(':');
    padded(out, size / MICROS_PER_MINUTE as u64 % 60, 2);
    let _ = out.write_char(':');
    padded(out, size / MICROS_PER_SECOND as u64 % 60, 2);
    fraction(out, size % MICROS_PER_SECOND as u64);
}

/// Reads what [`write`] writes, without an allocation; `None` for any other text.
pub(super) fn read(text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            interval.micros = read_time(word)?;
            return words.next().is_none().then_some(interval);
        }
        let number: i32 = word.parse().ok()?;
        match words.next()? {
            "year" | "years" => interval.months = interval.months.checked_add(number.checked_mul(12)?)?,
            "mon" | "mons" => interval.months = interval.months.checked_add(number)?,
            "day" | "days" => interval.days = number,
            _ => return None,
        }
    }
    (!text.is_empty()).then_some(interval)
}

fn read_time(word: &str) -> Option<i64> {
    let negative = word.starts_with('-');
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let mut parts = unsigned.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) = parts.next().map(|part| part.split_once('.').unwrap_or((part, "")))?;
    let seconds: i64 = seconds.parse().ok()?;
    if parts.next().is_some()
        || fraction.len() > 6
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        || [hours, minutes, seconds].iter().any(|part| *part < 0)
    {
        return None;
    }
    let mut micros = 0;
    for place in 0..6 {
        micros = micros * 10 + i64::from(fraction.as_bytes().get(place).map_or(0, |digit| digit - b'0'));
    }
    // Negative numbers reach one further than positive ones.
    let total = -i128::from(hours) * i128::from(MICROS_PER_HOUR)
        - i128::from(minutes) * i128::from(MICROS_PER_MINUTE)
        - i128::from(seconds) * i128::from(MICROS_PER_SECOND)
        - i128::from(micros);
    i64::try_from(if negative { total } else { -total }).ok()
}

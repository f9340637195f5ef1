//! `to_char` for dates, times and intervals.

use super::date_template::{Case, Field, Node, parse};
use crate::forms::datetime::calendar::{
    MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, Moment, day_of_week, iso_week, iso_year_start,
    julian_day,
};
use crate::forms::datetime::words::{DAYS, MONTHS};
use crate::forms::interval::Interval;
use mainstay_base::{Problem, Result};
use std::fmt::Write;

pub(super) static ROMAN_MONTHS: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What a template shows: a wall clock time, or an interval taken apart.
pub(super) struct Shown {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    day_of_year: i64,
    is_interval: bool,
    /// Seconds east of UTC and the abbreviation.
    zone: Option<(i32, String)>,
}

impl Shown {
    pub(super) fn timestamp(moment: Moment, zone: Option<(i32, String)>) -> Shown {
        Shown {
            year: i64::from(moment.year),
            month: i64::from(moment.month),
            day: i64::from(moment.day),
            hour: i64::from(moment.hour),
            minute: i64::from(moment.minute),
            second: i64::from(moment.second),
            micros: i64::from(moment.micros),
            day_of_year: i64::from(moment.day_of_year()),
            is_interval: false,
            zone,
        }
    }

    pub(super) fn interval(interval: Interval) -> Shown {
        let (months, days) = (i64::from(interval.months), i64::from(interval.days));
        Shown {
            year: months / 12,
            month: months % 12,
            day: days,
            hour: interval.micros / MICROS_PER_HOUR,
            minute: interval.micros / MICROS_PER_MINUTE % 60,
            second: interval.micros / MICROS_PER_SECOND % 60,
            micros: interval.micros % MICROS_PER_SECOND,
            day_of_year: months * 30 + days,
            is_interval: true,
            zone: None,
        }
    }

    fn julian_day(&self) -> i32 {
        julian_day(self.year as i32, self.month as i32, self.day as i32)
    }

    /// Sunday is 0.
    fn weekday(&self) -> i64 {
        i64::from(day_of_week(self.julian_day()))
    }

    /// The year without an era: 1 BC is 1.
    fn shown_year(&self, year: i64) -> i64 {
        if self.is_interval || year > 0 { year } else { 1 - year }
    }

    fn iso(&self) -> (i64, i64) {
        let (year, week) = iso_week(self.year as i32, self.month as i32, self.day as i32);
        (i64::from(year), i64::from(week))
    }
}

pub(super) fn to_char(shown: &Shown, template: &str) -> Result<String> {
    let mut out = String::new();
    for node in parse(template) {
        match node {
            Node::Separator(c) | Node::Literal(c) => out.push(c),
            Node::Field { field, case, fill, ordinal, .. } => {
                let start = out.len();
                write_field(shown, field, case, fill, &mut out)?;
                if let Some(case) = ordinal
                    && let Some(suffix) = ordinal_suffix(out.get(start..).unwrap_or(""))
                {
                    out.push_str(&cased(suffix, case));
                }
            }
        }
    }
    Ok(out)
}

/// `st`, `nd`, `rd` or `th`; none behind what is no number.
pub(super) fn ordinal_suffix(number: &str) -> Option<&'static str> {
    let digits = number.as_bytes();
    let last = digits.last().filter(|digit| digit.is_ascii_digit())?;
    let teen = digits.len() > 1 && digits.get(digits.len() - 2) == Some(&b'1');
    Some(match last {
        b'1' if !teen => "st",
        b'2' if !teen => "nd",
        b'3' if !teen => "rd",
        _ => "th",
    })
}

fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Upper => text.to_ascii_uppercase(),
        Case::Capital => text.to_owned(),
        Case::Lower => text.to_ascii_lowercase(),
    }
}

/// A number with zeros in front, unless the field is in fill mode. A sign takes its own place.
fn padded(out: &mut String, number: i64, width: usize, fill: bool) {
    let width = if fill { 0 } else { width + usize::from(number < 0) };
    let _ = write!(out, "{number:0width$}");
}

/// A name with blanks behind it, unless the field is in fill mode.
fn named(out: &mut String, name: &str, case: Case, width: usize, fill: bool) {
    let width = if fill { 0 } else { width };
    let _ = write!(out, "{:width$}", cased(name, case));
}

fn name_at<'a>(names: &'a [&'a str], index: i64) -> &'a str {
    usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("")
}

fn not_for_intervals() -> Problem {
    Problem::new("22007", "invalid format specification for an interval value")
        .with_hint("Intervals are not tied to specific calendar dates.")
}

fn write_field(shown: &Shown, field: Field, case: Case, fill: bool, out: &mut String) -> Result<()> {
    let needs_date = matches!(
        field,
        Field::Era { .. }
            | Field::MonthName
            | Field::MonthNameShort
            | Field::DayName
            | Field::DayNameShort
            | Field::Weekday
            | Field::IsoWeekday
            | Field::ZoneName
            | Field::ZoneHour
            | Field::ZoneMinute
            | Field::Offset
    );
    if shown.is_interval && needs_date {
        return Err(not_for_intervals());
    }
    match field {
        Field::Hour24
        | Field::Hour12
        | Field::Minute
        | Field::Second
        | Field::SecondOfDay
        | Field::Millisecond
        | Field::Microsecond
        | Field::Fraction(_)
        | Field::Meridiem { .. } => write_time(shown, field, case, fill, out),
        Field::ZoneName | Field::ZoneHour | Field::ZoneMinute | Field::Offset => {
            write_zone(shown, field, case, fill, out);
        }
        Field::Exact => {}
        _ => write_date(shown, field, case, fill, out),
    }
    Ok(())
}

fn write_time(shown: &Shown, field: Field, case: Case, fill: bool, out: &mut String) {
    match field {
        Field::Hour24 => padded(out, shown.hour, 2, fill),
        Field::Hour12 => padded(out, if shown.hour % 12 == 0 { 12 } else { shown.hour % 12 }, 2, fill),
        Field::Minute => padded(out, shown.minute, 2, fill),
        Field::Second => padded(out, shown.second, 2, fill),
        Field::SecondOfDay => {
            padded(out, shown.hour * 3600 + shown.minute * 60 + shown.second, 0, true);
        }
        Field::Millisecond => padded(out, shown.micros / 1000, 3, false),
        Field::Microsecond => padded(out, shown.micros, 6, false),
        Field::Fraction(digits) => {
            padded(out, shown.micros / 10i64.pow(6 - u32::from(digits)), usize::from(digits), false);
        }
        Field::Meridiem { points } => {
            let pm = shown.hour % 24 >= 12;
            let text = match (pm, points) {
                (false, false) => "AM",
                (false, true) => "A.M.",
                (true, false) => "PM",
                (true, true) => "P.M.",
            };
            out.push_str(&cased(text, case));
        }
        _ => {}
    }
}

fn write_zone(shown: &Shown, field: Field, case: Case, fill: bool, out: &mut String) {
    let (offset, name) = shown.zone.as_ref().map_or((0, ""), |(offset, name)| (*offset, name.as_str()));
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.abs();
    match field {
        // A timestamp without a zone has no zone to show.
        Field::ZoneName => out.push_str(&cased(name, case)),
        Field::ZoneHour => {
            let _ = write!(out, "{sign}{:02}", size / 3600);
        }
        Field::ZoneMinute => {
            let _ = write!(out, "{:02}", size / 60 % 60);
        }
        _ => {
            let width = if fill { 0 } else { 2 };
            let _ = write!(out, "{sign}{:0width$}", size / 3600);
            if size / 60 % 60 != 0 {
                let _ = write!(out, ":{:02}", size / 60 % 60);
            }
        }
    }
}

fn write_date(shown: &Shown, field: Field, case: Case, fill: bool, out: &mut String) {
    match field {
        Field::Era { points } => {
            let text = match (shown.year <= 0, points) {
                (false, false) => "AD",
                (false, true) => "A.D.",
                (true, false) => "BC",
                (true, true) => "B.C.",
            };
            out.push_str(&cased(text, case));
        }
        Field::MonthName => named(out, name_at(&MONTHS, shown.month - 1), case, 9, fill),
        Field::MonthNameShort => {
            out.push_str(&cased(name_at(&MONTHS, shown.month - 1).get(..3).unwrap_or(""), case));
        }
        Field::Month => padded(out, shown.month, 2, fill),
        Field::DayName => named(out, name_at(&DAYS, shown.weekday()), case, 9, fill),
        Field::DayNameShort => {
            out.push_str(&cased(name_at(&DAYS, shown.weekday()).get(..3).unwrap_or(""), case));
        }
        Field::DayOfYear => padded(out, shown.day_of_year, 3, fill),
        Field::IsoDayOfYear => {
            let first = iso_year_start(shown.iso().0 as i32);
            padded(out, i64::from(shown.julian_day() - first + 1), 3, fill);
        }
        // A negative day of an interval gets no place for its sign.
        Field::Day => {
            let width = if fill { 0 } else { 2 };
            let _ = write!(out, "{:0width$}", shown.day);
        }
        Field::Weekday => padded(out, shown.weekday() + 1, 0, true),
        Field::IsoWeekday => {
            padded(out, if shown.weekday() == 0 { 7 } else { shown.weekday() }, 0, true);
        }
        Field::WeekOfYear => padded(out, (shown.day_of_year - 1) / 7 + 1, 2, fill),
        Field::IsoWeek => padded(out, shown.iso().1, 2, fill),
        Field::WeekOfMonth => padded(out, (shown.day - 1) / 7 + 1, 0, true),
        // A month of no year has no quarter.
        Field::Quarter if shown.month == 0 => {}
        Field::Quarter => padded(out, (shown.month - 1) / 3 + 1, 0, true),
        Field::Century => {
            let century = if shown.is_interval {
                shown.year / 100
            } else if shown.year > 0 {
                (shown.year - 1) / 100 + 1
            } else {
                shown.year / 100 - 1
            };
            padded(out, century, 2, fill || century.abs() > 99);
        }
        Field::YearComma => {
            let year = shown.shown_year(shown.year);
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
        Field::Year(digits) => write_year(out, shown, shown.year, digits, fill),
        Field::IsoYear(digits) => write_year(out, shown, shown.iso().0, digits, fill),
        Field::Roman if shown.month == 0 && shown.year == 0 => {}
        Field::Roman => {
            // Months before zero count back from December; a year without months shows its last or first.
            let index = match shown.month {
                0 if shown.year > 0 => 11,
                0 => 0,
                month if month > 0 => month - 1,
                month => 12 + month,
            };
            named(out, name_at(&ROMAN_MONTHS, index), case, 4, fill);
        }
        Field::Julian => padded(out, i64::from(shown.julian_day()), 0, true),
        _ => {}
    }
}

fn write_year(out: &mut String, shown: &Shown, year: i64, digits: u8, fill: bool) {
    let year = shown.shown_year(year);
    let last = if digits == 4 { year } else { year % 10i64.pow(u32::from(digits)) };
    let negative = if digits == 4 { year < 0 } else { shown.is_interval && shown.year < 0 };
    let width = if fill { 0 } else { usize::from(digits) + usize::from(negative) };
    let _ = write!(out, "{last:0width$}");
}

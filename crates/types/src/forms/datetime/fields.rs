//! Reads single fields of a date or time: numbers that may be a year or a day, `12:30`, `+02:00`.

use super::Malformed;
use super::calendar::{self, MICROS_PER_DAY, Moment};
use super::words::{Word, word};

/// Which fields are known, as a set of bits.
pub(super) type Mask = u32;
pub(super) const YEAR: Mask = 1;
pub(super) const MONTH: Mask = 1 << 1;
pub(super) const DAY: Mask = 1 << 2;
pub(super) const DAY_OF_YEAR: Mask = 1 << 3;
pub(super) const TIME: Mask = 1 << 4;
pub(super) const ZONE: Mask = 1 << 5;
pub(super) const DAYLIGHT: Mask = 1 << 6;
pub(super) const WEEKDAY: Mask = 1 << 7;
pub(super) const MERIDIEM: Mask = 1 << 8;
pub(super) const ERA: Mask = 1 << 9;
pub(super) const SPECIAL: Mask = 1 << 10;
pub(super) const DATE: Mask = YEAR | MONTH | DAY;

/// The date and time as far as it is read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) moment: Moment,
    pub(super) day_of_year: i32,
    pub(super) two_digit_year: bool,
}

/// The whole number in front of a text, and the rest. Signs are not expected.
pub(super) fn leading_number(text: &str) -> Result<(i32, &str), Malformed> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((0, rest));
    }
    Ok((digits.parse().map_err(|_| Malformed::FieldOverflow)?, rest))
}

/// Microseconds of `.25`; a point alone is zero.
pub(super) fn fraction_micros(text: &str) -> Result<i32, Malformed> {
    fraction(text).map(|fraction| (fraction * 1e6).round_ties_even() as i32)
}

/// The number that `.25` is.
pub(crate) fn fraction(text: &str) -> Result<f64, Malformed> {
    let digits = text.strip_prefix('.').ok_or(Malformed::Format)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Format);
    }
    if digits.is_empty() { Ok(0.0) } else { text.parse().map_err(|_| Malformed::Format) }
}

impl Reading {
    /// `12:30`, `12:30:45.678`; the hour's range is the caller's to check.
    pub(super) fn time(&mut self, text: &str) -> Result<Mask, Malformed> {
        let (mut hour, rest) = leading_number(text)?;
        let (mut minute, rest) = leading_number(rest.strip_prefix(':').ok_or(Malformed::Format)?)?;
        let (mut second, mut micros) = (0, 0);
        if rest.starts_with('.') {
            // Minutes and seconds with a fraction.
            micros = fraction_micros(rest)?;
            (hour, minute, second) = (0, hour, minute);
        } else if let Some(rest) = rest.strip_prefix(':') {
            let rest_of_second;
            (second, rest_of_second) = leading_number(rest)?;
            if !rest_of_second.is_empty() {
                micros = fraction_micros(rest_of_second)?;
            }
        } else if !rest.is_empty() {
            return Err(Malformed::Format);
        }
        if minute > 59 || second > 60 || i64::from(micros) > calendar::MICROS_PER_SECOND {
            return Err(Malformed::FieldOverflow);
        }
        let date = self.moment;
        self.moment = Moment { hour, minute, second, micros, ..date };
        Ok(TIME)
    }

    pub(super) fn check_time(&self) -> Result<(), Malformed> {
        let moment = &self.moment;
        let fits = (0..=24).contains(&moment.hour)
            && (0..=59).contains(&moment.minute)
            && (0..=60).contains(&moment.second)
            && moment.time_micros() <= MICROS_PER_DAY;
        if fits { Ok(()) } else { Err(Malformed::FieldOverflow) }
    }

    /// A field with date separators inside: `2024-01-05`, `1/5/2024`, `5-Jan-2024`.
    pub(super) fn date(&mut self, text: &str, known: Mask) -> Result<Mask, Malformed> {
        let mut known = known;
        let mut mask = 0;
        let mut numbers = Vec::new();
        let mut text_month = false;
        let mut rest = text;
        while !rest.is_empty() {
            rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            let first = rest.chars().next().ok_or(Malformed::Format)?;
            let same = |c: char| {
                if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_ascii_alphabetic() }
            };
            let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(end);
            if first.is_ascii_digit() {
                numbers.push(part);
            } else {
                match word(part) {
                    Some(Word::Ignored) => {}
                    Some(Word::Month(month)) if known & MONTH == 0 => {
                        self.moment.month = month;
                        text_month = true;
                        known |= MONTH;
                        mask |= MONTH;
                    }
                    _ => return Err(Malformed::Format),
                }
            }
            // One character behind a part is its separator, whatever it is.
            rest = behind.get(behind.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
        }
        for number in numbers {
            let found = self.number(number, text_month, known)?;
            if known & found != 0 {
                return Err(Malformed::Format);
            }
            known |= found;
            mask |= found;
        }
        if known & !(DAY_OF_YEAR | ZONE) & (DATE | TIME) == DATE { Ok(mask) } else { Err(Malformed::Format) }
    }

    /// A number: which field it is follows from the fields known so far and from its length.
    pub(super) fn number(&mut self, text: &str, text_month: bool, known: Mask) -> Result<Mask, Malformed> {
        let (value, rest) = leading_number(text)?;
        let whole_digits = text.len() - rest.len();
        if rest.starts_with('.') {
            if whole_digits > 2 {
                return self.run_together(text, known | DATE);
            }
            self.moment.micros = fraction_micros(rest)?;
        } else if !rest.is_empty() || whole_digits == 0 {
            return Err(Malformed::Format);
        }
        let length = text.len();
        if length == 3 && known & DATE == YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(DAY_OF_YEAR | MONTH | DAY);
        }
        let field = match known & DATE {
            0 if length >= 3 => YEAR,
            0 => MONTH,
            YEAR => MONTH,
            MONTH if text_month && length >= 3 => YEAR,
            MONTH => DAY,
            mask if mask == YEAR | MONTH => {
                if text_month && length >= 3 && self.two_digit_year {
                    // The number before was the day after all.
                    self.moment.day = self.moment.year;
                    self.moment.year = value;
                    self.two_digit_year = false;
                    return Ok(DAY);
                }
                DAY
            }
            DAY => MONTH,
            mask if mask == MONTH | DAY => YEAR,
            DATE => return self.run_together(text, known),
            _ => return Err(Malformed::Format),
        };
        match field {
            YEAR => {
                self.moment.year = value;
                self.two_digit_year = length <= 2;
            }
            MONTH => self.moment.month = value,
            _ => self.moment.day = value,
        }
        Ok(field)
    }

    /// Digits without separators: `20240105`, `040506.789`.
    pub(super) fn run_together(&mut self, text: &str, known: Mask) -> Result<Mask, Malformed> {
        let (digits, fraction) = match text.find('.') {
            Some(at) => (text.get(..at).unwrap_or(""), text.get(at..)),
            None => (text, None),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::Format);
        }
        let part = |from: usize, to: usize| -> Result<i32, Malformed> {
            digits.get(from..to).unwrap_or("").parse().map_err(|_| Malformed::FieldOverflow)
        };
        let length = digits.len();
        if let Some(fraction) = fraction {
            self.moment.micros = fraction_micros(fraction)?;
        } else if known & DATE != DATE && length >= 6 {
            self.moment.day = part(length - 2, length)?;
            self.moment.month = part(length - 4, length - 2)?;
            self.moment.year = part(0, length - 4)?;
            if length == 6 {
                self.two_digit_year = true;
            }
            return Ok(DATE);
        }
        if known & TIME != TIME && (length == 6 || length == 4) {
            self.moment.hour = part(0, 2)?;
            self.moment.minute = part(2, 4)?;
            self.moment.second = if length == 6 { part(4, 6)? } else { 0 };
            return Ok(TIME);
        }
        Err(Malformed::Format)
    }

    /// The last checks of year, month and day, which need all of them (`ValidateDate`).
    pub(super) fn validate_date(&mut self, known: Mask, is_julian: bool, bc: bool) -> Result<(), Malformed> {
        let moment = &mut self.moment;
        if known & YEAR != 0 && !is_julian {
            if bc {
                if moment.year <= 0 {
                    return Err(Malformed::FieldOverflow);
                }
                moment.year = -(moment.year - 1);
            } else if self.two_digit_year {
                moment.year += match moment.year {
                    ..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if moment.year <= 0 {
                return Err(Malformed::FieldOverflow);
            }
        }
        if known & DAY_OF_YEAR != 0 {
            let julian = calendar::julian_day(moment.year, 1, 1).saturating_add(self.day_of_year - 1);
            (moment.year, moment.month, moment.day) = calendar::date_of_julian_day(julian);
        }
        if known & MONTH != 0 && !(1..=12).contains(&moment.month) {
            return Err(Malformed::MonthDayOverflow);
        }
        if known & DAY != 0 && !(1..=31).contains(&moment.day) {
            return Err(Malformed::MonthDayOverflow);
        }
        if known & DATE == DATE && moment.day > calendar::days_in_month(moment.year, moment.month) {
            return Err(Malformed::FieldOverflow);
        }
        Ok(())
    }
}

/// Seconds east of UTC of `+02`, `-0330`, `+05:30:15`.
pub(super) fn zone_offset(text: &str) -> Result<i32, Malformed> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'+') => (1, text.get(1..).unwrap_or("")),
        Some(b'-') => (-1, text.get(1..).unwrap_or("")),
        _ => return Err(Malformed::Format),
    };
    let number = |text| leading_number(text).map_err(|_| Malformed::ZoneOverflow);
    let (mut hour, mut rest) = number(digits)?;
    let (mut minute, mut second) = (0, 0);
    if let Some(behind) = rest.strip_prefix(':') {
        (minute, rest) = number(behind)?;
        if let Some(behind) = rest.strip_prefix(':') {
            (second, rest) = number(behind)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hour, minute) = (hour / 100, hour % 100);
    }
    if hour > 15 || minute > 59 || second > 59 {
        return Err(Malformed::ZoneOverflow);
    }
    if rest.is_empty() { Ok(sign * (hour * 3600 + minute * 60 + second)) } else { Err(Malformed::Format) }
}

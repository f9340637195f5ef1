//! Decimals as text, and the order of printed decimals.

use super::coefficient::Coefficient;
use super::{Decimal, Number, SCALE_MAX, checked, overflow};
use mainstay_base::{Problem, Result};
use num_bigint::BigInt;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

fn invalid(text: &str) -> Problem {
    Problem::new("22P02", format!("invalid input syntax for type numeric: \"{text}\""))
}

impl FromStr for Decimal {
    type Err = Problem;
    fn from_str(text: &str) -> Result<Decimal> {
        Decimal::parse(text)
    }
}

impl Decimal {
    /// PostgreSQL's `numeric_in` without a modifier.
    pub(crate) fn parse(text: &str) -> Result<Decimal> {
        let trimmed = text.trim_matches(super::super::writing::is_space);
        let (negative, unsigned) = match trimmed.as_bytes().first() {
            Some(b'-') => (true, trimmed.get(1..).unwrap_or("")),
            Some(b'+') => (false, trimmed.get(1..).unwrap_or("")),
            _ => (false, trimmed),
        };
        if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return parse_finite(text, negative, unsigned);
        }
        if unsigned.len() == trimmed.len() && unsigned.eq_ignore_ascii_case("nan") {
            return Ok(Decimal::NaN);
        }
        if unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf") {
            return Ok(if negative { Decimal::NegativeInfinity } else { Decimal::Infinity });
        }
        Err(invalid(text))
    }

    /// What the cast from `double precision` makes: 15 significant digits.
    pub(crate) fn from_float(number: f64) -> Decimal {
        Decimal::from_float_digits(number, 15)
    }

    pub(crate) fn from_float_digits(number: f64, digits: usize) -> Decimal {
        if number.is_nan() {
            return Decimal::NaN;
        }
        if number.is_infinite() {
            return if number > 0.0 { Decimal::Infinity } else { Decimal::NegativeInfinity };
        }
        let text = format!("{number:.*e}", digits.saturating_sub(1));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        Decimal::parse(&format!("{mantissa}e{exponent}")).unwrap_or(Decimal::NaN)
    }

    /// The nearest `double precision`: infinite or zero where there is none.
    pub(crate) fn to_float_lossy(&self) -> f64 {
        match self {
            Decimal::NaN => f64::NAN,
            Decimal::Infinity => f64::INFINITY,
            Decimal::NegativeInfinity => f64::NEG_INFINITY,
            Decimal::Finite(_) => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }
}

fn parse_finite(text: &str, negative: bool, unsigned: &str) -> Result<Decimal> {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        None => (unsigned, 0i64),
        Some(at) => {
            let exponent = unsigned.get(at + 1..).unwrap_or("");
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(invalid(text));
            }
            (unsigned.get(..at).unwrap_or(""), exponent.parse().map_err(|_| overflow())?)
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return Err(invalid(text));
    }
    if exponent.abs() > 200_000 {
        return Err(overflow());
    }
    let scale = fraction.len() as i64 - exponent;
    let coefficient = parse_coefficient(whole, fraction, negative).ok_or_else(|| invalid(text))?;
    let number = if scale >= 0 {
        let scale = u32::try_from(scale).ok().filter(|scale| *scale <= SCALE_MAX).ok_or_else(overflow)?;
        Number { coefficient, scale }
    } else {
        let zeros = u32::try_from(-scale).map_err(|_| overflow())?;
        Number { coefficient: coefficient.times_power_of_ten(zeros), scale: 0 }
    };
    checked(number)
}

fn parse_coefficient(whole: &str, fraction: &str, negative: bool) -> Option<Coefficient> {
    let whole = whole.trim_start_matches('0');
    let coefficient = if whole.len() + fraction.len() <= 38 {
        let small = whole
            .bytes()
            .chain(fraction.bytes())
            .fold(0i128, |sum, digit| sum * 10 + i128::from(digit.wrapping_sub(b'0')));
        Coefficient::Small(small)
    } else {
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        Coefficient::from(BigInt::parse_bytes(digits.as_bytes(), 10)?)
    };
    Some(if negative { coefficient.negated() } else { coefficient })
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decimal::Finite(number) => number.fmt(f),
            Decimal::NaN => f.write_str("NaN"),
            Decimal::Infinity => f.write_str("Infinity"),
            Decimal::NegativeInfinity => f.write_str("-Infinity"),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match &self.coefficient {
            Coefficient::Small(number) => number.unsigned_abs().to_string(),
            Coefficient::Large(number) => number.magnitude().to_string(),
        };
        if self.coefficient.signum() < 0 {
            f.write_str("-")?;
        }
        let scale = self.scale as usize;
        if scale == 0 {
            return f.write_str(&digits);
        }
        if digits.len() <= scale {
            f.write_str("0.")?;
            for _ in digits.len()..scale {
                f.write_str("0")?;
            }
            return f.write_str(&digits);
        }
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        f.write_str(whole)?;
        f.write_str(".")?;
        f.write_str(fraction)
    }
}

/// A printed decimal taken apart, for comparing.
pub(super) enum Printed<'a> {
    NegativeInfinity,
    /// Digits without leading zeros before the point and without trailing zeros behind it.
    Finite {
        negative: bool,
        whole: &'a str,
        fraction: &'a str,
    },
    Infinity,
    NaN,
}

impl<'a> Printed<'a> {
    pub(super) fn read(text: &'a str) -> Option<Printed<'a>> {
        match text {
            "NaN" => return Some(Printed::NaN),
            "Infinity" => return Some(Printed::Infinity),
            "-Infinity" => return Some(Printed::NegativeInfinity),
            _ => {}
        }
        let unsigned = text.strip_prefix('-');
        let digits = unsigned.unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let negative = unsigned.is_some() && !(whole.is_empty() && fraction.is_empty());
        Some(Printed::Finite { negative, whole, fraction })
    }

    fn rank(&self) -> u8 {
        match self {
            Printed::NegativeInfinity => 0,
            Printed::Finite { .. } => 1,
            Printed::Infinity => 2,
            Printed::NaN => 3,
        }
    }

    pub(super) fn compare(&self, other: &Printed<'_>) -> Ordering {
        let (
            Printed::Finite { negative, whole, fraction },
            Printed::Finite { negative: other_negative, whole: other_whole, fraction: other_fraction },
        ) = (self, other)
        else {
            return self.rank().cmp(&other.rank());
        };
        if negative != other_negative {
            return other_negative.cmp(negative);
        }
        let magnitude = whole
            .len()
            .cmp(&other_whole.len())
            .then_with(|| whole.cmp(other_whole))
            .then_with(|| fraction.cmp(other_fraction));
        if *negative { magnitude.reverse() } else { magnitude }
    }
}

//! `numeric`: an exact decimal of any length. Stored as the text that PostgreSQL prints, ordered by `pg_numeric`.
//!
//! [`Decimal`] is the number to calculate with. Its arithmetic follows PostgreSQL's rules for the scale of results,
//! so that digits come out the same to the last one.

mod arithmetic;
mod coefficient;
mod text;
mod transcendental;

pub(crate) use coefficient::Coefficient;

use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

/// Digits behind the point that a stored value can have.
pub(crate) const SCALE_MAX: u32 = 16383;
/// Digits behind the point that a calculation chooses by itself.
pub(crate) const DISPLAY_SCALE_MAX: i64 = 1000;
/// The precision at which calculations without an exact result aim.
pub(crate) const SIGNIFICANT_DIGITS_MIN: i64 = 16;
/// The bound of the digits argument of `round` and `trunc`, and of results of `exp`.
pub(crate) const RESULT_SCALE_MAX: i64 = 2000;
/// Digits before the point that a value can have.
const WHOLE_DIGITS_MAX: i64 = 131_072;

/// A `numeric`.
#[derive(Clone, Debug)]
pub(crate) enum Decimal {
    Finite(Number),
    NaN,
    Infinity,
    NegativeInfinity,
}

/// `coefficient * 10^-scale`; the scale is what PostgreSQL calls the display scale.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub(crate) coefficient: Coefficient,
    pub(crate) scale: u32,
}

pub(crate) fn overflow() -> Problem {
    Problem::new("22003", "value overflows numeric format")
}

pub(crate) fn division_by_zero() -> Problem {
    Problem::new("22012", "division by zero")
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Decimal::integer(i128::from(number))
    }
}

impl Decimal {
    pub(crate) fn zero() -> Decimal {
        Decimal::integer(0)
    }

    pub(crate) fn integer(number: i128) -> Decimal {
        Decimal::new(number, 0)
    }

    /// `coefficient * 10^-scale`.
    pub(crate) fn new(coefficient: i128, scale: u32) -> Decimal {
        Decimal::Finite(Number { coefficient: Coefficient::Small(coefficient), scale })
    }

    /// The decimal in a storage form. What is no numeric reads as NaN: only a damaged file has such text.
    pub(crate) fn load(value: ValueRef<'_>) -> Decimal {
        match value {
            ValueRef::Text(text) => Decimal::parse(text).unwrap_or(Decimal::NaN),
            ValueRef::Integer(number) => Decimal::from(number),
            ValueRef::Real(number) => Decimal::from_float(number),
            ValueRef::Null | ValueRef::Blob(_) => Decimal::NaN,
        }
    }

    /// The storage form.
    pub(crate) fn store(&self) -> Value {
        Value::Text(self.to_string())
    }

    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, Decimal::Finite(number) if number.coefficient.is_zero())
    }

    pub(crate) fn is_nan(&self) -> bool {
        matches!(self, Decimal::NaN)
    }

    /// -1, 0 or 1; 0 for NaN.
    pub(crate) fn signum(&self) -> i32 {
        match self {
            Decimal::Finite(number) => number.coefficient.signum(),
            Decimal::NaN => 0,
            Decimal::Infinity => 1,
            Decimal::NegativeInfinity => -1,
        }
    }

    /// PostgreSQL's order: NaN equals itself and is greater than everything else.
    pub(crate) fn compare(&self, other: &Decimal) -> Ordering {
        let rank = |decimal: &Decimal| match decimal {
            Decimal::NegativeInfinity => 0,
            Decimal::Finite(_) => 1,
            Decimal::Infinity => 2,
            Decimal::NaN => 3,
        };
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => left.compare(right),
            _ => rank(self).cmp(&rank(other)),
        }
    }

    /// Rounded half away from zero to a whole number that fits, or PostgreSQL's error.
    pub(crate) fn to_integer(&self, ty: &crate::Type) -> Result<i64> {
        let refused = |what: &str| {
            let name = ty.builtin_name().unwrap_or_default();
            Problem::new("0A000", format!("cannot convert {what} to {name}"))
        };
        match self {
            Decimal::NaN => Err(refused("NaN")),
            Decimal::Infinity | Decimal::NegativeInfinity => Err(refused("infinity")),
            Decimal::Finite(number) => number
                .rounded(0)
                .coefficient
                .to_i128()
                .and_then(|number| super::integer::fits(ty, number))
                .ok_or_else(|| super::integer::out_of_range(ty)),
        }
    }
}

/// The result of a calculation, refused where PostgreSQL could not store it.
pub(crate) fn checked(number: Number) -> Result<Decimal> {
    if number.whole_digits() > WHOLE_DIGITS_MAX {
        return Err(overflow());
    }
    Ok(Decimal::Finite(number))
}

pub(crate) fn input(text: &str, modifier: Modifier, _context: &Context) -> Result<Value> {
    let decimal = Decimal::parse(text)?;
    Ok(constrained(decimal, modifier)?.store())
}

/// Rounded to the scale of `numeric(p, s)`, or refused where the digits before the point do not fit.
pub(crate) fn constrained(decimal: Decimal, modifier: Modifier) -> Result<Decimal> {
    let Modifier::Numeric { precision, scale } = modifier else { return Ok(decimal) };
    let limit = i64::from(precision) - i64::from(scale);
    let refused =
        |details: String| Err(Problem::new("22003", "numeric field overflow").with_details(details));
    let number = match decimal {
        Decimal::NaN => return Ok(decimal),
        Decimal::Infinity | Decimal::NegativeInfinity => {
            return refused(format!(
                "A field with precision {precision}, scale {scale} cannot hold an infinite value."
            ));
        }
        Decimal::Finite(number) => number.rounded(i64::from(scale)),
    };
    if !number.coefficient.is_zero() && number.leading_digit_position() + 1 > limit {
        let bound = if limit == 0 { "1".to_owned() } else { format!("10^{limit}") };
        return refused(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
        ));
    }
    Ok(Decimal::Finite(number))
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    match (value, modifier) {
        (ValueRef::Null, _) | (_, Modifier::None) => Ok(value.to_owned()),
        _ => Ok(constrained(Decimal::load(value), modifier)?.store()),
    }
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    match value {
        ValueRef::Text(text) => out.push_str(text),
        ValueRef::Integer(number) => out.push_str(itoa::Buffer::new().format(number)),
        _ => {}
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    match value {
        // A finite number ends in a digit; `NaN` and the infinities do not and are JSON strings.
        ValueRef::Text(text) if text.ends_with(|c: char| c.is_ascii_digit()) => {
            out.extend_from_slice(text.as_bytes());
        }
        ValueRef::Text(text) => {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        ValueRef::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        _ => out.extend_from_slice(b"null"),
    }
}

/// The collation `pg_numeric`: compares two printed numerics digit by digit, without reading them into numbers.
/// Text that is no numeric sorts behind everything, by its bytes, so that the order is total.
pub(crate) fn compare_text(left: &str, right: &str) -> Ordering {
    match (text::Printed::read(left), text::Printed::read(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

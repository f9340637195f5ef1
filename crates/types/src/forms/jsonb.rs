//! `jsonb`: stored as PostgreSQL prints it, so that most of it is copied and never parsed.

use super::json::escape::{Sink, write_string};
use super::json::parse::{Json, parse};
use crate::context::Context;
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) fn input(text: &str, _context: &Context) -> Result<Value> {
    normalize(text).map(Value::Text)
}

/// JSON text as jsonb prints it.
pub(crate) fn normalize(text: &str) -> Result<String> {
    let value = parse(text)?;
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    write(&value, &mut out);
    Ok(out)
}

/// Appends the value as jsonb prints it: one blank behind `,` and `:`.
pub(crate) fn write(value: &Json<'_>, out: &mut impl Sink) {
    match value {
        Json::Null => out.put("null"),
        Json::Bool(true) => out.put("true"),
        Json::Bool(false) => out.put("false"),
        Json::Number(number) => out.put(number),
        Json::String(text) => write_string(text, out),
        Json::Array(values) => {
            out.put("[");
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.put(", ");
                }
                write(value, out);
            }
            out.put("]");
        }
        Json::Object(pairs) => {
            out.put("{");
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.put(", ");
                }
                write_string(key, out);
                out.put(": ");
                write(value, out);
            }
            out.put("}");
        }
    }
}

pub(crate) fn to_text(value: &Json<'_>) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Digits before and behind the point that a `numeric` may have.
const WHOLE_DIGITS_MAX: i64 = 131_072;
const FRACTION_DIGITS_MAX: i64 = 16_383;

/// A JSON number as numeric prints it: exponents written out, no `-0`, the digits of the fraction kept.
pub(crate) fn normal_number(text: &str) -> Result<Cow<'_, str>> {
    let overflow = || Problem::new("22003", "value overflows numeric format");
    let exponent_at = text.find(['e', 'E']);
    if exponent_at.is_none() && !text.starts_with("-0") {
        return if text.len() as i64 <= FRACTION_DIGITS_MAX {
            Ok(Cow::Borrowed(text))
        } else {
            Err(overflow())
        };
    }
    let (mantissa, exponent) = match exponent_at {
        Some(at) => {
            let (mantissa, exponent) = text.split_at(at);
            let digits = exponent.trim_start_matches(['e', 'E']);
            (mantissa, digits.parse::<i64>().map_err(|_| overflow())?)
        }
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = [whole, fraction].concat();
    // The place of the point within `all`.
    let point = (whole.len() as i64).checked_add(exponent).ok_or_else(overflow)?;
    let scale = (all.len() as i64 - point).max(0);
    let zero = all.bytes().all(|byte| byte == b'0');
    if scale > FRACTION_DIGITS_MAX || (point > WHOLE_DIGITS_MAX && !zero) {
        return Err(overflow());
    }
    let mut out = String::new();
    if negative && !zero {
        out.push('-');
    }
    if zero || point <= 0 {
        out.push('0');
    } else {
        let padded = format!("{all:0<width$}", width = point as usize);
        let whole = padded.get(..point as usize).unwrap_or_default().trim_start_matches('0');
        out.push_str(if whole.is_empty() { "0" } else { whole });
    }
    if scale > 0 {
        out.push('.');
        if point < 0 {
            out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        }
        out.push_str(all.get(point.max(0) as usize..).unwrap_or_default());
    }
    Ok(Cow::Owned(out))
}

/// The order of two numbers written without exponents.
pub(crate) fn compare_numbers(left: &str, right: &str) -> Ordering {
    let split = |text: &str| -> (bool, String, String) {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (negative, whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        return left.cmp(&right);
    }
    let (left_negative, left_whole, left_fraction) = split(left);
    let (right_negative, right_whole, right_fraction) = split(right);
    let left_zero = left_whole.is_empty() && left_fraction.is_empty();
    let right_zero = right_whole.is_empty() && right_fraction.is_empty();
    let sign = |zero: bool, negative: bool| {
        if zero {
            0
        } else if negative {
            -1
        } else {
            1
        }
    };
    let (left_sign, right_sign) = (sign(left_zero, left_negative), sign(right_zero, right_negative));
    if left_sign != right_sign || left_sign == 0 {
        return left_sign.cmp(&right_sign);
    }
    let magnitude = left_whole
        .len()
        .cmp(&right_whole.len())
        .then_with(|| left_whole.cmp(&right_whole))
        .then_with(|| left_fraction.cmp(&right_fraction));
    if left_sign < 0 { magnitude.reverse() } else { magnitude }
}

/// jsonb's btree order of two stored texts. Text that is no JSON sorts behind, by bytes.
pub(crate) fn compare_text(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (parse(left), parse(right)) {
        (Ok(left), Ok(right)) => compare_top(&left, &right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

/// At the top, PostgreSQL keeps a scalar as an array of one: it sorts behind the empty array, before all others.
fn compare_top(left: &Json<'_>, right: &Json<'_>) -> Ordering {
    match (left, right) {
        (Json::Array(values), scalar) if scalar.is_scalar() => {
            if values.is_empty() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (scalar, Json::Array(values)) if scalar.is_scalar() => {
            if values.is_empty() {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        _ => compare(left, right),
    }
}

/// Null, strings, numbers, booleans, arrays, objects; of two arrays or objects the shorter one first.
pub(crate) fn compare(left: &Json<'_>, right: &Json<'_>) -> Ordering {
    let rank = |value: &Json<'_>| match value {
        Json::Null => 0,
        Json::String(_) => 1,
        Json::Number(_) => 2,
        Json::Bool(_) => 3,
        Json::Array(_) => 4,
        Json::Object(_) => 5,
    };
    match (left, right) {
        (Json::String(left), Json::String(right)) => left.cmp(right),
        (Json::Number(left), Json::Number(right)) => compare_numbers(left, right),
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Array(left), Json::Array(right)) => left.len().cmp(&right.len()).then_with(|| {
            left.iter().zip(right).map(|(a, b)| compare(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        }),
        (Json::Object(left), Json::Object(right)) => left.len().cmp(&right.len()).then_with(|| {
            left.iter()
                .zip(right)
                .map(|(a, b)| a.0.cmp(&b.0).then_with(|| compare(&a.1, &b.1)))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        _ => rank(left).cmp(&rank(right)),
    }
}

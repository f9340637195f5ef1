//! `real` and `double precision`: an SQLite REAL; NaN is the text `NaN` because SQLite has none.

use crate::context::Context;
use crate::ty::{Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;
use std::fmt::{self, Write};

fn name(ty: &Type) -> &'static str {
    if *ty == Type::Float4 { "real" } else { "double precision" }
}

/// The storage form of a number.
pub(crate) fn store(number: f64) -> Value {
    if number.is_nan() { Value::text("NaN") } else { Value::Real(number) }
}

/// The number in a storage form; what is no float reads as NaN.
pub(crate) fn load(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Real(number) => number,
        ValueRef::Integer(number) => number as f64,
        _ => f64::NAN,
    }
}

/// PostgreSQL's order: NaN equals itself and is greater than every number.
pub(crate) fn compare(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

pub(crate) fn parse(ty: &Type, text: &str) -> Result<f64> {
    let invalid = || Problem::new("22P02", format!("invalid input syntax for type {}: \"{text}\"", name(ty)));
    let trimmed = text.trim_matches(super::writing::is_space);
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if unsigned.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Ok(if trimmed.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(invalid());
    }
    let number =
        if *ty == Type::Float4 { trimmed.parse::<f32>().map(f64::from) } else { trimmed.parse::<f64>() }
            .map_err(|_| invalid())?;
    let mantissa_end = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let underflowed = number == 0.0
        && unsigned.get(..mantissa_end).unwrap_or("").bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if number.is_infinite() || underflowed {
        return Err(Problem::new("22003", format!("\"{trimmed}\" is out of range for type {}", name(ty))));
    }
    Ok(number)
}

pub(crate) fn input(ty: &Type, text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    parse(ty, text).map(store)
}

/// The shortest text that reads back as the same number, with an exponent where C's `%g` would have one.
pub(crate) fn write(ty: &Type, number: f64, out: &mut impl Write) {
    if number.is_nan() {
        let _ = out.write_str("NaN");
    } else if number.is_infinite() {
        let _ = out.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        let mut scientific = Short::default();
        let _ = if *ty == Type::Float4 {
            write!(scientific, "{:e}", number as f32)
        } else {
            write!(scientific, "{number:e}")
        };
        write_digits(scientific.as_str(), if *ty == Type::Float4 { 6 } else { 15 }, out);
    }
}

/// Rewrites Rust's `-1.25e-7` the way PostgreSQL prints it.
fn write_digits(scientific: &str, fixed_below: i32, out: &mut impl Write) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    if unsigned.len() < mantissa.len() {
        let _ = out.write_char('-');
    }
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if exponent < -4 || exponent >= fixed_below {
        let _ = out.write_str(unsigned);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    } else if exponent < 0 {
        let _ = out.write_str("0.");
        for _ in 0..(-exponent - 1) {
            let _ = out.write_char('0');
        }
        let _ = out.write_str(first);
        let _ = out.write_str(rest);
    } else {
        let whole = usize::try_from(exponent).unwrap_or(0);
        let _ = out.write_str(first);
        let _ = out.write_str(rest.get(..whole.min(rest.len())).unwrap_or(""));
        for _ in rest.len()..whole {
            let _ = out.write_char('0');
        }
        if rest.len() > whole {
            let _ = out.write_char('.');
            let _ = out.write_str(rest.get(whole..).unwrap_or(""));
        }
    }
}

/// Room for the digits of one number, on the stack.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    length: usize,
}

impl Short {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("0")
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

pub(crate) fn output(ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if !value.is_null() {
        write(ty, load(value), out);
    }
}

pub(crate) fn write_json(ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    if value.is_null() {
        out.extend_from_slice(b"null");
        return;
    }
    let number = load(value);
    let quote = !number.is_finite();
    if quote {
        out.push(b'"');
    }
    write(ty, number, &mut super::writing::Bytes(out));
    if quote {
        out.push(b'"');
    }
}

pub(crate) fn apply_modifier(
    _ty: &Type,
    value: ValueRef<'_>,
    _modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    Ok(value.to_owned())
}

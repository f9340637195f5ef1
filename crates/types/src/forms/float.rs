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
        let single = *ty == Type::Float4;
        let mut buffer = ryu::Buffer::new();
        let shortest =
            if single { buffer.format_finite(number as f32) } else { buffer.format_finite(number) };
        let mut scientific = scientific(shortest);
        if is_halfway(scientific.as_str(), number.abs(), if single { 24 } else { 53 }) {
            scientific = longer(number, single);
        }
        write_digits(scientific.as_str(), if single { 6 } else { 15 }, out);
    }
}

/// `0.00125`, `125.0` or `1.25e-7` as one digit, the other digits, and the exponent: `1.25e-3`.
fn scientific(number: &str) -> Short {
    let (sign, unsigned) = number.split_at(usize::from(number.starts_with('-')));
    let (decimal, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let leading_zeros = digits().take_while(|digit| *digit == b'0').count();
    let length = whole.len() + fraction.len();
    let trailing_zeros = digits().rev().take_while(|digit| *digit == b'0').count();
    let mut out = Short::default();
    let _ = out.write_str(sign);
    if leading_zeros == length {
        let _ = out.write_str("0e0");
        return out;
    }
    for (place, digit) in digits().take(length - trailing_zeros).skip(leading_zeros).enumerate() {
        if place == 1 {
            let _ = out.write_char('.');
        }
        let _ = out.write_char(char::from(digit));
    }
    let shift = whole.len() as i64 - leading_zeros as i64 - 1;
    let _ = write!(out, "e{}", exponent.parse::<i64>().unwrap_or(0) + shift);
    out
}

/// Whether the digits stand exactly between the number and its neighbour (`1e23` does). Ryū takes such digits because
/// reading rounds them to the even neighbour; PostgreSQL wants digits that are nearer to the number than to any other.
fn is_halfway(scientific: &str, number: f64, mantissa_bits: i32) -> bool {
    // Only whole numbers beyond the mantissa's bits have such neighbours, and below 2^127 they can be written out.
    if number < 2f64.powi(mantissa_bits) || number >= 2f64.powi(127) {
        return false;
    }
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return false };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let (length, value) =
        digits.fold((0, 0u128), |(length, value), digit| (length + 1, value * 10 + u128::from(digit - b'0')));
    let zeros = exponent.parse::<i32>().ok().and_then(|exponent| u32::try_from(exponent + 1 - length).ok());
    let printed = zeros.and_then(|zeros| value.checked_mul(10u128.checked_pow(zeros)?));
    let Some(printed) = printed else { return false };
    let exact = number as u128;
    let step = 1u128 << (exact.ilog2().saturating_sub(mantissa_bits.unsigned_abs() - 1));
    let distance = printed.abs_diff(exact);
    distance * 2 == step || (exact.is_power_of_two() && printed < exact && distance * 4 == step)
}

/// The shortest digits that are nearer to the number than to any other.
fn longer(number: f64, single: bool) -> Short {
    let (fewest, most, bits) = if single { (6, 8, 24) } else { (14, 16, 53) };
    let mut scientific = Short::default();
    for digits in fewest..=most {
        scientific = Short::default();
        let _ = write!(scientific, "{number:.digits$e}");
        let same = if single {
            scientific.as_str().parse::<f32>() == Ok(number as f32)
        } else {
            scientific.as_str().parse::<f64>() == Ok(number)
        };
        if same && !is_halfway(scientific.as_str(), number.abs(), bits) {
            break;
        }
    }
    scientific
}

/// Rewrites `-1.25e-7` the way PostgreSQL prints it.
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

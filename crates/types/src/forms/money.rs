//! `money`: a 64-bit number of cents, written as `lc_monetary = C` does (`$1,234.56`, `-$0.50`).

use super::integer::out_of_range;
use super::numeric::Decimal;
use super::numeric_time_casts;
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

pub(crate) fn input(text: &str) -> Result<Value> {
    let bad = || Problem::new("22P02", format!("invalid input syntax for type money: \"{text}\""));
    let too_large = || Problem::new("22003", format!("value \"{text}\" is out of range for type money"));
    let space_or_dollar = |character: char| character.is_ascii_whitespace() || character == '$';
    let mut rest = text.trim_start_matches(space_or_dollar);
    let mut negative = false;
    if let Some(behind) = rest.strip_prefix('-').or_else(|| rest.strip_prefix('(')) {
        negative = true;
        rest = behind;
    } else if let Some(behind) = rest.strip_prefix('+') {
        rest = behind;
    }
    rest = rest.trim_start_matches(space_or_dollar);
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ',' | '.')).unwrap_or(rest.len());
    let (number, tail) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    if !(digits(whole) || digits(fraction)) || fraction.contains('.') {
        return Err(bad());
    }
    for character in tail.chars() {
        match character {
            '-' => negative = true,
            ')' | '+' | '$' => {}
            other if other.is_ascii_whitespace() => {}
            _ => return Err(bad()),
        }
    }
    let mut cents: i128 = 0;
    let mut places = fraction.bytes().filter(u8::is_ascii_digit);
    let shown = whole
        .bytes()
        .filter(u8::is_ascii_digit)
        .chain([places.next().unwrap_or(b'0'), places.next().unwrap_or(b'0')]);
    for digit in shown {
        cents = cents.checked_mul(10).ok_or_else(too_large)? + i128::from(digit - b'0');
    }
    cents += i128::from(places.next().is_some_and(|digit| digit >= b'5'));
    let signed = if negative { -cents } else { cents };
    i64::try_from(signed).map(Value::Integer).map_err(|_| too_large())
}

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    let ValueRef::Integer(cents) = value else { return };
    if cents < 0 {
        out.push('-');
    }
    out.push('$');
    let whole = (cents.unsigned_abs() / 100).to_string();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(&format!(".{:02}", cents.unsigned_abs() % 100));
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    let mut text = String::new();
    output(value, &mut text);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// A number of cents that was computed with a fraction, rounded to the nearest, half to even.
pub(crate) fn of_real(cents: f64) -> Result<Value> {
    numeric_time_casts::float_to_integer(cents, &Type::Int8)
}

/// The casts between money and numbers; `None` for any other pair.
pub(crate) fn cast(value: ValueRef<'_>, from: &Type, to: &Type) -> Option<Result<Value>> {
    match (from, to, value) {
        (Type::Int4 | Type::Int8, Type::Money, ValueRef::Integer(number)) => {
            Some(number.checked_mul(100).map(Value::Integer).ok_or_else(|| out_of_range(&Type::Int8)))
        }
        (Type::Numeric, Type::Money, _) => Some(
            Decimal::load(value)
                .mul(&Decimal::integer(100))
                .and_then(|cents| cents.to_integer(&Type::Int8))
                .map(Value::Integer),
        ),
        (Type::Money, Type::Numeric, ValueRef::Integer(cents)) => {
            Some(Ok(Decimal::new(i128::from(cents), 2).store()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(text: &str) -> std::result::Result<i64, &'static str> {
        match input(text) {
            Ok(Value::Integer(cents)) => Ok(cents),
            Ok(_) => Err("no number"),
            Err(problem) if problem.code() == "22P02" => Err("bad"),
            Err(_) => Err("large"),
        }
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(cents("$1,234.565"), Ok(123_457));
        assert_eq!(cents(" ( $0.5 ) "), Ok(-50));
        assert_eq!(cents("-$.07"), Ok(-7));
        assert_eq!(cents("12$"), Ok(1_200));
        assert_eq!(cents("-92233720368547758.08"), Ok(i64::MIN));
        assert_eq!(cents("92233720368547758.08"), Err("large"));
        for wrong in ["", "$", "1.2.3", "12 x", "--1"] {
            assert_eq!(cents(wrong), Err("bad"), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_with_groups() {
        let shown = |cents| {
            let mut out = String::new();
            output(ValueRef::Integer(cents), &mut out);
            out
        };
        assert_eq!(shown(123_456_789), "$1,234,567.89");
        assert_eq!(shown(-5), "-$0.05");
        assert_eq!(shown(i64::MIN), "-$92,233,720,368,547,758.08");
    }
}

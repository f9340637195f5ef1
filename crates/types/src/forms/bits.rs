//! `bit(n)` and `varbit(n)`: strings of bits, kept as text of `0` and `1`, whose order is PostgreSQL's.

use crate::ty::{ColumnType, Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::fmt::Write as _;

/// `101`, `b101` or `x1F`.
pub(crate) fn input(ty: &Type, text: &str, modifier: Modifier) -> Result<Value> {
    let bits = match text.as_bytes().first() {
        Some(b'b' | b'B') => binary(text.get(1..).unwrap_or_default())?,
        Some(b'x' | b'X') => hexadecimal(text.get(1..).unwrap_or_default())?,
        _ => binary(text)?,
    };
    fit(ty, &bits, modifier, false).map(Value::Text)
}

fn binary(text: &str) -> Result<String> {
    match text.chars().find(|digit| !matches!(digit, '0' | '1')) {
        Some(wrong) => Err(Problem::new("22P02", format!("\"{wrong}\" is not a valid binary digit"))),
        None => Ok(text.to_owned()),
    }
}

fn hexadecimal(text: &str) -> Result<String> {
    let mut bits = String::with_capacity(text.len() * 4);
    for digit in text.chars() {
        let number = digit
            .to_digit(16)
            .ok_or_else(|| Problem::new("22P02", format!("\"{digit}\" is not a valid hexadecimal digit")))?;
        // Writing to a string cannot fail.
        let _ = write!(bits, "{number:04b}");
    }
    Ok(bits)
}

/// The bits as a column or cast of that type keeps them: cut and filled up on the right by a cast, refused otherwise.
pub(crate) fn fit(ty: &Type, bits: &str, modifier: Modifier, explicit: bool) -> Result<String> {
    let Modifier::Length(length) = modifier else { return Ok(bits.to_owned()) };
    let wanted = length as usize;
    match ty {
        _ if bits.len() == wanted => Ok(bits.to_owned()),
        Type::Bit if explicit => {
            let kept = bits.get(..wanted).unwrap_or(bits);
            Ok(format!("{kept:0<wanted$}"))
        }
        Type::Bit => Err(Problem::new(
            "22026",
            format!("bit string length {} does not match type bit({length})", bits.len()),
        )),
        _ if bits.len() < wanted => Ok(bits.to_owned()),
        _ if explicit => Ok(bits.get(..wanted).unwrap_or(bits).to_owned()),
        _ => Err(Problem::new("22001", format!("bit string too long for type bit varying({length})"))),
    }
}

/// The casts between bit strings and integers; `None` for any other pair.
pub(crate) fn cast(value: ValueRef<'_>, from: &Type, to: &ColumnType) -> Option<Result<Value>> {
    match (from, &to.ty, value) {
        (Type::Int4 | Type::Int8, Type::Bit, ValueRef::Integer(number)) => {
            let length = match to.modifier {
                Modifier::Length(length) => length as usize,
                _ => 1,
            };
            Some(Ok(Value::Text(of_integer(number, length))))
        }
        (Type::Bit, Type::Int4, ValueRef::Text(bits)) => Some(number(bits, 32, "integer").map(|number| {
            // All 32 bits are read with a sign.
            Value::Integer(i64::from(number as u32 as i32))
        })),
        (Type::Bit, Type::Int8, ValueRef::Text(bits)) => {
            Some(number(bits, 64, "bigint").map(|number| Value::Integer(number as i64)))
        }
        _ => None,
    }
}

/// The last bits of a number, the sign repeated in front of it.
fn of_integer(number: i64, length: usize) -> String {
    (0..length).rev().map(|place| if number >> place.min(63) & 1 == 1 { '1' } else { '0' }).collect()
}

fn number(bits: &str, width: usize, name: &str) -> Result<u64> {
    if bits.len() > width {
        return Err(Problem::new("22003", format!("{name} out of range")));
    }
    Ok(bits.bytes().fold(0, |number, digit| number << 1 | u64::from(digit == b'1')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<Value>) -> std::result::Result<String, String> {
        match result {
            Ok(Value::Text(text)) => Ok(text),
            Ok(other) => Err(format!("{other:?}")),
            Err(problem) => Err(format!("{} {}", problem.code(), problem.message())),
        }
    }

    #[test]
    fn digits_are_read_in_both_bases() {
        assert_eq!(text(input(&Type::VarBit, "x1F", Modifier::None)), Ok("00011111".into()));
        assert_eq!(text(input(&Type::Bit, "B101", Modifier::Length(3))), Ok("101".into()));
        assert_eq!(
            text(input(&Type::Bit, "102", Modifier::None)),
            Err("22P02 \"2\" is not a valid binary digit".into())
        );
        assert_eq!(
            text(input(&Type::Bit, "101", Modifier::Length(5))),
            Err("22026 bit string length 3 does not match type bit(5)".into())
        );
    }

    #[test]
    fn integers_give_their_last_bits() {
        assert_eq!(of_integer(44, 10), "0000101100");
        assert_eq!(of_integer(44, 3), "100");
        assert_eq!(of_integer(-44, 12), "111111010100");
        assert_eq!(of_integer(-1, 70), "1".repeat(70));
        let to = ColumnType::from(Type::Int4);
        let cast = |bits: &str| cast(ValueRef::Text(bits), &Type::Bit, &to).expect("a cast");
        assert_eq!(cast(&"1".repeat(32)), Ok(Value::Integer(-1)));
        assert_eq!(cast(&"0".repeat(33)).expect_err("too long").message(), "integer out of range");
    }
}

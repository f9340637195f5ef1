//! `bytea`: read in hex and escape format, written in hex.

use super::uuid::{HEX, hex_digit};
use crate::context::Context;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

pub(crate) fn input(text: &str, _context: &Context) -> Result<Value> {
    let bytes = match text.strip_prefix("\\x") {
        Some(digits) => hex(digits)?,
        None => escaped(text)?,
    };
    Ok(Value::Blob(bytes))
}

/// Pairs of digits with blanks between; also what `decode(text, 'hex')` reads.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars();
    while let Some(first) = chars.next() {
        if matches!(first, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = digit(first)?;
        let Some(second) = chars.next() else {
            return Err(Problem::new("22023", "invalid hexadecimal data: odd number of digits"));
        };
        bytes.push(high << 4 | digit(second)?);
    }
    Ok(bytes)
}

fn digit(c: char) -> Result<u8> {
    u8::try_from(c)
        .ok()
        .and_then(hex_digit)
        .ok_or_else(|| Problem::new("22023", format!("invalid hexadecimal digit: \"{c}\"")))
}

fn escaped(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        match rest {
            [b'\\', tail @ ..] => {
                bytes.push(b'\\');
                rest = tail;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => return Err(Problem::new("22P02", "invalid input syntax for type bytea")),
        }
    }
    Ok(bytes)
}

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    if let ValueRef::Blob(bytes) = value {
        out.reserve(2 + bytes.len() * 2);
        out.push_str("\\x");
        for byte in bytes {
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Blob(bytes) => {
            out.reserve(5 + bytes.len() * 2);
            out.extend_from_slice(b"\"\\\\x");
            for byte in bytes {
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            out.push(b'"');
        }
        other => super::text::write_json(other, out),
    }
}

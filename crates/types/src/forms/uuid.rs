//! `uuid`: 16 bytes.

use crate::context::Context;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

pub(crate) fn input(text: &str, _context: &Context) -> Result<Value> {
    match parse(text) {
        Some(bytes) => Ok(Value::Blob(bytes.to_vec())),
        None => Err(Problem::new("22P02", format!("invalid input syntax for type uuid: \"{text}\""))),
    }
}

/// Accepts what PostgreSQL accepts: any case, braces around it, a hyphen after any group of four digits.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    if let Some(bytes) = text.as_bytes().try_into().ok().and_then(usual) {
        return Some(bytes);
    }
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut source = inner.as_bytes();
    let mut bytes = [0u8; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let (pair, rest) = source.split_first_chunk::<2>()?;
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        source = rest;
        if index % 2 == 1 && index < 15 {
            source = source.strip_prefix(b"-").unwrap_or(source);
        }
    }
    source.is_empty().then_some(bytes)
}

/// The form in which uuids are shown, read without a look at each digit's kind.
fn usual(text: &[u8; 36]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut wrong = 0;
    for (byte, at) in bytes.iter_mut().zip(PLACES) {
        let (high, low) = (DIGITS[usize::from(text[at])], DIGITS[usize::from(text[at + 1])]);
        wrong |= high | low;
        *byte = high << 4 | (low & 15);
    }
    let hyphens = [8, 13, 18, 23].iter().all(|at| text[*at] == b'-');
    (hyphens && wrong < 16).then_some(bytes)
}

/// What each byte is worth as a digit; 255 where it is none.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(digit) = hex_digit(byte as u8) {
            digits[byte] = digit;
        }
        byte += 1;
    }
    digits
};

pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

pub(crate) const HEX: &[u8; 16] = b"0123456789abcdef";

/// The 36 characters.
pub(crate) fn format(bytes: &[u8]) -> Option<[u8; 36]> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = [b'-'; 36];
    for (byte, at) in bytes.iter().zip(PLACES) {
        [text[at], text[at + 1]] = HEX_PAIRS[usize::from(*byte)];
    }
    Some(text)
}

/// Where the digits of each byte stand.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The two digits of every byte: lists of rows are full of uuids.
const HEX_PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    pairs
};

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Blob(bytes) => {
            if let Some(text) = format(bytes) {
                out.push_str(std::str::from_utf8(&text).unwrap_or_default());
            }
        }
        ValueRef::Text(text) => out.push_str(text),
        _ => {}
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Blob(bytes) => {
            let mut quoted = [b'"'; 38];
            match (format(bytes), quoted.get_mut(1..37)) {
                (Some(text), Some(inside)) => {
                    inside.copy_from_slice(&text);
                    out.extend_from_slice(&quoted);
                }
                _ => out.extend_from_slice(b"\"\""),
            }
        }
        other => super::text::write_json(other, out),
    }
}

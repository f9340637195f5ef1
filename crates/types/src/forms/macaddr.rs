//! `macaddr`: six octets.

use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

pub(crate) fn input(text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    let bad = || Problem::new("22P02", format!("invalid input syntax for type macaddr: \"{text}\""));
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let octets = separated(trimmed).or_else(|| grouped(trimmed)).ok_or_else(bad)?;
    let mut bytes = [0u8; 6];
    for (byte, octet) in bytes.iter_mut().zip(octets) {
        *byte = u8::try_from(octet).map_err(|_| {
            Problem::new("22003", format!("invalid octet value in \"macaddr\" value: \"{text}\""))
        })?;
    }
    Ok(Value::Text(to_text(bytes)))
}

/// Six hexadecimal numbers between colons or dashes.
fn separated(text: &str) -> Option<[u32; 6]> {
    let separator = if text.contains(':') { ':' } else { '-' };
    let mut octets = [0u32; 6];
    let mut parts = text.split(separator);
    for octet in &mut octets {
        *octet = hexadecimal(parts.next()?)?;
    }
    parts.next().is_none().then_some(octets)
}

/// Twelve digits in two groups (`:`, `-`), three groups (`.`, `-`) or one.
fn grouped(text: &str) -> Option<[u32; 6]> {
    let separator = text.chars().find(|c| matches!(c, ':' | '-' | '.'));
    let groups: Vec<&str> = match separator {
        Some(separator) => text.split(separator).collect(),
        None => vec![text],
    };
    let width = match (groups.len(), separator) {
        (1, _) => 12,
        (2, Some(':' | '-')) => 6,
        (3, Some('.' | '-')) => 4,
        _ => return None,
    };
    if groups.iter().any(|group| group.len() != width) {
        return None;
    }
    let digits = groups.concat();
    let mut octets = [0u32; 6];
    for (octet, pair) in octets.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *octet = hexadecimal(std::str::from_utf8(pair).ok()?)?;
    }
    Some(octets)
}

fn hexadecimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(text, 16).unwrap_or(u32::MAX))
}

pub(crate) fn to_text(bytes: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = bytes;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// The octets of a stored value.
pub(crate) fn stored(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0u8; 6];
    for (byte, octet) in bytes.iter_mut().zip(separated(text)?) {
        *byte = u8::try_from(octet).ok()?;
    }
    Some(bytes)
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Text(text) = value {
        out.push_str(text);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    if let ValueRef::Text(text) = value {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// Stored values are lower case and of one width: their text order is the order of their octets.
pub(crate) fn compare_text(left: &str, right: &str) -> Ordering {
    left.cmp(right)
}

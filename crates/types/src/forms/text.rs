//! `text`, `varchar(n)`, `char(n)`, `name` and `citext`.

use crate::context::Context;
use crate::forms::json::escape;
use crate::ty::{Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

/// The longest `name` in bytes.
const NAME_BYTES_MAX: usize = 63;

pub(crate) fn input(ty: &Type, text: &str, modifier: Modifier, _context: &Context) -> Result<Value> {
    if text.as_bytes().contains(&0) {
        return Err(Problem::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    fit(ty, text, modifier, false).map(Value::Text)
}

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Text(text) => out.push_str(text),
        ValueRef::Null => {}
        // Not written by us; shown rather than hidden.
        ValueRef::Integer(number) => out.push_str(itoa::Buffer::new().format(number)),
        ValueRef::Real(number) => out.push_str(&number.to_string()),
        ValueRef::Blob(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Text(text) => escape::write_string(text, out),
        ValueRef::Null => out.extend_from_slice(b"null"),
        other => {
            let mut text = String::new();
            output(other, &mut text);
            escape::write_string(&text, out);
        }
    }
}

/// The text as a column or cast of that type keeps it: cut or refused, and padded.
pub(crate) fn fit(ty: &Type, text: &str, modifier: Modifier, explicit: bool) -> Result<String> {
    match (ty, modifier) {
        (Type::Name, _) => Ok(cut_bytes(text, NAME_BYTES_MAX).to_owned()),
        (Type::Varchar | Type::Citext, Modifier::Length(length)) => {
            Ok(cut(text, length, explicit, "character varying")?.to_owned())
        }
        (Type::Bpchar, Modifier::Length(length)) => {
            let mut text = cut(text, length, explicit, "character")?.to_owned();
            let missing = (length as usize).saturating_sub(text.chars().count());
            text.extend(std::iter::repeat_n(' ', missing));
            Ok(text)
        }
        _ => Ok(text.to_owned()),
    }
}

fn cut<'a>(text: &'a str, length: u32, explicit: bool, name: &str) -> Result<&'a str> {
    let Some((end, _)) = text.char_indices().nth(length as usize) else { return Ok(text) };
    let (kept, rest) = text.split_at(end);
    if explicit || rest.bytes().all(|byte| byte == b' ') {
        return Ok(kept);
    }
    Err(Problem::new("22001", format!("value too long for type {name}({length})")))
}

fn cut_bytes(text: &str, length: usize) -> &str {
    let mut end = text.len().min(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The order of `char(n)`: trailing blanks mean nothing.
pub(crate) fn compare_bpchar(left: &str, right: &str) -> Ordering {
    left.trim_end_matches(' ').cmp(right.trim_end_matches(' '))
}

/// The order of `citext`: that of the lower-case texts.
pub(crate) fn compare_citext(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        return left
            .bytes()
            .map(|b| b.to_ascii_lowercase())
            .cmp(right.bytes().map(|b| b.to_ascii_lowercase()));
    }
    left.to_lowercase().cmp(&right.to_lowercase())
}

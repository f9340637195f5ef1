//! Cutting, padding and trimming strings.

use super::super::define::{Args, function};
use super::{VALUE_BYTES_MAX, too_large};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = super::SECTION;

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "btrim", &[Ty::Text], Ty::Text, |call| trim(call, true, true)),
    function(SECTION, "btrim", &[Ty::Text, Ty::Text], Ty::Text, |call| trim(call, true, true)),
    function(SECTION, "ltrim", &[Ty::Text], Ty::Text, |call| trim(call, true, false)),
    function(SECTION, "ltrim", &[Ty::Text, Ty::Text], Ty::Text, |call| trim(call, true, false)),
    function(SECTION, "rtrim", &[Ty::Text], Ty::Text, |call| trim(call, false, true)),
    function(SECTION, "rtrim", &[Ty::Text, Ty::Text], Ty::Text, |call| trim(call, false, true)),
    function(SECTION, "lpad", &[Ty::Text, Ty::Int4], Ty::Text, lpad),
    function(SECTION, "lpad", &[Ty::Text, Ty::Int4, Ty::Text], Ty::Text, lpad),
    function(SECTION, "rpad", &[Ty::Text, Ty::Int4], Ty::Text, rpad),
    function(SECTION, "rpad", &[Ty::Text, Ty::Int4, Ty::Text], Ty::Text, rpad),
    function(SECTION, "left", &[Ty::Text, Ty::Int4], Ty::Text, left),
    function(SECTION, "right", &[Ty::Text, Ty::Int4], Ty::Text, right),
    function(SECTION, "substring", &[Ty::Text, Ty::Int4], Ty::Text, substring),
    function(SECTION, "substring", &[Ty::Text, Ty::Int4, Ty::Int4], Ty::Text, substring),
    function(SECTION, "substr", &[Ty::Text, Ty::Int4], Ty::Text, substring),
    function(SECTION, "substr", &[Ty::Text, Ty::Int4, Ty::Int4], Ty::Text, substring),
    function(SECTION, "overlay", &[Ty::Text, Ty::Text, Ty::Int4], Ty::Text, overlay),
    function(SECTION, "overlay", &[Ty::Text, Ty::Text, Ty::Int4, Ty::Int4], Ty::Text, overlay),
];

fn trim(call: &Call<'_>, start: bool, end: bool) -> Result<Value> {
    let set = if call.has(1) { call.text(1) } else { " " };
    let mut text = call.text(0);
    if start {
        text = text.trim_start_matches(|c| set.contains(c));
    }
    if end {
        text = text.trim_end_matches(|c| set.contains(c));
    }
    Ok(Value::text(text))
}

/// The first `count` characters, and how many there were.
fn first_chars(text: &str, count: usize) -> (&str, usize) {
    match text.char_indices().nth(count) {
        Some((at, _)) => (text.get(..at).unwrap_or_default(), count),
        None => (text, text.chars().count()),
    }
}

/// The text cut to the wanted length, and what fills it up.
fn padding<'a>(call: &'a Call<'_>) -> Result<(&'a str, String)> {
    let length = usize::try_from(call.int(1)).unwrap_or(0);
    let fill = if call.has(2) { call.text(2) } else { " " };
    let (kept, count) = first_chars(call.text(0), length);
    if fill.is_empty() || count >= length {
        return Ok((kept, String::new()));
    }
    if length > VALUE_BYTES_MAX / 4 {
        return Err(too_large());
    }
    Ok((kept, fill.chars().cycle().take(length - count).collect()))
}

fn lpad(call: &Call<'_>) -> Result<Value> {
    let (kept, fill) = padding(call)?;
    Ok(Value::Text(fill + kept))
}

fn rpad(call: &Call<'_>) -> Result<Value> {
    let (kept, fill) = padding(call)?;
    Ok(Value::Text([kept, &fill].concat()))
}

/// How many characters `left` keeps: a negative count leaves out so many at the end.
fn kept_count(text: &str, count: i64) -> usize {
    match usize::try_from(count) {
        Ok(count) => count,
        Err(_) => {
            let dropped = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            text.chars().count().saturating_sub(dropped)
        }
    }
}

fn left(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0);
    Ok(Value::text(first_chars(text, kept_count(text, call.int(1))).0))
}

fn right(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0);
    let skipped = text.chars().count().saturating_sub(kept_count(text, call.int(1)));
    let head = first_chars(text, skipped).0.len();
    Ok(Value::text(text.get(head..).unwrap_or_default()))
}

pub(super) fn negative_length() -> Problem {
    Problem::new("22011", "negative substring length not allowed")
}

/// The zero-based start and the length of a substring that begins at `start` (from 1, may lie before the text).
pub(super) fn span(start: i64, length: Option<i64>) -> Result<(usize, usize)> {
    let from = start.max(1);
    let count = match length {
        None => i64::MAX,
        Some(length) if length < 0 => return Err(negative_length()),
        Some(length) => start.saturating_add(length).saturating_sub(from).max(0),
    };
    Ok((usize::try_from(from - 1).unwrap_or(usize::MAX), usize::try_from(count).unwrap_or(usize::MAX)))
}

fn cut(text: &str, start: i64, length: Option<i64>) -> Result<&str> {
    let (skip, count) = span(start, length)?;
    let rest = text.get(first_chars(text, skip).0.len()..).unwrap_or_default();
    Ok(first_chars(rest, count).0)
}

fn substring(call: &Call<'_>) -> Result<Value> {
    cut(call.text(0), call.int(1), call.has(2).then(|| call.int(2))).map(Value::text)
}

fn overlay(call: &Call<'_>) -> Result<Value> {
    let (text, new, start) = (call.text(0), call.text(1), call.int(2));
    let length = if call.has(3) { call.int(3) } else { new.chars().count() as i64 };
    if start <= 0 {
        return Err(negative_length());
    }
    let head = cut(text, 1, Some(start - 1))?;
    let tail = cut(text, start.saturating_add(length), None)?;
    Ok(Value::Text([head, new, tail].concat()))
}

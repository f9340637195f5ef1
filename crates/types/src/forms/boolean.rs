//! `boolean`: 0 and 1.

use crate::context::Context;
use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

pub(crate) fn input(text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    parse(text)
        .map(|value| Value::Integer(i64::from(value)))
        .ok_or_else(|| Problem::new("22P02", format!("invalid input syntax for type boolean: \"{text}\"")))
}

/// Any unambiguous beginning of the words that PostgreSQL knows, in any case.
pub(crate) fn parse(text: &str) -> Option<bool> {
    let word = text.trim_matches(super::writing::is_space).as_bytes();
    let begins = |whole: &str, at_least: usize| {
        word.len() >= at_least
            && whole.as_bytes().get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || word == b"1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || word == b"0" {
        Some(false)
    } else {
        None
    }
}

fn is_true(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Integer(number) if number != 0)
}

pub(crate) fn output(value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if !value.is_null() {
        out.push(if is_true(value) { 't' } else { 'f' });
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    out.extend_from_slice(if value.is_null() {
        b"null"
    } else if is_true(value) {
        b"true"
    } else {
        b"false"
    });
}

pub(crate) fn apply_modifier(
    value: ValueRef<'_>,
    _modifier: Modifier,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    Ok(value.to_owned())
}

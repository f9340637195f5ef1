//! `smallint`, `integer`, `bigint` and `oid`: the number itself.

use crate::context::Context;
use crate::ty::{Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

fn name(ty: &Type) -> &'static str {
    match ty {
        Type::Int2 => "smallint",
        Type::Int4 => "integer",
        Type::Oid => "oid",
        _ => "bigint",
    }
}

fn range(ty: &Type) -> (i64, i64) {
    match ty {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Type::Oid => (0, i64::from(u32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The number as a value of the type, or PostgreSQL's `integer out of range`.
pub(crate) fn in_range(ty: &Type, number: i128) -> Result<Value> {
    match fits(ty, number) {
        Some(number) => Ok(Value::Integer(number)),
        None => Err(out_of_range(ty)),
    }
}

pub(crate) fn fits(ty: &Type, number: i128) -> Option<i64> {
    let (low, high) = range(ty);
    i64::try_from(number).ok().filter(|number| (low..=high).contains(number))
}

pub(crate) fn out_of_range(ty: &Type) -> Problem {
    let name = if *ty == Type::Oid { "OID" } else { name(ty) };
    Problem::new("22003", format!("{name} out of range"))
}

pub(crate) fn input(ty: &Type, text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    let invalid = || Problem::new("22P02", format!("invalid input syntax for type {}: \"{text}\"", name(ty)));
    let trimmed = text.trim_matches(super::writing::is_space);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let (low, high) = range(ty);
    let negative_oid = *ty == Type::Oid && trimmed.starts_with('-');
    match trimmed.parse::<i64>() {
        // `oidin` reads a negative number as strtoul does: modulo 2^32.
        Ok(number) if negative_oid && number >= i64::from(i32::MIN) => {
            Ok(Value::Integer(number & i64::from(u32::MAX)))
        }
        Ok(number) if (low..=high).contains(&number) => Ok(Value::Integer(number)),
        _ => Err(Problem::new("22003", format!("value \"{text}\" is out of range for type {}", name(ty)))),
    }
}

pub(crate) fn output(_ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Integer(number) = value {
        out.push_str(itoa::Buffer::new().format(number));
    }
}

pub(crate) fn write_json(ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    match value {
        // To PostgreSQL an oid is no number, so `to_json` quotes it.
        ValueRef::Integer(number) if *ty == Type::Oid => {
            out.push(b'"');
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            out.push(b'"');
        }
        ValueRef::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        _ => out.extend_from_slice(b"null"),
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

//! `format`: PostgreSQL's `printf` for SQL.

use super::super::define::Args;
use super::VALUE_BYTES_MAX;
use super::quote::{quote_identifier, quote_literal};
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::{Problem, Result};

/// One `%` specification.
struct Specification {
    /// The number of the argument, where it is given.
    position: Option<i64>,
    left: bool,
    width: Width,
    kind: char,
}

enum Width {
    None,
    Fixed(i64),
    /// `*`: the next argument, or a numbered one.
    Argument(Option<i64>),
}

pub(super) fn format(call: &Call<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let mut out = String::new();
    let mut rest = call.text(0);
    let mut next = 1;
    while let Some(at) = rest.find('%') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(tail) = rest.strip_prefix('%') {
            out.push('%');
            rest = tail;
            continue;
        }
        let (specification, tail) = parse(rest)?;
        rest = tail;
        let (width, left) = width(call, &specification, &mut next)?;
        let index = argument(call, specification.position, &mut next)?;
        let text = convert(call, index, specification.kind)?;
        pad(&mut out, &text, width, left)?;
    }
    out.push_str(rest);
    Ok(Value::Text(out))
}

fn unterminated() -> Problem {
    Problem::new("22023", "unterminated format() type specifier").with_hint("For a single \"%\" use \"%%\".")
}

/// Digits at the start, as a number.
fn number(rest: &str) -> Result<(Option<i64>, &str)> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at(end);
    if digits.is_empty() {
        return Ok((None, tail));
    }
    let number: i32 = digits.parse().map_err(|_| Problem::new("22003", "number is out of range"))?;
    if tail.is_empty() { Err(unterminated()) } else { Ok((Some(i64::from(number)), tail)) }
}

fn parse(rest: &str) -> Result<(Specification, &str)> {
    let (leading, tail) = number(rest)?;
    let mut specification = Specification { position: None, left: false, width: Width::None, kind: 's' };
    let mut rest = tail;
    match (leading, tail.strip_prefix('$')) {
        (Some(position), Some(after)) => {
            specification.position = Some(numbered(position)?);
            rest = after;
        }
        (Some(width), None) => {
            specification.width = Width::Fixed(width);
            return kind(specification, rest);
        }
        (None, _) => {}
    }
    while let Some(after) = rest.strip_prefix('-') {
        specification.left = true;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('*') {
        let (position, after) = number(after)?;
        specification.width = Width::Argument(position.map(numbered).transpose()?);
        rest = match position {
            None => after,
            Some(_) => after
                .strip_prefix('$')
                .ok_or_else(|| Problem::new("22023", "width argument position must be ended by \"$\""))?,
        };
    } else {
        let (width, after) = number(rest)?;
        if let Some(width) = width {
            specification.width = Width::Fixed(width);
        }
        rest = after;
    }
    kind(specification, rest)
}

fn numbered(position: i64) -> Result<i64> {
    if position == 0 {
        return Err(Problem::new("22023", "format specifies argument 0, but arguments are numbered from 1"));
    }
    Ok(position)
}

fn kind(mut specification: Specification, rest: &str) -> Result<(Specification, &str)> {
    let mut chars = rest.chars();
    match chars.next() {
        None => Err(unterminated()),
        Some(kind @ ('s' | 'I' | 'L')) => {
            specification.kind = kind;
            Ok((specification, chars.as_str()))
        }
        Some(other) => {
            Err(Problem::new("22023", format!("unrecognized format() type specifier \"{other}\""))
                .with_hint("For a single \"%\" use \"%%\"."))
        }
    }
}

/// The index of an argument: a numbered one, or the one behind the last that was used.
fn argument(call: &Call<'_>, position: Option<i64>, next: &mut usize) -> Result<usize> {
    let index = position.map_or(*next, |position| usize::try_from(position).unwrap_or(usize::MAX));
    *next = index.saturating_add(1);
    if call.has(index) { Ok(index) } else { Err(Problem::new("22023", "too few arguments for format()")) }
}

fn width(call: &Call<'_>, specification: &Specification, next: &mut usize) -> Result<(i64, bool)> {
    let width = match specification.width {
        Width::None => 0,
        Width::Fixed(width) => width,
        Width::Argument(position) => {
            let index = argument(call, position, next)?;
            if call.value(index).is_null() {
                0
            } else {
                let text = call.shown(index);
                text.trim().parse::<i32>().map(i64::from).map_err(|_| {
                    Problem::new("22P02", format!("invalid input syntax for type integer: \"{text}\""))
                })?
            }
        }
    };
    Ok((width.abs(), specification.left || width < 0))
}

fn convert(call: &Call<'_>, index: usize, kind: char) -> Result<String> {
    match (kind, call.value(index).is_null()) {
        ('I', true) => Err(Problem::new("22004", "null values cannot be formatted as an SQL identifier")),
        ('L', true) => Ok("NULL".to_owned()),
        (_, true) => Ok(String::new()),
        ('I', _) => Ok(quote_identifier(&call.shown(index)).into_owned()),
        ('L', _) => Ok(quote_literal(&call.shown(index))),
        _ => Ok(call.shown(index)),
    }
}

fn pad(out: &mut String, text: &str, width: i64, left: bool) -> Result<()> {
    let count = text.chars().count();
    let blanks = usize::try_from(width).unwrap_or(0).saturating_sub(count);
    if out.len().saturating_add(blanks) > VALUE_BYTES_MAX {
        return Err(super::too_large());
    }
    if !left {
        out.extend(std::iter::repeat_n(' ', blanks));
    }
    out.push_str(text);
    if left {
        out.extend(std::iter::repeat_n(' ', blanks));
    }
    Ok(())
}

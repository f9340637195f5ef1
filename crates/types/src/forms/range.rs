//! Ranges: a lower and an upper bound of a subtype, each included, excluded or absent.
//!
//! Stored as the canonical text. Bounds of `tstzrange` are stored in UTC and shown in the session's time zone.

use crate::context::{Context, Registry, Session};
use crate::ty::{ColumnType, Modifier, RangeKind, Type};
use crate::value::{self, Value, ValueRef};
use mainstay_base::{Env, Problem, Result, World};
use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    /// In the storage form of the subtype; `None` is unbounded.
    pub(crate) value: Option<Value>,
    pub(crate) inclusive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Range {
    Empty,
    Span { lower: Bound, upper: Bound },
}

/// Which end of a range a bound is: an excluded lower bound lies above its value, an excluded upper bound below.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Lower,
    Upper,
}

impl Bound {
    /// An unbounded end is never included.
    pub(crate) fn new(value: Option<Value>, inclusive: bool) -> Bound {
        let inclusive = inclusive && value.is_some();
        Bound { value, inclusive }
    }
}

/// Orders two bounds by where they lie on the line.
pub(crate) fn compare_bounds(
    kind: RangeKind,
    (left, left_end): (&Bound, End),
    (right, right_end): (&Bound, End),
) -> Ordering {
    let infinite = |end: End| if end == End::Lower { -1 } else { 1 };
    match (&left.value, &right.value) {
        (None, None) => infinite(left_end).cmp(&infinite(right_end)),
        (None, Some(_)) => infinite(left_end).cmp(&0),
        (Some(_), None) => 0.cmp(&infinite(right_end)),
        (Some(left_value), Some(right_value)) => {
            let nudge = |bound: &Bound, end: End| match (bound.inclusive, end) {
                (true, _) => 0,
                (false, End::Lower) => 1,
                (false, End::Upper) => -1,
            };
            compare_values(kind, left_value.as_ref(), right_value.as_ref())
                .then_with(|| nudge(left, left_end).cmp(&nudge(right, right_end)))
        }
    }
}

/// PostgreSQL's order of two values of the subtype.
pub(crate) fn compare_values(kind: RangeKind, left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
    match (left, right) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left.cmp(&right),
        _ => value::compare(&kind.subtype(), left, right, utc()),
    }
}

impl Range {
    /// Makes the canonical range: checks the order, and gives discrete subtypes the form `[lower,upper)`.
    pub(crate) fn new(kind: RangeKind, lower: Bound, upper: Bound) -> Result<Range> {
        let lower = Bound::new(lower.value, lower.inclusive);
        let upper = Bound::new(upper.value, upper.inclusive);
        if let (Some(low), Some(high)) = (&lower.value, &upper.value) {
            match compare_values(kind, low.as_ref(), high.as_ref()) {
                Ordering::Greater => {
                    return Err(Problem::new(
                        "22000",
                        "range lower bound must be less than or equal to range upper bound",
                    ));
                }
                Ordering::Equal if !(lower.inclusive && upper.inclusive) => return Ok(Range::Empty),
                _ => {}
            }
        }
        if !matches!(kind, RangeKind::Int4 | RangeKind::Int8 | RangeKind::Date) {
            return Ok(Range::Span { lower, upper });
        }
        let lower = match lower.value {
            Some(value) if !lower.inclusive => step(kind, value)?,
            value => Bound { inclusive: value.is_some(), value },
        };
        let upper = match upper.value {
            Some(value) if upper.inclusive => {
                let stepped = step(kind, value)?;
                // An infinite date stays where it is, and stays included.
                Bound { inclusive: !stepped.inclusive, ..stepped }
            }
            value => Bound { value, inclusive: false },
        };
        if let (Some(low), Some(high)) = (&lower.value, &upper.value)
            && compare_values(kind, low.as_ref(), high.as_ref()) != Ordering::Less
            && !(lower.inclusive && upper.inclusive)
        {
            return Ok(Range::Empty);
        }
        Ok(Range::Span { lower, upper })
    }

    /// Reads a range whose bounds are written as `context` says.
    pub(crate) fn parse(kind: RangeKind, text: &str, context: &Context) -> Result<Range> {
        let Some(parsed) = Literal::parse(text)? else { return Ok(Range::Empty) };
        let subtype = ColumnType::from(kind.subtype());
        let bound = |text: Option<String>, inclusive: bool| -> Result<Bound> {
            let value = text.map(|text| read_value(&subtype, &text, context)).transpose()?;
            Ok(Bound { value, inclusive })
        };
        let lower = bound(parsed.lower, parsed.lower_inclusive)?;
        let upper = bound(parsed.upper, parsed.upper_inclusive)?;
        Range::new(kind, lower, upper)
    }

    /// Reads a stored range.
    pub(crate) fn stored(kind: RangeKind, text: &str) -> Result<Range> {
        Range::parse(kind, text, utc())
    }

    pub(crate) fn write(&self, kind: RangeKind, context: &Context, out: &mut String) {
        let Range::Span { lower, upper } = self else {
            out.push_str("empty");
            return;
        };
        out.push(if lower.inclusive { '[' } else { '(' });
        write_bound(kind, lower, context, out);
        out.push(',');
        write_bound(kind, upper, context, out);
        out.push(if upper.inclusive { ']' } else { ')' });
    }

    pub(crate) fn to_value(&self, kind: RangeKind) -> Value {
        let mut out = String::new();
        self.write(kind, utc(), &mut out);
        Value::Text(out)
    }

    pub(crate) fn compare(&self, other: &Range, kind: RangeKind) -> Ordering {
        match (self, other) {
            (Range::Empty, Range::Empty) => Ordering::Equal,
            (Range::Empty, _) => Ordering::Less,
            (_, Range::Empty) => Ordering::Greater,
            (Range::Span { lower, upper }, Range::Span { lower: other_lower, upper: other_upper }) => {
                compare_bounds(kind, (lower, End::Lower), (other_lower, End::Lower))
                    .then_with(|| compare_bounds(kind, (upper, End::Upper), (other_upper, End::Upper)))
            }
        }
    }
}

/// Integers dominate; their text needs no general input function.
fn read_value(subtype: &ColumnType, text: &str, context: &Context) -> Result<Value> {
    if matches!(subtype.ty, Type::Int8)
        && let Ok(number) = text.parse()
    {
        return Ok(Value::Integer(number));
    }
    value::input(subtype, text, context)
}

/// The next value of a discrete subtype, as an included bound; an infinite date has none and is not included.
fn step(kind: RangeKind, value: Value) -> Result<Bound> {
    let Value::Integer(number) = value else {
        return Ok(Bound { value: Some(value), inclusive: false });
    };
    let (low, high, code, message) = match kind {
        RangeKind::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX), "22003", "integer out of range"),
        // The last day that PostgreSQL knows: 5874897-12-31.
        RangeKind::Date => (i64::from(i32::MIN), 2_145_031_948, "22008", "date out of range"),
        _ => (i64::MIN, i64::MAX, "22003", "bigint out of range"),
    };
    if kind == RangeKind::Date && (number == i64::from(i32::MAX) || number == i64::from(i32::MIN)) {
        return Ok(Bound { value: Some(Value::Integer(number)), inclusive: false });
    }
    if number < low || number >= high {
        return Err(Problem::new(code, message));
    }
    Ok(Bound { value: Some(Value::Integer(number + 1)), inclusive: true })
}

fn write_bound(kind: RangeKind, bound: &Bound, context: &Context, out: &mut String) {
    let Some(value) = &bound.value else { return };
    if let Value::Integer(number) = value
        && matches!(kind, RangeKind::Int4 | RangeKind::Int8)
    {
        out.push_str(&number.to_string());
        return;
    }
    let mut text = String::new();
    value::output(&kind.subtype(), value.as_ref(), context, &mut text);
    let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || c.is_ascii_whitespace();
    if !text.is_empty() && !text.contains(special) {
        out.push_str(&text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

/// The parts of a range literal before its bounds are read.
struct Literal {
    lower: Option<String>,
    lower_inclusive: bool,
    upper: Option<String>,
    upper_inclusive: bool,
}

impl Literal {
    /// `None` is the empty range.
    fn parse(text: &str) -> Result<Option<Literal>> {
        let malformed = |details: &str| {
            Problem::new("22P02", format!("malformed range literal: \"{text}\"")).with_details(details)
        };
        let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}');
        let rest = text.trim_start_matches(space);
        if rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("empty")) {
            let tail = rest.get(5..).unwrap_or_default();
            return match tail.trim_start_matches(space) {
                "" => Ok(None),
                _ => Err(malformed("Junk after \"empty\" key word.")),
            };
        }
        let mut chars = rest.chars().peekable();
        let lower_inclusive = match chars.next() {
            Some('[') => true,
            Some('(') => false,
            _ => return Err(malformed("Missing left parenthesis or bracket.")),
        };
        let lower = bound_text(&mut chars).ok_or_else(|| malformed("Unexpected end of input."))?;
        if chars.next() != Some(',') {
            return Err(malformed("Missing comma after lower bound."));
        }
        let upper = bound_text(&mut chars).ok_or_else(|| malformed("Unexpected end of input."))?;
        let upper_inclusive = match chars.next() {
            Some(']') => true,
            Some(')') => false,
            _ => return Err(malformed("Too many commas.")),
        };
        if chars.any(|c| !space(c)) {
            return Err(malformed("Junk after right parenthesis or bracket."));
        }
        Ok(Some(Literal { lower, lower_inclusive, upper, upper_inclusive }))
    }
}

/// One bound up to (not including) the comma or bracket behind it; the outer `None` is an unexpected end.
fn bound_text(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Option<String>> {
    if matches!(chars.peek()?, ',' | ')' | ']') {
        return Some(None);
    }
    let mut bound = String::new();
    let mut quoted = false;
    loop {
        let c = *chars.peek()?;
        if !quoted && matches!(c, ',' | ')' | ']') {
            return Some(Some(bound));
        }
        chars.next();
        match c {
            '\\' => bound.push(chars.next()?),
            '"' if !quoted => quoted = true,
            '"' if chars.peek() == Some(&'"') => {
                chars.next();
                bound.push('"');
            }
            '"' => quoted = false,
            c => bound.push(c),
        }
    }
}

pub(crate) fn input(kind: RangeKind, text: &str, _modifier: Modifier, context: &Context) -> Result<Value> {
    Ok(Range::parse(kind, text, context)?.to_value(kind))
}

pub(crate) fn output(kind: RangeKind, value: ValueRef<'_>, context: &Context, out: &mut String) {
    let ValueRef::Text(text) = value else { return };
    if kind == RangeKind::TsTz
        && !matches!(context.session.time_zone.as_str(), "" | "UTC")
        && let Ok(range) = Range::stored(kind, text)
    {
        range.write(kind, context, out);
    } else {
        out.push_str(text);
    }
}

pub(crate) fn write_json(kind: RangeKind, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    let mut text = String::new();
    output(kind, value, context, &mut text);
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

pub(crate) fn compare_text(kind: RangeKind, left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (Range::stored(kind, left), Range::stored(kind, right)) {
        (Ok(left), Ok(right)) => left.compare(&right, kind),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

/// The context in which stored bounds are written: UTC, and no clock that a bound could ask for.
pub(crate) fn utc() -> &'static Context {
    static CONTEXT: LazyLock<Context> = LazyLock::new(|| Context {
        env: Env::new(Still),
        registry: Arc::new(Registry::default()),
        session: Arc::new(Session::default()),
        overrides: Arc::default(),
        transaction_time: 0,
        statement_time: 0,
    });
    &CONTEXT
}

/// A world in which nothing happens: reading and writing bounds asks it for nothing.
struct Still;

impl World for Still {
    fn unix_micros(&self) -> i64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

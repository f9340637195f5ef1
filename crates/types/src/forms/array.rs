//! Arrays: stored as JSON arrays, so that SQLite's `json_each` can walk them.

use super::json::escape;
use super::json::scan::{self, Shape};
use super::jsonb::{compare_numbers, normal_number};
use crate::context::{Context, Session};
use crate::ty::{ColumnType, Modifier, RangeKind, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

pub(crate) mod literal;

/// An array taken apart: the length of each dimension (none for an empty array) and the elements row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Items {
    pub dims: Vec<usize>,
    pub values: Vec<Value>,
}

impl Items {
    pub fn flat(values: Vec<Value>) -> Items {
        let dims = if values.is_empty() { Vec::new() } else { vec![values.len()] };
        Items { dims, values }
    }
}

/// The context in which elements are stored: stored texts of `timestamptz` never depend on a session's zone.
pub(crate) fn storage_context<'a>(ty: &Type, context: &'a Context) -> Cow<'a, Context> {
    let zoned = matches!(
        ty,
        Type::TimestampTz | Type::Range(RangeKind::TsTz) | Type::Composite(_) | Type::Record | Type::Array(_)
    );
    if !zoned || context.session.time_zone.is_empty() || context.session.time_zone == "UTC" {
        return Cow::Borrowed(context);
    }
    let session = Session { time_zone: String::new(), ..Session::clone(&context.session) };
    let mut stored = context.clone();
    stored.session = Arc::new(session);
    Cow::Owned(stored)
}

/// Appends a value as an element of a stored array (or a field of a stored row). `context` is that of storage.
pub(crate) fn push_element(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut String) {
    match (ty, value) {
        (_, ValueRef::Null) => out.push_str("null"),
        (Type::Bool, ValueRef::Integer(flag)) => out.push_str(if flag == 0 { "false" } else { "true" }),
        (Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid, ValueRef::Integer(number)) => {
            out.push_str(itoa::Buffer::new().format(number));
        }
        (Type::Float4 | Type::Float8, ValueRef::Real(number)) if number.is_finite() => {
            super::output(ty, value, context, out);
        }
        (
            Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Name | Type::Enum(_),
            ValueRef::Text(text),
        ) => {
            escape::write_string(text, out);
        }
        (Type::Json | Type::Jsonb | Type::Numeric, ValueRef::Text(text)) => escape::write_string(text, out),
        _ => {
            let mut text = String::new();
            super::output(ty, value, context, &mut text);
            escape::write_string(&text, out);
        }
    }
}

/// The value of an element of a stored array (or a field of a stored row). `context` is that of storage.
pub(crate) fn read_element(ty: &Type, raw: &str, context: &Context) -> Result<Value> {
    if raw == "null" {
        return Ok(Value::Null);
    }
    let text = scan::text_of(raw);
    match ty {
        Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Name | Type::Enum(_) => {
            Ok(Value::Text(text.into_owned()))
        }
        Type::Json | Type::Jsonb | Type::Unknown => Ok(Value::Text(text.into_owned())),
        Type::Record if raw.starts_with('[') => Ok(Value::text(raw)),
        Type::Bool if !raw.starts_with('"') => Ok(Value::Integer(i64::from(raw != "false" && raw != "0"))),
        _ => super::input(&ColumnType::from(ty.clone()), &text, context),
    }
}

/// Takes a stored array apart.
pub(crate) fn read(element: &Type, stored: &str, context: &Context) -> Result<Items> {
    let context = storage_context(element, context);
    let mut items = Items::default();
    read_level(element, stored, 0, &context, &mut items)?;
    if items.values.is_empty() {
        items.dims.clear();
    }
    Ok(items)
}

/// PostgreSQL's limit of dimensions.
const DIMENSIONS_MAX: usize = 6;

fn read_level(
    element: &Type,
    stored: &str,
    level: usize,
    context: &Context,
    items: &mut Items,
) -> Result<()> {
    let mut count = 0;
    for raw in scan::elements(stored) {
        count += 1;
        if is_level(element, raw, level) {
            if items.dims.len() <= level {
                items.dims.push(0);
            }
            read_level(element, raw, level + 1, context, items)?;
        } else {
            items.values.push(read_element(element, raw, context)?);
        }
    }
    if items.dims.len() <= level {
        items.dims.resize(level + 1, 0);
    }
    if let Some(dim) = items.dims.get_mut(level) {
        *dim = count;
    }
    Ok(())
}

/// Puts an array together in its storage form.
pub(crate) fn write(element: &Type, items: &Items, context: &Context) -> Value {
    let context = storage_context(element, context);
    let mut out = String::with_capacity(2 + items.values.len() * 8);
    let mut values = items.values.iter();
    let flat = [items.values.len()];
    let dims = if items.dims.is_empty() { flat.as_slice() } else { items.dims.as_slice() };
    write_level(element, dims, &mut values, &context, &mut out);
    Value::Text(out)
}

fn write_level<'a>(
    element: &Type,
    dims: &[usize],
    values: &mut impl Iterator<Item = &'a Value>,
    context: &Context,
    out: &mut String,
) {
    out.push('[');
    let (count, deeper) = dims.split_first().map_or((0, [].as_slice()), |(count, deeper)| (*count, deeper));
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        if deeper.is_empty() {
            let value = values.next().map_or(ValueRef::Null, Value::as_ref);
            push_element(element, value, context, out);
        } else {
            write_level(element, deeper, values, context, out);
        }
    }
    out.push(']');
}

pub(crate) fn input(element: &Type, text: &str, modifier: Modifier, context: &Context) -> Result<Value> {
    let parsed = literal::parse(text)?;
    let stored = storage_context(element, context);
    let column = ColumnType { ty: element.clone(), modifier };
    let mut values = Vec::with_capacity(parsed.values.len());
    for value in parsed.values {
        values.push(match value {
            None => Value::Null,
            Some(text) => super::input(&column, &text, context)?,
        });
    }
    Ok(write(element, &Items { dims: parsed.dims, values }, &stored))
}

pub(crate) fn output(element: &Type, value: ValueRef<'_>, context: &Context, out: &mut String) {
    if let ValueRef::Text(stored) = value {
        let mut scratch = String::new();
        output_level(element, stored, 0, context, &mut scratch, out);
    }
}

fn output_level(
    element: &Type,
    stored: &str,
    level: usize,
    context: &Context,
    scratch: &mut String,
    out: &mut String,
) {
    out.push('{');
    for (index, raw) in scan::elements(stored).enumerate() {
        if index > 0 {
            out.push(',');
        }
        if is_level(element, raw, level) {
            output_level(element, raw, level + 1, context, scratch, out);
        } else if raw == "null" {
            out.push_str("NULL");
        } else {
            scratch.clear();
            element_text(element, raw, context, scratch);
            literal::quote(scratch, out);
        }
    }
    out.push('}');
}

/// Whether a raw element of a stored array is one more dimension of it. Deeper ones than PostgreSQL allows stand in
/// no array that we wrote.
fn is_level(element: &Type, raw: &str, level: usize) -> bool {
    raw.starts_with('[') && level + 1 < DIMENSIONS_MAX && *element != Type::Record
}

/// Appends the PostgreSQL text of a stored element.
pub(crate) fn element_text(ty: &Type, raw: &str, context: &Context, out: &mut String) {
    match ty {
        Type::Bool => out.push_str(if matches!(raw, "true" | "1") { "t" } else { "f" }),
        Type::TimestampTz | Type::Range(RangeKind::TsTz) | Type::Composite(_) | Type::Array(_) => {
            let stored = storage_context(ty, context);
            if let Ok(value) = read_element(ty, raw, &stored) {
                super::output(ty, value.as_ref(), context, out);
            }
        }
        _ if raw == "true" => out.push('t'),
        _ if raw == "false" => out.push('f'),
        Type::Record if raw.starts_with('[') => {
            super::composite::output(ty, ValueRef::Text(raw), context, out)
        }
        _ => out.push_str(&scan::text_of(raw)),
    }
}

/// Whether a stored element is already the JSON that `to_json` makes of it.
fn is_json_as_stored(element: &Type) -> bool {
    !matches!(
        element,
        Type::Numeric
            | Type::Oid
            | Type::Timestamp
            | Type::TimestampTz
            | Type::Json
            | Type::Jsonb
            | Type::Composite(_)
            | Type::Record
            | Type::Array(_)
            | Type::Range(RangeKind::TsTz)
    )
}

pub(crate) fn write_json(element: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    match value {
        ValueRef::Text(stored) if is_json_as_stored(element) => out.extend_from_slice(stored.as_bytes()),
        ValueRef::Text(stored) => {
            let storage = storage_context(element, context);
            write_json_level(element, stored, 0, &storage, context, out);
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_json_level(
    element: &Type,
    stored: &str,
    level: usize,
    storage: &Context,
    context: &Context,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (index, raw) in scan::elements(stored).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if is_level(element, raw, level) {
            write_json_level(element, raw, level + 1, storage, context, out);
            continue;
        }
        match read_element(element, raw, storage) {
            Ok(value) => super::write_json(element, value.as_ref(), context, out),
            Err(_) => out.extend_from_slice(raw.as_bytes()),
        }
    }
    out.push(b']');
}

/// What `json_populate_record` makes of JSON for a column of an array type.
pub(crate) fn from_json(element: &Type, modifier: Modifier, json: &str, context: &Context) -> Result<Value> {
    match scan::shape(json) {
        Shape::Array => {
            let column = ColumnType { ty: element.clone(), modifier };
            let mut items = Items::default();
            populate(&column, json, 0, context, &mut items)?;
            if items.values.is_empty() {
                items.dims.clear();
            }
            Ok(write(element, &items, context))
        }
        Shape::String => input(element, &scan::text_of(json), modifier, context),
        _ => Err(Problem::new("22P02", "expected JSON array")),
    }
}

fn populate(
    column: &ColumnType,
    json: &str,
    level: usize,
    context: &Context,
    items: &mut Items,
) -> Result<()> {
    let malformed = || {
        Problem::new("22P02", "malformed JSON array")
            .with_details("Multidimensional arrays must have sub-arrays with matching dimensions.")
    };
    // The first way down decides how many dimensions there are.
    let first = items.dims.len() <= level;
    let nested = if first {
        items.dims.push(0);
        // Also in an array of json, whose elements could be arrays themselves.
        scan::elements(json).next().is_some_and(|raw| scan::shape(raw) == Shape::Array)
            && level + 1 < DIMENSIONS_MAX
    } else {
        items.dims.len() > level + 1
    };
    let mut count = 0;
    for raw in scan::elements(json) {
        count += 1;
        match (nested, scan::shape(raw)) {
            (true, Shape::Array) => populate(column, raw, level + 1, context, items)?,
            (true, _) => return Err(Problem::new("22P02", "expected JSON array")),
            (false, _) => items.values.push(super::from_json(column, raw, context)?),
        }
    }
    match items.dims.get_mut(level) {
        Some(dim) if first => *dim = count,
        Some(dim) if *dim == count => {}
        _ => return Err(malformed()),
    }
    Ok(())
}

/// PostgreSQL's order: element by element (NULL last), then by length, then by dimensions.
pub(crate) fn compare(element: &Type, left: &str, right: &str, context: &Context) -> Ordering {
    match (read(element, left, context), read(element, right, context)) {
        (Ok(left), Ok(right)) => {
            for (a, b) in left.values.iter().zip(&right.values) {
                let order = match (a.is_null(), b.is_null()) {
                    (true, true) => Ordering::Equal,
                    (true, false) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    (false, false) => super::compare(element, a.as_ref(), b.as_ref(), context),
                };
                if order.is_ne() {
                    return order;
                }
            }
            let (a, b) = (&left, &right);
            a.values
                .len()
                .cmp(&b.values.len())
                .then(a.dims.len().cmp(&b.dims.len()))
                .then(a.dims.cmp(&b.dims))
        }
        _ => compare_text(left, right),
    }
}

/// The order of stored arrays and rows where element types are not known: numbers as numbers, other elements by the
/// bytes of their text. Brackets count only where all elements are equal.
pub(crate) fn compare_text(left: &str, right: &str) -> Ordering {
    compare_by(left, right, &|left, right| left.cmp(right))
}

/// The same with another order of the elements that are strings.
pub(crate) fn compare_by(left: &str, right: &str, strings: &dyn Fn(&str, &str) -> Ordering) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (Scalars { rest: left }, Scalars { rest: right });
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => {
                let order = compare_scalars(a, b, strings);
                if order.is_ne() {
                    return order;
                }
            }
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (None, None) => {
                let brackets = |text: &str| Brackets::count(text);
                return brackets(left).cmp(&brackets(right));
            }
        }
    }
}

fn compare_scalars(left: &str, right: &str, strings: &dyn Fn(&str, &str) -> Ordering) -> Ordering {
    let rank = |raw: &str| match scan::shape(raw) {
        Shape::Bool => 0,
        Shape::Number if number(raw).is_some() => 1,
        Shape::String => 2,
        Shape::Null => 4,
        _ => 3,
    };
    let (left_rank, right_rank) = (rank(left), rank(right));
    left_rank.cmp(&right_rank).then_with(|| match left_rank {
        1 => match (number(left), number(right)) {
            (Some(a), Some(b)) => compare_numbers(&a, &b),
            _ => left.cmp(right),
        },
        2 => strings(&scan::text_of(left), &scan::text_of(right)),
        4 => Ordering::Equal,
        _ => left.cmp(right).reverse(),
    })
}

fn number(raw: &str) -> Option<Cow<'_, str>> {
    let lexed = super::json::lexer::Lexer::new(raw).next().ok()?;
    if lexed.kind == super::json::lexer::Kind::Number && lexed.end == raw.len() {
        normal_number(raw).ok()
    } else {
        None
    }
}

/// Counts opening brackets outside of strings.
struct Brackets;

impl Brackets {
    fn count(text: &str) -> usize {
        let mut scalars = Scalars { rest: text };
        let inside: usize = scalars.by_ref().map(|scalar| scalar.matches('[').count()).sum();
        text.matches('[').count().saturating_sub(inside)
    }
}

/// The scalars of a JSON text in order, whatever the nesting.
struct Scalars<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Scalars<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let structure = |c: char| scan::is_space(c) || matches!(c, '[' | ']' | ',' | '{' | '}' | ':');
        let text = self.rest.trim_start_matches(structure);
        if text.is_empty() {
            self.rest = text;
            return None;
        }
        let end = if text.starts_with('"') {
            let bytes = text.as_bytes();
            let mut at = 1;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => break,
                    b'\\' => at += 2,
                    _ => at += 1,
                }
            }
            (at + 1).min(text.len())
        } else {
            text.find(structure).unwrap_or(text.len())
        };
        // A backslash before a character of several bytes (never in JSON) may have led between two characters.
        let end = (end..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
        let (scalar, rest) = text.split_at(end);
        self.rest = rest;
        Some(scalar)
    }
}

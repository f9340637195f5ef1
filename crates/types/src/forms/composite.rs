//! Rows: stored as JSON arrays of their fields, each as an element of an array would be.

use super::array::{element_text, push_element, read_element, storage_context};
use super::json::escape;
use super::json::scan::{self, Shape};
use crate::context::{CompositeType, Context};
use crate::ty::{ColumnType, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

fn definition<'a>(ty: &Type, context: &'a Context) -> Option<&'a CompositeType> {
    match ty {
        Type::Composite(id) => context.registry.composites.get(id),
        _ => None,
    }
}

/// Puts a row together.
pub(crate) fn write<'a>(fields: impl Iterator<Item = (&'a Type, ValueRef<'a>)>, context: &Context) -> Value {
    let storage = storage_context(&Type::Record, context);
    let mut out = String::from("[");
    for (index, (ty, value)) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_element(ty, value, &storage, &mut out);
    }
    out.push(']');
    Value::Text(out)
}

/// Takes a row of a named type apart. A row that was stored before its type got a field lacks it: NULL.
pub(crate) fn read(ty: &Type, stored: &str, context: &Context) -> Result<Vec<Value>> {
    let storage = storage_context(&Type::Record, context);
    let mut raw = scan::elements(stored);
    match definition(ty, context) {
        Some(row) => row
            .fields
            .iter()
            .map(|(_, field)| {
                raw.next().map_or(Ok(Value::Null), |raw| read_element(&field.ty, raw, &storage))
            })
            .collect(),
        None => raw.map(|raw| read_element(&Type::Unknown, raw, &storage)).collect(),
    }
}

pub(crate) fn input(ty: &Type, text: &str, context: &Context) -> Result<Value> {
    let Some(row) = definition(ty, context) else {
        return Err(Problem::new("0A000", "input of anonymous composite types is not implemented"));
    };
    let fields = parse(text)?;
    let bad = |details: &str| Err(malformed(text, details));
    if fields.len() < row.fields.len() {
        return bad("Too few columns.");
    }
    if fields.len() > row.fields.len() {
        return bad("Too many columns.");
    }
    let mut values = Vec::with_capacity(fields.len());
    for ((_, field), text) in row.fields.iter().zip(fields) {
        values.push(text.map_or(Ok(Value::Null), |text| super::input(field, &text, context))?);
    }
    Ok(write(row.fields.iter().map(|(_, field)| &field.ty).zip(values.iter().map(Value::as_ref)), context))
}

fn malformed(text: &str, details: &str) -> Problem {
    Problem::new("22P02", format!("malformed record literal: \"{text}\"")).with_details(details)
}

/// The fields of `(1,"a b",)`; `None` is NULL.
fn parse(text: &str) -> Result<Vec<Option<String>>> {
    let bad = |details: &str| malformed(text, details);
    let inner = text.trim_start_matches(super::is_space);
    let inner = inner.strip_prefix('(').ok_or_else(|| bad("Missing left parenthesis."))?;
    let mut fields = Vec::new();
    let mut chars = inner.chars().peekable();
    if chars.peek() == Some(&')') {
        chars.next();
        let rest: String = chars.collect();
        return if rest.trim_matches(super::is_space).is_empty() {
            Ok(vec![None])
        } else {
            Err(bad("Junk after right parenthesis."))
        };
    }
    loop {
        let mut field: Option<String> = None;
        let mut quoted = false;
        let end = loop {
            let c = chars.next().ok_or_else(|| bad("Unexpected end of input."))?;
            match c {
                '\\' => {
                    let next = chars.next().ok_or_else(|| bad("Unexpected end of input."))?;
                    field.get_or_insert_default().push(next);
                }
                '"' if !quoted => {
                    quoted = true;
                    field.get_or_insert_default();
                }
                '"' if chars.peek() == Some(&'"') => {
                    chars.next();
                    field.get_or_insert_default().push('"');
                }
                '"' => quoted = false,
                ',' | ')' if !quoted => break c,
                c => field.get_or_insert_default().push(c),
            }
        };
        fields.push(field);
        if end == ')' {
            break;
        }
    }
    let rest: String = chars.collect();
    if rest.trim_matches(super::is_space).is_empty() {
        Ok(fields)
    } else {
        Err(bad("Junk after right parenthesis."))
    }
}

pub(crate) fn output(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut String) {
    let ValueRef::Text(stored) = value else { return };
    if scan::is_deep(stored) {
        out.push_str(stored);
        return;
    }
    let row = definition(ty, context);
    let mut text = String::new();
    out.push('(');
    for (index, raw) in scan::elements(stored).enumerate() {
        if index > 0 {
            out.push(',');
        }
        if raw != "null" {
            let field =
                row.and_then(|row| row.fields.get(index)).map_or(&Type::Unknown, |(_, field)| &field.ty);
            text.clear();
            let ty = if *field == Type::Unknown && raw.starts_with('[') { &Type::Record } else { field };
            element_text(ty, raw, context, &mut text);
            quote(&text, out);
        }
    }
    out.push(')');
}

fn quote(field: &str, out: &mut String) {
    let special = |c: char| super::is_space(c) || matches!(c, '"' | '\\' | '(' | ')' | ',');
    if !field.is_empty() && !field.contains(special) {
        out.push_str(field);
        return;
    }
    out.push('"');
    for c in field.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

/// An object. The fields of an anonymous row are `f1`, `f2`, …; their types are no longer known: what was stored
/// as a string stays one.
pub(crate) fn write_json(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    let ValueRef::Text(stored) = value else {
        out.extend_from_slice(b"null");
        return;
    };
    if scan::is_deep(stored) {
        super::text::write_json(value, out);
        return;
    }
    let row = definition(ty, context);
    let storage = storage_context(&Type::Record, context);
    out.push(b'{');
    for (index, raw) in scan::elements(stored).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match row.and_then(|row| row.fields.get(index)) {
            Some((name, field)) => {
                escape::write_string(name, out);
                out.push(b':');
                match read_element(&field.ty, raw, &storage) {
                    Ok(value) => super::write_json(&field.ty, value.as_ref(), context, out),
                    Err(_) => out.extend_from_slice(raw.as_bytes()),
                }
            }
            None => {
                escape::write_string(&format!("f{}", index + 1), out);
                out.push(b':');
                if raw.starts_with('[') {
                    write_json(&Type::Record, ValueRef::Text(raw), context, out);
                } else {
                    out.extend_from_slice(raw.as_bytes());
                }
            }
        }
    }
    out.push(b'}');
}

/// What `json_populate_record` makes of JSON for a column of a row type.
pub(crate) fn from_json(ty: &Type, json: &str, context: &Context) -> Result<Value> {
    let Some(row) = definition(ty, context) else {
        return Err(Problem::new("0A000", "input of anonymous composite types is not implemented"));
    };
    let refuse = |what| Err(Problem::new("22023", format!("cannot call populate_composite on {what}")));
    match scan::shape(json) {
        Shape::Object => {}
        Shape::String => return input(ty, &scan::text_of(json), context),
        Shape::Array => return refuse("an array"),
        _ => return refuse("a scalar"),
    }
    let mut values = Vec::with_capacity(row.fields.len());
    for (name, field) in &row.fields {
        values.push(
            scan::member(json, name).map_or(Ok(Value::Null), |raw| super::from_json(field, raw, context))?,
        );
    }
    Ok(write(row.fields.iter().map(|(_, field)| &field.ty).zip(values.iter().map(Value::as_ref)), context))
}

/// A row as another row type, field by field.
pub(crate) fn cast(value: &str, to: &Type, context: &Context) -> Result<Value> {
    let Some(row) = definition(to, context) else { return Ok(Value::text(value)) };
    let storage = storage_context(&Type::Record, context);
    let mut raw = scan::elements(value);
    let mut values = Vec::with_capacity(row.fields.len());
    for (_, field) in &row.fields {
        let value = match raw.next() {
            None => return Err(cannot_cast(to, "Input has too few columns.", context)),
            Some("null") => Value::Null,
            Some(raw) => {
                let value = read_element(&field.ty, raw, &storage)?;
                super::apply_modifier(
                    &ColumnType { ty: field.ty.clone(), modifier: field.modifier },
                    value,
                    false,
                    context,
                )?
            }
        };
        values.push(value);
    }
    if raw.next().is_some() {
        return Err(cannot_cast(to, "Input has too many columns.", context));
    }
    Ok(write(row.fields.iter().map(|(_, field)| &field.ty).zip(values.iter().map(Value::as_ref)), context))
}

fn cannot_cast(to: &Type, details: &str, context: &Context) -> Problem {
    Problem::new("42846", format!("cannot cast type record to {}", context.registry.type_name(to)))
        .with_details(details)
}

/// Field by field, NULL last.
pub(crate) fn compare(ty: &Type, left: &str, right: &str, context: &Context) -> Ordering {
    let Some(row) = definition(ty, context) else { return super::array::compare_text(left, right) };
    let (Ok(left), Ok(right)) = (read(ty, left, context), read(ty, right, context)) else {
        return super::array::compare_text(left, right);
    };
    for ((_, field), (a, b)) in row.fields.iter().zip(left.iter().zip(&right)) {
        let order = match (a.is_null(), b.is_null()) {
            (false, false) => super::compare(&field.ty, a.as_ref(), b.as_ref(), context),
            (a, b) => a.cmp(&b),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

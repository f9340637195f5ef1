//! Text, JSON and stored forms of values, one module a family of types; this module dispatches.

pub(crate) mod array;
pub(crate) mod bits;
pub(crate) mod boolean;
pub(crate) mod bytea;
pub(crate) mod casts;
pub(crate) mod composite;
pub(crate) mod date;
pub(crate) mod datetime;
pub(crate) mod enums;
pub(crate) mod float;
pub(crate) mod inet;
pub(crate) mod integer;
pub(crate) mod interval;
pub(crate) mod json;
pub(crate) mod jsonb;
pub(crate) mod macaddr;
pub(crate) mod money;
pub(crate) mod numeric;
pub(crate) mod numeric_time_casts;
pub(crate) mod printed;
pub(crate) mod range;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod timestamp;
pub(crate) mod timestamptz;
pub(crate) mod timetz;
pub(crate) mod timezone;
pub(crate) mod tsearch;
pub(crate) mod uuid;
pub(crate) mod writing;
pub(crate) mod xml;

pub(crate) use casts::{apply_modifier, cast, cast_kind};
pub(crate) use writing::is_space;

use crate::context::{Context, Registry};
use crate::ty::{ColumnType, RangeKind, Type, TypeId};
use crate::value::{Value, ValueRef};
use json::scan::{self, Shape};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

pub(crate) fn input(column: &ColumnType, text: &str, context: &Context) -> Result<Value> {
    let modifier = column.modifier;
    match &column.ty {
        Type::Bool => boolean::input(text, modifier, context),
        ty @ (Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid) => {
            integer::input(ty, text, modifier, context)
        }
        ty @ (Type::Float4 | Type::Float8) => float::input(ty, text, modifier, context),
        Type::Numeric => numeric::input(text, modifier, context),
        ty @ (Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Name) => {
            text::input(ty, text, modifier, context)
        }
        Type::Unknown | Type::RegConfig => text::input(&Type::Text, text, modifier, context),
        Type::Uuid => uuid::input(text, context),
        Type::Date => date::input(text, modifier, context),
        Type::Time => time::input(text, modifier, context),
        Type::TimeTz => timetz::input(text, modifier, context),
        Type::Timestamp => timestamp::input(text, modifier, context),
        Type::TimestampTz => timestamptz::input(text, modifier, context),
        Type::Interval => interval::input(text, modifier, context),
        Type::Json => json::input(text, context),
        Type::Jsonb => jsonb::input(text, context),
        Type::Bytea => bytea::input(text, context),
        ty @ (Type::Inet | Type::Cidr) => inet::input(ty, text, modifier, context),
        Type::MacAddr => macaddr::input(text, modifier, context),
        ty @ (Type::Bit | Type::VarBit) => bits::input(ty, text, modifier),
        Type::Money => money::input(text),
        Type::Xml => xml::input(text),
        ty @ (Type::TsVector | Type::TsQuery) => tsearch::input(ty, text, modifier, context),
        Type::Range(kind) => range::input(*kind, text, modifier, context),
        Type::Enum(id) => enums::input(*id, text, context),
        Type::Array(element) => array::input(element, text, modifier, context),
        ty @ (Type::Composite(_) | Type::Record) => composite::input(ty, text, context),
        Type::Void => Ok(Value::text("")),
        pseudo => Err(Problem::new(
            "0A000",
            format!("cannot accept a value of type {}", pseudo.builtin_name().unwrap_or_default()),
        )),
    }
}

pub(crate) fn output(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut String) {
    if value.is_null() {
        return;
    }
    match ty {
        Type::Bool => boolean::output(value, context, out),
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid => integer::output(ty, value, context, out),
        Type::Float4 | Type::Float8 => float::output(ty, value, context, out),
        Type::Numeric => numeric::output(value, context, out),
        Type::Uuid => uuid::output(value, out),
        Type::Date => date::output(value, context, out),
        Type::Time => time::output(value, context, out),
        Type::TimeTz | Type::Interval => printed::output(value, out),
        Type::Timestamp => timestamp::output(value, context, out),
        Type::TimestampTz => timestamptz::output(value, context, out),
        Type::Json | Type::Jsonb => json::output(value, out),
        Type::Bytea => bytea::output(value, out),
        Type::Inet | Type::Cidr => inet::output(ty, value, context, out),
        Type::MacAddr => macaddr::output(value, context, out),
        Type::Money => money::output(value, out),
        Type::TsVector | Type::TsQuery => tsearch::output(ty, value, context, out),
        Type::Range(kind) => range::output(*kind, value, context, out),
        Type::Array(element) => array::output(element, value, context, out),
        Type::Composite(_) | Type::Record => composite::output(ty, value, context, out),
        Type::Void => {}
        _ => text::output(value, out),
    }
}

pub(crate) fn write_json(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    match (ty, value) {
        (_, ValueRef::Null) => out.extend_from_slice(b"null"),
        (Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid, _) => {
            integer::write_json(ty, value, context, out);
        }
        (Type::Bool, _) => boolean::write_json(value, context, out),
        (Type::Float4 | Type::Float8, _) => float::write_json(ty, value, context, out),
        (Type::Numeric, _) => numeric::write_json(value, context, out),
        (Type::Uuid, _) => uuid::write_json(value, out),
        (Type::Date, _) => date::write_json(value, context, out),
        (Type::Time, _) => time::write_json(value, context, out),
        (Type::TimeTz | Type::Interval, _) => printed::write_json(value, out),
        (Type::Timestamp, _) => timestamp::write_json(value, context, out),
        (Type::TimestampTz, _) => timestamptz::write_json(value, context, out),
        (Type::Json | Type::Jsonb, _) => json::write_json(value, out),
        (Type::Bytea, _) => bytea::write_json(value, out),
        (Type::Inet | Type::Cidr, _) => inet::write_json(ty, value, context, out),
        (Type::MacAddr, _) => macaddr::write_json(value, context, out),
        (Type::Money, _) => money::write_json(value, out),
        (Type::TsVector | Type::TsQuery, _) => tsearch::write_json(ty, value, context, out),
        (Type::Range(kind), _) => range::write_json(*kind, value, context, out),
        (Type::Array(element), _) => array::write_json(element, value, context, out),
        (Type::Composite(_) | Type::Record, _) => composite::write_json(ty, value, context, out),
        _ => text::write_json(value, out),
    }
}

pub(crate) fn from_json(column: &ColumnType, json: &str, context: &Context) -> Result<Value> {
    let json = json.trim_matches(scan::is_space);
    let shape = scan::shape(json);
    match (&column.ty, shape) {
        (_, Shape::Null) => Ok(Value::Null),
        (Type::Json, _) => json::input(json, context),
        (Type::Jsonb, _) => jsonb::input(json, context),
        (Type::Array(element), _) => array::from_json(element, column.modifier, json, context),
        (ty @ (Type::Composite(_) | Type::Record), _) => composite::from_json(ty, json, context),
        (_, Shape::String) => match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => input(column, &json::lexer::decode(inner)?, context),
            None => json::input(json, context),
        },
        _ => input(column, json, context),
    }
}

pub(crate) fn compare(ty: &Type, left: ValueRef<'_>, right: ValueRef<'_>, context: &Context) -> Ordering {
    if let (Type::Array(element), ValueRef::Text(left), ValueRef::Text(right)) = (ty, left, right) {
        return array::compare(element, left, right, context);
    }
    if let (Type::Composite(_), ValueRef::Text(left), ValueRef::Text(right)) = (ty, left, right) {
        return composite::compare(ty, left, right, context);
    }
    match (left, right) {
        (ValueRef::Text(left), ValueRef::Text(right)) => compare_text(ty, left, right, &context.registry),
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left.cmp(&right),
        (ValueRef::Blob(left), ValueRef::Blob(right)) => left.cmp(right),
        _ => compare_classes(left, right),
    }
}

/// The order of stored texts of one type.
fn compare_text(ty: &Type, left: &str, right: &str, registry: &Registry) -> Ordering {
    match ty {
        Type::Numeric => numeric::compare_text(left, right),
        Type::Bpchar => text::compare_bpchar(left, right),
        Type::Citext => text::compare_citext(left, right),
        Type::TimeTz => printed::compare_text::<timetz::TimeTz>(left, right),
        Type::Interval => printed::compare_text::<interval::Interval>(left, right),
        Type::Jsonb => jsonb::compare_text(left, right),
        Type::Inet | Type::Cidr => inet::compare_text(ty, left, right),
        Type::MacAddr => macaddr::compare_text(left, right),
        Type::TsVector | Type::TsQuery => tsearch::compare_text(ty, left, right),
        Type::Array(_) | Type::Record | Type::Composite(_) => array::compare_text(left, right),
        Type::Enum(id) => enums::compare_text(*id, left, right, registry),
        Type::Range(kind) => range::compare_text(*kind, left, right),
        _ => left.cmp(right),
    }
}

/// SQLite's order of classes: numbers, texts, blobs. NaN is a text and so stands behind all numbers.
fn compare_classes(left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
    let rank = |value: ValueRef<'_>| match value {
        ValueRef::Null => 3,
        ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        ValueRef::Text(_) => 1,
        ValueRef::Blob(_) => 2,
    };
    match (rank(left), rank(right)) {
        (0, 0) => float::compare(float::load(left), float::load(right)),
        (left, right) => left.cmp(&right),
    }
}

pub(crate) fn collate(name: &str, left: &str, right: &str, registry: &Registry) -> Ordering {
    if let Some(ty) = name.strip_prefix("pg_array_").and_then(plain_collated_type) {
        return array::compare_by(left, right, &|left, right| compare_text(&ty, left, right, registry));
    }
    match collated_type(name) {
        Some(ty) => compare_text(&ty, left, right, registry),
        None => left.cmp(right),
    }
}

/// The type whose order a collation has.
fn collated_type(name: &str) -> Option<Type> {
    plain_collated_type(name.strip_prefix("pg_")?)
}

fn plain_collated_type(name: &str) -> Option<Type> {
    Some(match name {
        "numeric" => Type::Numeric,
        "bpchar" => Type::Bpchar,
        "citext" => Type::Citext,
        "timetz" => Type::TimeTz,
        "interval" => Type::Interval,
        "jsonb" => Type::Jsonb,
        "inet" => Type::Inet,
        "array" => Type::Record,
        other => {
            if let Some(id) = other.strip_prefix("enum_") {
                return id.parse().ok().map(|id| Type::Enum(TypeId(id)));
            }
            let range = other.strip_prefix("range_")?;
            return RangeKind::ALL.into_iter().find(|kind| kind.name() == range).map(Type::Range);
        }
    })
}

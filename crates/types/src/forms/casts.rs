//! Which types cast to which, and how.

use super::interval::Interval;
use super::json::parse::{Json, parse};
use super::timetz::TimeTz;
use super::{array, bits, composite, enums, inet, integer, money, numeric_time_casts, printed, text};
use crate::context::Context;
use crate::registry::CastKind;
use crate::ty::{ColumnType, Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

/// As `pg_cast` has it, then what holds for all types: I/O conversion to and from strings, arrays by element.
pub(crate) fn cast_kind(from: &Type, to: &Type) -> Option<CastKind> {
    use CastKind::{Assignment, Explicit, Implicit};
    if from == to || *from == Type::Unknown {
        return Some(Implicit);
    }
    match (from, to) {
        (_, Type::Any | Type::AnyElement) => return Some(Implicit),
        (_, Type::AnyNonArray) => return from.element().is_none().then_some(Implicit),
        (Type::Array(_), Type::AnyArray)
        | (Type::Range(_), Type::AnyRange)
        | (Type::Enum(_), Type::AnyEnum) => {
            return Some(Implicit);
        }
        (Type::Array(from), Type::Array(to)) => return cast_kind(from, to),
        (Type::Composite(_), Type::Record) | (Type::Record, Type::Composite(_)) => return Some(Implicit),
        _ => {}
    }
    if let Some(kind) = listed(from, to) {
        return Some(kind);
    }
    if to.is_pseudo() || from.is_pseudo() || *from == Type::Void || *to == Type::Void {
        None
    } else if is_string(to) {
        Some(Assignment)
    } else if is_string(from) {
        Some(Explicit)
    } else {
        None
    }
}

fn is_string(ty: &Type) -> bool {
    ty.is_string() && *ty != Type::Unknown
}

/// The rows of `pg_cast`.
fn listed(from: &Type, to: &Type) -> Option<CastKind> {
    use CastKind::{Assignment, Explicit, Implicit};
    use Type::{
        Bit, Bool, Bpchar, Cidr, Citext, Date, Float4, Float8, Inet, Int2, Int4, Int8, Interval, Json, Jsonb,
        Money, Name, Numeric, Oid, RegConfig, Text, Time, TimeTz, Timestamp, TimestampTz, VarBit, Varchar,
    };
    Some(match (from, to) {
        (Int2, Int4 | Int8 | Float4 | Float8 | Numeric | Oid | RegConfig) => Implicit,
        (Int4, Int8 | Float4 | Float8 | Numeric | Oid | RegConfig) => Implicit,
        (Int8, Float4 | Float8 | Numeric | Oid | RegConfig) => Implicit,
        (Numeric, Float4 | Float8) | (Float4, Float8) | (Oid, RegConfig) | (RegConfig, Oid) => Implicit,
        (Int4, Int2) | (Int8, Int2 | Int4) | (Numeric, Int2 | Int4 | Int8) => Assignment,
        (Float4, Int2 | Int4 | Int8 | Numeric) => Assignment,
        (Float8, Int2 | Int4 | Int8 | Float4 | Numeric) => Assignment,
        (Oid | RegConfig, Int4 | Int8) => Assignment,
        (Bool, Int4) | (Int4, Bool) => Explicit,
        (Text, Bpchar | Name | Varchar) | (Varchar, Text | Bpchar | Name) => Implicit,
        (Bpchar, Text | Varchar | Name) | (Name, Text) | (Citext, Text | Varchar) => Implicit,
        (Date, Timestamp | TimestampTz) | (Timestamp, TimestampTz) => Implicit,
        (Time, Interval | TimeTz) => Implicit,
        (Interval, Time) | (TimeTz, Time) | (Timestamp, Date | Time) => Assignment,
        (TimestampTz, Date | Time | TimeTz | Timestamp) => Assignment,
        (Json, Jsonb) | (Jsonb, Json) | (Inet, Cidr) => Assignment,
        (Cidr, Inet) => Implicit,
        (Bit, VarBit) | (VarBit, Bit) => Implicit,
        (Int4 | Int8, Bit) | (Bit, Int4 | Int8) => Explicit,
        (Numeric | Int4 | Int8, Money) | (Money, Numeric) => Assignment,
        (Jsonb, Bool | Int2 | Int4 | Int8 | Float4 | Float8 | Numeric) => Explicit,
        _ => return None,
    })
}

/// What a length, precision or scale does to a value of the type that it belongs to.
pub(crate) fn apply_modifier(
    column: &ColumnType,
    value: Value,
    explicit: bool,
    context: &Context,
) -> Result<Value> {
    let modifier = column.modifier;
    if modifier == Modifier::None || value.is_null() {
        return Ok(value);
    }
    match (&column.ty, value.as_ref()) {
        (Type::Bool, stored) => super::boolean::apply_modifier(stored, modifier, explicit, context),
        (ty @ (Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid), stored) => {
            integer::apply_modifier(ty, stored, modifier, explicit, context)
        }
        (ty @ (Type::Float4 | Type::Float8), stored) => {
            super::float::apply_modifier(ty, stored, modifier, explicit, context)
        }
        (Type::Numeric, stored) => super::numeric::apply_modifier(stored, modifier, explicit, context),
        (Type::Date, stored) => super::date::apply_modifier(stored, modifier, explicit, context),
        (Type::Time, stored) => super::time::apply_modifier(stored, modifier, explicit, context),
        (Type::TimeTz, stored) => printed::apply_modifier::<TimeTz>(stored, modifier),
        (Type::Timestamp, stored) => super::timestamp::apply_modifier(stored, modifier, explicit, context),
        (Type::TimestampTz, stored) => {
            super::timestamptz::apply_modifier(stored, modifier, explicit, context)
        }
        (Type::Interval, stored) => printed::apply_modifier::<Interval>(stored, modifier),
        (ty @ (Type::Varchar | Type::Bpchar | Type::Citext), ValueRef::Text(stored)) => {
            text::fit(ty, stored, modifier, explicit).map(Value::Text)
        }
        (ty @ (Type::Bit | Type::VarBit), ValueRef::Text(stored)) => {
            bits::fit(ty, stored, modifier, explicit).map(Value::Text)
        }
        (Type::Array(element), ValueRef::Text(stored)) => {
            let column = ColumnType { ty: Type::clone(element), modifier };
            let mut items = array::read(element, stored, context)?;
            for value in &mut items.values {
                *value = apply_modifier(&column, std::mem::take(value), explicit, context)?;
            }
            Ok(array::write(element, &items, context))
        }
        _ => Ok(value),
    }
}

pub(crate) fn cast(
    value: ValueRef<'_>,
    from: &Type,
    to: &ColumnType,
    explicit: bool,
    context: &Context,
) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if let Some(result) = numeric_time_casts::cast(value, from, to, explicit, context) {
        return result;
    }
    if let Some(result) = bits::cast(value, from, to).or_else(|| money::cast(value, from, &to.ty)) {
        return result;
    }
    let plain = convert(value, from, &to.ty, context)?;
    apply_modifier(to, plain, explicit, context)
}

/// The cast without the modifier.
fn convert(value: ValueRef<'_>, from: &Type, to: &Type, context: &Context) -> Result<Value> {
    match (from, to, value) {
        _ if from == to => Ok(value.to_owned()),
        (Type::Bool, Type::Int4, _) => Ok(value.to_owned()),
        (Type::Int4, Type::Bool, ValueRef::Integer(number)) => Ok(Value::Integer(i64::from(number != 0))),
        (
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid | Type::RegConfig,
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid,
            ValueRef::Integer(number),
        ) => integer::in_range(to, i128::from(number)),
        (Type::Jsonb, Type::Json, _) | (Type::Bit | Type::VarBit, Type::Bit | Type::VarBit, _) => {
            Ok(value.to_owned())
        }
        (Type::Json, Type::Jsonb, ValueRef::Text(json)) => super::jsonb::normalize(json).map(Value::Text),
        (Type::Jsonb, _, ValueRef::Text(json)) if to.is_numeric() || *to == Type::Bool => {
            from_jsonb(json, to, context)
        }
        (Type::Array(from), Type::Array(to), ValueRef::Text(stored)) => {
            let column = ColumnType::from(Type::clone(to));
            let mut items = array::read(from, stored, context)?;
            for value in &mut items.values {
                *value = cast(value.as_ref(), from, &column, true, context)?;
            }
            Ok(array::write(to, &items, context))
        }
        (Type::Record | Type::Composite(_), Type::Record, _) => Ok(value.to_owned()),
        (Type::Record | Type::Composite(_), Type::Composite(_), ValueRef::Text(stored)) => {
            composite::cast(stored, to, context)
        }
        (Type::Inet, Type::Cidr, ValueRef::Text(stored)) => inet_to_cidr(stored),
        (_, _, ValueRef::Text(stored)) if from.is_string() && to.is_string() => {
            let stored = if *from == Type::Bpchar { stored.trim_end_matches(' ') } else { stored };
            text::input(to, stored, Modifier::None, context)
        }
        _ => {
            let text = text_of(value, from, context);
            match to {
                Type::Enum(id) => enums::input(*id, &text, context),
                _ => super::input(&ColumnType::from(to.clone()), &text, context),
            }
        }
    }
}

/// The text that a cast to text gives, which is not for every type what its output function gives.
pub(crate) fn text_of(value: ValueRef<'_>, from: &Type, context: &Context) -> String {
    match (from, value) {
        (Type::Bool, ValueRef::Integer(flag)) => if flag == 0 { "false" } else { "true" }.to_owned(),
        (Type::Inet | Type::Cidr, ValueRef::Text(stored)) => inet::cast_to_text(stored),
        (Type::Bpchar, ValueRef::Text(stored)) => stored.trim_end_matches(' ').to_owned(),
        _ => {
            let mut text = String::new();
            super::output(from, value, context, &mut text);
            text
        }
    }
}

/// A jsonb scalar as a number or boolean.
fn from_jsonb(json: &str, to: &Type, context: &Context) -> Result<Value> {
    let column = ColumnType::from(to.clone());
    match (parse(json)?, to) {
        (Json::Bool(flag), Type::Bool) => Ok(Value::Integer(i64::from(flag))),
        (Json::Number(number), _) if *to != Type::Bool => {
            cast(ValueRef::Text(&number), &Type::Numeric, &column, true, context)
        }
        (other, _) => {
            let kind = match other {
                Json::Null => "null",
                Json::Bool(_) => "boolean",
                Json::Number(_) => "numeric",
                Json::String(_) => "string",
                Json::Array(_) => "array",
                Json::Object(_) => "object",
            };
            let name = to.builtin_name().unwrap_or_default();
            Err(Problem::new("22023", format!("cannot cast jsonb {kind} to type {name}")))
        }
    }
}

/// `inet::cidr` cuts the bits behind the network part off.
fn inet_to_cidr(stored: &str) -> Result<Value> {
    match inet::Address::stored(stored) {
        Some(address) => Ok(address.with_number(address.network_number()).to_value(true)),
        None => Err(Problem::new("22P02", format!("invalid input syntax for type cidr: \"{stored}\""))),
    }
}

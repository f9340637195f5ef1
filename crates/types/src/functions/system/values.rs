//! Functions of any value.

use crate::forms;
use crate::functions::define::{Args, truth};
use crate::registry::Call;
use crate::ty::{ColumnType, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;
use std::time::Duration;

/// The body of what the engine carries out; never called.
pub(crate) fn never(_call: &Call<'_>) -> Result<Value> {
    Err(Problem::internal("the engine carries this function out"))
}

pub(crate) fn null(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::Null)
}

pub(crate) fn void(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::text(""))
}

pub(crate) fn yes(_call: &Call<'_>) -> Result<Value> {
    Ok(truth(true))
}

pub(crate) fn no(_call: &Call<'_>) -> Result<Value> {
    Ok(truth(false))
}

pub(crate) fn type_name(call: &Call<'_>) -> Result<Value> {
    let ty = call.types.first().unwrap_or(&Type::Unknown);
    Ok(Value::Text(call.context.registry.type_name(ty)))
}

/// For the built-in types with a well-known number.
pub(crate) fn format_type(call: &Call<'_>) -> Result<Value> {
    let ty = match call.value(0) {
        ValueRef::Integer(16) => Type::Bool,
        ValueRef::Integer(17) => Type::Bytea,
        ValueRef::Integer(19) => Type::Name,
        ValueRef::Integer(20) => Type::Int8,
        ValueRef::Integer(21) => Type::Int2,
        ValueRef::Integer(23) => Type::Int4,
        ValueRef::Integer(25) => Type::Text,
        ValueRef::Integer(26) => Type::Oid,
        ValueRef::Integer(114) => Type::Json,
        ValueRef::Integer(700) => Type::Float4,
        ValueRef::Integer(701) => Type::Float8,
        ValueRef::Integer(869) => Type::Inet,
        ValueRef::Integer(1042) => Type::Bpchar,
        ValueRef::Integer(1043) => Type::Varchar,
        ValueRef::Integer(1082) => Type::Date,
        ValueRef::Integer(1083) => Type::Time,
        ValueRef::Integer(1114) => Type::Timestamp,
        ValueRef::Integer(1184) => Type::TimestampTz,
        ValueRef::Integer(1186) => Type::Interval,
        ValueRef::Integer(1700) => Type::Numeric,
        ValueRef::Integer(2950) => Type::Uuid,
        ValueRef::Integer(3802) => Type::Jsonb,
        ValueRef::Null => return Ok(Value::Null),
        _ => return Ok(Value::text("???")),
    };
    let name = ty.builtin_name().unwrap_or_default();
    Ok(match (ty, call.value(1)) {
        (Type::Varchar | Type::Bpchar, ValueRef::Integer(modifier)) if modifier > 4 => {
            Value::Text(format!("{name}({})", modifier - 4))
        }
        (Type::Numeric, ValueRef::Integer(modifier)) if modifier > 4 => {
            let bits = modifier - 4;
            Value::Text(format!("{name}({},{})", bits >> 16 & 0xffff, bits & 0x7ff))
        }
        _ => Value::text(name),
    })
}

pub(crate) fn size(call: &Call<'_>) -> Result<Value> {
    let bytes = match call.value(0) {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(text) => text.len(),
        ValueRef::Blob(bytes) => bytes.len(),
    };
    Ok(Value::Integer(bytes as i64))
}

/// `pg_input_is_valid(text, type)` for types named without a modifier.
pub(crate) fn is_valid(call: &Call<'_>) -> Result<Value> {
    let name = call.text(1).trim().to_lowercase();
    let (plain, array) = match name.strip_suffix("[]") {
        Some(element) => (element.trim(), true),
        None => (name.as_str(), false),
    };
    let Some(ty) = Type::from_name(plain) else {
        return Err(Problem::new("42704", format!("type \"{}\" does not exist", call.text(1))));
    };
    let ty = if array { Type::array(ty) } else { ty };
    Ok(truth(forms::input(&ColumnType::from(ty), call.text(0), call.context).is_ok()))
}

/// The longest sleep: a statement holds a connection of the pool all the while.
const SLEEP_MAX: Duration = Duration::from_secs(5);

pub(crate) fn sleep(call: &Call<'_>) -> Result<Value> {
    let wanted = Duration::try_from_secs_f64(call.real(0).max(0.0)).unwrap_or(SLEEP_MAX);
    std::thread::sleep(wanted.min(SLEEP_MAX));
    void(call)
}

pub(crate) fn count_nulls(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(call.args.iter().filter(|value| value.is_null()).count() as i64))
}

pub(crate) fn count_values(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(call.args.iter().filter(|value| !value.is_null()).count() as i64))
}

/// The argument that stands so to all others, NULLs aside.
fn extreme(call: &Call<'_>, wanted: Ordering) -> Result<Value> {
    let mut best = ValueRef::Null;
    for value in call.args.iter().copied().filter(|value| !value.is_null()) {
        if best.is_null() || forms::compare(call.returns, value, best, call.context) == wanted {
            best = value;
        }
    }
    Ok(best.to_owned())
}

pub(crate) fn greatest(call: &Call<'_>) -> Result<Value> {
    extreme(call, Ordering::Greater)
}

pub(crate) fn least(call: &Call<'_>) -> Result<Value> {
    extreme(call, Ordering::Less)
}

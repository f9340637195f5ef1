//! Text, JSON and stored forms of values, one module a family of types; this module dispatches.

use crate::context::{Context, Registry};
use crate::registry::CastKind;
use crate::ty::{ColumnType, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

pub(crate) fn input(ty: &ColumnType, _text: &str, context: &Context) -> Result<Value> {
    Err(Problem::internal(format!("no input for {}", context.registry.type_name(&ty.ty))))
}
pub(crate) fn output(_ty: &Type, _value: ValueRef<'_>, _context: &Context, _out: &mut String) {}
pub(crate) fn write_json(_ty: &Type, _value: ValueRef<'_>, _context: &Context, _out: &mut Vec<u8>) {}
pub(crate) fn from_json(ty: &ColumnType, json: &str, context: &Context) -> Result<Value> {
    input(ty, json, context)
}
pub(crate) fn compare(_ty: &Type, _left: ValueRef<'_>, _right: ValueRef<'_>, _context: &Context) -> Ordering {
    Ordering::Equal
}
pub(crate) fn collate(_name: &str, left: &str, right: &str, _registry: &Registry) -> Ordering {
    left.cmp(right)
}
pub(crate) fn cast(
    value: ValueRef<'_>,
    _from: &Type,
    _to: &ColumnType,
    _explicit: bool,
    _context: &Context,
) -> Result<Value> {
    Ok(value.to_owned())
}
pub(crate) fn cast_kind(from: &Type, to: &Type) -> Option<CastKind> {
    (from == to).then_some(CastKind::Implicit)
}

//! Enums: stored as labels, ordered as they were declared.

use crate::context::{Context, Registry};
use crate::ty::{Type, TypeId};
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

pub(crate) fn input(id: TypeId, text: &str, context: &Context) -> Result<Value> {
    let known = context.registry.enums.get(&id).is_some_and(|e| e.labels.iter().any(|label| label == text));
    if known {
        return Ok(Value::text(text));
    }
    let name = context.registry.type_name(&Type::Enum(id));
    Err(Problem::new("22P02", format!("invalid input value for enum {name}: \"{text}\"")))
}

/// Labels that the type does not have (any more) stand behind the others, by bytes.
pub(crate) fn compare_text(id: TypeId, left: &str, right: &str, registry: &Registry) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let labels = registry.enums.get(&id).map(|e| e.labels.as_slice()).unwrap_or_default();
    let place = |text: &str| labels.iter().position(|label| label == text).unwrap_or(labels.len());
    place(left).cmp(&place(right)).then_with(|| left.cmp(right))
}

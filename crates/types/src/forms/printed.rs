//! Types that are stored as the text that PostgreSQL prints: `interval`, `time with time zone`.

use crate::ty::Modifier;
use crate::value::{Value, ValueRef};
use mainstay_base::Result;
use std::cmp::Ordering;

pub(crate) trait Printed: Copy + Default {
    /// Reads what [`Printed::store`] writes.
    fn read(text: &str) -> Option<Self>;
    fn store(self) -> Value;
    /// What a column with the modifier keeps of it.
    fn rounded(self, modifier: Modifier) -> Self;
    fn compare(self, other: Self) -> Ordering;

    /// The value of a stored text; the default for text that is no value.
    fn load(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(text) => Self::read(text).unwrap_or_default(),
            _ => Self::default(),
        }
    }
}

pub(crate) fn output(value: ValueRef<'_>, out: &mut String) {
    if let ValueRef::Text(text) = value {
        out.push_str(text);
    }
}

pub(crate) fn write_json(value: ValueRef<'_>, out: &mut Vec<u8>) {
    let ValueRef::Text(text) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// A collation. Text that is no value sorts behind all values, by its bytes.
pub(crate) fn compare_text<T: Printed>(left: &str, right: &str) -> Ordering {
    match (T::read(left), T::read(right)) {
        (Some(left), Some(right)) => left.compare(right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

pub(crate) fn apply_modifier<T: Printed>(value: ValueRef<'_>, modifier: Modifier) -> Result<Value> {
    match (value, modifier) {
        (ValueRef::Text(_), Modifier::Precision(_)) => Ok(T::load(value).rounded(modifier).store()),
        _ => Ok(value.to_owned()),
    }
}

//! What is in an array and how long it is.

use super::{argument, element_type, items, same, stored};
use crate::forms::array::Items;
use crate::functions::define::{Args, integer, truth};
use crate::registry::Call;
use crate::ty::Type;
use crate::value::Value;
use mainstay_base::{Problem, Result};

/// Whether each element of the second is in the first; NULL is in nothing.
fn includes(call: &Call<'_>, outer: usize, inner: usize) -> Result<Value> {
    let ty = element_type(call, outer);
    let (outer, inner) = (items(call, outer)?.unwrap_or_default(), items(call, inner)?.unwrap_or_default());
    Ok(truth(inner.values.iter().all(|want| {
        !want.is_null() && outer.values.iter().any(|value| same(ty, value.as_ref(), want.as_ref(), call))
    })))
}

pub(crate) fn contains(call: &Call<'_>) -> Result<Value> {
    includes(call, 0, 1)
}

pub(crate) fn contained(call: &Call<'_>) -> Result<Value> {
    includes(call, 1, 0)
}

pub(crate) fn overlaps(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let (left, right) = (items(call, 0)?.unwrap_or_default(), items(call, 1)?.unwrap_or_default());
    Ok(truth(
        left.values
            .iter()
            .filter(|value| !value.is_null())
            .any(|value| right.values.iter().any(|other| same(ty, value.as_ref(), other.as_ref(), call))),
    ))
}

/// The dimension that the second argument numbers from 1.
fn dimension(call: &Call<'_>) -> Result<Option<usize>> {
    let items = items(call, 0)?.unwrap_or_default();
    let number = usize::try_from(call.int(1)).unwrap_or(0);
    Ok(number.checked_sub(1).and_then(|at| items.dims.get(at).copied()))
}

pub(crate) fn length(call: &Call<'_>) -> Result<Value> {
    Ok(dimension(call)?.map_or(Value::Null, integer))
}

pub(crate) fn lower(call: &Call<'_>) -> Result<Value> {
    Ok(dimension(call)?.map_or(Value::Null, |_| Value::Integer(1)))
}

pub(crate) fn dimensions(call: &Call<'_>) -> Result<Value> {
    let count = items(call, 0)?.unwrap_or_default().dims.len();
    Ok(if count == 0 { Value::Null } else { integer(count) })
}

pub(crate) fn dims(call: &Call<'_>) -> Result<Value> {
    let items = items(call, 0)?.unwrap_or_default();
    if items.dims.is_empty() {
        return Ok(Value::Null);
    }
    Ok(Value::Text(items.dims.iter().map(|length| format!("[1:{length}]")).collect()))
}

pub(crate) fn cardinality(call: &Call<'_>) -> Result<Value> {
    Ok(integer(items(call, 0)?.unwrap_or_default().values.len()))
}

/// The places of the elements that equal the second argument, from 1.
fn places(call: &Call<'_>, name: &str) -> Result<Option<Vec<usize>>> {
    let Some(items) = items(call, 0)? else { return Ok(None) };
    if items.dims.len() > 1 {
        return Err(Problem::new(
            "0A000",
            "searching for elements in multidimensional arrays is not supported",
        ));
    }
    if call.has(2) && call.value(2).is_null() {
        return Err(Problem::new("22004", format!("{name}: initial position must not be null")));
    }
    let from = if call.has(2) { call.int(2) } else { 1 };
    let ty = element_type(call, 0);
    let wanted = argument(call, 1);
    let places = items.values.iter().enumerate().map(|(at, value)| (at + 1, value));
    Ok(Some(
        places
            .filter(|(at, value)| *at as i64 >= from && same(ty, value.as_ref(), wanted, call))
            .map(|(at, _)| at)
            .collect(),
    ))
}

pub(crate) fn position(call: &Call<'_>) -> Result<Value> {
    if call.has(2) && call.value(2).is_null() && !call.value(0).is_null() {
        return Err(Problem::new("22004", "initial position must not be null"));
    }
    let found = places(call, "array_position")?.and_then(|places| places.first().copied());
    Ok(found.map_or(Value::Null, integer))
}

pub(crate) fn positions(call: &Call<'_>) -> Result<Value> {
    match places(call, "array_positions")? {
        None => Ok(Value::Null),
        Some(places) => stored(&Type::Int4, &Items::flat(places.into_iter().map(integer).collect()), call),
    }
}

/// `a[i]`, `a[i][j]`: NULL where there is no such element or too few subscripts.
pub(crate) fn get(call: &Call<'_>) -> Result<Value> {
    let items = items(call, 0)?.unwrap_or_default();
    if items.dims.is_empty() || call.args.len() != items.dims.len() + 1 {
        return Ok(Value::Null);
    }
    let mut at = 0;
    for (index, length) in items.dims.iter().enumerate() {
        match usize::try_from(call.int(index + 1)) {
            Ok(subscript) if (1..=*length).contains(&subscript) => at = at * length + subscript - 1,
            _ => return Ok(Value::Null),
        }
    }
    Ok(items.values.into_iter().nth(at).unwrap_or_default())
}

pub(crate) fn unnest(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    Ok(items(call, 0)?.unwrap_or_default().values.into_iter().map(|value| vec![value]).collect())
}

pub(crate) fn subscripts(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let Some(length) = dimension(call)? else { return Ok(Vec::new()) };
    let mut rows: Vec<Vec<Value>> = (1..=length).map(|at| vec![integer(at)]).collect();
    if call.int(2) != 0 {
        rows.reverse();
    }
    Ok(rows)
}

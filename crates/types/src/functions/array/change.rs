//! Arrays made of others.

use super::{argument, element_type, items, same, stored};
use crate::forms::array::{self, Items};
use crate::functions::define::Args;
use crate::registry::Call;
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

fn subscript_error(message: &str) -> Problem {
    Problem::new("2202E", message.to_owned())
}

fn not_one_dimensional() -> Problem {
    Problem::new("22000", "argument must be empty or one-dimensional array")
}

pub(crate) fn cat(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let (left, right) = match (items(call, 0)?, items(call, 1)?) {
        (None, None) => return Ok(Value::Null),
        (Some(only), None) | (None, Some(only)) => return stored(ty, &only, call),
        (Some(left), Some(right)) => (left, right),
    };
    if left.values.is_empty() {
        return stored(ty, &right, call);
    }
    if right.values.is_empty() {
        return stored(ty, &left, call);
    }
    let incompatible = |details: &str| {
        Err(subscript_error("cannot concatenate incompatible arrays").with_details(details.to_owned()))
    };
    let inner = |items: &Items| items.dims.get(1..).unwrap_or_default().to_vec();
    let first = |items: &Items| items.dims.first().copied().unwrap_or_default();
    let dims = match left.dims.len() as i64 - right.dims.len() as i64 {
        0 if inner(&left) == inner(&right) => [vec![first(&left) + first(&right)], inner(&left)].concat(),
        0 => {
            return incompatible(
                "Arrays with differing element dimensions are not compatible for concatenation.",
            );
        }
        1 if inner(&left) == right.dims => [vec![first(&left) + 1], inner(&left)].concat(),
        -1 if inner(&right) == left.dims => [vec![first(&right) + 1], inner(&right)].concat(),
        1 | -1 => {
            return incompatible("Arrays with differing dimensions are not compatible for concatenation.");
        }
        _ => {
            let (a, b) = (left.dims.len(), right.dims.len());
            return incompatible(&format!(
                "Arrays of {a} and {b} dimensions are not compatible for concatenation."
            ));
        }
    };
    stored(ty, &Items { dims, values: [left.values, right.values].concat() }, call)
}

fn extended(call: &Call<'_>, array: usize, element: usize, at_end: bool) -> Result<Value> {
    let ty = element_type(call, array);
    let mut values = match items(call, array)? {
        Some(items) if items.dims.len() > 1 => return Err(not_one_dimensional()),
        Some(items) => items.values,
        None => Vec::new(),
    };
    let value = argument(call, element).to_owned();
    if at_end {
        values.push(value);
    } else {
        values.insert(0, value);
    }
    stored(ty, &Items::flat(values), call)
}

pub(crate) fn append(call: &Call<'_>) -> Result<Value> {
    extended(call, 0, 1, true)
}

pub(crate) fn prepend(call: &Call<'_>) -> Result<Value> {
    extended(call, 1, 0, false)
}

pub(crate) fn remove(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let Some(mut items) = items(call, 0)? else { return Ok(Value::Null) };
    if items.dims.len() > 1 {
        return Err(Problem::new("0A000", "removing elements from multidimensional arrays is not supported"));
    }
    let unwanted = argument(call, 1);
    items.values.retain(|value| !same(ty, value.as_ref(), unwanted, call));
    stored(ty, &Items::flat(items.values), call)
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let Some(mut items) = items(call, 0)? else { return Ok(Value::Null) };
    let (old, new) = (argument(call, 1), argument(call, 2));
    for value in &mut items.values {
        if same(ty, value.as_ref(), old, call) {
            *value = new.to_owned();
        }
    }
    stored(ty, &items, call)
}

pub(crate) fn trim(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let mut items = items(call, 0)?.unwrap_or_default();
    let length = items.dims.first().copied().unwrap_or_default();
    let Some(kept) = usize::try_from(call.int(1)).ok().and_then(|count| length.checked_sub(count)) else {
        return Err(subscript_error(&format!("number of elements to trim must be between 0 and {length}")));
    };
    let row: usize = items.dims.iter().skip(1).product();
    items.values.truncate(kept * row);
    if let Some(first) = items.dims.first_mut() {
        *first = kept;
    }
    if items.values.is_empty() {
        items.dims.clear();
    }
    stored(ty, &items, call)
}

/// As PostgreSQL's `MaxArraySize`, rounded down: what an array can hold.
const ELEMENTS_MAX: usize = 10_000_000;

pub(crate) fn fill(call: &Call<'_>) -> Result<Value> {
    let ty = call.returns.element().unwrap_or(&Type::Text);
    let null = || Problem::new("22004", "dimension array or low bound array cannot be null");
    let ValueRef::Text(dims) = argument(call, 1) else { return Err(null()) };
    if call.has(2) && call.value(2).is_null() {
        return Err(null());
    }
    let sizes = array::read(&Type::Int4, dims, call.context)?;
    let mut dims = Vec::with_capacity(sizes.values.len());
    for size in &sizes.values {
        match size {
            Value::Integer(size) => dims.push(usize::try_from(*size).unwrap_or(0)),
            _ => return Err(Problem::new("22004", "dimension values cannot be null")),
        }
    }
    let total = dims.iter().try_fold(1usize, |total, size| total.checked_mul(*size)).unwrap_or(usize::MAX);
    if total > ELEMENTS_MAX {
        let message = format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})");
        return Err(Problem::new("54000", message));
    }
    if dims.is_empty() || total == 0 {
        return stored(ty, &Items::default(), call);
    }
    stored(ty, &Items { dims, values: vec![argument(call, 0).to_owned(); total] }, call)
}

/// `ARRAY[…]`: of elements, or of arrays that become rows.
pub(crate) fn make(call: &Call<'_>) -> Result<Value> {
    let ty = call.returns.element().unwrap_or(&Type::Text);
    let nested = call.types.first().is_some_and(|ty| ty.element().is_some());
    if !nested {
        let values = call.args.iter().map(|value| ValueRef::to_owned(*value)).collect();
        return stored(ty, &Items::flat(values), call);
    }
    let mut all = Items::default();
    let mut inner: Option<Vec<usize>> = None;
    for index in 0..call.args.len() {
        let items = items(call, index)?.unwrap_or_default();
        if inner.as_ref().is_some_and(|dims| *dims != items.dims) {
            return Err(subscript_error(
                "multidimensional arrays must have array expressions with matching dimensions",
            ));
        }
        inner = Some(items.dims);
        all.values.extend(items.values);
    }
    if !all.values.is_empty() {
        all.dims = [vec![call.args.len()], inner.unwrap_or_default()].concat();
    }
    stored(ty, &all, call)
}

/// `a[l:u]`, `a[l:u][l:u]`: pairs of bounds, NULL where one is left out.
pub(crate) fn slice(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let Some(items) = items(call, 0)? else { return Ok(Value::Null) };
    let mut ranges = Vec::with_capacity(items.dims.len());
    for (index, length) in items.dims.iter().enumerate() {
        let length = *length as i64;
        let bound = |at: usize, open: i64| match argument(call, at) {
            ValueRef::Integer(number) => number,
            _ => open,
        };
        let low = bound(1 + index * 2, 1).max(1);
        let high = bound(2 + index * 2, length).min(length);
        if high < low {
            return stored(ty, &Items::default(), call);
        }
        ranges.push((low - 1) as usize..high as usize);
    }
    if call.args.len() > 1 + ranges.len() * 2 || ranges.is_empty() {
        return stored(ty, &Items::default(), call);
    }
    let mut places = vec![0usize];
    for (range, length) in ranges.iter().zip(&items.dims) {
        places = places.iter().flat_map(|at| range.clone().map(move |index| at * length + index)).collect();
    }
    let values = places.into_iter().map(|at| items.values.get(at).cloned().unwrap_or_default()).collect();
    stored(ty, &Items { dims: ranges.iter().map(ExactSizeIterator::len).collect(), values }, call)
}

/// `SET a[i] = x`: the array, the element, the subscripts. Gaps in an array of one dimension become NULL.
pub(crate) fn set(call: &Call<'_>) -> Result<Value> {
    let ty = element_type(call, 0);
    let mut items = items(call, 0)?.unwrap_or_default();
    let out_of_range = || subscript_error("array subscript out of range");
    let new = argument(call, 1).to_owned();
    if call.args.len() == 3 && items.dims.len() <= 1 {
        let at =
            usize::try_from(call.int(2)).ok().and_then(|at| at.checked_sub(1)).ok_or_else(out_of_range)?;
        if at >= ELEMENTS_MAX {
            return Err(out_of_range());
        }
        if items.values.len() <= at {
            items.values.resize(at + 1, Value::Null);
        }
        if let Some(value) = items.values.get_mut(at) {
            *value = new;
        }
        return stored(ty, &Items::flat(items.values), call);
    }
    if call.args.len() != items.dims.len() + 2 {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    let mut at = 0;
    for (index, length) in items.dims.iter().enumerate() {
        match usize::try_from(call.int(index + 2)) {
            Ok(subscript) if (1..=*length).contains(&subscript) => at = at * length + subscript - 1,
            _ => return Err(out_of_range()),
        }
    }
    if let Some(value) = items.values.get_mut(at) {
        *value = new;
    }
    stored(ty, &items, call)
}

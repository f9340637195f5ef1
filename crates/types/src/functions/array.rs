//! Array functions and operators.

mod change;
mod inspect;
mod texts;

use super::define::{function, operator, rows};
use crate::forms::array::{self, Items};
use crate::registry::{Call, Native, Ty};
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use Ty::{AnyArray, AnyElement, Bool, Int4, Text};
use mainstay_base::Result;

const SECTION: &str = "Array functions and operators";
const INT4S: Ty = Ty::ArrayOf(&Ty::Int4);
const TEXTS: Ty = Ty::ArrayOf(&Ty::Text);

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "@>", &[AnyArray, AnyArray], Bool, inspect::contains),
    operator(SECTION, "<@", &[AnyArray, AnyArray], Bool, inspect::contained),
    operator(SECTION, "&&", &[AnyArray, AnyArray], Bool, inspect::overlaps),
    operator(SECTION, "||", &[AnyArray, AnyArray], AnyArray, change::cat).called_on_null(),
    operator(SECTION, "||", &[AnyArray, AnyElement], AnyArray, change::append).called_on_null(),
    operator(SECTION, "||", &[AnyElement, AnyArray], AnyArray, change::prepend).called_on_null(),
    function(SECTION, "array_cat", &[AnyArray, AnyArray], AnyArray, change::cat).called_on_null(),
    function(SECTION, "array_append", &[AnyArray, AnyElement], AnyArray, change::append).called_on_null(),
    function(SECTION, "array_prepend", &[AnyElement, AnyArray], AnyArray, change::prepend).called_on_null(),
    function(SECTION, "array_remove", &[AnyArray, AnyElement], AnyArray, change::remove).called_on_null(),
    function(SECTION, "array_replace", &[AnyArray, AnyElement, AnyElement], AnyArray, change::replace)
        .called_on_null(),
    function(SECTION, "trim_array", &[AnyArray, Int4], AnyArray, change::trim),
    function(SECTION, "array_fill", &[AnyElement, INT4S], AnyArray, change::fill).called_on_null(),
    function(SECTION, "array_fill", &[AnyElement, INT4S, INT4S], AnyArray, change::fill).called_on_null(),
    function(SECTION, "array_length", &[AnyArray, Int4], Int4, inspect::length),
    function(SECTION, "array_upper", &[AnyArray, Int4], Int4, inspect::length),
    function(SECTION, "array_lower", &[AnyArray, Int4], Int4, inspect::lower),
    function(SECTION, "array_ndims", &[AnyArray], Int4, inspect::dimensions),
    function(SECTION, "array_dims", &[AnyArray], Text, inspect::dims),
    function(SECTION, "cardinality", &[AnyArray], Int4, inspect::cardinality),
    function(SECTION, "array_position", &[AnyArray, AnyElement], Int4, inspect::position).called_on_null(),
    function(SECTION, "array_position", &[AnyArray, AnyElement, Int4], Int4, inspect::position)
        .called_on_null(),
    function(SECTION, "array_positions", &[AnyArray, AnyElement], INT4S, inspect::positions).called_on_null(),
    function(SECTION, "array_to_string", &[AnyArray, Text], Text, texts::join).stable(),
    function(SECTION, "array_to_string", &[AnyArray, Text, Text], Text, texts::join)
        .called_on_null()
        .stable(),
    function(SECTION, "string_to_array", &[Text, Text], TEXTS, texts::split).called_on_null(),
    function(SECTION, "string_to_array", &[Text, Text, Text], TEXTS, texts::split).called_on_null(),
    rows(SECTION, "unnest", &[AnyArray], AnyElement, &[("unnest", AnyElement)], inspect::unnest),
    rows(SECTION, "generate_subscripts", &[AnyArray, Int4], Int4, SUBSCRIPTS, inspect::subscripts),
    rows(SECTION, "generate_subscripts", &[AnyArray, Int4, Bool], Int4, SUBSCRIPTS, inspect::subscripts),
    // What the binder makes of `ARRAY[…]`, `a[i]` and `a[i:j]`.
    function(SECTION, "pg_array_make", &[], AnyArray, change::make).called_on_null(),
    function(SECTION, "pg_array_make", &[Ty::Any], AnyArray, change::make).with_variadic().called_on_null(),
    function(SECTION, "pg_array_get", &[AnyArray, Int4], AnyElement, inspect::get).with_variadic(),
    function(SECTION, "pg_array_slice", &[AnyArray, Int4], AnyArray, change::slice)
        .with_variadic()
        .called_on_null(),
    function(SECTION, "pg_array_set", &[AnyArray, AnyElement, Int4], AnyArray, change::set)
        .with_variadic()
        .called_on_null(),
];

const SUBSCRIPTS: &[(&str, Ty)] = &[("generate_subscripts", Int4)];

/// The type of the elements of the array argument at `index`.
fn element_type<'a>(call: &Call<'a>, index: usize) -> &'a Type {
    call.types.get(index).and_then(Type::element).or_else(|| call.returns.element()).unwrap_or(&Type::Text)
}

/// The array argument at `index`; none where it is NULL.
fn items(call: &Call<'_>, index: usize) -> Result<Option<Items>> {
    match call.args.get(index) {
        Some(ValueRef::Text(stored)) => {
            array::read(element_type(call, index), stored, call.context).map(Some)
        }
        _ => Ok(None),
    }
}

fn argument<'a>(call: &Call<'a>, index: usize) -> ValueRef<'a> {
    call.args.get(index).copied().unwrap_or_default()
}

/// Equality as `IS NOT DISTINCT FROM` has it.
fn same(ty: &Type, left: ValueRef<'_>, right: ValueRef<'_>, call: &Call<'_>) -> bool {
    match (left.is_null(), right.is_null()) {
        (false, false) => crate::forms::compare(ty, left, right, call.context).is_eq(),
        (left, right) => left && right,
    }
}

fn stored(element: &Type, items: &Items, call: &Call<'_>) -> Result<Value> {
    Ok(array::write(element, items, call.context))
}

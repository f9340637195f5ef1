//! Functions and operators of ranges.

use super::define::{Args, function, operator, truth};
use crate::forms::range::{Bound, End, Range, compare_bounds, compare_values};
use crate::registry::{Call, Native, Ty};
use crate::ty::{RangeKind, Type};
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

const SECTION: &str = "Ranges";
const R: Ty = Ty::AnyRange;
const E: Ty = Ty::AnyElement;

/// The two constructors of a kind: with the usual bounds `[)`, and with given ones.
macro_rules! constructors {
    ($name:literal, $kind:ident, $subtype:ident) => {
        [
            function(SECTION, $name, &[Ty::$subtype, Ty::$subtype], Ty::Range(RangeKind::$kind), construct)
                .called_on_null(),
            function(
                SECTION,
                $name,
                &[Ty::$subtype, Ty::$subtype, Ty::Text],
                Ty::Range(RangeKind::$kind),
                construct,
            )
            .called_on_null(),
        ]
    };
}

pub(crate) static INT4: &[Native] = &constructors!("int4range", Int4, Int4);
pub(crate) static INT8: &[Native] = &constructors!("int8range", Int8, Int8);
pub(crate) static NUM: &[Native] = &constructors!("numrange", Num, Numeric);
pub(crate) static TS: &[Native] = &constructors!("tsrange", Ts, Timestamp);
pub(crate) static TSTZ: &[Native] = &constructors!("tstzrange", TsTz, TimestampTz);
pub(crate) static DATE: &[Native] = &constructors!("daterange", Date, Date);

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "lower", &[R], E, |call| bound(call, End::Lower)),
    function(SECTION, "upper", &[R], E, |call| bound(call, End::Upper)),
    function(SECTION, "isempty", &[R], Ty::Bool, |call| Ok(truth(range(call, 0)? == Range::Empty))),
    function(SECTION, "lower_inc", &[R], Ty::Bool, |call| {
        test_bound(call, End::Lower, |bound| bound.inclusive)
    }),
    function(SECTION, "upper_inc", &[R], Ty::Bool, |call| {
        test_bound(call, End::Upper, |bound| bound.inclusive)
    }),
    function(SECTION, "lower_inf", &[R], Ty::Bool, |call| {
        test_bound(call, End::Lower, |bound| bound.value.is_none())
    }),
    function(SECTION, "upper_inf", &[R], Ty::Bool, |call| {
        test_bound(call, End::Upper, |bound| bound.value.is_none())
    }),
    function(SECTION, "range_merge", &[R, R], R, |call| combine(call, merge)),
    operator(SECTION, "@>", &[R, R], Ty::Bool, |call| compare(call, contains)),
    operator(SECTION, "<@", &[R, R], Ty::Bool, |call| {
        compare(call, |kind, left, right| contains(kind, right, left))
    }),
    operator(SECTION, "@>", &[R, E], Ty::Bool, |call| contains_element(call, 0, 1)),
    operator(SECTION, "<@", &[E, R], Ty::Bool, |call| contains_element(call, 1, 0)),
    operator(SECTION, "&&", &[R, R], Ty::Bool, |call| compare(call, overlaps)),
    operator(SECTION, "<<", &[R, R], Ty::Bool, |call| compare(call, before)),
    operator(SECTION, ">>", &[R, R], Ty::Bool, |call| {
        compare(call, |kind, left, right| before(kind, right, left))
    }),
    operator(SECTION, "&<", &[R, R], Ty::Bool, |call| {
        compare(call, |kind, left, right| {
            ends(left, right).is_some_and(|(left, right)| order(kind, left, right, End::Upper).is_le())
        })
    }),
    operator(SECTION, "&>", &[R, R], Ty::Bool, |call| {
        compare(call, |kind, left, right| {
            starts(left, right).is_some_and(|(left, right)| order(kind, left, right, End::Lower).is_ge())
        })
    }),
    operator(SECTION, "-|-", &[R, R], Ty::Bool, |call| {
        compare(call, |kind, left, right| adjacent(kind, left, right) || adjacent(kind, right, left))
    }),
    operator(SECTION, "+", &[R, R], R, |call| combine(call, union)),
    operator(SECTION, "*", &[R, R], R, |call| {
        combine(call, |kind, left, right| Ok(intersection(kind, left, right)))
    }),
    operator(SECTION, "-", &[R, R], R, |call| combine(call, difference)),
    operator(SECTION, "=", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_eq)),
    operator(SECTION, "<>", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_ne)),
    operator(SECTION, "<", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_lt)),
    operator(SECTION, "<=", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_le)),
    operator(SECTION, ">", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_gt)),
    operator(SECTION, ">=", &[R, R], Ty::Bool, |call| compare_ranges(call, Ordering::is_ge)),
];

/// The kind of the range among the arguments or the result.
fn kind(call: &Call<'_>) -> Result<RangeKind> {
    call.types
        .iter()
        .chain([call.returns])
        .find_map(|ty| match ty {
            Type::Range(kind) => Some(*kind),
            _ => None,
        })
        .ok_or_else(|| Problem::internal("a range function was called without a range"))
}

fn range(call: &Call<'_>, index: usize) -> Result<Range> {
    Range::stored(kind(call)?, call.text(index))
}

fn construct(call: &Call<'_>) -> Result<Value> {
    let Type::Range(kind) = call.returns else {
        return Err(Problem::internal("a range constructor does not return a range"));
    };
    let brackets = if call.has(2) { call.text(2) } else { "[)" };
    if call.has(2) && call.value(2).is_null() {
        return Err(Problem::new("22000", "range constructor flags argument must not be null"));
    }
    let (lower_inclusive, upper_inclusive) = match brackets {
        "[]" => (true, true),
        "[)" => (true, false),
        "(]" => (false, true),
        "()" => (false, false),
        _ => {
            return Err(Problem::new("42601", "invalid range bound flags")
                .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
    };
    let value = |index: usize| Some(call.value(index).to_owned()).filter(|value| !value.is_null());
    let lower = Bound::new(value(0), lower_inclusive);
    let upper = Bound::new(value(1), upper_inclusive);
    Ok(Range::new(*kind, lower, upper)?.to_value(*kind))
}

fn end_of(range: Range, end: End) -> Option<Bound> {
    match (range, end) {
        (Range::Empty, _) => None,
        (Range::Span { lower, .. }, End::Lower) => Some(lower),
        (Range::Span { upper, .. }, End::Upper) => Some(upper),
    }
}

fn bound(call: &Call<'_>, end: End) -> Result<Value> {
    Ok(end_of(range(call, 0)?, end).and_then(|bound| bound.value).unwrap_or(Value::Null))
}

fn test_bound(call: &Call<'_>, end: End, test: fn(&Bound) -> bool) -> Result<Value> {
    Ok(truth(end_of(range(call, 0)?, end).is_some_and(|bound| test(&bound))))
}

fn compare(call: &Call<'_>, test: fn(RangeKind, &Range, &Range) -> bool) -> Result<Value> {
    Ok(truth(test(kind(call)?, &range(call, 0)?, &range(call, 1)?)))
}

fn compare_ranges(call: &Call<'_>, test: fn(Ordering) -> bool) -> Result<Value> {
    Ok(truth(test(range(call, 0)?.compare(&range(call, 1)?, kind(call)?))))
}

fn combine(call: &Call<'_>, operation: fn(RangeKind, Range, Range) -> Result<Range>) -> Result<Value> {
    let kind = kind(call)?;
    Ok(operation(kind, range(call, 0)?, range(call, 1)?)?.to_value(kind))
}

fn starts<'a>(left: &'a Range, right: &'a Range) -> Option<(&'a Bound, &'a Bound)> {
    match (left, right) {
        (Range::Span { lower: left, .. }, Range::Span { lower: right, .. }) => Some((left, right)),
        _ => None,
    }
}

fn ends<'a>(left: &'a Range, right: &'a Range) -> Option<(&'a Bound, &'a Bound)> {
    match (left, right) {
        (Range::Span { upper: left, .. }, Range::Span { upper: right, .. }) => Some((left, right)),
        _ => None,
    }
}

/// Orders two bounds of the same end.
fn order(kind: RangeKind, left: &Bound, right: &Bound, end: End) -> Ordering {
    compare_bounds(kind, (left, end), (right, end))
}

fn contains(kind: RangeKind, outer: &Range, inner: &Range) -> bool {
    if *inner == Range::Empty {
        return true;
    }
    starts(outer, inner).is_some_and(|(outer, inner)| order(kind, outer, inner, End::Lower).is_le())
        && ends(outer, inner).is_some_and(|(outer, inner)| order(kind, outer, inner, End::Upper).is_ge())
}

fn contains_element(call: &Call<'_>, range_index: usize, element_index: usize) -> Result<Value> {
    let kind = kind(call)?;
    let Range::Span { lower, upper } = range(call, range_index)? else { return Ok(truth(false)) };
    let element = call.value(element_index);
    let above = lower.value.is_none_or(|low| match compare_values(kind, low.as_ref(), element) {
        Ordering::Less => true,
        Ordering::Equal => lower.inclusive,
        Ordering::Greater => false,
    });
    let below = upper.value.is_none_or(|high| match compare_values(kind, element, high.as_ref()) {
        Ordering::Less => true,
        Ordering::Equal => upper.inclusive,
        Ordering::Greater => false,
    });
    Ok(truth(above && below))
}

/// Whether `left` ends before `right` begins.
fn before(kind: RangeKind, left: &Range, right: &Range) -> bool {
    match (left, right) {
        (Range::Span { upper, .. }, Range::Span { lower, .. }) => {
            compare_bounds(kind, (upper, End::Upper), (lower, End::Lower)).is_lt()
        }
        _ => false,
    }
}

fn overlaps(kind: RangeKind, left: &Range, right: &Range) -> bool {
    *left != Range::Empty
        && *right != Range::Empty
        && !before(kind, left, right)
        && !before(kind, right, left)
}

/// Whether `right` begins exactly where `left` ends, with nothing between and nothing shared.
fn adjacent(kind: RangeKind, left: &Range, right: &Range) -> bool {
    let (Range::Span { upper, .. }, Range::Span { lower, .. }) = (left, right) else { return false };
    let (Some(end), Some(start)) = (&upper.value, &lower.value) else { return false };
    compare_values(kind, end.as_ref(), start.as_ref()).is_eq() && upper.inclusive != lower.inclusive
}

/// The smallest range that covers both.
fn merge(kind: RangeKind, left: Range, right: Range) -> Result<Range> {
    Ok(match (left, right) {
        (Range::Empty, other) | (other, Range::Empty) => other,
        (Range::Span { lower, upper }, Range::Span { lower: other_lower, upper: other_upper }) => {
            let first = order(kind, &lower, &other_lower, End::Lower).is_lt();
            let last = order(kind, &upper, &other_upper, End::Upper).is_gt();
            Range::Span {
                lower: if first { lower } else { other_lower },
                upper: if last { upper } else { other_upper },
            }
        }
    })
}

fn union(kind: RangeKind, left: Range, right: Range) -> Result<Range> {
    let joined = left == Range::Empty
        || right == Range::Empty
        || overlaps(kind, &left, &right)
        || adjacent(kind, &left, &right)
        || adjacent(kind, &right, &left);
    if !joined {
        return Err(Problem::new("22000", "result of range union would not be contiguous"));
    }
    merge(kind, left, right)
}

fn intersection(kind: RangeKind, left: Range, right: Range) -> Range {
    if !overlaps(kind, &left, &right) {
        return Range::Empty;
    }
    match (left, right) {
        (Range::Span { lower, upper }, Range::Span { lower: other_lower, upper: other_upper }) => {
            let first = order(kind, &lower, &other_lower, End::Lower).is_ge();
            let last = order(kind, &upper, &other_upper, End::Upper).is_le();
            Range::Span {
                lower: if first { lower } else { other_lower },
                upper: if last { upper } else { other_upper },
            }
        }
        _ => Range::Empty,
    }
}

fn difference(kind: RangeKind, left: Range, right: Range) -> Result<Range> {
    if !overlaps(kind, &left, &right) {
        return Ok(left);
    }
    let (Range::Span { lower, upper }, Range::Span { lower: cut_lower, upper: cut_upper }) = (left, right)
    else {
        return Ok(Range::Empty);
    };
    let starts_before = order(kind, &lower, &cut_lower, End::Lower).is_lt();
    let ends_after = order(kind, &upper, &cut_upper, End::Upper).is_gt();
    match (starts_before, ends_after) {
        (true, true) => Err(Problem::new("22000", "result of range difference would not be contiguous")),
        (true, false) => Range::new(kind, lower, Bound { inclusive: !cut_lower.inclusive, ..cut_lower }),
        (false, true) => Range::new(kind, Bound { inclusive: !cut_upper.inclusive, ..cut_upper }, upper),
        (false, false) => Ok(Range::Empty),
    }
}

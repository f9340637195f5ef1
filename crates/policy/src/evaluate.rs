//! Three-valued evaluation of a typed expression over a row.

use mainstay_base::{Problem, Result};
use mainstay_sql::typed::{Call, Comparison, Expression};
use mainstay_types::registry::Body;
use mainstay_types::{Call as NativeCall, Context, Type, Value, ValueRef, value};
use std::cmp::Ordering;

/// A value of the row or of the expression, or one that was made on the way.
pub(crate) enum Slot<'a> {
    Borrowed(ValueRef<'a>),
    Owned(Value),
}

impl Slot<'_> {
    fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Slot::Borrowed(value) => *value,
            Slot::Owned(value) => value.as_ref(),
        }
    }

    pub(crate) fn into_owned(self) -> Value {
        match self {
            Slot::Borrowed(value) => value.to_owned(),
            Slot::Owned(value) => value,
        }
    }
}

pub(crate) fn as_truth(value: ValueRef<'_>) -> Option<bool> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number != 0),
        _ => Some(false),
    }
}

fn of_truth<'a>(truth: Option<bool>) -> Slot<'a> {
    Slot::Borrowed(truth.map_or(ValueRef::Null, |truth| ValueRef::Integer(i64::from(truth))))
}

/// The truth of a boolean expression; AND and OR stop where their answer is known.
pub(crate) fn truth(expression: &Expression, row: &[Value], context: &Context) -> Result<Option<bool>> {
    Ok(match expression {
        Expression::And(parts) => joined(parts, false, row, context)?,
        Expression::Or(parts) => joined(parts, true, row, context)?,
        Expression::Not(part) => truth(part, row, context)?.map(|truth| !truth),
        Expression::IsNull(part) => Some(evaluate(part, row, context)?.as_ref().is_null()),
        Expression::Is(part, wanted) => Some(truth(part, row, context)? == *wanted),
        Expression::Compare(comparison, ty, sides) => {
            let [left, right] = &**sides;
            let left = evaluate(left, row, context)?;
            let right = evaluate(right, row, context)?;
            order(ty, left.as_ref(), right.as_ref(), context).map(|order| holds(*comparison, order))
        }
        Expression::Distinct(ty, sides) => {
            let [left, right] = &**sides;
            let left = evaluate(left, row, context)?;
            let right = evaluate(right, row, context)?;
            Some(match (left.as_ref().is_null(), right.as_ref().is_null()) {
                (true, true) => false,
                (false, false) => order(ty, left.as_ref(), right.as_ref(), context) != Some(Ordering::Equal),
                _ => true,
            })
        }
        _ => as_truth(evaluate(expression, row, context)?.as_ref()),
    })
}

/// AND, or OR where `decisive` is true: one decisive part decides, else a NULL among them shows.
fn joined(parts: &[Expression], decisive: bool, row: &[Value], context: &Context) -> Result<Option<bool>> {
    let mut unknown = false;
    for part in parts {
        match truth(part, row, context)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(!decisive) })
}

fn order(ty: &Type, left: ValueRef<'_>, right: ValueRef<'_>, context: &Context) -> Option<Ordering> {
    match (left, right) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => None,
        (ValueRef::Integer(left), ValueRef::Integer(right)) => Some(left.cmp(&right)),
        _ => Some(value::compare(ty, left, right, context)),
    }
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

pub(crate) fn evaluate<'a>(
    expression: &'a Expression,
    row: &'a [Value],
    context: &Context,
) -> Result<Slot<'a>> {
    match expression {
        Expression::Column(index) => match row.get(*index) {
            Some(value) => Ok(Slot::Borrowed(value.as_ref())),
            None => Err(Problem::internal("a row with too few columns for its condition")),
        },
        Expression::Constant(value) => Ok(Slot::Borrowed(value.as_ref())),
        Expression::Cast(part, from, to, explicit) => {
            let slot = evaluate(part, row, context)?;
            if slot.as_ref().is_null() {
                return Ok(slot);
            }
            value::cast(slot.as_ref(), from, to, *explicit, context).map(Slot::Owned)
        }
        Expression::Case(arms, otherwise) => {
            for (condition, value) in arms {
                if truth(condition, row, context)? == Some(true) {
                    return evaluate(value, row, context);
                }
            }
            evaluate(otherwise, row, context)
        }
        Expression::Coalesce(parts) => {
            for part in parts {
                let slot = evaluate(part, row, context)?;
                if !slot.as_ref().is_null() {
                    return Ok(slot);
                }
            }
            Ok(Slot::Borrowed(ValueRef::Null))
        }
        Expression::Call(call) => called(call, row, context).map(Slot::Owned),
        _ => truth(expression, row, context).map(of_truth),
    }
}

fn called(call: &Call, row: &[Value], context: &Context) -> Result<Value> {
    let Body::Rust(body) = call.native.body else {
        return Err(Problem::internal(format!("{}() is not in Rust", call.native.name)));
    };
    let mut slots = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        let slot = evaluate(argument, row, context)?;
        if call.native.strict && slot.as_ref().is_null() {
            return Ok(Value::Null);
        }
        slots.push(slot);
    }
    let args: Vec<ValueRef<'_>> = slots.iter().map(Slot::as_ref).collect();
    body(&NativeCall { args: &args, types: &call.types, returns: &call.returns, context })
}

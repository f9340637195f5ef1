//! `bool_and`, `bool_or`, `bit_and`, `bit_or`, `bit_xor`.

use super::number;
use crate::registry::{AggregateState, Call};
use crate::value::Value;
use mainstay_base::Result;

/// Folds whole numbers; booleans are 0 and 1, for which the bitwise operations are the logical ones.
struct Fold {
    value: Option<i64>,
    operation: fn(i64, i64) -> i64,
}

fn fold(operation: fn(i64, i64) -> i64) -> Box<dyn AggregateState> {
    Box::new(Fold { value: None, operation })
}

pub(super) fn all() -> Box<dyn AggregateState> {
    bit_and()
}

pub(super) fn any() -> Box<dyn AggregateState> {
    bit_or()
}

pub(super) fn bit_and() -> Box<dyn AggregateState> {
    fold(|a, b| a & b)
}

pub(super) fn bit_or() -> Box<dyn AggregateState> {
    fold(|a, b| a | b)
}

pub(super) fn bit_xor() -> Box<dyn AggregateState> {
    fold(|a, b| a ^ b)
}

impl AggregateState for Fold {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = number(call);
        self.value = Some(self.value.map_or(value, |so_far| (self.operation)(so_far, value)));
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.value.map_or(Value::Null, Value::Integer))
    }
}

//! `min`, `max` and `any_value` of every type.

use super::{argument_type, first};
use crate::registry::{AggregateState, Call};
use crate::value::Value;
use mainstay_base::Result;
use std::cmp::Ordering;

struct Best {
    value: Value,
    /// A value that stands so to the best one takes its place.
    wanted: Ordering,
}

pub(super) fn minimum() -> Box<dyn AggregateState> {
    Box::new(Best { value: Value::Null, wanted: Ordering::Less })
}

pub(super) fn maximum() -> Box<dyn AggregateState> {
    Box::new(Best { value: Value::Null, wanted: Ordering::Greater })
}

impl AggregateState for Best {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = first(call);
        if value.is_null() {
            return Ok(());
        }
        let better = self.value.is_null()
            || crate::forms::compare(argument_type(call, 0), value, self.value.as_ref(), call.context)
                == self.wanted;
        if better {
            self.value = value.to_owned();
        }
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.value.clone())
    }
}

#[derive(Default)]
struct Any(Value);

pub(super) fn any() -> Box<dyn AggregateState> {
    Box::new(Any::default())
}

impl AggregateState for Any {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if self.0.is_null() {
            self.0 = first(call).to_owned();
        }
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.0.clone())
    }
}

//! `count`.

use crate::registry::{AggregateState, Call};
use crate::value::Value;
use mainstay_base::Result;

#[derive(Default)]
struct Count(i64);

pub(super) fn rows() -> Box<dyn AggregateState> {
    Box::new(Count::default())
}

impl AggregateState for Count {
    fn step(&mut self, _call: &Call<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(Value::Integer(self.0))
    }
}

//! `percentile_cont`, `percentile_disc` and `mode`: the values arrive sorted, as the last argument.

use crate::forms::array::{self, Items};
use crate::forms::float;
use crate::registry::{AggregateState, Call};
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Continuous,
    Discrete,
}

struct Percentile {
    kind: Kind,
    /// What stands in the parentheses: one fraction or an array of them.
    fraction: Value,
    values: Vec<Value>,
}

pub(super) fn continuous() -> Box<dyn AggregateState> {
    Box::new(Percentile { kind: Kind::Continuous, fraction: Value::Null, values: Vec::new() })
}

pub(super) fn discrete() -> Box<dyn AggregateState> {
    Box::new(Percentile { kind: Kind::Discrete, fraction: Value::Null, values: Vec::new() })
}

impl AggregateState for Percentile {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if let [fraction, .., value] = call.args {
            if self.values.is_empty() {
                self.fraction = ValueRef::to_owned(*fraction);
            }
            self.values.push(ValueRef::to_owned(*value));
        }
        Ok(())
    }

    fn value(&self, call: &Call<'_>) -> Result<Value> {
        match self.fraction.as_ref() {
            _ if self.values.is_empty() => Ok(Value::Null),
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Text(stored) if matches!(call.returns, Type::Array(_)) => {
                let fractions = array::read(&Type::Float8, stored, call.context)?;
                let mut values = Vec::with_capacity(fractions.values.len());
                for fraction in &fractions.values {
                    values.push(if fraction.is_null() { Value::Null } else { self.at(fraction.as_ref())? });
                }
                let element = call.returns.element().unwrap_or(&Type::Float8);
                Ok(array::write(element, &Items { dims: fractions.dims, values }, call.context))
            }
            fraction => self.at(fraction),
        }
    }
}

impl Percentile {
    fn at(&self, fraction: ValueRef<'_>) -> Result<Value> {
        let fraction = float::load(fraction);
        if !(0.0..=1.0).contains(&fraction) {
            let mut text = String::new();
            float::write(&Type::Float8, fraction, &mut text);
            return Err(Problem::new("22003", format!("percentile value {text} is not between 0 and 1")));
        }
        let count = self.values.len() as f64;
        let value = |at: f64| self.values.get(at as usize).cloned().unwrap_or_default();
        if self.kind == Kind::Discrete {
            return Ok(value(((fraction * count).ceil() - 1.0).max(0.0)));
        }
        let place = fraction * (count - 1.0);
        let (low, high) = (value(place.floor()), value(place.ceil()));
        let (low, high) = (float::load(low.as_ref()), float::load(high.as_ref()));
        Ok(float::store(if low == high { low } else { low + (place - place.floor()) * (high - low) }))
    }
}

/// The value that comes most often; the first of several in order.
#[derive(Default)]
struct Mode {
    current: Value,
    count: u64,
    best: Value,
    best_count: u64,
}

pub(super) fn mode() -> Box<dyn AggregateState> {
    Box::new(Mode::default())
}

impl AggregateState for Mode {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = call.args.last().copied().unwrap_or_default();
        let ty = super::argument_type(call, 0);
        let same =
            self.count > 0 && crate::forms::compare(ty, value, self.current.as_ref(), call.context).is_eq();
        if same {
            self.count += 1;
        } else {
            self.current = value.to_owned();
            self.count = 1;
        }
        if self.count > self.best_count {
            self.best_count = self.count;
            self.best = self.current.clone();
        }
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.best.clone())
    }
}

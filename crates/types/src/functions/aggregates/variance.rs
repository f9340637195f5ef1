//! Variance and standard deviation.

use super::first;
use super::sums::overflow;
use crate::forms::float;
use crate::forms::numeric::Decimal;
use crate::registry::{AggregateState, Call};
use crate::value::Value;
use mainstay_base::Result;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Spread {
    VarianceOfAll,
    VarianceOfSample,
    DeviationOfAll,
    DeviationOfSample,
}

impl Spread {
    fn of_sample(self) -> bool {
        matches!(self, Spread::VarianceOfSample | Spread::DeviationOfSample)
    }
    fn is_deviation(self) -> bool {
        matches!(self, Spread::DeviationOfAll | Spread::DeviationOfSample)
    }
}

/// Exact sums of the values and their squares.
struct Decimals {
    spread: Spread,
    count: i64,
    sum: Decimal,
    squares: Decimal,
}

pub(super) fn decimal(spread: Spread) -> Box<dyn AggregateState> {
    Box::new(Decimals { spread, count: 0, sum: Decimal::zero(), squares: Decimal::zero() })
}

impl AggregateState for Decimals {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = Decimal::load(first(call));
        self.sum = self.sum.add(&value)?;
        self.squares = self.squares.add(&value.mul(&value)?)?;
        self.count += 1;
        Ok(())
    }

    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.count < if self.spread.of_sample() { 2 } else { 1 } {
            return Ok(Value::Null);
        }
        let count = Decimal::from(self.count);
        let numerator = count.mul(&self.squares)?.sub(&self.sum.mul(&self.sum)?)?;
        if numerator.is_nan() || numerator.scale().is_none() {
            return Ok(Decimal::NaN.store());
        }
        if numerator.signum() <= 0 {
            return Ok(Decimal::zero().store());
        }
        let divisor = if self.spread.of_sample() { Decimal::from(self.count - 1) } else { count.clone() };
        let variance = numerator.div(&count.mul(&divisor)?)?;
        if !self.spread.is_deviation() {
            return Ok(variance.store());
        }
        let scale = i64::from(variance.scale().unwrap_or_default());
        Ok(variance.sqrt()?.round(scale)?.store())
    }
}

/// Youngs and Cramer's running sums, as PostgreSQL has them.
struct Floats {
    spread: Spread,
    count: f64,
    sum: f64,
    squares: f64,
}

pub(super) fn float(spread: Spread) -> Box<dyn AggregateState> {
    Box::new(Floats { spread, count: 0.0, sum: 0.0, squares: 0.0 })
}

impl AggregateState for Floats {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = float::load(first(call));
        let sum_before = self.sum;
        self.count += 1.0;
        self.sum += value;
        if self.count > 1.0 {
            let difference = value * self.count - self.sum;
            self.squares += difference * difference / (self.count * (self.count - 1.0));
            if self.sum.is_infinite() || self.squares.is_infinite() {
                if sum_before.is_finite() && value.is_finite() {
                    return Err(overflow());
                }
                self.squares = f64::NAN;
            }
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        Ok(())
    }

    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        let divisor = if self.spread.of_sample() { self.count - 1.0 } else { self.count };
        if divisor < 1.0 {
            return Ok(Value::Null);
        }
        let variance = self.squares / divisor;
        Ok(float::store(if self.spread.is_deviation() { variance.sqrt() } else { variance }))
    }
}

//! `sum` and `avg`: exact for whole numbers, numerics and intervals.

use super::{first, number};
use crate::forms::float;
use crate::forms::integer;
use crate::forms::interval::{Interval, out_of_range};
use crate::forms::numeric::Decimal;
use crate::forms::printed::Printed;
use crate::registry::{AggregateState, Call};
use crate::ty::Type;
use crate::value::Value;
use mainstay_base::{Problem, Result};

#[derive(Clone, Copy)]
enum Answer {
    /// A sum as `bigint`.
    Integer,
    /// A sum as `numeric`.
    Decimal,
    Average,
}

/// Whole numbers: 2^64 of them fit.
struct Integers {
    sum: i128,
    count: i64,
    answer: Answer,
}

fn of_integers(answer: Answer) -> Box<dyn AggregateState> {
    Box::new(Integers { sum: 0, count: 0, answer })
}

pub(super) fn integers() -> Box<dyn AggregateState> {
    of_integers(Answer::Integer)
}

pub(super) fn big_integers() -> Box<dyn AggregateState> {
    of_integers(Answer::Decimal)
}

pub(super) fn average_integer() -> Box<dyn AggregateState> {
    of_integers(Answer::Average)
}

impl AggregateState for Integers {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.sum += i128::from(number(call));
        self.count += 1;
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        match self.answer {
            Answer::Integer => integer::in_range(&Type::Int8, self.sum),
            Answer::Decimal => Ok(Decimal::integer(self.sum).store()),
            Answer::Average => Ok(Decimal::integer(self.sum).div(&Decimal::from(self.count))?.store()),
        }
    }
}

struct Decimals {
    sum: Decimal,
    count: i64,
    average: bool,
}

pub(super) fn decimals() -> Box<dyn AggregateState> {
    Box::new(Decimals { sum: Decimal::zero(), count: 0, average: false })
}

pub(super) fn average_decimal() -> Box<dyn AggregateState> {
    Box::new(Decimals { sum: Decimal::zero(), count: 0, average: true })
}

impl AggregateState for Decimals {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.sum = self.sum.add(&Decimal::load(first(call)))?;
        self.count += 1;
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        Ok(if self.average { self.sum.div(&Decimal::from(self.count))?.store() } else { self.sum.store() })
    }
}

#[derive(Clone, Copy)]
enum Precision {
    /// `sum(real)` adds in single precision.
    Single,
    Double,
    Average,
}

struct Floats {
    sum: f64,
    count: i64,
    precision: Precision,
}

fn of_floats(precision: Precision) -> Box<dyn AggregateState> {
    Box::new(Floats { sum: 0.0, count: 0, precision })
}

pub(super) fn reals() -> Box<dyn AggregateState> {
    of_floats(Precision::Single)
}

pub(super) fn floats() -> Box<dyn AggregateState> {
    of_floats(Precision::Double)
}

pub(super) fn average_float() -> Box<dyn AggregateState> {
    of_floats(Precision::Average)
}

pub(super) fn overflow() -> Problem {
    Problem::new("22003", "value out of range: overflow")
}

impl AggregateState for Floats {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = float::load(first(call));
        let sum = match self.precision {
            Precision::Single => f64::from(self.sum as f32 + value as f32),
            _ => self.sum + value,
        };
        if sum.is_infinite() && self.sum.is_finite() && value.is_finite() {
            return Err(overflow());
        }
        self.sum = sum;
        self.count += 1;
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(match self.precision {
            _ if self.count == 0 => Value::Null,
            Precision::Average => float::store(self.sum / self.count as f64),
            _ => float::store(self.sum),
        })
    }
}

#[derive(Default)]
struct Intervals {
    sum: Option<Interval>,
    count: i64,
    average: bool,
}

pub(super) fn intervals() -> Box<dyn AggregateState> {
    Box::new(Intervals::default())
}

pub(super) fn average_interval() -> Box<dyn AggregateState> {
    Box::new(Intervals { average: true, ..Intervals::default() })
}

impl AggregateState for Intervals {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = Interval::load(first(call));
        self.sum = Some(match &self.sum {
            Some(sum) => sum.checked_add(value).ok_or_else(out_of_range)?,
            None => value,
        });
        self.count += 1;
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        match self.sum {
            None => Ok(Value::Null),
            Some(sum) if self.average => Ok(divided(sum, self.count as f64).store()),
            Some(sum) => Ok(sum.store()),
        }
    }
}

/// `interval / double precision`: what a month leaves over becomes days, what a day leaves over becomes time.
fn divided(span: Interval, divisor: f64) -> Interval {
    const SECONDS_PER_DAY: f64 = 86_400.0;
    let to_micros = |seconds: f64| (seconds * 1e6).round_ties_even() / 1e6;
    let (months, days) = (f64::from(span.months) / divisor, f64::from(span.days) / divisor);
    let month_days = to_micros((months - months.trunc()) * 30.0);
    let mut seconds = to_micros((days - days.trunc() + month_days - month_days.trunc()) * SECONDS_PER_DAY);
    let mut whole_days = days.trunc();
    if seconds.abs() >= SECONDS_PER_DAY {
        whole_days += (seconds / SECONDS_PER_DAY).trunc();
        seconds -= (seconds / SECONDS_PER_DAY).trunc() * SECONDS_PER_DAY;
    }
    Interval {
        months: months.trunc() as i32,
        days: (whole_days + month_days.trunc()) as i32,
        micros: (span.micros as f64 / divisor + seconds * 1e6).round_ties_even() as i64,
    }
}

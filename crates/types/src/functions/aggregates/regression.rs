//! Aggregates over pairs `(y, x)`: correlation, covariance, linear regression.

use super::sums::overflow;
use crate::forms::float;
use crate::registry::{AggregateState, Call};
use crate::value::Value;
use mainstay_base::Result;

/// Youngs and Cramer's running sums, as PostgreSQL has them.
#[derive(Default)]
pub(super) struct Sums {
    count: f64,
    x: f64,
    xx: f64,
    y: f64,
    yy: f64,
    xy: f64,
}

type Answer = fn(&Sums) -> Option<f64>;

struct Regression {
    sums: Sums,
    answer: Answer,
}

pub(super) fn of(answer: Answer) -> Box<dyn AggregateState> {
    Box::new(Regression { sums: Sums::default(), answer })
}

impl AggregateState for Regression {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let argument = |index: usize| float::load(call.args.get(index).copied().unwrap_or_default());
        let (y, x) = (argument(0), argument(1));
        let sums = &mut self.sums;
        let finite_before = sums.x.is_finite() && sums.y.is_finite() && x.is_finite() && y.is_finite();
        sums.count += 1.0;
        sums.x += x;
        sums.y += y;
        if sums.count > 1.0 {
            let from_x = x * sums.count - sums.x;
            let from_y = y * sums.count - sums.y;
            let scale = 1.0 / (sums.count * (sums.count - 1.0));
            sums.xx += from_x * from_x * scale;
            sums.yy += from_y * from_y * scale;
            sums.xy += from_x * from_y * scale;
            let all = [sums.x, sums.y, sums.xx, sums.yy, sums.xy];
            if all.iter().any(|sum| sum.is_infinite()) {
                if finite_before {
                    return Err(overflow());
                }
                for sum in [&mut sums.xx, &mut sums.yy, &mut sums.xy] {
                    if sum.is_infinite() {
                        *sum = f64::NAN;
                    }
                }
            }
        } else {
            if !x.is_finite() {
                (sums.xx, sums.xy) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (sums.yy, sums.xy) = (f64::NAN, f64::NAN);
            }
        }
        Ok(())
    }

    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.sums.count < 1.0 {
            return Ok(Value::Null);
        }
        Ok((self.answer)(&self.sums).map_or(Value::Null, float::store))
    }
}

pub(super) fn correlation(sums: &Sums) -> Option<f64> {
    (sums.xx != 0.0 && sums.yy != 0.0).then(|| sums.xy / (sums.xx * sums.yy).sqrt())
}

pub(super) fn covariance_of_all(sums: &Sums) -> Option<f64> {
    Some(sums.xy / sums.count)
}

pub(super) fn covariance_of_sample(sums: &Sums) -> Option<f64> {
    (sums.count > 1.0).then(|| sums.xy / (sums.count - 1.0))
}

pub(super) fn average_x(sums: &Sums) -> Option<f64> {
    Some(sums.x / sums.count)
}

pub(super) fn average_y(sums: &Sums) -> Option<f64> {
    Some(sums.y / sums.count)
}

pub(super) fn slope(sums: &Sums) -> Option<f64> {
    (sums.xx != 0.0).then(|| sums.xy / sums.xx)
}

pub(super) fn intercept(sums: &Sums) -> Option<f64> {
    (sums.xx != 0.0).then(|| (sums.y - sums.x * sums.xy / sums.xx) / sums.count)
}

pub(super) fn determination(sums: &Sums) -> Option<f64> {
    if sums.xx == 0.0 {
        None
    } else if sums.yy == 0.0 {
        Some(1.0)
    } else {
        Some(sums.xy * sums.xy / (sums.xx * sums.yy))
    }
}

pub(super) fn sum_xx(sums: &Sums) -> Option<f64> {
    Some(sums.xx)
}

pub(super) fn sum_xy(sums: &Sums) -> Option<f64> {
    Some(sums.xy)
}

pub(super) fn sum_yy(sums: &Sums) -> Option<f64> {
    Some(sums.yy)
}

//! Roots, powers, exponentials and logarithms of decimals: calculated in whole numbers with guard digits, then
//! rounded to the scale that PostgreSQL would choose.

use super::arithmetic::display_scale;
use super::coefficient::{Coefficient, power_of_ten};
use super::{
    DISPLAY_SCALE_MAX, Decimal, Number, RESULT_SCALE_MAX, SIGNIFICANT_DIGITS_MIN, checked, division_by_zero,
    overflow,
};
use mainstay_base::{Problem, Result};
use num_bigint::BigInt;
use std::cmp::Ordering;

/// Digits that calculations carry beyond what they return.
const GUARD_DIGITS: u32 = 12;
const LOG10_OF_E: f64 = std::f64::consts::LOG10_E;
const LN_OF_10: f64 = std::f64::consts::LN_10;

impl Decimal {
    pub(crate) fn sqrt(&self) -> Result<Decimal> {
        let Decimal::Finite(number) = self else {
            return if matches!(self, Decimal::NegativeInfinity) {
                Err(negative_root())
            } else {
                Ok(self.clone())
            };
        };
        if number.coefficient.signum() < 0 {
            return Err(negative_root());
        }
        let (group, _) = number.leading_group();
        let scale = display_scale(SIGNIFICANT_DIGITS_MIN - (group * 2 + 1), &[number]);
        // One digit more than wanted decides the rounding: a truncated root is never exactly half.
        let digits = u32::try_from(scale).unwrap_or(0) + 1;
        let shifted = number.rounded(i64::from(digits) * 2).coefficient.to_big();
        let root = Number { coefficient: Coefficient::from(shifted.sqrt()), scale: digits };
        checked(root.rounded(scale))
    }

    pub(crate) fn exp(&self) -> Result<Decimal> {
        let number = match self {
            Decimal::Finite(number) => number,
            Decimal::NegativeInfinity => return Ok(Decimal::zero()),
            _ => return Ok(self.clone()),
        };
        let weight =
            (self.to_float_lossy() * LOG10_OF_E).clamp(-(RESULT_SCALE_MAX as f64), RESULT_SCALE_MAX as f64);
        let scale = display_scale(SIGNIFICANT_DIGITS_MIN - weight as i64, &[number]);
        checked(exponential(number, scale)?)
    }

    pub(crate) fn ln(&self) -> Result<Decimal> {
        self.logarithm_argument()?.map_or_else(
            || Ok(self.clone()),
            |number| {
                let scale = display_scale(SIGNIFICANT_DIGITS_MIN - ln_weight(number), &[number]);
                checked(natural_logarithm(number, scale))
            },
        )
    }

    /// `log(base, self)`.
    pub(crate) fn log(&self, base: &Decimal) -> Result<Decimal> {
        if self.is_nan() || base.is_nan() {
            return Ok(Decimal::NaN);
        }
        if base.signum() == 0 && !matches!(self, Decimal::Finite(_)) {
            // Minus infinity is the graver mistake.
            self.logarithm_argument()?;
        }
        match (base.logarithm_argument()?, self.logarithm_argument()?) {
            (Some(base), Some(number)) => {
                let (base_weight, weight) = (ln_weight(base), ln_weight(number));
                let result_weight = weight - base_weight;
                let scale = display_scale(SIGNIFICANT_DIGITS_MIN - result_weight, &[base, number]);
                let base_scale = (scale + result_weight - base_weight + 8).max(0);
                let number_scale = (scale + result_weight - weight + 8).max(0);
                let divisor = natural_logarithm(base, base_scale);
                if divisor.coefficient.is_zero() {
                    return Err(division_by_zero());
                }
                checked(natural_logarithm(number, number_scale).divided_to(&divisor, scale))
            }
            (Some(_), None) => Ok(Decimal::Infinity),
            (None, Some(_)) => Ok(Decimal::zero()),
            (None, None) => Ok(Decimal::NaN),
        }
    }

    /// The number if it is finite, none for NaN and infinity; zero and less have no logarithm.
    fn logarithm_argument(&self) -> Result<Option<&Number>> {
        match self.signum() {
            -1 => Err(Problem::new("2201E", "cannot take logarithm of a negative number")),
            0 if !self.is_nan() => Err(Problem::new("2201E", "cannot take logarithm of zero")),
            _ => Ok(match self {
                Decimal::Finite(number) => Some(number),
                _ => None,
            }),
        }
    }

    pub(crate) fn power(&self, exponent: &Decimal) -> Result<Decimal> {
        let (Decimal::Finite(base), Decimal::Finite(power)) = (self, exponent) else {
            return self.power_special(exponent);
        };
        let whole = power.truncated(0);
        let is_whole = whole.compare(power) == Ordering::Equal;
        if base.coefficient.is_zero() && power.coefficient.signum() < 0 {
            return Err(Problem::new("2201F", "zero raised to a negative power is undefined"));
        }
        if base.coefficient.signum() < 0 && !is_whole {
            return Err(Problem::new(
                "2201F",
                "a negative number raised to a non-integer power yields a complex result",
            ));
        }
        if is_whole && let Some(small) = whole.coefficient.to_i128().and_then(|n| i32::try_from(n).ok()) {
            return power_whole(base, small);
        }
        if base.coefficient.is_zero() {
            return Ok(Decimal::new(0, SIGNIFICANT_DIGITS_MIN as u32));
        }
        power_by_logarithm(base, power, is_whole)
    }

    fn power_special(&self, exponent: &Decimal) -> Result<Decimal> {
        let one = Decimal::integer(1);
        if exponent.is_zero() || self.compare(&one) == Ordering::Equal {
            return Ok(one);
        }
        if self.is_nan() || exponent.is_nan() {
            return Ok(Decimal::NaN);
        }
        if let Decimal::Finite(power) = exponent {
            // The base is infinite.
            let whole = power.truncated(0);
            let is_whole = whole.compare(power) == Ordering::Equal;
            if self.signum() < 0 && !is_whole {
                return Err(Problem::new(
                    "2201F",
                    "a negative number raised to a non-integer power yields a complex result",
                ));
            }
            if exponent.signum() < 0 {
                return Ok(Decimal::zero());
            }
            let odd = !exponent.rem(&Decimal::integer(2))?.is_zero();
            return Ok(if self.signum() < 0 && odd { Decimal::NegativeInfinity } else { Decimal::Infinity });
        }
        if self.is_zero() && exponent.signum() < 0 {
            return Err(Problem::new("2201F", "zero raised to a negative power is undefined"));
        }
        let size = self.abs().compare(&one);
        Ok(match (size, exponent.signum()) {
            (Ordering::Equal, _) => one,
            (Ordering::Greater, 1) | (Ordering::Less, -1) => Decimal::Infinity,
            _ => Decimal::zero(),
        })
    }
}

fn negative_root() -> Problem {
    Problem::new("2201F", "cannot take square root of a negative number")
}

/// `power_var_int`: repeated squaring, with at least 16 digits behind the point.
fn power_whole(base: &Number, exponent: i32) -> Result<Decimal> {
    let size = if base.coefficient.is_zero() { 0.0 } else { f64::from(exponent) * log10_estimate(base) };
    let scale = display_scale(SIGNIFICANT_DIGITS_MIN, &[base]);
    if size > f64::from(32_768 * 4) {
        return Err(overflow());
    }
    if size + 1.0 < -(scale as f64) {
        return Ok(Decimal::new(0, scale as u32));
    }
    match exponent {
        0 => return checked(Number::integer(1).rounded(scale)),
        1 => return checked(base.rounded(scale)),
        -1 => return checked(Number::integer(1).divided_to(base, scale)),
        2 => return checked(base.times(base).rounded(scale)),
        _ => {}
    }
    if base.coefficient.is_zero() {
        return Ok(Decimal::new(0, scale as u32));
    }
    // Each step keeps enough significant digits for the error of all multiplications to stay behind the result's.
    let significant = scale + size.max(0.0) as i64 + 16 + i64::from(exponent.unsigned_abs().ilog2());
    let mut remaining = exponent.unsigned_abs();
    let mut square = base.clone();
    let mut product = Number::integer(1);
    while remaining > 0 {
        if remaining & 1 == 1 {
            product = keep_digits(product.times_unbounded(&square), significant);
        }
        remaining >>= 1;
        if remaining > 0 {
            square = keep_digits(square.times_unbounded(&square), significant);
        }
    }
    checked(if exponent < 0 {
        Number::integer(1).divided_to(&product, scale)
    } else {
        product.rounded(scale)
    })
}

fn keep_digits(number: Number, significant: i64) -> Number {
    let scale = significant - number.leading_digit_position();
    if scale < i64::from(number.scale) { number.rounded(scale) } else { number }
}

impl Number {
    /// A product whose scale is not cut to what can be stored.
    fn times_unbounded(&self, other: &Number) -> Number {
        Number {
            coefficient: self.coefficient.times(&other.coefficient),
            scale: self.scale.saturating_add(other.scale),
        }
    }
}

/// `power_var`: e^(exponent * ln base).
fn power_by_logarithm(base: &Number, power: &Number, is_whole: bool) -> Result<Decimal> {
    let magnitude = Number { coefficient: base.coefficient.absolute(), scale: base.scale };
    let weight = ln_weight(&magnitude);
    let rough_scale = (8 - weight).max(0);
    let rough = natural_logarithm(&magnitude, rough_scale).times(power).rounded(rough_scale);
    let rough = Decimal::Finite(rough).to_float_lossy();
    if rough.abs() > RESULT_SCALE_MAX as f64 * 3.01 {
        return if rough > 0.0 { Err(overflow()) } else { Ok(Decimal::new(0, DISPLAY_SCALE_MAX as u32)) };
    }
    let result_weight = (rough * LOG10_OF_E) as i64;
    let scale = display_scale(SIGNIFICANT_DIGITS_MIN - result_weight, &[base, power]);
    let inner_scale = (scale + result_weight - weight + 8).max(0);
    let product = natural_logarithm(&magnitude, inner_scale + power.leading_digit_position().max(0))
        .times(power)
        .rounded(inner_scale);
    let result = exponential(&product, scale)?;
    let odd = is_whole && power.truncated(0).rem_two();
    checked(if base.coefficient.signum() < 0 && odd { result.negated() } else { result })
}

impl Number {
    fn rem_two(&self) -> bool {
        self.coefficient.divided(&Coefficient::Small(2)).is_some_and(|(_, rest)| !rest.is_zero())
    }
}

/// `log10(|number|)`, good to about 15 digits.
fn log10_estimate(number: &Number) -> f64 {
    let digits = number.coefficient.digits();
    let dropped = digits.saturating_sub(17);
    let power = Coefficient::Small(1).times_power_of_ten(dropped);
    let leading = number.coefficient.absolute().divided(&power).map_or(Coefficient::Small(1), |(q, _)| q);
    let leading = leading.to_i128().unwrap_or(1) as f64;
    leading.log10() + f64::from(dropped) - f64::from(number.scale)
}

/// `estimate_ln_dweight`: the decimal position of the first digit of the logarithm, roughly. The number is positive.
fn ln_weight(number: &Number) -> i64 {
    let near = |tenths: i128| Number { coefficient: Coefficient::Small(tenths), scale: 1 };
    if number.compare(&near(9)) != Ordering::Less && number.compare(&near(11)) != Ordering::Greater {
        let distance = number.minus(&Number::integer(1));
        return if distance.coefficient.is_zero() { 0 } else { distance.leading_digit_position() };
    }
    let ln = log10_estimate(number) * LN_OF_10;
    ln.abs().log10() as i64
}

/// e^number, rounded to the scale.
fn exponential(number: &Number, scale: i64) -> Result<Number> {
    let size = Decimal::Finite(number.clone()).to_float_lossy();
    if size.abs() >= RESULT_SCALE_MAX as f64 * 3.0 {
        return if size > 0.0 { Err(overflow()) } else { Ok(Number::integer(0).rounded(scale)) };
    }
    let whole_digits = (size * LOG10_OF_E).max(0.0) as u32 + 1;
    // Halving the argument so often that the series converges fast; each squaring back doubles the error.
    let halvings = (size.abs().max(1.0).log2() as u32) + 8;
    let precision = u32::try_from(scale).unwrap_or(0) + whole_digits + GUARD_DIGITS + halvings / 3;
    let unit = power_of_ten(precision);
    let argument = number.rounded(i64::from(precision)).coefficient.to_big() >> halvings;
    let (mut sum, mut term, mut n) = (&unit + &argument, argument.clone(), 2u32);
    while term.magnitude().bits() > 1 {
        term = &term * &argument / &unit / n;
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        sum = &sum * &sum / &unit;
    }
    Ok(Number { coefficient: Coefficient::from(sum), scale: precision }.rounded(scale))
}

/// ln(number), rounded to the scale. The number is positive.
fn natural_logarithm(number: &Number, scale: i64) -> Number {
    let precision = u32::try_from(scale).unwrap_or(0) + GUARD_DIGITS;
    // number = mantissa * 10^position with 1 <= mantissa < 10.
    let position = number.leading_digit_position();
    // A number near one keeps its distance from one exactly: no digits are lost in front.
    let (mantissa, position) =
        if position == -1 { (number.clone(), 0) } else { (shifted(number, position), position) };
    let extra = 8 + u32::try_from(ln_weight(&mantissa).min(0).unsigned_abs()).unwrap_or(0).min(2000);
    let digits = precision + extra;
    let unit = power_of_ten(digits);
    let mantissa = mantissa.rounded(i64::from(digits)).coefficient.to_big();
    let mut sum = logarithm_of_fixed(&mantissa, &unit);
    if position != 0 {
        let ten = logarithm_of_fixed(&(&unit * 10), &unit);
        sum += ten * position;
    }
    Number { coefficient: Coefficient::from(sum), scale: digits }.rounded(scale)
}

fn shifted(number: &Number, position: i64) -> Number {
    let scale = i64::from(number.scale) + position;
    match u32::try_from(scale) {
        Ok(scale) => Number { coefficient: number.coefficient.clone(), scale },
        Err(_) => Number {
            coefficient: number.coefficient.times_power_of_ten(u32::try_from(-scale).unwrap_or(0)),
            scale: 0,
        },
    }
}

/// ln of `value / unit` as a multiple of `unit`: square roots bring the value near one, then
/// ln x = 2 artanh((x - 1) / (x + 1)).
fn logarithm_of_fixed(value: &BigInt, unit: &BigInt) -> BigInt {
    let mut value = value.clone();
    let mut doublings = 0u32;
    let near: BigInt = unit / 64;
    while (&value - unit).magnitude() > near.magnitude() && doublings < 64 {
        value = (&value * unit).sqrt();
        doublings += 1;
    }
    let z = (&value - unit) * unit / (&value + unit);
    let z_squared = &z * &z / unit;
    let (mut sum, mut power, mut n) = (z.clone(), z, 3u32);
    while power.magnitude().bits() > 1 {
        power = &power * &z_squared / unit;
        sum += &power / n;
        n += 2;
    }
    sum << (doublings + 1)
}

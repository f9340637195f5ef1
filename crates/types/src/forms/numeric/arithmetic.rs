//! Exact arithmetic on decimals, with PostgreSQL's scales.

use super::coefficient::Coefficient;
use super::{
    DISPLAY_SCALE_MAX, Decimal, Number, RESULT_SCALE_MAX, SCALE_MAX, SIGNIFICANT_DIGITS_MIN, checked,
    division_by_zero,
};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

impl Number {
    pub(crate) fn integer(number: i128) -> Number {
        Number { coefficient: Coefficient::Small(number), scale: 0 }
    }

    pub(crate) fn compare(&self, other: &Number) -> Ordering {
        let by_sign = self.coefficient.signum().cmp(&other.coefficient.signum());
        if by_sign != Ordering::Equal {
            return by_sign;
        }
        let (left, right, _) = aligned(self, other);
        left.compare(&right)
    }

    /// Where the first digit that is not zero stands: 0 for units, 1 for tens, -1 for tenths. 0 for zero.
    pub(crate) fn leading_digit_position(&self) -> i64 {
        if self.coefficient.is_zero() {
            return 0;
        }
        i64::from(self.coefficient.digits()) - 1 - i64::from(self.scale)
    }

    pub(super) fn whole_digits(&self) -> i64 {
        self.leading_digit_position() + 1
    }

    /// Rounded half away from zero. A scale below zero rounds tens, hundreds, …; more digits than there are get zeros.
    pub(crate) fn rounded(&self, scale: i64) -> Number {
        self.rescaled(scale, |coefficient, power| coefficient.divided_rounding(power))
    }

    /// As [`Number::rounded`], towards zero.
    pub(crate) fn truncated(&self, scale: i64) -> Number {
        self.rescaled(scale, |coefficient, power| {
            coefficient.divided(power).map_or(Coefficient::Small(0), |(quotient, _)| quotient)
        })
    }

    fn rescaled(&self, scale: i64, divide: impl Fn(&Coefficient, &Coefficient) -> Coefficient) -> Number {
        let display_scale = u32::try_from(scale.max(0)).unwrap_or(SCALE_MAX);
        let dropped = i64::from(self.scale) - scale;
        if dropped <= 0 {
            let zeros = u32::try_from(-dropped).unwrap_or(0);
            return Number { coefficient: self.coefficient.times_power_of_ten(zeros), scale: display_scale };
        }
        if dropped > i64::from(self.coefficient.digits()) {
            return Number { coefficient: Coefficient::Small(0), scale: display_scale };
        }
        let power = Coefficient::Small(1).times_power_of_ten(u32::try_from(dropped).unwrap_or(0));
        let coefficient = divide(&self.coefficient, &power);
        let zeros = u32::try_from((-scale).max(0)).unwrap_or(0);
        Number { coefficient: coefficient.times_power_of_ten(zeros), scale: display_scale }
    }

    pub(crate) fn plus(&self, other: &Number) -> Number {
        let (left, right, scale) = aligned(self, other);
        Number { coefficient: left.plus(&right), scale }
    }

    pub(crate) fn minus(&self, other: &Number) -> Number {
        self.plus(&other.negated())
    }

    pub(crate) fn negated(&self) -> Number {
        Number { coefficient: self.coefficient.negated(), scale: self.scale }
    }

    pub(crate) fn times(&self, other: &Number) -> Number {
        let product = Number {
            coefficient: self.coefficient.times(&other.coefficient),
            scale: self.scale.saturating_add(other.scale),
        };
        if product.scale > SCALE_MAX { product.rounded(i64::from(SCALE_MAX)) } else { product }
    }

    /// The quotient with so many digits behind the point, rounded half away from zero. The divisor is not zero.
    pub(crate) fn divided_to(&self, divisor: &Number, scale: i64) -> Number {
        let (left, right) = self.scaled_for_division(divisor, scale);
        Number { coefficient: left.divided_rounding(&right), scale: u32::try_from(scale).unwrap_or(0) }
    }

    /// The whole part of the quotient. The divisor is not zero.
    fn divided_whole(&self, divisor: &Number) -> Number {
        let (left, right) = self.scaled_for_division(divisor, 0);
        let coefficient = left.divided(&right).map_or(Coefficient::Small(0), |(quotient, _)| quotient);
        Number { coefficient, scale: 0 }
    }

    fn scaled_for_division(&self, divisor: &Number, scale: i64) -> (Coefficient, Coefficient) {
        let shift = scale + i64::from(divisor.scale) - i64::from(self.scale);
        let by = u32::try_from(shift.unsigned_abs()).unwrap_or(0);
        if shift >= 0 {
            (self.coefficient.times_power_of_ten(by), divisor.coefficient.clone())
        } else {
            (self.coefficient.clone(), divisor.coefficient.times_power_of_ten(by))
        }
    }

    /// PostgreSQL keeps groups of four digits: the position of the first group that is not zero, and that group.
    /// Both show in the scale of quotients.
    pub(super) fn leading_group(&self) -> (i64, i64) {
        if self.coefficient.is_zero() {
            return (0, 0);
        }
        let position = self.leading_digit_position();
        let group = position.div_euclid(4);
        // The group holds the digits at positions group*4+3 … group*4.
        let wanted = position.rem_euclid(4) + 1;
        let shift = i64::from(self.coefficient.digits()) - wanted;
        let by = u32::try_from(shift.unsigned_abs()).unwrap_or(0);
        let leading = if shift >= 0 {
            let power = Coefficient::Small(1).times_power_of_ten(by);
            self.coefficient.divided(&power).map_or(Coefficient::Small(0), |(quotient, _)| quotient)
        } else {
            self.coefficient.times_power_of_ten(by)
        };
        (group, leading.absolute().to_i128().and_then(|group| i64::try_from(group).ok()).unwrap_or(0))
    }
}

/// `select_div_scale`: how many digits a quotient gets.
pub(super) fn quotient_scale(dividend: &Number, divisor: &Number) -> i64 {
    let (left_group, left_digits) = dividend.leading_group();
    let (right_group, right_digits) = divisor.leading_group();
    let mut group = left_group - right_group;
    if left_digits <= right_digits {
        group -= 1;
    }
    display_scale(SIGNIFICANT_DIGITS_MIN - group * 4, &[dividend, divisor])
}

/// A wanted scale, raised to those of the inputs and kept within what calculations may choose.
pub(super) fn display_scale(wanted: i64, inputs: &[&Number]) -> i64 {
    let least = inputs.iter().map(|number| i64::from(number.scale)).max().unwrap_or(0);
    wanted.max(least).clamp(0, DISPLAY_SCALE_MAX)
}

fn aligned(left: &Number, right: &Number) -> (Coefficient, Coefficient, u32) {
    let scale = left.scale.max(right.scale);
    (
        left.coefficient.times_power_of_ten(scale - left.scale),
        right.coefficient.times_power_of_ten(scale - right.scale),
        scale,
    )
}

/// The infinity with the sign, NaN for no sign.
fn infinite(sign: i32) -> Decimal {
    match sign {
        1 => Decimal::Infinity,
        -1 => Decimal::NegativeInfinity,
        _ => Decimal::NaN,
    }
}

impl Decimal {
    pub(crate) fn add(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => checked(left.plus(right)),
            (Decimal::NaN, _) | (_, Decimal::NaN) => Ok(Decimal::NaN),
            (Decimal::Infinity, Decimal::NegativeInfinity)
            | (Decimal::NegativeInfinity, Decimal::Infinity) => Ok(Decimal::NaN),
            (Decimal::Finite(_), infinity) | (infinity, _) => Ok(infinity.clone()),
        }
    }

    pub(crate) fn sub(&self, other: &Decimal) -> Result<Decimal> {
        self.add(&other.neg())
    }

    pub(crate) fn neg(&self) -> Decimal {
        match self {
            Decimal::Finite(number) => Decimal::Finite(number.negated()),
            Decimal::NaN => Decimal::NaN,
            Decimal::Infinity => Decimal::NegativeInfinity,
            Decimal::NegativeInfinity => Decimal::Infinity,
        }
    }

    pub(crate) fn abs(&self) -> Decimal {
        if self.signum() < 0 { self.neg() } else { self.clone() }
    }

    pub(crate) fn mul(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => checked(left.times(right)),
            _ => Ok(infinite(self.signum() * other.signum())),
        }
    }

    /// `/`
    pub(crate) fn div(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => {
                if right.coefficient.is_zero() {
                    return Err(division_by_zero());
                }
                checked(left.divided_to(right, quotient_scale(left, right)))
            }
            _ => self.divided_special(other),
        }
    }

    /// `div(x, y)`: the whole part of the quotient.
    pub(crate) fn div_whole(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(_), Decimal::Finite(right)) if right.coefficient.is_zero() => {
                Err(division_by_zero())
            }
            (Decimal::Finite(left), Decimal::Finite(right)) => checked(left.divided_whole(right)),
            _ => self.divided_special(other),
        }
    }

    fn divided_special(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::NaN, _) | (_, Decimal::NaN) => Ok(Decimal::NaN),
            (_, Decimal::Finite(right)) if right.coefficient.is_zero() => Err(division_by_zero()),
            (_, Decimal::Finite(_)) => Ok(infinite(self.signum() * other.signum())),
            (Decimal::Finite(_), _) => Ok(Decimal::zero()),
            _ => Ok(Decimal::NaN),
        }
    }

    /// `%`: has the sign of the dividend.
    pub(crate) fn rem(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::NaN, _) | (_, Decimal::NaN) => Ok(Decimal::NaN),
            (_, Decimal::Finite(right)) if right.coefficient.is_zero() => Err(division_by_zero()),
            (Decimal::Finite(left), Decimal::Finite(right)) => {
                let (left_aligned, right_aligned, scale) = aligned(left, right);
                let rest =
                    left_aligned.divided(&right_aligned).map_or(Coefficient::Small(0), |(_, rest)| rest);
                Ok(Decimal::Finite(Number { coefficient: rest, scale }))
            }
            (Decimal::Finite(_), _) => Ok(self.clone()),
            _ => Ok(Decimal::NaN),
        }
    }

    pub(crate) fn round(&self, digits: i64) -> Result<Decimal> {
        self.map_finite(|number| checked(number.rounded(digits.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX))))
    }

    pub(crate) fn trunc(&self, digits: i64) -> Result<Decimal> {
        self.map_finite(|number| checked(number.truncated(digits.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX))))
    }

    pub(crate) fn floor(&self) -> Result<Decimal> {
        self.map_finite(|number| {
            let whole = number.truncated(0);
            let below = whole.compare(number) == Ordering::Greater;
            checked(if below { whole.minus(&Number::integer(1)) } else { whole })
        })
    }

    pub(crate) fn ceil(&self) -> Result<Decimal> {
        Ok(self.neg().floor()?.neg())
    }

    pub(crate) fn map_finite(&self, f: impl FnOnce(&Number) -> Result<Decimal>) -> Result<Decimal> {
        match self {
            Decimal::Finite(number) => f(number),
            other => Ok(other.clone()),
        }
    }

    /// The scale, which NaN and the infinities do not have.
    pub(crate) fn scale(&self) -> Option<u32> {
        match self {
            Decimal::Finite(number) => Some(number.scale),
            _ => None,
        }
    }

    /// Without the zeros at the end of the fraction.
    pub(crate) fn trimmed(&self) -> Decimal {
        let Decimal::Finite(number) = self else { return self.clone() };
        let ten = Coefficient::Small(10);
        let mut trimmed = number.clone();
        while trimmed.scale > 0 {
            match trimmed.coefficient.divided(&ten) {
                Some((quotient, rest)) if rest.is_zero() => {
                    trimmed = Number { coefficient: quotient, scale: trimmed.scale - 1 };
                }
                _ => break,
            }
        }
        Decimal::Finite(trimmed)
    }

    /// The greatest common divisor; not negative.
    pub(crate) fn gcd(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => {
                let (mut left, mut right, scale) = aligned(left, right);
                while let Some((_, rest)) = left.divided(&right) {
                    left = right;
                    right = rest;
                }
                checked(Number { coefficient: left.absolute(), scale })
            }
            (Decimal::NaN, _) | (_, Decimal::NaN) => Ok(Decimal::NaN),
            _ => Ok(Decimal::NaN),
        }
    }

    /// The least common multiple; not negative.
    pub(crate) fn lcm(&self, other: &Decimal) -> Result<Decimal> {
        match (self, other) {
            (Decimal::Finite(left), Decimal::Finite(right)) => {
                let scale = left.scale.max(right.scale);
                if left.coefficient.is_zero() || right.coefficient.is_zero() {
                    return Ok(Decimal::new(0, scale));
                }
                let divisor = self.gcd(other)?;
                let product = self.div_whole(&divisor)?.mul(other)?.abs();
                product.map_finite(|number| checked(number.rounded(i64::from(scale))))
            }
            _ => Ok(Decimal::NaN),
        }
    }

    /// `width_bucket(operand, low, high, count)`.
    pub(crate) fn width_bucket(&self, low: &Decimal, high: &Decimal, count: i64) -> Result<i64> {
        let refused = |message: &str| Err(Problem::new("2201G", message));
        if count <= 0 {
            return refused("count must be greater than zero");
        }
        if self.is_nan() || low.is_nan() || high.is_nan() {
            return refused("operand, lower bound, and upper bound cannot be NaN");
        }
        if !matches!((low, high), (Decimal::Finite(_), Decimal::Finite(_))) {
            return refused("lower and upper bounds must be finite");
        }
        let direction = low.compare(high);
        if direction == Ordering::Equal {
            return refused("lower bound cannot equal upper bound");
        }
        if self.compare(low) == direction {
            return Ok(0);
        }
        if self.compare(high) != direction {
            return Ok(count + 1);
        }
        let position = self.sub(low)?.mul(&Decimal::from(count))?;
        let bucket = position.div_whole(&high.sub(low)?)?;
        Ok(bucket.to_integer(&crate::Type::Int8)? + 1)
    }
}

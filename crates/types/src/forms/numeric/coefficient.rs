//! The whole number inside a decimal: in a register while it fits, on the heap when it does not.

use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;

/// Always `Small` when the number fits, so that equal numbers have equal forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coefficient {
    Small(i128),
    Large(BigInt),
}

/// `10^exponent` where it fits.
pub(crate) fn small_power_of_ten(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

pub(crate) fn power_of_ten(exponent: u32) -> BigInt {
    match small_power_of_ten(exponent) {
        Some(power) => BigInt::from(power),
        None => BigInt::from(10).pow(exponent),
    }
}

impl From<BigInt> for Coefficient {
    fn from(number: BigInt) -> Self {
        match i128::try_from(&number) {
            Ok(small) => Coefficient::Small(small),
            Err(_) => Coefficient::Large(number),
        }
    }
}

impl Coefficient {
    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, Coefficient::Small(0))
    }

    pub(crate) fn signum(&self) -> i32 {
        match self {
            Coefficient::Small(number) => number.signum() as i32,
            Coefficient::Large(number) => match number.sign() {
                Sign::Minus => -1,
                Sign::NoSign => 0,
                Sign::Plus => 1,
            },
        }
    }

    pub(crate) fn to_big(&self) -> BigInt {
        match self {
            Coefficient::Small(number) => BigInt::from(*number),
            Coefficient::Large(number) => number.clone(),
        }
    }

    pub(crate) fn to_i128(&self) -> Option<i128> {
        match self {
            Coefficient::Small(number) => Some(*number),
            Coefficient::Large(_) => None,
        }
    }

    pub(crate) fn negated(&self) -> Coefficient {
        match self {
            Coefficient::Small(number) => {
                number.checked_neg().map_or_else(|| Coefficient::from(-self.to_big()), Coefficient::Small)
            }
            Coefficient::Large(number) => Coefficient::from(-number),
        }
    }

    pub(crate) fn plus(&self, other: &Coefficient) -> Coefficient {
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, other)
            && let Some(sum) = left.checked_add(*right)
        {
            return Coefficient::Small(sum);
        }
        Coefficient::from(self.to_big() + other.to_big())
    }

    pub(crate) fn times(&self, other: &Coefficient) -> Coefficient {
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, other)
            && let Some(product) = left.checked_mul(*right)
        {
            return Coefficient::Small(product);
        }
        Coefficient::from(self.to_big() * other.to_big())
    }

    pub(crate) fn times_power_of_ten(&self, exponent: u32) -> Coefficient {
        if exponent == 0 || self.is_zero() {
            return self.clone();
        }
        if let (Coefficient::Small(number), Some(power)) = (self, small_power_of_ten(exponent))
            && let Some(product) = number.checked_mul(power)
        {
            return Coefficient::Small(product);
        }
        Coefficient::from(self.to_big() * power_of_ten(exponent))
    }

    /// Quotient towards zero and remainder with the sign of `self`; `None` for a divisor of zero.
    pub(crate) fn divided(&self, divisor: &Coefficient) -> Option<(Coefficient, Coefficient)> {
        if divisor.is_zero() {
            return None;
        }
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, divisor)
            && let (Some(quotient), Some(rest)) = (left.checked_div(*right), left.checked_rem(*right))
        {
            return Some((Coefficient::Small(quotient), Coefficient::Small(rest)));
        }
        let (left, right) = (self.to_big(), divisor.to_big());
        let quotient = &left / &right;
        let rest = left - &quotient * right;
        Some((Coefficient::from(quotient), Coefficient::from(rest)))
    }

    /// `self / divisor`, rounded half away from zero; zero for a divisor of zero, which callers exclude.
    pub(crate) fn divided_rounding(&self, divisor: &Coefficient) -> Coefficient {
        let Some((quotient, rest)) = self.divided(divisor) else { return Coefficient::Small(0) };
        let twice = rest.plus(&rest).absolute();
        if twice.compare(&divisor.absolute()) == Ordering::Less {
            return quotient;
        }
        quotient.plus(&Coefficient::Small(i128::from(self.signum() * divisor.signum())))
    }

    pub(crate) fn absolute(&self) -> Coefficient {
        if self.signum() < 0 { self.negated() } else { self.clone() }
    }

    pub(crate) fn compare(&self, other: &Coefficient) -> Ordering {
        match (self, other) {
            (Coefficient::Small(left), Coefficient::Small(right)) => left.cmp(right),
            _ => self.to_big().cmp(&other.to_big()),
        }
    }

    /// How many decimal digits the number has; one for zero.
    pub(crate) fn digits(&self) -> u32 {
        match self {
            Coefficient::Small(number) => number.unsigned_abs().checked_ilog10().unwrap_or(0) + 1,
            Coefficient::Large(number) => {
                // log10(2) < 0.30103: the estimate is never too high, and never more than a few too low.
                let mut digits =
                    u32::try_from(number.bits().saturating_sub(1) * 30_102 / 100_000).unwrap_or(0);
                let mut power = power_of_ten(digits);
                while power.magnitude() <= number.magnitude() {
                    power *= 10;
                    digits += 1;
                }
                digits
            }
        }
    }
}

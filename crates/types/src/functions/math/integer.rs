//! Integers: every result is checked against the range of its type.

use super::{FUNCTIONS, OPERATORS};
use crate::forms::integer::{fits, in_range, out_of_range};
use crate::forms::numeric::{Coefficient, Decimal, Number, checked, division_by_zero};
use crate::functions::define::{Args, function, operator};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::{Problem, Result};

use Ty::{Int2, Int4, Int8, Numeric};

/// What every integer type has for itself.
macro_rules! of_one_type {
    ($($ty:expr),*) => {
        [$(
            operator(OPERATORS, "%", &[$ty, $ty], $ty, remainder),
            operator(OPERATORS, "&", &[$ty, $ty], $ty, |call| Ok(Value::Integer(call.int(0) & call.int(1)))),
            operator(OPERATORS, "|", &[$ty, $ty], $ty, |call| Ok(Value::Integer(call.int(0) | call.int(1)))),
            operator(OPERATORS, "#", &[$ty, $ty], $ty, |call| Ok(Value::Integer(call.int(0) ^ call.int(1)))),
            operator(OPERATORS, "~", &[$ty], $ty, |call| Ok(Value::Integer(!call.int(0)))),
            operator(OPERATORS, "<<", &[$ty, Int4], $ty, shift_left),
            operator(OPERATORS, ">>", &[$ty, Int4], $ty, shift_right),
            operator(OPERATORS, "-", &[$ty], $ty, negate),
            operator(OPERATORS, "+", &[$ty], $ty, |call| Ok(Value::Integer(call.int(0)))),
            operator(OPERATORS, "@", &[$ty], $ty, absolute),
            function(FUNCTIONS, "abs", &[$ty], $ty, absolute),
            function(FUNCTIONS, "mod", &[$ty, $ty], $ty, remainder),
        )*]
    };
}

static ARITHMETIC: [Native; 36] = arithmetic![
    (Int2, Int2, Int2),
    (Int2, Int4, Int4),
    (Int2, Int8, Int8),
    (Int4, Int2, Int4),
    (Int4, Int4, Int4),
    (Int4, Int8, Int8),
    (Int8, Int2, Int8),
    (Int8, Int4, Int8),
    (Int8, Int8, Int8),
];
static OF_ONE_TYPE: [Native; 36] = of_one_type![Int2, Int4, Int8];
static OTHERS: [Native; 5] = [
    function(FUNCTIONS, "gcd", &[Int4, Int4], Int4, greatest_common_divisor),
    function(FUNCTIONS, "gcd", &[Int8, Int8], Int8, greatest_common_divisor),
    function(FUNCTIONS, "lcm", &[Int4, Int4], Int4, least_common_multiple),
    function(FUNCTIONS, "lcm", &[Int8, Int8], Int8, least_common_multiple),
    function(FUNCTIONS, "factorial", &[Int8], Numeric, factorial),
];

pub(crate) static TABLES: [&[Native]; 3] = [&ARITHMETIC, &OF_ONE_TYPE, &OTHERS];

fn wide(call: &Call<'_>, index: usize) -> i128 {
    i128::from(call.int(index))
}

fn add(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0) + wide(call, 1))
}

fn subtract(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0) - wide(call, 1))
}

fn multiply(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0) * wide(call, 1))
}

fn divide(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0).checked_div(wide(call, 1)).ok_or_else(division_by_zero)?)
}

fn remainder(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0).checked_rem(wide(call, 1)).ok_or_else(division_by_zero)?)
}

fn negate(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, -wide(call, 0))
}

fn absolute(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, wide(call, 0).abs())
}

/// As the processor shifts: by the distance modulo the width, bits that leave are lost.
fn shift_left(call: &Call<'_>) -> Result<Value> {
    let (number, distance) = (call.int(0), call.int(1) as u32);
    Ok(Value::Integer(match call.returns {
        Type::Int8 => number.wrapping_shl(distance),
        Type::Int4 => i64::from((number as i32).wrapping_shl(distance)),
        _ => i64::from((number as i32).wrapping_shl(distance) as i16),
    }))
}

fn shift_right(call: &Call<'_>) -> Result<Value> {
    let (number, distance) = (call.int(0), call.int(1) as u32);
    Ok(Value::Integer(match call.returns {
        Type::Int8 => number.wrapping_shr(distance),
        _ => i64::from((number as i32).wrapping_shr(distance)),
    }))
}

fn gcd(left: i128, right: i128) -> i128 {
    let (mut left, mut right) = (left.abs(), right.abs());
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn greatest_common_divisor(call: &Call<'_>) -> Result<Value> {
    in_range(call.returns, gcd(wide(call, 0), wide(call, 1)))
}

fn least_common_multiple(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (wide(call, 0), wide(call, 1));
    if left == 0 || right == 0 {
        return Ok(Value::Integer(0));
    }
    fits(call.returns, (left / gcd(left, right) * right).abs())
        .map(Value::Integer)
        .ok_or_else(|| out_of_range(call.returns))
}

fn factorial(call: &Call<'_>) -> Result<Value> {
    let number = call.int(0);
    if number < 0 {
        return Err(Problem::new("22003", "factorial of a negative number is undefined"));
    }
    if number > 32_177 {
        return Err(crate::forms::numeric::overflow());
    }
    let mut product = Coefficient::Small(1);
    for factor in 2..=number {
        product = product.times(&Coefficient::Small(i128::from(factor)));
    }
    Ok(checked(Number { coefficient: product, scale: 0 }).unwrap_or(Decimal::NaN).store())
}

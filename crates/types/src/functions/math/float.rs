//! `real` and `double precision`: results that leave the range are errors, as in PostgreSQL.

use super::trigonometry as trig;
use super::{FUNCTIONS, OPERATORS};
use crate::forms::float::{self, store};
use crate::functions::define::{Args, function, operator};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::{Problem, Result};

use Ty::{Float4, Float8, Int4};

macro_rules! of_one_type {
    ($($ty:expr),*) => {
        [$(
            operator(OPERATORS, "-", &[$ty], $ty, |call| Ok(store(-call.real(0)))),
            operator(OPERATORS, "+", &[$ty], $ty, |call| Ok(store(call.real(0)))),
            operator(OPERATORS, "@", &[$ty], $ty, |call| Ok(store(call.real(0).abs()))),
            function(FUNCTIONS, "abs", &[$ty], $ty, |call| Ok(store(call.real(0).abs()))),
        )*]
    };
}

/// A function of one float that has an answer for every argument.
macro_rules! simple {
    ($name:literal, $body:expr) => {
        function(FUNCTIONS, $name, &[Float8], Float8, |call| {
            let body: fn(f64) -> f64 = $body;
            Ok(store(body(call.real(0))))
        })
    };
}

/// A function of one float that may refuse.
macro_rules! partial {
    ($name:literal, $body:path) => {
        function(FUNCTIONS, $name, &[Float8], Float8, |call| $body(call.real(0)).map(store))
    };
}

static ARITHMETIC: [Native; 16] = arithmetic![
    (Float4, Float4, Float4),
    (Float4, Float8, Float8),
    (Float8, Float4, Float8),
    (Float8, Float8, Float8),
];
static OF_ONE_TYPE: [Native; 8] = of_one_type![Float4, Float8];
static OTHERS: &[Native] = &[
    operator(OPERATORS, "^", &[Float8, Float8], Float8, |call| power(call.real(0), call.real(1)).map(store)),
    operator(OPERATORS, "|/", &[Float8], Float8, |call| square_root(call.real(0)).map(store)),
    operator(OPERATORS, "||/", &[Float8], Float8, |call| Ok(store(call.real(0).cbrt()))),
    simple!("cbrt", f64::cbrt),
    simple!("ceil", f64::ceil),
    simple!("ceiling", f64::ceil),
    simple!("floor", f64::floor),
    simple!("round", f64::round_ties_even),
    simple!("trunc", f64::trunc),
    simple!("sign", |x| if x == 0.0 || x.is_nan() { 0.0 } else { x.signum() }),
    simple!("radians", f64::to_radians),
    partial!("degrees", trig::degrees),
    partial!("sqrt", square_root),
    partial!("exp", exponential),
    partial!("ln", natural_logarithm),
    partial!("log", common_logarithm),
    partial!("log10", common_logarithm),
    function(FUNCTIONS, "power", &[Float8, Float8], Float8, |call| {
        power(call.real(0), call.real(1)).map(store)
    }),
    function(FUNCTIONS, "pow", &[Float8, Float8], Float8, |call| {
        power(call.real(0), call.real(1)).map(store)
    }),
    partial!("sin", trig::sin),
    partial!("cos", trig::cos),
    partial!("tan", trig::tan),
    partial!("cot", trig::cot),
    partial!("asin", trig::asin),
    partial!("acos", trig::acos),
    simple!("atan", f64::atan),
    function(FUNCTIONS, "atan2", &[Float8, Float8], Float8, |call| {
        Ok(store(call.real(0).atan2(call.real(1))))
    }),
    simple!("sinh", f64::sinh),
    simple!("cosh", f64::cosh),
    simple!("tanh", f64::tanh),
    simple!("asinh", f64::asinh),
    partial!("acosh", trig::acosh),
    partial!("atanh", trig::atanh),
    partial!("sind", trig::sind),
    partial!("cosd", trig::cosd),
    partial!("tand", trig::tand),
    partial!("cotd", trig::cotd),
    partial!("asind", trig::asind),
    partial!("acosd", trig::acosd),
    simple!("atand", trig::atand),
    function(FUNCTIONS, "atan2d", &[Float8, Float8], Float8, |call| {
        Ok(store(trig::degrees_of_arc(call.real(0).atan2(call.real(1)))))
    }),
    function(FUNCTIONS, "width_bucket", &[Float8, Float8, Float8, Int4], Int4, width_bucket),
];

pub(crate) static TABLES: [&[Native]; 3] = [&ARITHMETIC, &OF_ONE_TYPE, OTHERS];

fn overflow() -> Problem {
    Problem::new("22003", "value out of range: overflow")
}

fn underflow() -> Problem {
    Problem::new("22003", "value out of range: underflow")
}

/// The result as its type keeps it, checked: infinite or zero only where the arguments make it so.
fn finish(call: &Call<'_>, result: f64, may_overflow: bool, may_vanish: bool) -> Result<Value> {
    let result = if *call.returns == Type::Float4 { f64::from(result as f32) } else { result };
    if result.is_infinite() && !may_overflow {
        return Err(overflow());
    }
    if result == 0.0 && !may_vanish {
        return Err(underflow());
    }
    Ok(store(result))
}

fn add(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (call.real(0), call.real(1));
    finish(call, left + right, left.is_infinite() || right.is_infinite(), true)
}

fn subtract(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (call.real(0), call.real(1));
    finish(call, left - right, left.is_infinite() || right.is_infinite(), true)
}

fn multiply(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (call.real(0), call.real(1));
    finish(call, left * right, left.is_infinite() || right.is_infinite(), left == 0.0 || right == 0.0)
}

fn divide(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (call.real(0), call.real(1));
    if right == 0.0 && !left.is_nan() {
        return Err(crate::forms::numeric::division_by_zero());
    }
    finish(call, left / right, left.is_infinite(), left == 0.0 || right.is_infinite())
}

fn square_root(number: f64) -> Result<f64> {
    if number < 0.0 {
        return Err(Problem::new("2201F", "cannot take square root of a negative number"));
    }
    Ok(number.sqrt())
}

fn exponential(number: f64) -> Result<f64> {
    let result = number.exp();
    if result.is_infinite() && number.is_finite() {
        return Err(overflow());
    }
    if result == 0.0 && number.is_finite() {
        return Err(underflow());
    }
    Ok(result)
}

fn check_logarithm(number: f64) -> Result<()> {
    if number == 0.0 {
        return Err(Problem::new("2201E", "cannot take logarithm of zero"));
    }
    if number < 0.0 {
        return Err(Problem::new("2201E", "cannot take logarithm of a negative number"));
    }
    Ok(())
}

fn natural_logarithm(number: f64) -> Result<f64> {
    check_logarithm(number)?;
    Ok(number.ln())
}

fn common_logarithm(number: f64) -> Result<f64> {
    check_logarithm(number)?;
    Ok(number.log10())
}

fn power(base: f64, exponent: f64) -> Result<f64> {
    if base == 0.0 && exponent < 0.0 {
        return Err(Problem::new("2201F", "zero raised to a negative power is undefined"));
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(Problem::new(
            "2201F",
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    let result = base.powf(exponent);
    let finite = base.is_finite() && exponent.is_finite();
    if result.is_infinite() && finite {
        return Err(overflow());
    }
    if result == 0.0 && base != 0.0 && finite {
        return Err(underflow());
    }
    Ok(result)
}

fn width_bucket(call: &Call<'_>) -> Result<Value> {
    let (operand, low, high, count) = (call.real(0), call.real(1), call.real(2), call.int(3));
    let refused = |message: &str| Err(Problem::new("2201G", message));
    if count <= 0 {
        return refused("count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return refused("operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return refused("lower and upper bounds must be finite");
    }
    let direction = float::compare(low, high);
    if direction.is_eq() {
        return refused("lower bound cannot equal upper bound");
    }
    let bucket = if float::compare(operand, low) == direction {
        0
    } else if float::compare(operand, high) != direction {
        count + 1
    } else {
        // Halved so that the distance cannot overflow.
        let fraction = (operand / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        ((count as f64 * fraction) as i64).min(count - 1) + 1
    };
    crate::forms::integer::in_range(&Type::Int4, i128::from(bucket))
}

//! `numeric`: exact arithmetic and functions.

use super::{FUNCTIONS, OPERATORS};
use crate::Value;
use crate::forms::numeric::Decimal;
use crate::functions::define::{Args, function, operator};
use crate::registry::{Call, Native, Ty};
use mainstay_base::Result;

use Ty::{Int4, Numeric};

/// An entry whose body is a method of [`Decimal`] with one argument.
macro_rules! one {
    ($make:ident, $section:expr, $name:literal, $method:ident) => {
        $make($section, $name, &[Numeric], Numeric, |call| Ok(arg(call, 0).$method()?.store()))
    };
}

/// An entry whose body is a method of [`Decimal`] with two arguments.
macro_rules! two {
    ($make:ident, $section:expr, $name:literal, $method:ident) => {
        $make($section, $name, &[Numeric, Numeric], Numeric, |call| {
            Ok(arg(call, 0).$method(&arg(call, 1))?.store())
        })
    };
}

pub(crate) static TABLE: &[Native] = &[
    two!(operator, OPERATORS, "+", add),
    two!(operator, OPERATORS, "-", sub),
    two!(operator, OPERATORS, "*", mul),
    two!(operator, OPERATORS, "/", div),
    two!(operator, OPERATORS, "%", rem),
    two!(operator, OPERATORS, "^", power),
    operator(OPERATORS, "-", &[Numeric], Numeric, |call| Ok(arg(call, 0).neg().store())),
    operator(OPERATORS, "+", &[Numeric], Numeric, |call| Ok(call.value(0).to_owned())),
    operator(OPERATORS, "@", &[Numeric], Numeric, |call| Ok(arg(call, 0).abs().store())),
    function(FUNCTIONS, "abs", &[Numeric], Numeric, |call| Ok(arg(call, 0).abs().store())),
    one!(function, FUNCTIONS, "ceil", ceil),
    one!(function, FUNCTIONS, "ceiling", ceil),
    one!(function, FUNCTIONS, "floor", floor),
    one!(function, FUNCTIONS, "sqrt", sqrt),
    one!(function, FUNCTIONS, "exp", exp),
    one!(function, FUNCTIONS, "ln", ln),
    function(FUNCTIONS, "log", &[Numeric], Numeric, common_logarithm),
    function(FUNCTIONS, "log10", &[Numeric], Numeric, common_logarithm),
    function(FUNCTIONS, "log", &[Numeric, Numeric], Numeric, |call| {
        Ok(arg(call, 1).log(&arg(call, 0))?.store())
    }),
    two!(function, FUNCTIONS, "power", power),
    two!(function, FUNCTIONS, "pow", power),
    two!(function, FUNCTIONS, "mod", rem),
    two!(function, FUNCTIONS, "div", div_whole),
    two!(function, FUNCTIONS, "gcd", gcd),
    two!(function, FUNCTIONS, "lcm", lcm),
    function(FUNCTIONS, "round", &[Numeric], Numeric, |call| Ok(arg(call, 0).round(0)?.store())),
    function(FUNCTIONS, "round", &[Numeric, Int4], Numeric, |call| {
        Ok(arg(call, 0).round(call.int(1))?.store())
    }),
    function(FUNCTIONS, "trunc", &[Numeric], Numeric, |call| Ok(arg(call, 0).trunc(0)?.store())),
    function(FUNCTIONS, "trunc", &[Numeric, Int4], Numeric, |call| {
        Ok(arg(call, 0).trunc(call.int(1))?.store())
    }),
    function(FUNCTIONS, "sign", &[Numeric], Numeric, |call| {
        let number = arg(call, 0);
        let sign = Decimal::from(i64::from(number.signum()));
        Ok(if number.is_nan() { number.store() } else { sign.store() })
    }),
    function(FUNCTIONS, "scale", &[Numeric], Int4, |call| Ok(whole(arg(call, 0).scale()))),
    function(FUNCTIONS, "min_scale", &[Numeric], Int4, |call| Ok(whole(arg(call, 0).trimmed().scale()))),
    function(FUNCTIONS, "trim_scale", &[Numeric], Numeric, |call| Ok(arg(call, 0).trimmed().store())),
    function(FUNCTIONS, "width_bucket", &[Numeric, Numeric, Numeric, Int4], Int4, |call| {
        let bucket = arg(call, 0).width_bucket(&arg(call, 1), &arg(call, 2), call.int(3))?;
        crate::forms::integer::in_range(call.returns, i128::from(bucket))
    }),
];

fn arg(call: &Call<'_>, index: usize) -> Decimal {
    Decimal::load(call.value(index))
}

fn whole(number: Option<u32>) -> Value {
    number.map_or(Value::Null, |number| Value::Integer(i64::from(number)))
}

fn common_logarithm(call: &Call<'_>) -> Result<Value> {
    Ok(arg(call, 0).log(&Decimal::from(10))?.store())
}

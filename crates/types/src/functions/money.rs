//! Operators of `money`.

use super::define::{Args, operator};
use crate::forms::integer::in_range;
use crate::forms::money::of_real;
use crate::forms::numeric::division_by_zero;
use crate::registry::{Call, Native, Ty};
use crate::ty::Type;
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Money";
const M: Ty = Ty::Money;

/// Products and quotients with whole numbers and with floats.
macro_rules! with_numbers {
    (whole $($whole:expr),*; real $($real:expr),*) => {
        [
            $(
                operator(SECTION, "*", &[M, $whole], M, |call| checked(wide(call, 0) * wide(call, 1))),
                operator(SECTION, "*", &[$whole, M], M, |call| checked(wide(call, 0) * wide(call, 1))),
                operator(SECTION, "/", &[M, $whole], M, |call| {
                    checked(wide(call, 0).checked_div(wide(call, 1)).ok_or_else(division_by_zero)?)
                }),
            )*
            $(
                operator(SECTION, "*", &[M, $real], M, |call| of_real(call.int(0) as f64 * call.real(1))),
                operator(SECTION, "*", &[$real, M], M, |call| of_real(call.real(0) * call.int(1) as f64)),
                operator(SECTION, "/", &[M, $real], M, |call| {
                    let divisor = call.real(1);
                    if divisor == 0.0 { Err(division_by_zero()) } else { of_real(call.int(0) as f64 / divisor) }
                }),
            )*
        ]
    };
}

static NUMBERS: [Native; 15] = with_numbers![whole Ty::Int2, Ty::Int4, Ty::Int8; real Ty::Float4, Ty::Float8];
static PLAIN: [Native; 3] = [
    operator(SECTION, "+", &[M, M], M, |call| checked(wide(call, 0) + wide(call, 1))),
    operator(SECTION, "-", &[M, M], M, |call| checked(wide(call, 0) - wide(call, 1))),
    operator(SECTION, "/", &[M, M], Ty::Float8, |call| {
        if call.int(1) == 0 {
            Err(division_by_zero())
        } else {
            Ok(Value::Real(call.int(0) as f64 / call.int(1) as f64))
        }
    }),
];

pub(crate) static TABLES: [&[Native]; 2] = [&NUMBERS, &PLAIN];

fn wide(call: &Call<'_>, index: usize) -> i128 {
    i128::from(call.int(index))
}

fn checked(cents: i128) -> Result<Value> {
    in_range(&Type::Int8, cents).map_err(|_| Problem::new("22003", "money out of range"))
}

//! Numbers: operators and functions of integers, floats and numerics, and the series that are made of them.

/// `(left, right) -> result` of `+`, `-`, `*` and `/`, by the functions of those names where it stands.
macro_rules! arithmetic {
    ($(($left:expr, $right:expr, $result:expr)),* $(,)?) => {
        [$(
            operator(OPERATORS, "+", &[$left, $right], $result, add),
            operator(OPERATORS, "-", &[$left, $right], $result, subtract),
            operator(OPERATORS, "*", &[$left, $right], $result, multiply),
            operator(OPERATORS, "/", &[$left, $right], $result, divide),
        )*]
    };
}

pub(crate) mod decimal;
pub(crate) mod float;
pub(crate) mod integer;
mod random;
pub(crate) mod series;
mod trigonometry;

use crate::registry::{Native, Ty};

const OPERATORS: &str = "Mathematical operators";
const FUNCTIONS: &str = "Mathematical functions";

/// Functions with no argument, or with overloads that belong to no single type.
pub(crate) static TABLE: &[Native] = &[
    super::define::function(FUNCTIONS, "pi", &[], Ty::Float8, |_| {
        Ok(crate::Value::Real(std::f64::consts::PI))
    }),
    super::define::function(FUNCTIONS, "random", &[], Ty::Float8, random::random).volatile(),
    super::define::function(FUNCTIONS, "random", &[Ty::Int4, Ty::Int4], Ty::Int4, random::random_between)
        .volatile(),
    super::define::function(FUNCTIONS, "random", &[Ty::Int8, Ty::Int8], Ty::Int8, random::random_between)
        .volatile(),
    super::define::function(FUNCTIONS, "setseed", &[Ty::Float8], Ty::Void, random::setseed).volatile(),
];

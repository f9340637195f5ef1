//! Dates, times and intervals: arithmetic, parts, truncation, construction, zones and the current time.

pub(crate) mod age;
pub(crate) mod arithmetic;
pub(crate) mod construct;
pub(crate) mod current;
pub(crate) mod extract;
pub(crate) mod operators;
pub(crate) mod overlaps;
pub(crate) mod truncate;
pub(crate) mod zone;

use crate::forms::datetime::words::{self, Unit};
use crate::forms::interval::Interval;
use crate::forms::printed::Printed;
use crate::functions::define::Args;
use crate::registry::Call;
use mainstay_base::{Problem, Result};

const OPERATORS: &str = "Date/time operators";
const FUNCTIONS: &str = "Date/time functions";

fn interval(call: &Call<'_>, index: usize) -> Interval {
    Interval::load(call.value(index))
}

/// The unit that a text names, with PostgreSQL's error for one that it does not know.
fn known_unit(text: &str, type_name: &str, find: fn(&str) -> Option<Unit>) -> Result<Unit> {
    find(&text.to_ascii_lowercase())
        .ok_or_else(|| Problem::new("22023", format!("unit \"{text}\" not recognized for type {type_name}")))
}

/// Any unit or field.
fn known_field(text: &str, type_name: &str) -> Result<Unit> {
    known_unit(text, type_name, words::field)
}

fn unsupported(text: &str, type_name: &str) -> Problem {
    let unit = text.to_ascii_lowercase();
    Problem::new("0A000", format!("unit \"{unit}\" not supported for type {type_name}"))
}

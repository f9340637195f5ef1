//! What a request with a known shape costs before the store is asked.

use crate::process::{self, Result};

/// Runs the measurement of `records`, which knows its own bound.
pub fn plan(arguments: &[&str]) -> Result<()> {
    let measure = ["run", "--quiet", "--release", "--package", "mainstay-records", "--example", "plan_cost"];
    process::run(process::cargo().args(measure).arg("--").args(arguments))
}

//! Benchmarks against peers on the same machine in one run.

use crate::process::Result;

pub fn records(_arguments: &[&str]) -> Result<()> {
    Err("the benchmark is not built yet".to_owned())
}

//! `random()` and `setseed()`.
//!
//! Without a seed the numbers come from the world's entropy. A seed starts PostgreSQL's own generator
//! (xoroshiro128**), so that a test gives the same numbers here and there; its state lives as long as settings of the
//! transaction do.

use crate::functions::define::Args;
use crate::registry::Call;
use crate::{Context, Value};
use mainstay_base::{Problem, Result};

/// The name under which the generator's state lies among the transaction's settings; no user can type it.
const STATE: &str = "\u{1}random state";

pub(super) fn setseed(call: &Call<'_>) -> Result<Value> {
    let seed = call.real(0);
    if !(-1.0..=1.0).contains(&seed) {
        return Err(Problem::new(
            "22023",
            format!("setseed parameter {seed} is out of allowed range [-1,1]"),
        ));
    }
    let mut mixed = (((1i64 << 52) - 1) as f64 * seed) as i64 as u64;
    let state = (split_mix(&mut mixed), split_mix(&mut mixed));
    save(call.context, state);
    Ok(Value::text(""))
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn save(context: &Context, (first, second): (u64, u64)) {
    if let Ok(mut overrides) = context.overrides.lock() {
        overrides.insert(STATE.to_owned(), format!("{first} {second}"));
    }
}

fn seeded(context: &Context) -> Option<(u64, u64)> {
    let overrides = context.overrides.lock().ok()?;
    let (first, second) = overrides.get(STATE)?.split_once(' ')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

fn next(context: &Context) -> u64 {
    let Some((first, second)) = seeded(context) else {
        let mut bytes = [0u8; 8];
        context.env.fill_random(&mut bytes);
        return u64::from_le_bytes(bytes);
    };
    let result = first.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
    let mixed = second ^ first;
    save(context, (first.rotate_left(24) ^ mixed ^ (mixed << 16), mixed.rotate_left(37)));
    result
}

pub(super) fn random(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Real((next(call.context) >> 12) as f64 / (1u64 << 52) as f64))
}

/// A whole number between two bounds, both included.
pub(super) fn random_between(call: &Call<'_>) -> Result<Value> {
    let (low, high) = (call.int(0), call.int(1));
    if low > high {
        return Err(Problem::new("22023", "lower bound must be less than or equal to upper bound"));
    }
    let width = high.wrapping_sub(low) as u64;
    // Numbers above the highest one kept are drawn again, so that all results are equally likely.
    let mask = u64::MAX.checked_shr(width.leading_zeros()).unwrap_or(0);
    loop {
        let drawn = next(call.context) & mask;
        if drawn <= width {
            return Ok(Value::Integer(low.wrapping_add(drawn as i64)));
        }
    }
}

//! Who may see and do what: the embedded engine beside PostgreSQL, on applications made from a seed.
//!
//! `MAINSTAY_POLICY_SEED` is the first seed, `MAINSTAY_POLICY_SEEDS` how many, `MAINSTAY_POLICY_CASES` the statements of
//! each.

#[path = "policies/embedded.rs"]
mod embedded;
#[path = "policies/judge.rs"]
mod judge;
#[path = "policies/memory.rs"]
mod memory;
#[path = "policies/rewrite.rs"]
mod rewrite;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

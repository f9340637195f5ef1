//! Row policies: the embedded engine beside PostgreSQL, and decisions in memory beside the engine.
//!
//! `MAINSTAY_POLICY_SEED` is the first seed, `MAINSTAY_POLICY_FILTERS` how many filters are rewritten,
//! `MAINSTAY_POLICY_CONDITIONS` how many conditions are decided in memory.

#[path = "policies/embedded.rs"]
mod embedded;
#[path = "policies/memory.rs"]
mod memory;
#[path = "policies/rewrite.rs"]
mod rewrite;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

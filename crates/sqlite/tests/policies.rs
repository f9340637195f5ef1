//! Row policies: the embedded engine beside PostgreSQL.
//!
//! `MAINSTAY_POLICY_SEED` is the first seed, `MAINSTAY_POLICY_FILTERS` how many filters are rewritten.

#[path = "policies/embedded.rs"]
mod embedded;
#[path = "policies/rewrite.rs"]
mod rewrite;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

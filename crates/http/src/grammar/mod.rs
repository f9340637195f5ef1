//! PostgREST's query grammar: a URL's query string becomes a [`Query`] (the shape) and its literals.
//!
//! A hand-written byte scanner does the work and says only *that* a text is wrong. What is wrong with it, in
//! PostgREST's own words, is found by [`explain`], which runs the original grammar again on failure alone.
//! Invariant: no input panics, and everything is bounded (length, filters, select items, depth).

mod explain;
mod filter;
mod order;
mod scan;
mod select;
mod tree;
pub(crate) mod url;

pub use tree::{Parsed, Reading, read};
pub use url::{Pair, decode_path, encoded, pairs};

use mainstay_base::Problem;

/// Bytes of a whole query string.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Filters of one request, those within `and` and `or` included.
pub const FILTERS_MAX: usize = 1000;
/// Items of all `select` lists of one request.
pub const SELECT_ITEMS_MAX: usize = 1000;
/// Embeds within embeds, or `and` and `or` within each other.
pub const DEPTH_MAX: usize = 64;

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fail {
    /// The text is not in the grammar; [`explain`] knows the words.
    Syntax,
    /// A bound is exceeded.
    Limit(&'static str),
}

fn too_much(what: &str) -> Problem {
    Problem::new("PGRST100", format!("the request has too many {what}"))
        .with_hint("split the request into several")
        .with_status(400)
}

/// What a fuzzer calls: any bytes, as a query string of every kind of request. What is refused is the caller's fault.
pub fn fuzz_query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for call in [false, true] {
        if let Err(problem) = read(text, Reading { call, legacy_target_names: call }) {
            let status = problem.http_status(false);
            assert!((400..500).contains(&status), "{status}: {problem}");
        }
    }
    let _ = decode_path(text);
}

#[cfg(test)]
mod tests;

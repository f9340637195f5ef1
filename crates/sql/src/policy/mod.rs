//! What can be known of row policies without running them: a form of their filters that an index serves, and what is
//! wrong with the policies of a catalog.
//!
//! Nothing here decides who may see a row; the binder puts policies into statements. Start reading at [`rewrite`],
//! then [`report`].

mod names;
mod report;
mod rewrite;
mod stable;

pub use report::{Finding, FindingKind, report};
pub use rewrite::rewrite;

#[cfg(test)]
mod tests;

//! Turns PostgreSQL text into a catalog and into statements, and statements into a dialect's text.
//!
//! Hidden here: every difference between PostgreSQL's SQL and the dialect of an engine.
//! Not here: connections, transactions, files; nothing here runs a statement.
//! Invariant: what the embedded engine cannot do is a `Problem` with code 0A000 and a place, never a guess.
//! Start reading at [`catalog::Catalog`], then [`compile`] (one statement) and [`ddl`] (a change of the catalog).

pub mod bind;
pub mod catalog;
pub mod ddl;
pub mod parse;
pub mod partition;
pub mod plan;
pub mod policy;
pub mod privilege;

pub use bind::{Caller, compile, compile_as, typed};
pub use catalog::{Catalog, Name};

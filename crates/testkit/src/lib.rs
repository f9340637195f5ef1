//! Conformance suites and oracles for tests.
//!
//! Hidden here: how a promise of a contract is put to the test.
//! Not here: any technology; an engine brings itself and runs the suite.
//! Invariant: a test of a suite knows the contract alone, so that every engine passes the same one.
//! Start reading at [`record_store`].

mod changes;
pub mod generate;
pub mod policies;
pub mod postgres;
pub mod record_store;
mod roles;
mod streams;
mod transactions;
pub mod world;

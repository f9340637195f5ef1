//! The keys that sign this installation's tokens: one signs, the next one is published already, retired ones still
//! verify until what they signed has expired.
//!
//! Hidden here: where keys are kept and how they are sealed, rotation, which key signs what.
//! Not here: keys of other issuers ([`crate::issuers`]), what a token means ([`crate::Verifier`]).
//! Invariant: a key was in [`SigningKeys::jwks`] before it signed anything, except the first one.

mod seal;
mod set;
mod store;

pub use set::{KeySettings, SessionAlgorithm, SigningKeys};

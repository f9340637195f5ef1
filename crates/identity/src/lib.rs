//! Turns credentials into actors: which role and which claims a token stands for.
//!
//! Hidden here: token formats, signature checks, the cache of tokens already checked.
//! Not here: HTTP headers (`http`), what a role may do (`sql`, engines).
//! Invariant: an [`Actor`] other than the anonymous one comes from a token whose signature and times were checked.
//! Start reading at [`Verifier::actor`], then [`jwt`].

pub mod jwt;

mod verifier;

/// The tables of identity, as a migration that precedes an application's own.
pub const SCHEMA: &str = include_str!("schema.sql");

pub use jwt::{Secret, sign};
pub use verifier::{Actor, Verifier, VerifierSettings};

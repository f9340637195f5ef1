//! Turns credentials into actors: which role and which claims a token stands for.
//!
//! Hidden here: token formats, signature checks, the cache of tokens already checked.
//! Not here: HTTP headers (`http`), what a role may do (`sql`, engines).
//! Invariant: an [`Actor`] other than the anonymous one comes from a token whose signature and times were checked.
//! Start reading at [`Verifier::actor`], then [`jwt`].

pub mod jwt;

mod verifier;

/// The tables of identity, as migrations that precede an application's own: the name under which each is remembered,
/// and its text. A name sorts before every file's; what has been released is never edited, a new one is added.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("-mainstay-identity", include_str!("schema.sql")),
    ("-mainstay-identity-2-sessions", include_str!("schema_2_sessions.sql")),
];

pub use jwt::{Secret, sign};
pub use verifier::{Actor, Verifier, VerifierSettings};

//! Turns credentials into actors: which role and which claims a token stands for.
//!
//! Hidden here: token formats, signature checks, keys and their rotation, the cache of tokens already checked.
//! Not here: HTTP headers (`http`), what a role may do (`sql`, engines).
//! Invariant: an [`Actor`] other than the anonymous one comes from a token whose signature and times were checked.
//! Start reading at [`Verifier::actor`], then [`keys`] and [`jose`].

pub mod admin;
pub mod api_key;
mod audit;
mod cache;
mod caller;
mod codes;
mod crc;
mod credentials;
mod db;
pub mod fetch;
pub mod flows;
pub mod issuers;
pub mod jose;
pub mod keys;
pub mod limits;
pub mod mail;
pub mod oauth;
mod pace;
pub mod password;
mod plans;
mod redirect;
pub mod refresh;
mod refuse;
mod revoked;
pub mod secret;
mod service;
mod sessions;
mod settings;
pub mod sms;
mod time;
pub mod totp;
mod users;
mod uuid;
mod verifier;

/// The role in whose name identity reads and writes its own tables.
pub const OWNER_ROLE: &str = "supabase_auth_admin";

/// The tables of identity, as migrations that precede an application's own: the name under which each is remembered,
/// and its text. A name sorts before every file's; what has been released is never edited, a new one is added.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("-mainstay-identity", include_str!("schema.sql")),
    ("-mainstay-identity-2-sessions", include_str!("schema_2_sessions.sql")),
    ("-mainstay-identity-3-signing-keys", include_str!("schema_3_signing_keys.sql")),
    ("-mainstay-identity-4-oauth", include_str!("schema_4_oauth.sql")),
];

pub use caller::{Bearer, Caller};
pub use issuers::IssuerSettings;
pub use jose::{Claims, TokenType};
pub use keys::{KeySettings, SessionAlgorithm, SigningKeys};
pub use redirect::allowed as redirect_allowed;
pub use secret::{RootSecret, Secret};
pub use service::{Identity, IdentityParts};
pub use sessions::{Scope, Session, Tokens};
pub use settings::IdentitySettings;
pub use users::{Factor, User, user_json};
pub use uuid::Uuid;
pub use verifier::{Actor, SESSION_OVER, Verifier, VerifierParts, VerifierSettings};

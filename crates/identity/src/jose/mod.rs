//! JSON Object Signing and Encryption, the part that tokens need: JWS in compact form (RFC 7515), JWK (RFC 7517), the
//! algorithms (RFC 7518, RFC 8037) and the claims of a JWT (RFC 7519).
//!
//! Hidden here: encodings, and which function of the crypto library an algorithm is.
//! Not here: which keys there are ([`crate::keys`], [`crate::issuers`]), what a token means ([`crate::Verifier`]).
//! Invariant: a key has one algorithm. The header of a token selects a key at most, never how it is used: `jku`, `x5u`,
//! `jwk` and `x5c` are not read, and `crit` is refused.

mod claims;
mod jwk;
mod key;
mod token;

pub use claims::{Claims, Expected, SKEW_SECONDS, check_audience, check_times, expires};
pub use jwk::{Jwk, JwkSet};
pub use key::{Algorithm, SigningKey, VerifyingKey};
pub use token::{Header, TOKEN_BYTES_MAX, Token, TokenType};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mainstay_base::Problem;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of base64url as RFC 7515 writes it: no padding, no other alphabet, no stray bits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A token that cannot be read or whose signature is wrong, in PostgREST's code.
pub(crate) fn undecodable(why: impl Into<String>) -> Problem {
    Problem::new("PGRST301", why)
}

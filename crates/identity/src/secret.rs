//! Secrets: text that does not print itself, and the one from which the process derives its keys.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use mainstay_base::{Problem, Result};
use serde::{Deserialize, Deserializer};
use std::fmt;
use zeroize::Zeroizing;

/// Text that nobody may read over our shoulder: not printed, not serialized, wiped when it is dropped. A comparison takes
/// as long for a wrong first byte as for a wrong last one.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        equal(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// Compares in a time that depends on the lengths alone.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    verify_slices_are_equal(left, right).is_ok()
}

/// The secret of an installation: the key of HS256, and the root of every other key of the process. Never printed.
#[derive(Clone)]
pub struct RootSecret(Zeroizing<Vec<u8>>);

impl RootSecret {
    /// At least 32 bytes, as RFC 7518 section 3.2 demands for HS256.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < 32 {
            return Err(Problem::new(
                "MS010",
                format!("the JWT secret has {} bytes, it needs at least 32", bytes.len()),
            )
            .with_hint(
                "set `[auth] jwt_secret` to a longer random text, or remove the key to have one made",
            ));
        }
        Ok(RootSecret(bytes))
    }

    /// A key for another purpose (HKDF-SHA256), from which neither the secret nor a key of another purpose can be found.
    pub fn derive(&self, purpose: &str) -> Result<[u8; 32]> {
        let mut key = [0; 32];
        Salt::new(HKDF_SHA256, b"mainstay")
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], Bytes32)
            .and_then(|material| material.fill(&mut key))
            .map_err(|_| Problem::internal("no key can be derived from the JWT secret"))?;
        Ok(key)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootSecret(…)")
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_and_no_secret_is_printed() {
        assert!(RootSecret::new("short").is_err());
        let root = RootSecret::new("reallyreallyreallyreallyverysafe").expect("32 bytes");
        assert_eq!(format!("{root:?} {:?}", Secret::new("hunter2")), "RootSecret(…) Secret(…)");
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_secret() {
        let root = |text: &str| RootSecret::new(text).expect("32 bytes");
        let one = root("reallyreallyreallyreallyverysafe");
        let other = root("reallyreallyreallyreallyverysafE");
        assert_eq!(one.derive("a").ok(), one.derive("a").ok());
        assert_ne!(one.derive("a").ok(), one.derive("b").ok());
        assert_ne!(one.derive("a").ok(), other.derive("a").ok());
    }

    #[test]
    fn secrets_are_equal_by_their_text() {
        assert_eq!(Secret::new("abc"), Secret::new("abc"));
        assert_ne!(Secret::new("abc"), Secret::new("abd"));
        assert_ne!(Secret::new("abc"), Secret::new("ab"));
    }
}

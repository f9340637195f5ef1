//! Keys of machines: `prefix_v1_id_secret_crc`.
//!
//! Not here: where they are kept and what they may do; kept is [`ApiKey::stored`] alone.
//! Invariant: what is stored opens nothing. A fast hash is right: the secret has 256 bits, nobody guesses it.

use crate::crc::crc32;
use crate::secret::{Secret, equal};
use aws_lc_rs::digest::{SHA256, digest};
use mainstay_base::Env;

const VERSION: &str = "v1";
const PREFIX_BYTES_MAX: usize = 16;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62¹⁶ > 2⁹⁵ names, 62⁴³ > 2²⁵⁶ secrets, 62⁶ > 2³².
const ID_LETTERS: usize = 16;
const SECRET_LETTERS: usize = 43;
const CRC_LETTERS: usize = 6;

/// A key that was taken apart: its form is right, nothing else is known about it.
pub struct ApiKey<'a> {
    pub prefix: &'a str,
    /// Finds the key in the store, and is shown in lists.
    pub id: &'a str,
    secret: &'a str,
}

/// A key just made. The text is shown once.
pub struct NewApiKey {
    pub id: String,
    pub text: Secret,
    pub stored: [u8; 32],
}

impl NewApiKey {
    /// With a prefix of lower-case letters and digits, which tells people and scanners whose key it is; others are left out
    /// of it.
    pub fn make(prefix: &str, env: &Env) -> Self {
        let fits = |letter: &char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let prefix: String = prefix.chars().filter(fits).take(PREFIX_BYTES_MAX).collect();
        let prefix = if prefix.is_empty() { "key" } else { &prefix };
        let (id, secret) = (letters(env, ID_LETTERS), letters(env, SECRET_LETTERS));
        let text = format!("{prefix}_{VERSION}_{id}_{secret}");
        let checksum = checksum(&text);
        NewApiKey { stored: hash(&secret), id, text: Secret::new(format!("{text}_{checksum}")) }
    }
}

impl<'a> ApiKey<'a> {
    /// `None`: no key of this form, or mistyped.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (rest, found) = text.rsplit_once('_')?;
        let mut parts = rest.split('_');
        let (prefix, version, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let letters =
            |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let prefix_fits = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let right = parts.next().is_none()
            && version == VERSION
            && (1..=PREFIX_BYTES_MAX).contains(&prefix.len())
            && prefix_fits
            && letters(id, ID_LETTERS)
            && letters(secret, SECRET_LETTERS)
            && found == checksum(rest);
        right.then_some(ApiKey { prefix, id, secret })
    }

    /// What is kept of the key.
    pub fn stored(&self) -> [u8; 32] {
        hash(self.secret)
    }

    /// Whether this is the key of which that was kept.
    pub fn is(&self, stored: &[u8]) -> bool {
        equal(&self.stored(), stored)
    }
}

impl std::fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({}_{VERSION}_{}_…)", self.prefix, self.id)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// Letters that are equally likely: bytes over 247 are thrown again.
fn letters(env: &Env, count: usize) -> String {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut bytes = zeroize::Zeroizing::new([0; 64]);
        env.fill_random(&mut *bytes);
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < ALPHABET.len() * 4);
        text.extend(fair.take(count - text.len()).map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])));
    }
    text
}

fn checksum(text: &str) -> String {
    let mut number = crc32(text.as_bytes()) as usize;
    let mut letters = [0; CRC_LETTERS];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[number % 62];
        number /= 62;
    }
    letters.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_testkit::world::still;

    #[test]
    fn a_key_is_found_again_and_no_other_is_it() {
        let (env, _) = still(0);
        let (one, other) = (NewApiKey::make("shop", &env), NewApiKey::make("Shop!?", &env));
        let key = ApiKey::parse(one.text.expose()).expect("its own form");
        assert_eq!((key.prefix, key.id), ("shop", one.id.as_str()));
        assert!(key.is(&one.stored) && !key.is(&other.stored) && !key.is(&[]));
        assert!(other.text.expose().starts_with("hop_v1_"));
        assert!(!format!("{key:?}").contains(key.secret));
    }

    #[test]
    fn a_mistyped_key_is_none() {
        let key = NewApiKey::make("shop", &still(0).0);
        let text = key.text.expose();
        for place in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).expect("letters");
            assert!(ApiKey::parse(&changed).is_none(), "{changed}");
            assert!(ApiKey::parse(&text[..place]).is_none());
        }
        for text in ["", "_", "_____", "shop_v1", &format!("{text}_"), &format!("x_{text}"), "é_v1_é_é_é"]
        {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }
}

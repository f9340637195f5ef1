//! Random secrets that go out and the hashes that stay.

use crate::jose::encode;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use mainstay_base::Env;
use std::fmt::Write as _;

pub(super) type Hash = [u8; SHA256_OUTPUT_LEN];

/// 256 random bits as text.
pub(super) fn random(env: &Env) -> String {
    let mut bytes = [0_u8; 32];
    env.fill_random(&mut bytes);
    encode(bytes)
}

/// What is kept of a secret. It has 256 random bits, so a fast hash is as good as a slow one.
pub(super) fn hash(secret: &str) -> Hash {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// A random UUID (version 4).
pub(super) fn uuid(env: &Env) -> String {
    let mut bytes = [0_u8; 16];
    env.fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

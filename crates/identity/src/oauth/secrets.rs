//! Random secrets that go out and the hashes that stay.

use crate::jose::encode;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use mainstay_base::Env;

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

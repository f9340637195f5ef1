//! The password hash of FreeBSD 2 (`$1$`), kept for old data.

use md5::{Digest, Md5};

pub(super) const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `salt` is what follows `$1$`: up to eight characters, and anything behind the next `$` is ignored.
pub(super) fn hash(password: &str, salt: &str) -> String {
    let end = salt.find('$').unwrap_or(salt.len()).min(8);
    let end = (0..=end).rev().find(|end| salt.is_char_boundary(*end)).unwrap_or(0);
    let salt = salt.get(..end).unwrap_or_default();
    let (key, salt_bytes) = (password.as_bytes(), salt.as_bytes());
    let mut state = first(key, salt_bytes);
    for round in 0..1000 {
        let mut hash = Md5::new();
        hash.update(if round % 2 == 1 { key } else { &state });
        if round % 3 != 0 {
            hash.update(salt_bytes);
        }
        if round % 7 != 0 {
            hash.update(key);
        }
        hash.update(if round % 2 == 1 { state.as_slice() } else { key });
        state = hash.finalize().into();
    }
    format!("$1${salt}${}", encode(&state))
}

fn first(key: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner: [u8; 16] = Md5::new().chain_update(key).chain_update(salt).chain_update(key).finalize().into();
    let mut hash = Md5::new().chain_update(key).chain_update(b"$1$").chain_update(salt);
    hash.update(inner.iter().copied().cycle().take(key.len()).collect::<Vec<u8>>());
    let mut length = key.len();
    while length > 0 {
        hash.update(if length & 1 == 1 { &[0][..] } else { key.get(..1).unwrap_or_default() });
        length >>= 1;
    }
    hash.finalize().into()
}

fn encode(state: &[u8; 16]) -> String {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = *state;
    let groups = [[b0, b6, b12], [b1, b7, b13], [b2, b8, b14], [b3, b9, b15], [b4, b10, b5]];
    let mut out = String::new();
    for [high, middle, low] in groups {
        push(&mut out, u32::from(high) << 16 | u32::from(middle) << 8 | u32::from(low), 4);
    }
    push(&mut out, u32::from(b11), 2);
    out
}

fn push(out: &mut String, mut bits: u32, count: usize) {
    for _ in 0..count {
        out.push(super::symbol(ALPHABET, bits));
        bits >>= 6;
    }
}

//! Any bytes as a token: as they are, and as header and claims of one that can be decoded. Refused or understood, never a
//! panic. Refresh tokens, API keys and password hashes are read beside it.
#![no_main]

use mainstay_identity::jose::{Expected, Token};
use mainstay_identity::{RootSecret, api_key::ApiKey, password, refresh::RefreshTokens, totp::Totp};
use std::sync::LazyLock;

static REFRESH: LazyLock<Option<RefreshTokens>> = LazyLock::new(|| {
    RootSecret::new("reallyreallyreallyreallyverysafe").and_then(|root| RefreshTokens::new(&root)).ok()
});

fn look(text: &str) {
    let Ok(token) = Token::parse(text) else { return };
    let _ = token.claimed_issuer();
    if let Ok(claims) = token.claims() {
        let audiences = ["api".to_owned()];
        let expected = Expected { issuer: Some("me"), audiences: &audiences, expiry: true };
        for now in [0, 1_800_000_000, i64::MAX, i64::MIN] {
            let _ = expected.check(&claims, now);
        }
    }
}

/// base64url as the token has it, without a library: what is fuzzed has its own.
fn encoded(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    if let (Some(header), Some(claims)) = (parts.next(), parts.next()) {
        look(&format!("{}.{}.AAAA", encoded(header), encoded(claims)));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    look(text);
    let _ = ApiKey::parse(text);
    let _ = password::check_importable(text);
    let _ = Totp::parse(text).map(|totp| totp.check("000000", None, 1_800_000_000));
    if let Some(refresh) = &*REFRESH {
        let _ = refresh.parse(text);
    }
});

//! Proof key for code exchange (RFC 7636), `S256` alone: `plain` is refused (RFC 9700 section 2.1.1).

use super::problems::{invalid_grant, invalid_request};
use crate::jose::{decode, encode};
use crate::secret::equal;
use aws_lc_rs::digest::{SHA256, digest};
use mainstay_base::Result;

/// The challenge of an authorization request.
pub(super) fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<String> {
    let Some(challenge) = challenge else {
        return Err(invalid_request("`code_challenge` is missing: every client proves its codes (PKCE)"));
    };
    if method != Some("S256") {
        return Err(invalid_request("`code_challenge_method` must be `S256`"));
    }
    match decode(challenge) {
        Some(bytes) if bytes.len() == 32 => Ok(challenge.to_owned()),
        _ => Err(invalid_request("`code_challenge` is no SHA-256 in base64url")),
    }
}

/// Whether the verifier is the one of the challenge.
pub(super) fn verify(challenge: &str, verifier: Option<&str>) -> Result<()> {
    let Some(verifier) = verifier else {
        return Err(invalid_request("`code_verifier` is missing"));
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(invalid_grant("`code_verifier` is not of 43 to 128 unreserved characters"));
    }
    let computed = encode(digest(&SHA256, verifier.as_bytes()));
    if equal(computed.as_bytes(), challenge.as_bytes()) {
        return Ok(());
    }
    Err(invalid_grant("`code_verifier` does not fit the `code_challenge`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_holds() {
        verify(CHALLENGE, Some(VERIFIER)).expect("fits");
        assert_eq!(verify(CHALLENGE, Some(CHALLENGE)).expect_err("differs").code(), "invalid_grant");
        assert_eq!(verify(CHALLENGE, None).expect_err("missing").code(), "invalid_request");
        assert_eq!(verify(CHALLENGE, Some("short")).expect_err("short").code(), "invalid_grant");
    }

    #[test]
    fn only_a_challenge_of_s256_is_taken() {
        assert!(challenge(Some(CHALLENGE), Some("S256")).is_ok());
        for (value, method) in [
            (None, Some("S256")),
            (Some(VERIFIER), Some("plain")),
            (Some(VERIFIER), None),
            (Some("tooshort"), Some("S256")),
        ] {
            assert_eq!(challenge(value, method).expect_err("refused").code(), "invalid_request");
        }
    }
}

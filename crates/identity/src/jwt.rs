//! JSON Web Tokens signed with HS256 (RFC 7515, RFC 7519), the form of Supabase's `anon` and `service_role` keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use mainstay_base::{Problem, Result};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use std::fmt;

/// How far clocks may differ, as in PostgREST.
const SKEW_SECONDS: i64 = 30;
/// Longer tokens are refused before any work is done on them.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A shared secret. Never printed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// At least 32 bytes, as RFC 7518 section 3.2 demands for HS256.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        if bytes.len() < 32 {
            return Err(Problem::new(
                "MS010",
                format!("the JWT secret has {} bytes, it needs at least 32", bytes.len()),
            )
            .with_hint(
                "set `[auth] jwt_secret` to a longer random text, or remove the key to have one made",
            ));
        }
        Ok(Secret(bytes))
    }

    /// A key for another purpose, from which the secret cannot be found.
    pub fn derive(&self, purpose: &str) -> Result<[u8; 32]> {
        Ok(self.mac()?.chain_update(purpose.as_bytes()).finalize().into_bytes().into())
    }

    fn mac(&self) -> Result<Hmac<Sha256>> {
        Hmac::new_from_slice(&self.0).map_err(|_| Problem::internal("the JWT secret cannot be used as a key"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood (RFC 7515 section 4.1.11): we understand none.
    crit: Option<Value>,
}

/// Signs claims (a JSON object).
pub fn sign(secret: &Secret, claims: &Value) -> Result<String> {
    let mut token = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = secret.mac()?.chain_update(token.as_bytes()).finalize().into_bytes();
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// The claims of a token whose signature is right and whose times hold at `now_seconds` (since 1970).
pub fn verify(secret: &Secret, token: &str, now_seconds: i64) -> Result<serde_json::Map<String, Value>> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(undecodable("the token is too long"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let found = token.split('.').count();
        return Err(undecodable(format!("Expected 3 parts in JWT; got {found}")));
    };
    let decode =
        |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| undecodable("a part is not base64url"));
    let parsed: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| undecodable("the header is not JSON"))?;
    // The algorithm is fixed by the key, never chosen by the token: `none` and RS256 with our secret end here.
    if parsed.alg != "HS256" || parsed.crit.is_some() {
        return Err(undecodable("Wrong or unsupported encoding algorithm"));
    }
    let signed = &token[..header.len() + 1 + payload.len()];
    secret
        .mac()?
        .chain_update(signed.as_bytes())
        .verify_slice(&decode(signature)?)
        .map_err(|_| Problem::new("PGRST301", "No suitable key or wrong key type").with_hint(KEY_HINT))?;
    let claims: Value =
        serde_json::from_slice(&decode(payload)?).map_err(|_| undecodable("the claims are not JSON"))?;
    let Value::Object(claims) = claims else { return Err(undecodable("the claims are no object")) };
    check_times(&claims, now_seconds)?;
    Ok(claims)
}

const KEY_HINT: &str =
    "the token was signed with another secret: use the keys that `mainstay dev` or `mainstay keys` prints";

fn undecodable(why: impl Into<String>) -> Problem {
    Problem::new("PGRST301", why)
}

fn check_times(claims: &serde_json::Map<String, Value>, now: i64) -> Result<()> {
    if let Some(expires) = seconds(claims, "exp")?
        && now - SKEW_SECONDS >= expires
    {
        return Err(Problem::new("PGRST303", "JWT expired"));
    }
    for (claim, message) in [("nbf", "JWT not yet valid"), ("iat", "JWT issued at future")] {
        if let Some(from) = seconds(claims, claim)?
            && now + SKEW_SECONDS < from
        {
            return Err(Problem::new("PGRST303", message));
        }
    }
    Ok(())
}

fn seconds(claims: &serde_json::Map<String, Value>, name: &str) -> Result<Option<i64>> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            let whole = number.as_i64().or_else(|| number.as_f64().map(|float| float as i64));
            whole.map(Some).ok_or_else(|| not_a_number(name))
        }
        Some(_) => Err(not_a_number(name)),
    }
}

fn not_a_number(claim: &str) -> Problem {
    Problem::new("PGRST303", format!("The JWT '{claim}' claim must be a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret() -> Secret {
        Secret::new("reallyreallyreallyreallyverysafe").expect("32 bytes")
    }

    #[track_caller]
    fn refused(token: &str, code: &str) {
        assert_eq!(verify(&secret(), token, 1_000).expect_err("refused").code(), code);
    }

    #[test]
    fn a_signed_token_gives_its_claims_back() {
        let token = sign(&secret(), &json!({"role": "anon", "exp": 2_000})).expect("signs");
        assert_eq!(verify(&secret(), &token, 1_000).expect("verifies")["role"], json!("anon"));
    }

    #[test]
    fn a_token_of_somebody_else_is_refused() {
        let other = Secret::new("another secret of at least 32 bytes!!").expect("long enough");
        refused(&sign(&other, &json!({"role": "service_role"})).expect("signs"), "PGRST301");
    }

    #[test]
    fn the_token_does_not_choose_its_algorithm() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"role":"service_role"}"#);
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        refused(&format!("{header}.{payload}."), "PGRST301");
        refused("a.b", "PGRST301");
        refused("", "PGRST301");
    }

    #[test]
    fn times_hold_within_the_skew() {
        for (claims, ok) in [
            (json!({"exp": 980}), true),
            (json!({"exp": 970}), false),
            (json!({"nbf": 1_030}), true),
            (json!({"nbf": 1_031}), false),
            (json!({"iat": 1_031}), false),
            (json!({"exp": "soon"}), false),
        ] {
            let token = sign(&secret(), &claims).expect("signs");
            assert_eq!(verify(&secret(), &token, 1_000).is_ok(), ok, "{claims}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_no_secret_is_printed() {
        assert!(Secret::new("short").is_err());
        assert_eq!(format!("{:?}", secret()), "Secret(…)");
    }
}

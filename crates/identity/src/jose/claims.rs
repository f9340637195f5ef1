//! The registered claims (RFC 7519 section 4.1), checked as PostgREST checks them.

use mainstay_base::{Problem, Result};
use serde_json::Value;

pub type Claims = serde_json::Map<String, Value>;

/// How far clocks may differ, as in PostgREST.
pub const SKEW_SECONDS: i64 = 30;

/// What a token must say, besides its times.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    pub issuer: Option<&'a str>,
    /// One of these must be in `aud`; empty: anything.
    pub audiences: &'a [String],
    /// Whether a token that never expires is refused.
    pub expiry: bool,
}

impl Expected<'_> {
    pub fn check(&self, claims: &Claims, now_seconds: i64) -> Result<()> {
        check_times(claims, now_seconds)?;
        if self.expiry && seconds(claims, "exp")?.is_none() {
            return Err(Problem::new("PGRST303", "The JWT has no 'exp' claim"));
        }
        if let Some(issuer) = self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Problem::new("PGRST303", "JWT not from the expected issuer"));
        }
        check_audience(claims, self.audiences)
    }
}

/// `exp`, `nbf` and `iat` at a time (seconds since 1970), give or take [`SKEW_SECONDS`].
pub fn check_times(claims: &Claims, now: i64) -> Result<()> {
    if let Some(expires) = seconds(claims, "exp")?
        && now.saturating_sub(SKEW_SECONDS) >= expires
    {
        return Err(Problem::new("PGRST303", "JWT expired"));
    }
    for (claim, message) in [("nbf", "JWT not yet valid"), ("iat", "JWT issued at future")] {
        if let Some(from) = seconds(claims, claim)?
            && now.saturating_add(SKEW_SECONDS) < from
        {
            return Err(Problem::new("PGRST303", message));
        }
    }
    Ok(())
}

/// Whether `aud` (a text or a list of texts) names one of these.
pub fn check_audience(claims: &Claims, audiences: &[String]) -> Result<()> {
    if audiences.is_empty() {
        return Ok(());
    }
    let ours = |value: &Value| value.as_str().is_some_and(|name| audiences.iter().any(|own| own == name));
    let found = match claims.get("aud") {
        Some(Value::Array(names)) => names.iter().any(ours),
        Some(name) => ours(name),
        None => false,
    };
    if found { Ok(()) } else { Err(Problem::new("PGRST303", "JWT not in audience")) }
}

/// When a token ends, in seconds since 1970.
pub fn expires(claims: &Claims) -> i64 {
    seconds(claims, "exp").ok().flatten().unwrap_or(i64::MAX)
}

fn seconds(claims: &Claims, name: &str) -> Result<Option<i64>> {
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

//! Tokens to actors, each token checked once.

use crate::jwt::{self, Secret};
use mainstay_base::{Env, Problem, Result};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

#[derive(Clone, Debug)]
pub struct VerifierSettings {
    /// The role of a request without a token; `None` refuses such requests.
    pub anonymous_role: Option<String>,
    /// The role of a token that names none.
    pub default_role: Option<String>,
    pub cached_tokens_max: usize,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        VerifierSettings {
            anonymous_role: Some("anon".into()),
            default_role: None,
            cached_tokens_max: 10_000,
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub role: String,
    /// The claims as JSON text; `{"role":"anon"}` for somebody without a token.
    pub claims_json: Arc<str>,
    pub anonymous: bool,
}

/// Checks tokens and remembers the result until they expire.
#[derive(Debug)]
pub struct Verifier {
    settings: VerifierSettings,
    secret: Secret,
    env: Env,
    anonymous: Option<Arc<Actor>>,
    seen: RwLock<HashMap<Box<str>, Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    actor: Arc<Actor>,
    /// Seconds since 1970 within which the check holds.
    valid: std::ops::Range<i64>,
}

impl Verifier {
    pub fn new(settings: VerifierSettings, secret: Secret, env: Env) -> Self {
        let anonymous = settings.anonymous_role.as_ref().map(|role| {
            let claims = serde_json::json!({ "role": role }).to_string();
            Arc::new(Actor { role: role.clone(), claims_json: claims.into(), anonymous: true })
        });
        Verifier { settings, secret, env, anonymous, seen: RwLock::default() }
    }

    /// The actor of a token, or the anonymous one without a token.
    pub fn actor(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        let Some(token) = token else {
            return self
                .anonymous
                .clone()
                .ok_or_else(|| Problem::new("PGRST302", "Anonymous access is disabled"));
        };
        let now = self.env.unix_micros() / 1_000_000;
        if let Ok(seen) = self.seen.read()
            && let Some(known) = seen.get(token)
            && known.valid.contains(&now)
        {
            return Ok(known.actor.clone());
        }
        let claims = jwt::verify(&self.secret, token, now)?;
        let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or(i64::MAX);
        let role = match (claims.get("role").and_then(Value::as_str), &self.settings.default_role) {
            (Some(role), _) => role.to_owned(),
            (None, Some(role)) => role.clone(),
            (None, None) => match &self.settings.anonymous_role {
                Some(role) => role.clone(),
                None => return Err(Problem::new("PGRST302", "Anonymous access is disabled")),
            },
        };
        let claims_json = Value::Object(claims).to_string().into();
        let actor = Arc::new(Actor { role, claims_json, anonymous: false });
        self.remember(token, Seen { actor: actor.clone(), valid: now..expires });
        Ok(actor)
    }

    fn remember(&self, token: &str, entry: Seen) {
        if let Ok(mut seen) = self.seen.write() {
            if seen.len() >= self.settings.cached_tokens_max {
                // A full cache is cleared whole: rare, cheap, and nobody can pin their own entries in it.
                seen.clear();
            }
            seen.insert(token.into(), entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_base::World;
    use serde_json::json;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    struct Clock(Arc<AtomicI64>);

    impl World for Clock {
        fn unix_micros(&self) -> i64 {
            self.0.load(Ordering::Relaxed) * 1_000_000
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        fn fill_random(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn verifier() -> (Verifier, Secret, Arc<AtomicI64>) {
        let seconds = Arc::new(AtomicI64::new(1_000));
        let secret = Secret::new("reallyreallyreallyreallyverysafe").expect("32 bytes");
        let env = Env::new(Clock(seconds.clone()));
        (Verifier::new(VerifierSettings::default(), secret.clone(), env), secret, seconds)
    }

    #[test]
    fn nobody_is_anonymous() {
        let actor = verifier().0.actor(None).expect("anonymous");
        assert_eq!(
            (actor.role.as_str(), actor.anonymous, &*actor.claims_json),
            ("anon", true, r#"{"role":"anon"}"#)
        );
    }

    #[test]
    fn a_remembered_token_still_expires() {
        let (verifier, secret, seconds) = verifier();
        let token = jwt::sign(&secret, &json!({"role": "authenticated", "exp": 1_100})).expect("signs");
        assert_eq!(verifier.actor(Some(&token)).expect("valid").role, "authenticated");
        seconds.store(1_099, Ordering::Relaxed);
        assert!(verifier.actor(Some(&token)).is_ok());
        seconds.store(1_131, Ordering::Relaxed);
        assert_eq!(verifier.actor(Some(&token)).expect_err("expired").code(), "PGRST303");
    }
}

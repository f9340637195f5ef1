//! Tokens to actors, each token checked once.

use crate::cache::{TokenCache, TokenHash};
use crate::fetch::Fetch;
use crate::issuers::{Issuer, IssuerSettings, Issuers};
use crate::jose::{Claims, Expected, Token, TokenType, expires, undecodable};
use crate::keys::SigningKeys;
use crate::revoked::RevokedSessions;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::BoxFuture;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct VerifierSettings {
    /// The role of a request without a token; `None` refuses such requests.
    pub anonymous_role: Option<String>,
    /// The role of a token that names none.
    pub default_role: Option<String>,
    /// What this installation is called in `aud` of OAuth access tokens; without a name they are refused.
    pub audiences: Vec<String>,
    pub cached_tokens_max: usize,
    pub issuers: Vec<IssuerSettings>,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        VerifierSettings {
            anonymous_role: Some("anon".into()),
            default_role: None,
            audiences: Vec::new(),
            cached_tokens_max: 10_000,
            issuers: Vec::new(),
        }
    }
}

/// What a verifier is made of.
pub struct VerifierParts {
    pub keys: Arc<SigningKeys>,
    /// For the keys of other issuers; without it there are none.
    pub fetch: Option<Arc<dyn Fetch>>,
    pub env: Env,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub role: String,
    /// The claims as JSON text; `{"role":"anon"}` for somebody without a token.
    pub claims_json: Arc<str>,
    pub anonymous: bool,
}

/// What a token of a session that has ended is refused with.
pub const SESSION_OVER: &str = "the session of this token has ended";

/// Checks tokens and remembers the result until they expire, or their key or session is revoked.
pub struct Verifier {
    settings: VerifierSettings,
    keys: Arc<SigningKeys>,
    issuers: Issuers,
    env: Env,
    anonymous: Option<Arc<Actor>>,
    revoked: RevokedSessions,
    seen: TokenCache<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    actor: Arc<Actor>,
    /// Seconds since 1970 within which the check holds.
    valid: Range<i64>,
    /// How many keys had been withdrawn when the token was checked.
    removals: u64,
    session: Option<Arc<str>>,
}

impl Verifier {
    pub fn new(settings: VerifierSettings, parts: VerifierParts) -> Self {
        let VerifierParts { keys, fetch, env } = parts;
        let anonymous = settings.anonymous_role.as_ref().map(|role| {
            let claims = serde_json::json!({ "role": role }).to_string();
            Arc::new(Actor { role: role.clone(), claims_json: claims.into(), anonymous: true })
        });
        let issuers = Issuers::new(settings.issuers.clone(), fetch, env.clone());
        let seen = TokenCache::new(settings.cached_tokens_max, &env);
        let revoked = RevokedSessions::default();
        Verifier { settings, keys, issuers, env, anonymous, revoked, seen }
    }

    /// The actor of a token, or the anonymous one without a token.
    pub fn actor(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        let Some(token) = token else {
            return self.anonymous.clone().ok_or_else(anonymous_refused);
        };
        let now = self.now();
        let removals = self.removals();
        let hash = TokenHash::of(token);
        if let Some(known) = self.seen.get(&hash)
            && known.valid.contains(&now)
            && known.removals == removals
        {
            return Ok(known.actor);
        }
        let (claims, issuer) = self.checked(token, now)?;
        let role = self.role(&claims, issuer)?;
        let session = claims.get("session_id").and_then(Value::as_str).map(Arc::from);
        let valid = now..expires(&claims);
        let claims_json = Value::Object(claims).to_string().into();
        let actor = Arc::new(Actor { role, claims_json, anonymous: false });
        self.seen.put(hash, Seen { actor: actor.clone(), valid, removals, session: session.clone() });
        // Who revoked the session meanwhile may have looked through the cache before the token was in it.
        if let Some(session) = session
            && self.revoked.contains(&session)
        {
            self.seen.forget(&hash);
            return Err(session_over());
        }
        Ok(actor)
    }

    /// The claims of a token that opens the API: of a session, of an OAuth client, or of another issuer.
    pub fn claims(&self, token: &str) -> Result<Claims> {
        self.checked(token, self.now()).map(|(claims, _)| claims)
    }

    /// The claims of one of our own tokens of one kind, for whoever gave it out. Of what is expected, times come anyway.
    pub fn own_claims(&self, token: &str, of: TokenType, expected: &Expected<'_>) -> Result<Claims> {
        let token = Token::parse(token)?;
        if !of.is(token.header.typ.as_deref()) {
            return Err(wrong_kind());
        }
        let claims = self.signed_by_us(&token)?;
        expected.check(&claims, self.now())?;
        self.check_session(&claims)?;
        Ok(claims)
    }

    /// Refuses the tokens of a session from now on. `until` (seconds since 1970) is when the last of them expires: what is
    /// kept is kept in memory, so long and no longer.
    pub fn revoke_session(&self, session_id: &str, until: i64) {
        self.revoked.add(session_id, until, self.now());
        self.seen.retain(|seen| seen.session.as_deref() != Some(session_id));
    }

    /// Whether a token says that it is from one of the other issuers whose tokens are taken.
    pub fn is_of_another_issuer(&self, token: &str) -> bool {
        let issuer = || Token::parse(token).ok()?.claimed_issuer().ok()?;
        !self.issuers.is_empty() && issuer().is_some_and(|name| self.issuers.named(&name).is_some())
    }

    /// What may be waited for before a token that was refused is shown once more: keys of its issuer that are not here
    /// yet.
    pub fn missing_keys(&self, token: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        if self.issuers.is_empty() {
            return None;
        }
        let token = Token::parse(token?).ok()?;
        let issuer = self.issuers.named(&token.claimed_issuer().ok()??)?;
        if !self.issuers.candidates(issuer, &token.header).is_empty() || !self.issuers.may_fetch(issuer) {
            return None;
        }
        Some(Box::pin(async move {
            if let Err(problem) = self.issuers.fetch(issuer).await {
                tracing::warn!(error = %problem, details = problem.details(), "keys of an issuer");
            }
        }))
    }

    /// What has to be done from time to time, each minute at least.
    pub async fn tick(&self) {
        if let Err(problem) = self.keys.tick().await {
            tracing::warn!(error = %problem, details = problem.details(), "signing keys");
        }
        self.issuers.tick().await;
    }

    fn now(&self) -> i64 {
        self.env.unix_micros() / 1_000_000
    }

    fn removals(&self) -> u64 {
        self.keys.removals().wrapping_add(self.issuers.removals())
    }

    fn checked(&self, text: &str, now: i64) -> Result<(Claims, Option<&Issuer>)> {
        let token = Token::parse(text)?;
        let issuer = match self.issuers.is_empty() {
            true => None,
            false => token.claimed_issuer()?.and_then(|name| self.issuers.named(&name)),
        };
        let claims = match issuer {
            Some(issuer) => self.signed_by(issuer, &token, now)?,
            None => self.own_access(&token, now)?,
        };
        self.check_session(&claims)?;
        Ok((claims, issuer))
    }

    /// An access token of ours. Whoever has the shared secret may leave `typ` out; our own keys never do.
    fn own_access(&self, token: &Token<'_>, now: i64) -> Result<Claims> {
        let typ = token.header.typ.as_deref();
        let claims = self.signed_by_us(token)?;
        let audiences = self.settings.audiences.as_slice();
        let of_session = TokenType::Session.is(typ) || (typ.is_none() && token.header.alg == "HS256");
        let expected = if of_session {
            Expected::default()
        } else if TokenType::OAuthAccess.is(typ) && !audiences.is_empty() {
            Expected { audiences, expiry: true, ..Expected::default() }
        } else {
            return Err(wrong_kind());
        };
        expected.check(&claims, now)?;
        Ok(claims)
    }

    fn signed_by_us(&self, token: &Token<'_>) -> Result<Claims> {
        let key = self.keys.find(&token.header.alg, token.header.kid.as_deref());
        match key {
            Some(key) if key.holds(token.signed, &token.signature) => token.claims(),
            Some(_) => Err(wrong_key().with_hint(KEY_HINT)),
            None if crate::jose::Algorithm::named(&token.header.alg).is_none() => {
                Err(undecodable("Wrong or unsupported encoding algorithm"))
            }
            None => Err(wrong_key().with_hint(KEY_HINT)),
        }
    }

    fn signed_by(&self, issuer: &Issuer, token: &Token<'_>, now: i64) -> Result<Claims> {
        let typ = token.header.typ.as_deref();
        if !(typ.is_none() || TokenType::Session.is(typ) || TokenType::OAuthAccess.is(typ)) {
            return Err(wrong_kind());
        }
        let keys = self.issuers.candidates(issuer, &token.header);
        if !keys.iter().any(|key| key.holds(token.signed, &token.signature)) {
            return Err(wrong_key().with_hint("the token's issuer has no such key"));
        }
        let claims = token.claims()?;
        let named = Some(issuer.settings.issuer.as_str());
        Expected { issuer: named, audiences: &issuer.settings.audiences, expiry: true }
            .check(&claims, now)?;
        Ok(claims)
    }

    fn check_session(&self, claims: &Claims) -> Result<()> {
        match claims.get("session_id").and_then(Value::as_str) {
            Some(session) if self.revoked.contains(session) => Err(session_over()),
            _ => Ok(()),
        }
    }

    fn role(&self, claims: &Claims, issuer: Option<&Issuer>) -> Result<String> {
        let named = claims.get("role").and_then(Value::as_str).filter(|role| !role.is_empty());
        if let Some(issuer) = issuer {
            let allowed = &issuer.settings.roles;
            let role = named.or(allowed.first().map(String::as_str));
            return match role.filter(|role| allowed.iter().any(|own| own == role)) {
                Some(role) => Ok(role.to_owned()),
                None => Err(Problem::new("PGRST301", "the issuer of this token may not give its role")
                    .with_hint("`[auth] issuers` lists the roles that each issuer may give")),
            };
        }
        let role =
            named.or(self.settings.default_role.as_deref()).or(self.settings.anonymous_role.as_deref());
        role.map(str::to_owned).ok_or_else(anonymous_refused)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({:?})", self.settings)
    }
}

const KEY_HINT: &str =
    "the token was signed with another secret: use the keys that `mainstay dev` or `mainstay keys` prints";

fn wrong_key() -> Problem {
    Problem::new("PGRST301", "No suitable key or wrong key type")
}

fn wrong_kind() -> Problem {
    Problem::new("PGRST301", "the token is of another kind (`typ`) than an access token for this API")
}

fn anonymous_refused() -> Problem {
    Problem::new("PGRST302", "Anonymous access is disabled")
}

fn session_over() -> Problem {
    Problem::new("PGRST303", SESSION_OVER)
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;

//! The keys of ID tokens. They sign nothing else, so no ID token passes for another kind of token.
//!
//! They are computed from the installation's secret and the number of the current quarter of a year: they rotate, every
//! process has the same, and there is nothing to keep.

use crate::jose::{Claims, Jwk, SigningKey, Token, TokenType, VerifyingKey};
use crate::secret::RootSecret;
use mainstay_base::{Env, Problem, Result};
use std::sync::{Arc, PoisonError, RwLock};

const PERIOD_SECONDS: i64 = 90 * 24 * 3_600;
pub(super) const ALGORITHM: &str = "ES256";

pub(super) struct IdKeys {
    root: RootSecret,
    env: Env,
    set: RwLock<Option<Arc<Set>>>,
}

struct Set {
    period: i64,
    signing: SigningKey,
    /// Of the period before, of this one and of the next, which another machine's clock may have reached.
    public: Vec<Jwk>,
    verifying: Vec<VerifyingKey>,
}

impl IdKeys {
    pub fn new(root: RootSecret, env: Env) -> Self {
        IdKeys { root, env, set: RwLock::default() }
    }

    pub fn sign(&self, claims: &Claims) -> Result<String> {
        self.set()?.signing.sign(claims, TokenType::Id)
    }

    pub fn public(&self) -> Result<Vec<Jwk>> {
        Ok(self.set()?.public.clone())
    }

    /// The claims of an ID token, however old: as the hint of a logout they usually are.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        let token = Token::parse(token)?;
        let set = self.set()?;
        let fits =
            |key: &&VerifyingKey| key.algorithm.name() == token.header.alg && key.kid == token.header.kid;
        match set.verifying.iter().find(fits) {
            Some(key)
                if TokenType::Id.is(token.header.typ.as_deref())
                    && key.holds(token.signed, &token.signature) =>
            {
                token.claims()
            }
            _ => Err(Problem::new("PGRST301", "no ID token of this server")),
        }
    }

    fn set(&self) -> Result<Arc<Set>> {
        let period = self.env.unix_micros().div_euclid(1_000_000).div_euclid(PERIOD_SECONDS);
        let known = self.set.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(set) = known.filter(|set| set.period == period) {
            return Ok(set);
        }
        let keys = [period, period - 1, period + 1].map(|period| self.key(period));
        let public =
            keys.iter().filter_map(|key| key.as_ref().ok().and_then(SigningKey::public)).collect::<Vec<_>>();
        let verifying = public.iter().filter_map(Jwk::verifying).collect();
        let [signing, ..] = keys;
        let set = Arc::new(Set { period, signing: signing?, public, verifying });
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&set));
        Ok(set)
    }

    fn key(&self, period: i64) -> Result<SigningKey> {
        // A number in 2³² is no key: then the next one is.
        let attempt = |attempt: u8| {
            let scalar = self.root.derive(&format!("mainstay: ID tokens {period} {attempt}"))?;
            SigningKey::es256(&scalar)
        };
        attempt(0).or_else(|_| attempt(1))
    }
}

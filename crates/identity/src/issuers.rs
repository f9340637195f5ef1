//! Other issuers whose tokens are taken: their keys, fetched and kept.

use crate::fetch::{Fetch, FetchRequest};
use crate::jose::{Algorithm, Header, JwkSet, VerifyingKey};
use mainstay_base::{Env, Problem, Result, Retry};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// Keys are fetched anew after this time, and when a token names one that is not known.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Keys that could not be fetched anew for so long are not believed any more.
const STALE: Duration = Duration::from_secs(24 * 3_600);
/// The shortest time between two fetches from one issuer, whatever tokens say.
const PAUSE: Duration = Duration::from_secs(60);
/// Keys beyond these are not read.
const KEYS_MAX: usize = 100;

/// An issuer, as the settings name it.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Exactly what `iss` says.
    pub issuer: String,
    pub jwks_url: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// The roles that its tokens may ask for; one that names none gets the first.
    pub roles: Vec<String>,
}

pub(crate) struct Issuer {
    pub settings: IssuerSettings,
    keys: RwLock<Keys>,
    /// Held while keys are fetched, so that one request asks for all who wait.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Keys {
    known: Vec<Arc<VerifyingKey>>,
    fetched: Option<Duration>,
    tried: Option<Duration>,
}

/// All of them.
pub(crate) struct Issuers {
    list: Vec<Issuer>,
    fetch: Option<Arc<dyn Fetch>>,
    env: Env,
    removals: AtomicU64,
}

impl Issuers {
    pub fn new(settings: Vec<IssuerSettings>, fetch: Option<Arc<dyn Fetch>>, env: Env) -> Self {
        let issuer = |settings| Issuer { settings, keys: RwLock::default(), fetching: Mutex::new(()) };
        Issuers { list: settings.into_iter().map(issuer).collect(), fetch, env, removals: AtomicU64::new(0) }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn named(&self, name: &str) -> Option<&Issuer> {
        self.list.iter().find(|issuer| issuer.settings.issuer == name)
    }

    /// Grows whenever a key is not believed any more.
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::Acquire)
    }

    /// The keys that may have signed a token with this header.
    pub fn candidates(&self, issuer: &Issuer, header: &Header) -> Vec<Arc<VerifyingKey>> {
        let keys = issuer.keys.read().unwrap_or_else(PoisonError::into_inner);
        let algorithm = Algorithm::named(&header.alg);
        let fits = |key: &&Arc<VerifyingKey>| {
            Some(key.algorithm) == algorithm && (header.kid.is_none() || key.kid == header.kid)
        };
        keys.known.iter().filter(fits).cloned().collect()
    }

    /// Whether fetching the issuer's keys could help, and may be done now.
    pub fn may_fetch(&self, issuer: &Issuer) -> bool {
        let keys = issuer.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.tried.is_none_or(|tried| self.env.monotonic().saturating_sub(tried) >= PAUSE)
            || issuer.fetching.try_lock().is_err()
    }

    /// Fetches the keys, unless that was just done: of many who ask at once, one fetches.
    pub async fn fetch(&self, issuer: &Issuer) -> Result<()> {
        let Some(fetch) = &self.fetch else { return Ok(()) };
        let _turn = issuer.fetching.lock().await;
        let now = self.env.monotonic();
        {
            let mut keys = issuer.keys.write().unwrap_or_else(PoisonError::into_inner);
            if keys.tried.is_some_and(|tried| now.saturating_sub(tried) < PAUSE) {
                return Ok(());
            }
            keys.tried = Some(now);
        }
        let url = &issuer.settings.jwks_url;
        let failed = |why: &str| {
            Problem::new("08001", format!("cannot fetch the keys of `{}`: {why}", issuer.settings.issuer))
                .with_details(format!("asked {url}"))
                .with_retry(Retry::AfterSeconds(PAUSE.as_secs() as u32))
        };
        let answer =
            fetch.fetch(FetchRequest::get(url)).await.map_err(|problem| failed(problem.message()))?;
        if answer.status != 200 {
            return Err(failed(&format!("the answer's status is {}", answer.status)));
        }
        let mut set = JwkSet::parse(&answer.body).map_err(|problem| failed(problem.message()))?;
        set.keys.truncate(KEYS_MAX);
        let fresh = set.verifying().into_iter().map(Arc::new).collect();
        self.replace(issuer, fresh, Some(now));
        Ok(())
    }

    /// Fetches keys that have grown old, and gives up those that cannot be had any more.
    pub async fn tick(&self) {
        for issuer in &self.list {
            let age = {
                let keys = issuer.keys.read().unwrap_or_else(PoisonError::into_inner);
                keys.fetched.map(|at| self.env.monotonic().saturating_sub(at))
            };
            if age.is_none_or(|age| age >= FRESH)
                && let Err(problem) = self.fetch(issuer).await
            {
                tracing::warn!(error = %problem, details = problem.details(), "keys of an issuer");
                if age.is_some_and(|age| age >= STALE) {
                    self.replace(issuer, Vec::new(), None);
                }
            }
        }
    }

    fn replace(&self, issuer: &Issuer, fresh: Vec<Arc<VerifyingKey>>, fetched: Option<Duration>) {
        let mut keys = issuer.keys.write().unwrap_or_else(PoisonError::into_inner);
        let there = |old: &Arc<VerifyingKey>| fresh.iter().any(|new| new.same_as(old));
        let gone = !keys.known.iter().all(there);
        keys.known = fresh;
        keys.fetched = fetched;
        if gone {
            // After the keys: whoever sees the number sees that they are gone.
            self.removals.fetch_add(1, Ordering::Release);
        }
    }
}

//! The set of keys, and its rotation.

use super::seal::Seal;
use super::store::{Change, KeyTable, Row, Status};
use crate::jose::{Algorithm, Claims, JwkSet, SKEW_SECONDS, SigningKey, TokenType, VerifyingKey};
use crate::secret::RootSecret;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::RecordStore;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Which key signs the access tokens of sessions. All other tokens are ES256: whoever checks them has no secret of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionAlgorithm {
    #[default]
    Es256,
    Hs256,
}

#[derive(Clone, Debug)]
pub struct KeySettings {
    pub session_algorithm: SessionAlgorithm,
    /// How long one key signs; `None`: until somebody rotates.
    pub rotation: Option<Duration>,
    /// The longest life of a token: for so long a retired key still verifies.
    pub token_life_max: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3_600);
        KeySettings {
            session_algorithm: SessionAlgorithm::default(),
            rotation: Some(90 * day),
            token_life_max: day,
        }
    }
}

/// Signs tokens and finds the key that checks one. Shared by cloning an `Arc`.
pub struct SigningKeys {
    settings: KeySettings,
    env: Env,
    seal: Seal,
    table: Option<KeyTable>,
    shared: SigningKey,
    shared_check: Arc<VerifyingKey>,
    set: RwLock<Arc<KeySet>>,
    removals: AtomicU64,
}

#[derive(Default)]
struct KeySet {
    /// Oldest first.
    keys: Vec<Arc<Kept>>,
}

struct Kept {
    row: Row,
    signing: SigningKey,
    verifying: Arc<VerifyingKey>,
}

impl KeySet {
    fn of(&self, status: Status) -> Option<&Arc<Kept>> {
        self.keys.iter().find(|key| key.row.status == status)
    }
}

impl SigningKeys {
    /// Keys that end with the process.
    pub fn in_memory(settings: KeySettings, root: &RootSecret, env: Env) -> Result<Self> {
        let keys = Self::empty(settings, root, env, None)?;
        let rows = keys.missing_rows(&KeySet::default())?;
        keys.take(rows);
        Ok(keys)
    }

    /// The keys in the store. There are none before the first [`SigningKeys::tick`], which makes what is missing.
    pub fn in_store(
        settings: KeySettings,
        root: &RootSecret,
        env: Env,
        store: Arc<dyn RecordStore>,
    ) -> Result<Self> {
        Self::empty(settings, root, env, Some(KeyTable(store)))
    }

    fn empty(settings: KeySettings, root: &RootSecret, env: Env, table: Option<KeyTable>) -> Result<Self> {
        Ok(SigningKeys {
            settings,
            env,
            seal: Seal::new(root, "mainstay: signing keys in the store")?,
            table,
            shared: SigningKey::shared(root),
            shared_check: Arc::new(VerifyingKey::shared(root)),
            set: RwLock::default(),
            removals: AtomicU64::new(0),
        })
    }

    /// Signs claims.
    pub fn sign(&self, claims: &Claims, of: TokenType) -> Result<String> {
        if of == TokenType::Session && self.settings.session_algorithm == SessionAlgorithm::Hs256 {
            return self.shared.sign(claims, of);
        }
        let set = self.set();
        let current = set.of(Status::Current).ok_or_else(|| Problem::internal("there is no signing key"))?;
        current.signing.sign(claims, of)
    }

    /// The public keys: those that verify now, and the one that will sign next.
    pub fn jwks(&self) -> JwkSet {
        let mut keys: Vec<_> = self.set().keys.iter().filter_map(|key| key.signing.public()).collect();
        keys.reverse();
        JwkSet { keys }
    }

    /// The key for a token with this header, `None` where there is none: by name, or without a name the shared secret
    /// for HS256. The next key verifies too: another process may be the first to sign with it.
    pub(crate) fn find(&self, alg: &str, kid: Option<&str>) -> Option<Arc<VerifyingKey>> {
        match Algorithm::named(alg)? {
            // Some projects' HS256 tokens name the secret they were signed with: there is one.
            Algorithm::Hs256 => Some(self.shared_check.clone()),
            Algorithm::Es256 => {
                let set = self.set();
                let named = set.keys.iter().find(|key| Some(key.row.kid.as_str()) == kid)?;
                Some(named.verifying.clone())
            }
            _ => None,
        }
    }

    /// Grows whenever a key ceases to verify.
    pub(crate) fn removals(&self) -> u64 {
        self.removals.load(Ordering::Acquire)
    }

    /// Makes the next key the current one, and a new one the next. Tokens of the one before stay valid until they
    /// expire; with `revoke` they end now, those of retired keys too.
    pub async fn rotate(&self, revoke: bool) -> Result<()> {
        let set = self.set();
        let now = self.now();
        let (Some(current), Some(next)) = (set.of(Status::Current), set.of(Status::Next)) else {
            return Err(Problem::internal("there is no signing key"));
        };
        let new = self.make(Status::Next)?;
        let mut changes =
            vec![Change::Move { kid: &current.row.kid, from: Status::Current, to: Status::Retired, at: now }];
        changes.push(Change::Move { kid: &next.row.kid, from: Status::Next, to: Status::Current, at: now });
        changes.push(Change::Add(&new));
        if revoke {
            let old = set.keys.iter().filter(|key| key.row.status != Status::Next);
            changes.extend(old.map(|key| Change::Forget { kid: &key.row.kid }));
        }
        self.change(&changes).await
    }

    /// What has to be done from time to time, each minute at least: learns what other processes changed, makes missing
    /// keys, rotates when it is time, forgets keys whose tokens have expired.
    pub async fn tick(&self) -> Result<()> {
        self.reload().await?;
        let set = self.set();
        let missing = self.missing_rows(&set)?;
        if !missing.is_empty() {
            self.add(&missing).await?;
        }
        let now = self.now();
        let set = self.set();
        let life = self.settings.token_life_max.as_secs() as i64 + SKEW_SECONDS;
        let over = |key: &&Arc<Kept>| key.row.retired.is_some_and(|at| now > at + life);
        let over: Vec<_> =
            set.keys.iter().filter(over).map(|key| Change::Forget { kid: &key.row.kid }).collect();
        if !over.is_empty() {
            self.change(&over).await?;
        }
        let age = set.of(Status::Current).and_then(|key| key.row.activated).map_or(0, |at| now - at);
        if self.settings.rotation.is_some_and(|limit| age >= limit.as_secs() as i64) {
            match self.rotate(false).await {
                // Another process was first.
                Err(problem) if problem.code() == "40001" => self.reload().await?,
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        self.env.unix_micros() / 1_000_000
    }

    fn set(&self) -> Arc<KeySet> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn make(&self, status: Status) -> Result<Row> {
        let key = SigningKey::generate(&self.env)?;
        let (Some(kid), Some(scalar), Some(public)) = (key.kid.clone(), key.scalar(), key.public()) else {
            return Err(Problem::internal("a new signing key is incomplete"));
        };
        let public_jwk = serde_json::to_string(&public)
            .map_err(|_| Problem::internal("a public key cannot be written as JSON"))?;
        let now = self.now();
        Ok(Row {
            status,
            public_jwk,
            sealed: self.seal.seal(&self.env, &kid, scalar)?,
            created: now,
            activated: (status == Status::Current).then_some(now),
            retired: None,
            kid,
        })
    }

    fn missing_rows(&self, set: &KeySet) -> Result<Vec<Row>> {
        let missing = [Status::Current, Status::Next].into_iter().filter(|status| set.of(*status).is_none());
        missing.map(|status| self.make(status)).collect()
    }

    /// Adds keys that are missing. Rows in their place were sealed with another secret, or made meanwhile by another
    /// process: that one's are taken.
    async fn add(&self, rows: &[Row]) -> Result<()> {
        let Some(table) = &self.table else { return Ok(()) };
        let now = self.now();
        let there = table.rows().await?;
        let blocked = there
            .iter()
            .filter(|row| rows.iter().any(|new| new.status == row.status) && self.opened(row).is_none());
        let mut changes: Vec<_> = blocked
            .map(|row| Change::Move { kid: &row.kid, from: row.status, to: Status::Retired, at: now })
            .collect();
        if !changes.is_empty() {
            let kids: Vec<_> = there.iter().map(|row| row.kid.as_str()).collect();
            tracing::warn!(?kids, "signing keys were sealed with another secret and are replaced");
        }
        changes.extend(rows.iter().map(Change::Add));
        match table.change(&changes).await {
            Err(problem) if !matches!(problem.code(), "23505" | "40001") => Err(problem),
            _ => self.reload().await,
        }
    }

    async fn change(&self, changes: &[Change<'_>]) -> Result<()> {
        match &self.table {
            Some(table) => {
                table.change(changes).await?;
                self.reload().await
            }
            None => {
                self.change_in_memory(changes);
                Ok(())
            }
        }
    }

    async fn reload(&self) -> Result<()> {
        if let Some(table) = &self.table {
            let rows = table.rows().await?;
            self.take(rows);
        }
        Ok(())
    }

    fn opened(&self, row: &Row) -> Option<SigningKey> {
        let scalar = self.seal.open(&row.kid, &row.sealed)?;
        SigningKey::es256(&scalar).ok().filter(|key| key.kid.as_deref() == Some(&row.kid))
    }

    /// The set is what these rows hold; keys that cannot be opened are no keys.
    fn take(&self, rows: Vec<Row>) {
        let keys = rows.into_iter().filter_map(|row| {
            let signing = self.opened(&row)?;
            let verifying = Arc::new(signing.public()?.verifying()?);
            Some(Arc::new(Kept { row, signing, verifying }))
        });
        let set = Arc::new(KeySet { keys: keys.collect() });
        let there = |old: &Arc<Kept>| set.keys.iter().any(|new| new.row.kid == old.row.kid);
        let gone = !self.set().keys.iter().all(there);
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        if gone {
            // After the set: whoever sees the number sees the set without the key.
            self.removals.fetch_add(1, Ordering::Release);
        }
    }

    fn change_in_memory(&self, changes: &[Change<'_>]) {
        let mut rows: Vec<Row> = self.set().keys.iter().map(|key| key.row.clone()).collect();
        for change in changes {
            match change {
                Change::Add(row) => rows.push((*row).clone()),
                Change::Forget { kid } => rows.retain(|row| row.kid != *kid),
                Change::Move { kid, to, at, .. } => {
                    for row in rows.iter_mut().filter(|row| row.kid == *kid) {
                        row.status = *to;
                        let time = if *to == Status::Retired { &mut row.retired } else { &mut row.activated };
                        *time = Some(*at);
                    }
                }
            }
        }
        self.take(rows);
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kids: Vec<_> = self.set().keys.iter().map(|key| key.row.kid.clone()).collect();
        write!(f, "SigningKeys({kids:?}, …)")
    }
}

//! API keys of machines: each stands for a role until it expires or is revoked.
//!
//! All keys are in memory, by their hash: a request with one costs no read, and one with a wrong one costs none either.

use super::Oauth;
use super::db::{Param, Row, Statement, json};
use super::problems::invalid_request;
use super::secrets::Hash;
use crate::Actor;
use crate::Secret;
use crate::api_key::{self, NewApiKey as Made};
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

/// Whose keys they are, in their first letters: people and scanners of repositories know one when they see it.
const BRAND: &str = "ms";

/// Whether a credential is an API key, right or wrong, and not a token.
pub fn is_api_key(text: &str) -> bool {
    text.strip_prefix(BRAND).is_some_and(|rest| rest.starts_with("_v"))
}

const ALL: &str =
    "select id::text, hash, role, claims::text, expires_at from auth.api_keys where revoked_at is null";
const LIST: &str = "select id::text, name, prefix, role, claims::text, created_at, expires_at, revoked_at, last_used_at \
    from auth.api_keys order by created_at desc, id";
const INSERT: &str = "insert into auth.api_keys (id, name, prefix, hash, role, claims, created_at, expires_at) \
    values ($1::uuid, $2, $3, $4, $5, $6::jsonb, $7, $8)";
const REVOKE: &str =
    "update auth.api_keys set revoked_at = $2 where id = $1::uuid and revoked_at is null returning id::text";
const USED: &str = "update auth.api_keys set last_used_at = $2 where id = $1::uuid";

/// What is asked of a new key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    pub name: String,
    pub role: String,
    /// Claims that policies see beside the role.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// Seconds since 1970; none: until it is revoked.
    #[serde(default)]
    pub expires_at: Option<i64>,
}

/// A key as lists show it: without the key.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub prefix: String,
    pub role: String,
    pub claims: Map<String, Value>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    id: Arc<str>,
    actor: Arc<Actor>,
    expires_at: Option<i64>,
}

pub(super) type KnownKeys = HashMap<Hash, Known>;

impl Oauth {
    /// The actor of an API key.
    pub fn api_key_actor(&self, key: &str) -> Result<Arc<Actor>> {
        let known = self.api_keys.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let found = api_key::ApiKey::parse(key).and_then(|key| known.get(&key.stored()));
        let found = found.filter(|known| known.expires_at.is_none_or(|at| now < at));
        let Some(found) = found else {
            return Err(Problem::new("PGRST301", "the API key is unknown, revoked or expired"));
        };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&found.id), now);
        Ok(Arc::clone(&found.actor))
    }

    /// Makes a key. The text of it is in the answer and nowhere else.
    pub async fn create_api_key(&self, new: NewApiKey) -> Result<(ApiKey, Secret)> {
        let now = self.now();
        if new.name.trim().is_empty() || new.name.len() > 200 {
            return Err(invalid_request("`name` is missing or longer than 200 bytes"));
        }
        if !self.db.store().catalog().roles.contains_key(&new.role) {
            return Err(invalid_request(format!("the role `{}` does not exist", new.role)));
        }
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(invalid_request("`expires_at` is in the past"));
        }
        let Made { id, text, stored } = Made::make(BRAND, &self.env);
        let made = ApiKey {
            id: Uuid::random(&self.env).to_string(),
            name: new.name,
            prefix: format!("{BRAND}_v1_{id}"),
            role: new.role,
            claims: new.claims,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let params = vec![
            made.id.as_str().into(),
            made.name.as_str().into(),
            made.prefix.as_str().into(),
            (&stored).into(),
            made.role.as_str().into(),
            json(&made.claims)?,
            Param::Time(Some(now)),
            Param::Time(made.expires_at),
        ];
        self.db.write(vec![Statement::new(INSERT, params)]).await?;
        self.refresh_api_keys().await?;
        Ok((made, text))
    }

    /// All keys, revoked ones included, newest first.
    pub async fn list_api_keys(&self) -> Result<Vec<ApiKey>> {
        self.note_uses().await?;
        let key = |row: &Row| {
            Ok(ApiKey {
                id: row.required(0)?,
                name: row.required(1)?,
                prefix: row.required(2)?,
                role: row.required(3)?,
                claims: row.json(4)?,
                created_at: row.time(5).unwrap_or_default(),
                expires_at: row.time(6),
                revoked_at: row.time(7),
                last_used_at: row.time(8),
            })
        };
        self.db.rows(LIST, Vec::new()).await?.iter().map(key).collect()
    }

    /// Ends a key. False: there was none that could end.
    pub async fn revoke_api_key(&self, id: &str) -> Result<bool> {
        let params = vec![id.into(), Param::Time(Some(self.now()))];
        let rows = self.db.write(vec![Statement::new(REVOKE, params)]).await?;
        self.refresh_api_keys().await?;
        Ok(rows.first().is_some_and(|rows| !rows.is_empty()))
    }

    /// Reads the keys again: after each change here, and when the table changed in another way.
    pub async fn refresh_api_keys(&self) -> Result<()> {
        let rows = self.db.rows(ALL, Vec::new()).await?;
        let mut known = KnownKeys::with_capacity(rows.len());
        for row in &rows {
            let Some(hash) = row.bytes(1).and_then(|bytes| bytes.try_into().ok()) else { continue };
            known.insert(hash, known_key(row)?);
        }
        *self.api_keys.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Writes down when keys were last used, all at once.
    pub async fn note_uses(&self) -> Result<()> {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let statement =
            |(id, at): (Arc<str>, i64)| Statement::new(USED, vec![(&*id).into(), Param::Time(Some(at))]);
        self.db.write(used.into_iter().map(statement).collect()).await.map(drop)
    }
}

fn known_key(row: &Row) -> Result<Known> {
    let id: Arc<str> = row.required(0)?.into();
    let role = row.required(2)?;
    let mut claims: Map<String, Value> = row.json(3)?;
    claims.insert("role".into(), role.as_str().into());
    claims.insert("api_key_id".into(), (*id).into());
    let actor = Actor { role, claims_json: Value::Object(claims).to_string().into(), anonymous: false };
    Ok(Known { id, actor: Arc::new(actor), expires_at: row.time(4) })
}

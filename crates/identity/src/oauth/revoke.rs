//! Revocation (RFC 7009). The verifier keeps what was revoked in memory, so that each request is checked against it.

use super::Oauth;
use super::client::Client;
use super::db::{Param, Statement};
use super::params::Params;
use crate::jose::TokenType;
use mainstay_base::Result;
use serde_json::Value;
use std::collections::hash_map::Entry;
use std::sync::PoisonError;

/// Remembers the name of something that can be used once, or that is used up.
pub(super) const USED_UP: &str = "insert into auth.oauth_revoked_tokens (jti, expires_at) values ($1, $2)";
const REVOKE: &str =
    "insert into auth.oauth_revoked_tokens (jti, expires_at) values ($1, $2) on conflict (jti) do nothing";
// The table also remembers assertions of clients that were used (`client_auth`), which no access token is.
const TOKENS: &str = "select jti, expires_at from auth.oauth_revoked_tokens where expires_at > $1 \
    and jti not like 'assertion %'";
const GRANTS: &str = "select id::text, revoked_at from auth.oauth_grants where revoked_at > $1";

impl Oauth {
    /// The revocation endpoint. What is unknown or another client's is none of the caller's: the answer is the same.
    /// An access token of a user's takes its grant along: whoever gives one back wants none of them.
    pub async fn revoke(&self, client: &Client, params: &Params) -> Result<()> {
        let token = params.required("token")?;
        if let Some((id, _)) = self.read_refresh_token(token) {
            if self.grant(&id).await?.is_some_and(|grant| grant.client_id == client.id) {
                self.revoke_grant(&id, "revoked by the client").await?;
            }
            return Ok(());
        }
        let Ok(claims) = self.access_claims(token, TokenType::OAuthAccess) else { return Ok(()) };
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let expires = claims.get("exp").and_then(Value::as_i64);
        let (Some(jti), Some(session), Some(expires)) = (text("jti"), text("session_id"), expires) else {
            return Ok(());
        };
        if text("client_id") != Some(client.id.as_str()) {
            return Ok(());
        }
        // One that was exchanged is of somebody else's session, which is not this client's to end.
        if session != jti && claims.get("act").is_none() {
            return self.revoke_grant(session, "revoked by the client").await;
        }
        let values = vec![jti.into(), Param::Time(Some(expires))];
        self.db.write(vec![Statement::new(REVOKE, values)]).await?;
        self.refresh_revocations().await
    }

    /// Tells the verifier what was revoked: after each change here, and when the tables changed in another way.
    pub async fn refresh_revocations(&self) -> Result<()> {
        let now = self.now();
        let tokens = self.db.rows(TOKENS, vec![Param::Time(Some(now))]).await?;
        // A grant's last access token is over by then.
        let life = 2 * self.settings.access_seconds();
        let grants = self.db.rows(GRANTS, vec![Param::Time(Some(now - life))]).await?;
        let tokens = tokens.iter().filter_map(|row| Some((row.text(0)?, row.time(1)?)));
        let grants = grants.iter().filter_map(|row| Some((row.text(0)?, row.time(1)? + life)));
        let mut told = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, until| *until > now);
        for (session, until) in tokens.chain(grants) {
            if let Entry::Vacant(entry) = told.entry(session) {
                self.verifier.revoke_session(entry.key(), until);
                entry.insert(until);
            }
        }
        Ok(())
    }
}

//! What a token says and whether it holds (RFC 7662), and who its user is (OpenID Connect Core section 5.3).

use super::Oauth;
use super::client::Client;
use super::params::Params;
use super::problems::{insufficient_scope, invalid_client, invalid_token};
use super::scope::Scope;
use super::tokens::user_claims;
use crate::jose::TokenType;
use mainstay_base::Result;
use serde_json::{Map, Value, json};

impl Oauth {
    /// The introspection endpoint. A client learns of its own tokens and of those for its own API; an application of
    /// the operator's own learns of all.
    pub async fn introspect(&self, client: &Client, params: &Params) -> Result<Value> {
        if client.is_public() {
            return Err(invalid_client("a client without a secret may not ask about tokens"));
        }
        let token = params.required("token")?;
        let found = match self.read_refresh_token(token) {
            Some((id, number)) => self.refresh_state(&id, number).await?,
            None => self.access_state(token).await?,
        };
        let open = found.filter(|state| {
            let text = |name: &str| state.get(name).and_then(Value::as_str).unwrap_or_default();
            client.trusted
                || text("client_id") == client.id
                || client.resources.iter().any(|resource| resource == text("aud"))
        });
        Ok(open.map_or_else(|| json!({ "active": false }), Value::Object))
    }

    async fn access_state(&self, token: &str) -> Result<Option<Map<String, Value>>> {
        let Ok(mut claims) = self.access_claims(token, TokenType::OAuthAccess) else { return Ok(None) };
        if !self.is_user_there(&claims).await? {
            return Ok(None);
        }
        claims.insert("active".into(), true.into());
        claims.insert("token_type".into(), "Bearer".into());
        Ok(Some(claims))
    }

    /// Whether the user of a token may still have one; a client's own token has none.
    async fn is_user_there(&self, claims: &Map<String, Value>) -> Result<bool> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        match text("sub") {
            Some(subject) if text("client_id") != Some(subject) => {
                Ok(self.users.by_id(subject).await?.is_some())
            }
            _ => Ok(true),
        }
    }

    async fn refresh_state(&self, id: &str, number: i64) -> Result<Option<Map<String, Value>>> {
        let Some(grant) = self.grant(id).await? else { return Ok(None) };
        if !grant.holds(self.now())
            || number != grant.counter
            || self.users.by_id(&grant.user_id).await?.is_none()
        {
            return Ok(None);
        }
        let state = json!({
            "active": true,
            "token_type": "refresh_token",
            "client_id": grant.client_id,
            "sub": grant.user_id,
            "scope": grant.scope.to_string(),
            "exp": grant.expires_at,
            "iss": self.settings.issuer,
        });
        Ok(state.as_object().cloned())
    }

    /// The userinfo endpoint.
    pub async fn userinfo(&self, token: Option<&str>) -> Result<Value> {
        let token = token.ok_or_else(|| invalid_token("the request has no access token"))?;
        let wrong = || invalid_token("the access token is not one of this server, expired or revoked");
        let claims = self.access_claims(token, TokenType::OAuthAccess).map_err(|_| wrong())?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("aud") != Some(&self.settings.audience) {
            return Err(wrong());
        }
        let scope = Scope::parse(text("scope").unwrap_or_default())?;
        if !scope.has("openid") {
            return Err(insufficient_scope("the access token was not asked for with the scope `openid`"));
        }
        let user = match text("sub") {
            Some(subject) => self.users.by_id(subject).await?,
            None => None,
        };
        let user = user.ok_or_else(wrong)?;
        let mut answer = user_claims(&user, &scope);
        answer.insert("sub".into(), user.id.into());
        Ok(Value::Object(answer))
    }
}

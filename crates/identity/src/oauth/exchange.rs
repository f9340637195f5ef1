//! Tokens that a client gets for itself, and tokens for tokens (RFC 8693).

use super::Oauth;
use super::client::{CREDENTIALS, Client, EXCHANGE};
use super::params::Params;
use super::problems::{invalid_grant, invalid_request, invalid_target};
use super::scope::Scope;
use super::tokens::{Access, Issued};
use crate::jose::TokenType;
use mainstay_base::Result;
use serde_json::{Map, Value, json};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

impl Oauth {
    /// `grant_type=client_credentials`.
    pub(super) async fn client_credentials(&self, client: &Client, params: &Params) -> Result<Issued> {
        client.may(CREDENTIALS)?;
        // There is no user whose name, mail or absence such a token could be about.
        let allowed = client.scope.without(&super::scope::KNOWN);
        let scope = Scope::within(params.get("scope")?, &allowed)?;
        let resources = self.resources(client, &params.resources())?;
        let audience = Oauth::audience(&resources, &params.resources())?;
        let access = Access {
            subject: &client.id,
            client_id: &client.id,
            role: &client.role,
            audience: &audience,
            scope: &scope,
            session: None,
            grant: None,
            actor: None,
            confirmation: None,
            until: None,
        };
        let (access_token, expires_in) = self.access_token(&access)?;
        Ok(Issued { access_token, expires_in, scope: scope.to_string(), ..Issued::default() })
    }

    /// `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`: a client that was called with a user's token calls
    /// on in the user's name. The new token says so (`act`), can do no more, and lives no longer.
    pub(super) async fn exchange(&self, client: &Client, params: &Params) -> Result<Issued> {
        client.may(EXCHANGE)?;
        if !matches!(params.required("subject_token_type")?, ACCESS_TOKEN | JWT) {
            return Err(invalid_request("`subject_token_type` must be that of access tokens"));
        }
        if !matches!(params.get("requested_token_type")?, None | Some(ACCESS_TOKEN | JWT)) {
            return Err(invalid_request("`requested_token_type` must be that of access tokens"));
        }
        if params.get("actor_token")?.is_some() {
            return Err(invalid_request("`actor_token` is not supported: the client is the actor"));
        }
        let claims = self.subject(params.required("subject_token")?)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let (Some(subject), Some(role)) = (text("sub"), text("role")) else {
            return Err(invalid_grant("the subject token is not about anybody"));
        };
        let allowed = match text("scope") {
            Some(scope) => Scope::parse(scope)?,
            None => client.scope.without(&["openid", "offline_access"]),
        };
        let scope = Scope::within(params.get("scope")?, &allowed)?;
        let asked: Vec<String> = params.resources().into_iter().chain(params.owned("audience")?).collect();
        let resources = self.resources(client, &asked)?;
        let [audience] = resources.as_slice() else {
            return Err(invalid_target("a token is for one resource: name one"));
        };
        let mut actor = json!({ "sub": client.id });
        if let Some(before) = claims.get("act") {
            actor["act"] = before.clone();
        }
        let access = Access {
            subject,
            client_id: &client.id,
            role,
            audience,
            scope: &scope,
            session: text("session_id"),
            grant: None,
            actor: Some(actor),
            confirmation: claims.get("cnf"),
            until: claims.get("exp").and_then(Value::as_i64),
        };
        let (access_token, expires_in) = self.access_token(&access)?;
        Ok(Issued {
            access_token,
            expires_in,
            scope: scope.to_string(),
            issued_token_type: Some(ACCESS_TOKEN),
            ..Issued::default()
        })
    }

    /// The claims of a token of this server that is still good: one of a client, or one that a user signed in with.
    fn subject(&self, token: &str) -> Result<Map<String, Value>> {
        let wrong = || invalid_grant("the subject token is not one of this server, expired or revoked");
        self.access_claims(token, TokenType::OAuthAccess)
            .or_else(|_| self.access_claims(token, TokenType::Session))
            .map_err(|_| wrong())
    }
}

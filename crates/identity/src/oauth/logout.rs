//! Logout that a client begins (OpenID Connect RP-Initiated Logout).

use super::Oauth;
use super::authorize::with_query;
use super::client_auth::single;
use super::params::Params;
use super::problems::invalid_request;
use super::session::BrowserSession;
use mainstay_base::Result;
use serde_json::{Map, Value};

/// What a logout request comes to.
#[derive(Debug)]
pub struct Logout {
    /// The client has shown an ID token of the user who is signed in: no need to ask.
    pub certain: bool,
    /// Where to go then, an address of the client's.
    pub uri: Option<String>,
    pub client_name: Option<String>,
}

impl Oauth {
    /// Checks a logout request. Nothing has happened yet.
    pub async fn logout(&self, params: &Params, session: Option<&BrowserSession>) -> Result<Logout> {
        let hint = match params.get("id_token_hint")? {
            Some(token) => Some(
                self.hint(token)
                    .ok_or_else(|| invalid_request("`id_token_hint` is no ID token of this server"))?,
            ),
            None => None,
        };
        let hinted_client = hint.as_ref().and_then(|claims| claims.get("aud")).and_then(single);
        let client_id = match (params.get("client_id")?, hinted_client) {
            (Some(named), Some(hinted)) if named != hinted => {
                return Err(invalid_request("`client_id` is not the client of `id_token_hint`"));
            }
            (named, hinted) => named.or(hinted),
        };
        let client = match client_id {
            Some(id) => Some(self.client(id).await?.ok_or_else(|| invalid_request("the client is unknown"))?),
            None => None,
        };
        let uri = match params.get("post_logout_redirect_uri")? {
            Some(uri) => {
                let known = client.as_ref().is_some_and(|client| {
                    super::redirect::is_registered(&client.post_logout_redirect_uris, uri)
                });
                if !known {
                    return Err(invalid_request(
                        "`post_logout_redirect_uri` is not registered for this client",
                    ));
                }
                let state = params.get("state")?.map(|state| ("state", state));
                Some(with_query(uri, state.into_iter()))
            }
            None => None,
        };
        let subject = hint.as_ref().and_then(|claims| claims.get("sub")).and_then(Value::as_str);
        let certain = match (session, subject) {
            (Some(session), Some(subject)) => session.user_id == subject,
            (None, _) => true,
            (Some(_), None) => false,
        };
        Ok(Logout { certain, uri, client_name: client.map(|client| client.name) })
    }

    /// The claims of an ID token of this server, of whatever age.
    fn hint(&self, token: &str) -> Option<Map<String, Value>> {
        self.id_keys.verify(token).ok()
    }

    /// The user of an ID token of this server.
    pub(super) fn hinted_user(&self, token: &str) -> Option<String> {
        self.hint(token)?.get("sub")?.as_str().map(str::to_owned)
    }
}

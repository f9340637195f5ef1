//! Registration of clients: by themselves where the operator lets them (RFC 7591), and by the operator.

use super::Oauth;
use super::client::{AuthMethod, CODE, CREDENTIALS, Client, EXCHANGE, REFRESH};
use super::problems::{access_denied, invalid_client_metadata};
use super::scope::Scope;
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Value, json};

/// What is asked of a client, in the names of RFC 7591. What is unknown is ignored, as that RFC demands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    pub client_name: Option<String>,
    pub client_uri: Option<String>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub grant_types: Option<Vec<String>>,
    pub response_types: Option<Vec<String>>,
    pub token_endpoint_auth_method: Option<String>,
    pub scope: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub require_pushed_authorization_requests: bool,
    /// The operator's alone from here on.
    pub resources: Vec<String>,
    pub role: Option<String>,
    pub trusted: bool,
}

const SCOPE: &str = "openid profile email phone offline_access";

impl Oauth {
    /// The registration endpoint. A client that registers itself gets nothing without a user: no tokens of its own, no
    /// exchange, a consent page each time.
    pub async fn register(&self, metadata: ClientMetadata) -> Result<Value> {
        if !self.settings.registration {
            return Err(access_denied("clients cannot register themselves here").with_hint(
                "`[oauth] registration = true` lets them; an operator can register them at any time",
            ));
        }
        let metadata = ClientMetadata { resources: Vec::new(), role: None, trusted: false, ..metadata };
        let client = of(metadata, true)?;
        if client.may(CREDENTIALS).is_ok() || client.may(EXCHANGE).is_ok() {
            return Err(invalid_client_metadata(
                "a client that registers itself gets no tokens without a user",
            ));
        }
        self.add(client).await
    }

    /// Registers a client for an operator.
    pub async fn create_client(&self, metadata: ClientMetadata) -> Result<Value> {
        self.add(of(metadata, false)?).await
    }

    async fn add(&self, mut client: Client) -> Result<Value> {
        let secret = self.insert_client(&mut client).await?;
        let mut answer = described(&client);
        if let Some(secret) = secret {
            answer["client_secret"] = secret.into();
            answer["client_secret_expires_at"] = 0.into();
        }
        Ok(answer)
    }
}

fn of(metadata: ClientMetadata, dynamic: bool) -> Result<Client> {
    let name = metadata.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
    let method = AuthMethod::named(name)
        .ok_or_else(|| invalid_client_metadata(format!("the method `{name}` is not offered")))?;
    if metadata.jwks_uri.is_some() {
        return Err(invalid_client_metadata("`jwks_uri` is not supported: send the keys in `jwks`"));
    }
    if metadata.response_types.is_some_and(|types| types.iter().any(|name| name != "code")) {
        return Err(invalid_client_metadata("`response_types` may be `code` alone"));
    }
    let client = Client {
        id: String::new(),
        name: metadata.client_name.unwrap_or_default(),
        client_uri: metadata.client_uri,
        secret_hash: None,
        method,
        jwks: metadata.jwks,
        redirect_uris: metadata.redirect_uris,
        post_logout_redirect_uris: metadata.post_logout_redirect_uris,
        grant_types: metadata.grant_types.unwrap_or_else(|| vec![CODE.into(), REFRESH.into()]),
        scope: Scope::parse(metadata.scope.as_deref().unwrap_or(SCOPE))?,
        resources: metadata.resources,
        role: metadata.role.unwrap_or_else(|| "authenticated".into()),
        trusted: metadata.trusted,
        dynamic,
        require_par: metadata.require_pushed_authorization_requests,
        created_at: 0,
    };
    client.check()?;
    Ok(client)
}

/// A client as its registration and the operator's list show it.
pub fn described(client: &Client) -> Value {
    let mut answer = json!({
        "client_id": client.id,
        "client_id_issued_at": client.created_at,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": client.grant_types,
        "response_types": if client.may(CODE).is_ok() { vec!["code"] } else { Vec::new() },
        "token_endpoint_auth_method": client.method.name(),
        "scope": client.scope.to_string(),
        "require_pushed_authorization_requests": client.require_par,
    });
    if let Some(uri) = &client.client_uri {
        answer["client_uri"] = uri.as_str().into();
    }
    if let Some(jwks) = &client.jwks {
        answer["jwks"] = jwks.clone();
    }
    if !client.dynamic {
        answer["resources"] = json!(client.resources);
        answer["role"] = client.role.as_str().into();
        answer["trusted"] = client.trusted.into();
    }
    answer
}

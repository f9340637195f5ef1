//! Clients: the applications that may ask for tokens.

use super::Oauth;
use super::db::{Param, Row, Statement, json};
use super::problems::{invalid_client_metadata, unauthorized_client};
use super::redirect;
use super::scope::Scope;
use super::secrets::{self, Hash};
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use serde_json::Value;

/// How a client proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// A public client: it cannot keep a secret.
    None,
    SecretBasic,
    SecretPost,
    PrivateKeyJwt,
}

impl AuthMethod {
    pub const ALL: [AuthMethod; 4] =
        [AuthMethod::None, AuthMethod::SecretBasic, AuthMethod::SecretPost, AuthMethod::PrivateKeyJwt];

    pub fn name(self) -> &'static str {
        match self {
            AuthMethod::None => "none",
            AuthMethod::SecretBasic => "client_secret_basic",
            AuthMethod::SecretPost => "client_secret_post",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub fn named(name: &str) -> Option<AuthMethod> {
        AuthMethod::ALL.into_iter().find(|method| method.name() == name)
    }

    pub(super) fn has_secret(self) -> bool {
        matches!(self, AuthMethod::SecretBasic | AuthMethod::SecretPost)
    }
}

pub(super) const CODE: &str = "authorization_code";
pub(super) const REFRESH: &str = "refresh_token";
pub(super) const CREDENTIALS: &str = "client_credentials";
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The ways to a token. There is no password grant and no implicit one (RFC 9700 sections 2.1.2 and 2.4).
pub(super) const GRANT_TYPES: [&str; 5] = [CODE, REFRESH, CREDENTIALS, DEVICE, EXCHANGE];

#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub name: String,
    pub client_uri: Option<String>,
    pub(super) secret_hash: Option<Hash>,
    pub method: AuthMethod,
    pub jwks: Option<Value>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    pub(super) scope: Scope,
    /// APIs beside those of the settings that its tokens may be for.
    pub resources: Vec<String>,
    /// The role of tokens that it gets for itself.
    pub role: String,
    /// No consent page: an application of the operator's own.
    pub trusted: bool,
    /// It registered itself.
    pub dynamic: bool,
    pub require_par: bool,
    pub created_at: i64,
}

impl Client {
    pub fn is_public(&self) -> bool {
        self.method == AuthMethod::None
    }

    pub(super) fn may(&self, grant_type: &str) -> Result<()> {
        if self.grant_types.iter().any(|known| known == grant_type) {
            return Ok(());
        }
        Err(unauthorized_client(format!("this client may not use the grant `{grant_type}`")))
    }

    /// Refuses what would weaken the server or could never work.
    pub(super) fn check(&self) -> Result<()> {
        let refused = |why: String| Err(invalid_client_metadata(why));
        if self.name.trim().is_empty() || self.name.len() > 200 {
            return refused("`client_name` is missing or longer than 200 bytes".into());
        }
        if let Some(unknown) = self.grant_types.iter().find(|name| !GRANT_TYPES.contains(&name.as_str())) {
            return refused(format!("the grant `{unknown}` is not offered"));
        }
        for uri in &self.redirect_uris {
            redirect::check(uri)?;
        }
        for uri in &self.post_logout_redirect_uris {
            redirect::check(uri)?;
        }
        if self.client_uri.as_deref().is_some_and(|uri| !uri.starts_with("https://")) {
            return refused("`client_uri` is no https address".into());
        }
        if self.may(CODE).is_ok() && self.redirect_uris.is_empty() {
            return Err(super::problems::invalid_redirect_uri("`redirect_uris` is empty"));
        }
        if self.is_public() && (self.may(CREDENTIALS).is_ok() || self.may(EXCHANGE).is_ok()) {
            return refused("a client without a secret cannot get tokens for itself or exchange them".into());
        }
        let has_keys = self.jwks.as_ref().is_some_and(|jwks| jwks.get("keys").is_some_and(Value::is_array));
        if self.method == AuthMethod::PrivateKeyJwt && !has_keys {
            return refused("`private_key_jwt` needs the public keys in `jwks`".into());
        }
        if let Some(resource) = self.resources.iter().find(|uri| !super::resource::is_resource(uri)) {
            return refused(format!("the resource `{resource}` is no absolute URI without fragment"));
        }
        Ok(())
    }

    fn of(row: &Row) -> Result<Client> {
        let method = row.required(4)?;
        Ok(Client {
            id: row.required(0)?,
            name: row.required(1)?,
            client_uri: row.text(2),
            secret_hash: row.bytes(3).and_then(|bytes| bytes.try_into().ok()),
            method: AuthMethod::named(&method)
                .ok_or_else(|| Problem::internal(format!("a client has the unknown method `{method}`")))?,
            jwks: row.json::<Option<Value>>(5)?,
            redirect_uris: row.json(6)?,
            post_logout_redirect_uris: row.json(7)?,
            grant_types: row.json(8)?,
            scope: Scope::parse(&row.required(9)?)?,
            resources: row.json(10)?,
            role: row.required(11)?,
            trusted: row.truth(12),
            dynamic: row.truth(13),
            require_par: row.truth(14),
            created_at: row.time(15).unwrap_or_default(),
        })
    }
}

const ONE: &str = "select id, name, client_uri, secret_hash, token_endpoint_auth_method, jwks::text, \
    redirect_uris::text, post_logout_redirect_uris::text, grant_types::text, scope, resources::text, role, trusted, \
    dynamic, require_par, created_at from auth.oauth_clients where id = $1 and disabled_at is null";
const ALL: &str = "select id, name, client_uri, secret_hash, token_endpoint_auth_method, jwks::text, \
    redirect_uris::text, post_logout_redirect_uris::text, grant_types::text, scope, resources::text, role, trusted, \
    dynamic, require_par, created_at from auth.oauth_clients where disabled_at is null order by created_at, id";
const INSERT: &str = "insert into auth.oauth_clients (id, name, client_uri, secret_hash, token_endpoint_auth_method, \
    jwks, redirect_uris, post_logout_redirect_uris, grant_types, scope, resources, role, trusted, dynamic, \
    require_par, created_at, updated_at) values ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8::jsonb, $9::jsonb, \
    $10, $11::jsonb, $12, $13, $14, $15, $16, $16)";
const DELETE: &str = "delete from auth.oauth_clients where id = $1 returning id";
const NEW_SECRET: &str = "update auth.oauth_clients set secret_hash = $2, updated_at = $3 where id = $1 and disabled_at is null returning id";

impl Oauth {
    /// A client that is not disabled.
    pub async fn client(&self, id: &str) -> Result<Option<Client>> {
        self.db.row(ONE, vec![id.into()]).await?.map(|row| Client::of(&row)).transpose()
    }

    pub async fn clients(&self) -> Result<Vec<Client>> {
        self.db.rows(ALL, Vec::new()).await?.iter().map(Client::of).collect()
    }

    /// Keeps a new client; gives its secret, which nobody sees again, where it has one.
    pub(super) async fn insert_client(&self, client: &mut Client) -> Result<Option<String>> {
        client.check()?;
        // A UUID, so that `auth.uid()` of a token that a client got for itself is one.
        client.id = Uuid::random(&self.env).to_string();
        client.created_at = self.now();
        let secret = client.method.has_secret().then(|| secrets::random(&self.env));
        client.secret_hash = secret.as_deref().map(secrets::hash);
        let jwks = client.jwks.as_ref().map(Value::to_string);
        let params = vec![
            client.id.as_str().into(),
            client.name.as_str().into(),
            client.client_uri.as_deref().into(),
            Param::Bytes(client.secret_hash.map(|hash| hash.to_vec())),
            client.method.name().into(),
            jwks.as_deref().into(),
            json(&client.redirect_uris)?,
            json(&client.post_logout_redirect_uris)?,
            json(&client.grant_types)?,
            Param::Text(Some(client.scope.to_string())),
            json(&client.resources)?,
            client.role.as_str().into(),
            Param::Bool(client.trusted),
            Param::Bool(client.dynamic),
            Param::Bool(client.require_par),
            Param::Time(Some(client.created_at)),
        ];
        self.db.write(vec![Statement::new(INSERT, params)]).await?;
        Ok(secret)
    }

    /// Removes a client with all it was granted. False: there was none.
    pub async fn delete_client(&self, id: &str) -> Result<bool> {
        let rows = self.db.write(vec![Statement::new(DELETE, vec![id.into()])]).await?;
        Ok(rows.first().is_some_and(|rows| !rows.is_empty()))
    }

    /// Replaces the secret of a client; the old one is worth nothing from now on.
    pub async fn new_client_secret(&self, id: &str) -> Result<Option<String>> {
        let Some(client) = self.client(id).await? else { return Ok(None) };
        if !client.method.has_secret() {
            return Err(invalid_client_metadata("this client has no secret"));
        }
        let secret = secrets::random(&self.env);
        let params = vec![id.into(), (&secrets::hash(&secret)).into(), Param::Time(Some(self.now()))];
        let rows = self.db.write(vec![Statement::new(NEW_SECRET, params)]).await?;
        Ok(rows.first().is_some_and(|rows| !rows.is_empty()).then_some(secret))
    }
}

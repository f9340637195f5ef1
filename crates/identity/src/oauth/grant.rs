//! Grants: what a user let a client do. A grant is the family of its refresh tokens, and ends as one.

use super::Oauth;
use super::client::{Client, REFRESH};
use super::db::{Param, Row, Statement, json};
use super::problems::invalid_grant;
use super::scope::Scope;
use super::tokens::{Access, Issued};
use super::users::User;
use mainstay_base::Result;
use serde_json::Value;

#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub id: String,
    pub client_id: String,
    pub user_id: String,
    pub scope: Scope,
    pub resources: Vec<String>,
    pub auth_time: i64,
    pub amr: Vec<String>,
    /// The key that its tokens are bound to; none are, so far.
    pub confirmation: Option<Value>,
    /// The number of the refresh token that is good now.
    pub counter: i64,
    pub refreshed_at: Option<i64>,
    pub expires_at: i64,
    pub revoked: bool,
}

const ONE: &str = "select id::text, client_id, user_id::text, scope, resources::text, auth_time, amr::text, \
    confirmation::text, refresh_counter, refreshed_at, expires_at, revoked_at is not null from auth.oauth_grants \
    where id = $1::uuid";
const OF_USER: &str = "select g.id::text, g.client_id, c.name, g.scope, g.created_at, g.expires_at \
    from auth.oauth_grants g join auth.oauth_clients c on c.id = g.client_id \
    where g.user_id = $1::uuid and g.revoked_at is null and g.expires_at > $2 order by g.created_at desc";
const INSERT: &str = "insert into auth.oauth_grants (id, client_id, user_id, scope, resources, auth_time, amr, \
    confirmation, created_at, expires_at) values ($1::uuid, $2, $3::uuid, $4, $5::jsonb, $6, $7::jsonb, $8::jsonb, $9, $10)";
const REVOKE: &str = "update auth.oauth_grants set revoked_at = $2, revoked_because = $3 \
    where id = $1::uuid and revoked_at is null";
const REVOKE_CLIENT: &str = "update auth.oauth_grants set revoked_at = $3, revoked_because = $4 \
    where user_id = $1::uuid and client_id = $2 and revoked_at is null";

impl Grant {
    fn of(row: &Row) -> Result<Grant> {
        Ok(Grant {
            id: row.required(0)?,
            client_id: row.required(1)?,
            user_id: row.required(2)?,
            scope: Scope::parse(&row.required(3)?)?,
            resources: row.json(4)?,
            auth_time: row.time(5).unwrap_or_default(),
            amr: row.json(6)?,
            confirmation: row.json(7)?,
            counter: row.number(8).unwrap_or_default(),
            refreshed_at: row.time(9),
            expires_at: row.time(10).unwrap_or_default(),
            revoked: row.truth(11),
        })
    }

    /// The statement that keeps a new grant.
    pub fn insert(&self, now: i64) -> Result<Statement> {
        let confirmation = self.confirmation.as_ref().map(Value::to_string);
        let params = vec![
            self.id.as_str().into(),
            self.client_id.as_str().into(),
            self.user_id.as_str().into(),
            Param::Text(Some(self.scope.to_string())),
            json(&self.resources)?,
            Param::Time(Some(self.auth_time)),
            json(&self.amr)?,
            confirmation.as_deref().into(),
            Param::Time(Some(now)),
            Param::Time(Some(self.expires_at)),
        ];
        Ok(Statement::new(INSERT, params))
    }

    pub fn holds(&self, now: i64) -> bool {
        !self.revoked && now < self.expires_at
    }
}

/// Something that a user lets an application do, as the user's own list shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Granted {
    pub id: String,
    pub client_id: String,
    pub client_name: String,
    pub scope: String,
    pub created_at: i64,
    pub expires_at: i64,
}

impl Oauth {
    pub(super) async fn grant(&self, id: &str) -> Result<Option<Grant>> {
        self.db.row(ONE, vec![id.into()]).await?.map(|row| Grant::of(&row)).transpose()
    }

    /// Ends a grant: its refresh tokens, and its access tokens where this server checks them.
    pub(super) async fn revoke_grant(&self, id: &str, because: &str) -> Result<()> {
        let params = vec![id.into(), Param::Time(Some(self.now())), because.into()];
        self.db.write(vec![Statement::new(REVOKE, params)]).await?;
        self.refresh_revocations().await
    }

    /// What a user lets applications do now.
    pub async fn granted(&self, user_id: &str) -> Result<Vec<Granted>> {
        let rows = self.db.rows(OF_USER, vec![user_id.into(), Param::Time(Some(self.now()))]).await?;
        let granted = |row: &Row| {
            Ok(Granted {
                id: row.required(0)?,
                client_id: row.required(1)?,
                client_name: row.required(2)?,
                scope: row.required(3)?,
                created_at: row.time(4).unwrap_or_default(),
                expires_at: row.time(5).unwrap_or_default(),
            })
        };
        rows.iter().map(granted).collect()
    }

    /// Forgets what a user allowed a client, and ends all that the client has of the user.
    pub async fn withdraw(&self, user_id: &str, client_id: &str) -> Result<()> {
        let revoke = vec![
            user_id.into(),
            client_id.into(),
            Param::Time(Some(self.now())),
            "withdrawn by the user".into(),
        ];
        let forget = vec![user_id.into(), client_id.into()];
        self.db
            .write(vec![
                Statement::new(REVOKE_CLIENT, revoke),
                Statement::new(super::consent::FORGET, forget),
            ])
            .await?;
        self.refresh_revocations().await
    }

    /// The user of a grant, as long as there is one who may get tokens.
    pub(super) async fn user_of(&self, grant: &Grant) -> Result<User> {
        let gone = || invalid_grant("the user is gone or may not sign in");
        self.users.by_id(&grant.user_id).await?.ok_or_else(gone)
    }

    /// The tokens of a grant, for one of its resources.
    pub(super) fn issue(
        &self,
        client: &Client,
        grant: &Grant,
        user: &User,
        scope: &Scope,
        audience: &str,
        nonce: Option<&str>,
    ) -> Result<Issued> {
        let access = Access {
            subject: &user.id,
            client_id: &client.id,
            role: &user.role,
            audience,
            scope,
            session: Some(&grant.id),
            grant: Some((grant, user)),
            actor: None,
            confirmation: grant.confirmation.as_ref(),
            until: Some(grant.expires_at),
        };
        let (access_token, expires_in) = self.access_token(&access)?;
        let id_token = match scope.has("openid") {
            true => Some(self.id_token(grant, user, nonce, &access_token)?),
            false => None,
        };
        // OpenID Connect Core section 11: access while the user is away has a scope of its own.
        let lasting = grant.scope.has("offline_access") || !grant.scope.has("openid");
        let refreshes = lasting && client.may(REFRESH).is_ok();
        let refresh_token = refreshes.then(|| self.refresh_token(&grant.id, grant.counter));
        Ok(Issued {
            access_token,
            expires_in,
            scope: scope.to_string(),
            refresh_token,
            id_token,
            issued_token_type: None,
        })
    }
}

//! Sessions: how they begin, what their tokens say, how they end.

use crate::caller::{Bearer, Caller};
use crate::db::{Tx, params};
use crate::refuse::{banned, no_session, refuse};
use crate::service::Identity;
use crate::time::Time;
use crate::users::{self, User, user_json};
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `select` of a session's columns, with the rest of the statement.
macro_rules! concat_columns {
    ($rest:literal) => {
        concat!(
            "select id, user_id, created_at, aal::text as aal, not_after, refreshed_at, refresh_token_counter \
             from auth.sessions ",
            $rest
        )
    };
}

/// A row of `auth.sessions`.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: Option<Time>,
    pub aal: Option<String>,
    pub not_after: Option<Time>,
    pub refreshed_at: Option<Time>,
    pub refresh_token_counter: Option<i64>,
}

/// One way in which the person of a session has shown who they are.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Method {
    pub authentication_method: String,
    pub updated_at: Time,
}

/// A session that was begun or gone on with; [`Identity::mint`] makes its tokens, after the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub user: User,
    pub session: Session,
    pub methods: Vec<Method>,
    pub provider_token: Option<String>,
    pub provider_refresh_token: Option<String>,
}

/// What a client gets for signing in.
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: crate::Secret,
    pub expires_in: i64,
    pub expires_at: i64,
    pub user: User,
    pub provider_token: Option<String>,
    pub provider_refresh_token: Option<String>,
}

impl Tokens {
    /// The answer, as GoTrue gives it.
    pub fn json(&self) -> Value {
        let mut answer = json!({
            "access_token": self.access_token,
            "token_type": "bearer",
            "expires_in": self.expires_in,
            "expires_at": self.expires_at,
            "refresh_token": self.refresh_token.expose(),
            "user": user_json(&self.user),
        });
        for (name, token) in [
            ("provider_token", &self.provider_token),
            ("provider_refresh_token", &self.provider_refresh_token),
        ] {
            if let Some(token) = token {
                answer[name] = json!(token);
            }
        }
        answer
    }
}

impl Identity {
    /// Begins a session in the transaction of what has shown who the user is.
    pub(crate) async fn open_session(
        &self,
        tx: &Tx,
        user: &User,
        method: &str,
        caller: &Caller,
    ) -> Result<Opened> {
        let now = tx.db.now();
        if user.is_banned(now) {
            return Err(banned());
        }
        let session = Uuid::random(tx.db.env());
        let hours = self.settings().session_hours_max;
        let not_after = (hours > 0).then(|| now.plus_seconds(hours * 3_600));
        let address = Some(caller.address.as_str()).filter(|text| text.parse::<std::net::IpAddr>().is_ok());
        tx.run(
            "insert into auth.sessions (id, user_id, created_at, updated_at, aal, not_after, user_agent, ip, \
             refresh_token_counter) values ($1, $2, $3, $3, 'aal1', $4, $5, $6::inet, 0)",
            params![session, user.id, now, not_after, caller.user_agent.as_str(), address],
        )
        .await?;
        add_method(tx, session, method).await?;
        tx.run(
            "update auth.users set last_sign_in_at = $2, updated_at = $2 where id = $1",
            params![user.id, now],
        )
        .await?;
        self.opened(tx, user.id, session).await
    }

    /// A session as it is now, with what its tokens tell.
    pub(crate) async fn opened(&self, tx: &Tx, user: Uuid, session: Uuid) -> Result<Opened> {
        let user = users::again(tx, user).await?;
        let session = find(tx, session).await?.ok_or_else(no_session)?;
        let methods = tx
            .rows(
                "select authentication_method, updated_at from auth.mfa_amr_claims where session_id = $1 \
                 order by updated_at desc, authentication_method",
                params![session.id],
            )
            .await?;
        Ok(Opened { user, session, methods, provider_token: None, provider_refresh_token: None })
    }

    /// The tokens of a session.
    pub(crate) fn mint(&self, opened: Opened) -> Result<Tokens> {
        let Opened { user, session, methods, provider_token, provider_refresh_token } = opened;
        let now = Time::now(self.env()).seconds();
        let expires_in = self.settings().access_token_seconds;
        let claims = self.claims(&user, &session, &methods, now, now + expires_in);
        Ok(Tokens {
            access_token: self.sign_access_token(&claims)?,
            refresh_token: self.refresh_token(&session),
            expires_in,
            expires_at: now + expires_in,
            user,
            provider_token,
            provider_refresh_token,
        })
    }

    fn claims(
        &self,
        user: &User,
        session: &Session,
        methods: &[Method],
        now: i64,
        until: i64,
    ) -> Map<String, Value> {
        let amr: Vec<Value> = methods
            .iter()
            .map(|method| json!({"method": method.authentication_method, "timestamp": method.updated_at.seconds()}))
            .collect();
        let claims = json!({
            "iss": self.issuer(),
            "sub": user.id,
            "aud": "authenticated",
            "exp": until,
            "iat": now,
            "email": user.email(),
            "phone": user.phone(),
            "app_metadata": user.raw_app_meta_data.clone().unwrap_or_default(),
            "user_metadata": user.raw_user_meta_data.clone().unwrap_or_default(),
            "role": user.role(),
            "aal": session.aal.as_deref().unwrap_or("aal1"),
            "amr": amr,
            "session_id": session.id,
            "is_anonymous": user.is_anonymous,
        });
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }

    /// A session as it is now.
    pub(crate) async fn session(&self, id: Uuid) -> Result<Option<Session>> {
        self.db().row(concat_columns!("where id = $1"), params![id]).await
    }

    /// The user of a token, whose session must still be there.
    pub async fn user_of(&self, bearer: Bearer) -> Result<User> {
        if let Some(id) = bearer.session {
            let sql = concat_columns!("where id = $1 and user_id = $2");
            let session: Option<Session> = self.db().row(sql, params![id, bearer.user]).await?;
            let now = Time::now(self.env());
            let alive = session.is_some_and(|session| session.not_after.is_none_or(|end| now < end));
            if !alive {
                return Err(no_session());
            }
        }
        let user = users::find(self.db(), bearer.user)
            .await?
            .ok_or_else(|| refuse(403, "user_not_found", "User from sub claim in JWT does not exist"))?;
        if user.is_banned(Time::now(self.env())) {
            return Err(banned());
        }
        Ok(user)
    }
}

pub(crate) async fn find(tx: &Tx, id: Uuid) -> Result<Option<Session>> {
    tx.row(concat_columns!("where id = $1"), params![id]).await
}

/// Notes one more way in which the session's person has shown who they are.
pub(crate) async fn add_method(tx: &Tx, session: Uuid, method: &str) -> Result<()> {
    tx.run(
        "insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method) \
         values ($1, $2, $3, $3, $4) on conflict (session_id, authentication_method) do update set \
         updated_at = excluded.updated_at",
        params![Uuid::random(tx.db.env()), session, tx.db.now(), method],
    )
    .await?;
    Ok(())
}

/// Which of a user's sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Global,
    Local,
    Others,
}

impl Scope {
    pub fn named(name: &str) -> Option<Scope> {
        match name {
            "" | "global" => Some(Scope::Global),
            "local" => Some(Scope::Local),
            "others" => Some(Scope::Others),
            _ => None,
        }
    }
}

/// Ends sessions of a user; `current` is the one that asks. Their access tokens end with them. Where it is not the
/// current one alone, those of browsers at the OAuth pages end too: whoever is to be out is out there as well.
pub(crate) async fn end(tx: &Tx, user: Uuid, current: Option<Uuid>, scope: Scope) -> Result<()> {
    #[derive(Deserialize)]
    struct Ended {
        id: Uuid,
    }
    let ended: Vec<Ended> = match (scope, current) {
        (Scope::Local, Some(session)) => {
            let sql = "delete from auth.sessions where user_id = $1 and id = $2 returning id";
            tx.rows(sql, params![user, session]).await?
        }
        (Scope::Others, Some(session)) => {
            let sql = "delete from auth.sessions where user_id = $1 and id <> $2 returning id";
            tx.rows(sql, params![user, session]).await?
        }
        _ => tx.rows("delete from auth.sessions where user_id = $1 returning id", params![user]).await?,
    };
    tx.ends(ended.into_iter().map(|session| session.id));
    if !(scope == Scope::Local && current.is_some()) {
        tx.run("delete from auth.browser_sessions where user_id = $1", params![user]).await?;
    }
    Ok(())
}

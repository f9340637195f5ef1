//! Devices without a browser (RFC 8628): the device shows a short code, its user types it in elsewhere.

use super::Oauth;
use super::client::{Client, DEVICE};
use super::db::{self, Param, Row, Statement};
use super::grant::Grant;
use super::params::Params;
use super::problems::{
    access_denied, authorization_pending, expired_token, invalid_grant, invalid_request, slow_down,
};
use super::scope::Scope;
use super::secrets;
use super::session::BrowserSession;
use super::settings::{DEVICE_INTERVAL_SECONDS, DEVICE_SECONDS};
use super::tokens::Issued;
use crate::uuid::Uuid;
use mainstay_base::{Env, Result};
use serde_json::{Value, json};

/// Consonants: no words come out, and nothing looks like something else (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

const INSERT: &str = "insert into auth.oauth_device_codes (hash, user_code, client_id, scope, resources, grant_id, \
    interval_seconds, created_at, expires_at) values ($1, $2, $3, $4, $5::jsonb, $6::uuid, $7, $8, $9)";
const ONE: &str = "select client_id, scope, resources::text, grant_id::text, user_id::text, decision, auth_time, \
    amr::text, interval_seconds, polled_at, expires_at from auth.oauth_device_codes where hash = $1";
const SHOWN: &str = "select client_id, scope, resources::text from auth.oauth_device_codes \
    where user_code = $1 and decision = 'pending' and expires_at > $2";
const DECIDE: &str = "update auth.oauth_device_codes set decision = $2, user_id = $3::uuid, auth_time = $4, \
    amr = $5::jsonb where user_code = $1 and decision = 'pending' and expires_at > $6";
const POLLED: &str = "update auth.oauth_device_codes set polled_at = $2, interval_seconds = interval_seconds + $3 where hash = $1";
/// The one write that decides which poll gets the tokens.
const REDEEM: &str = "update auth.oauth_device_codes set decision = 'redeemed' \
    where hash = $1 and decision = 'approved' and expires_at > $2";

/// What a device asks for, as the page shows it.
#[derive(Clone, Debug)]
pub struct DeviceRequest {
    pub client: Client,
    scope: Scope,
    pub resources: Vec<String>,
    /// As the page shows it: `BCDF-GHJK`.
    pub user_code: String,
}

impl DeviceRequest {
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.words()
    }
}

impl Oauth {
    /// The device authorization endpoint.
    pub async fn device(&self, client: &Client, params: &Params) -> Result<Value> {
        client.may(DEVICE)?;
        let scope = Scope::within(params.get("scope")?, &client.scope)?;
        let resources = self.resources(client, &params.resources())?;
        let device_code = secrets::random(&self.env);
        let user_code = user_code(&self.env);
        let now = self.now();
        let values = vec![
            (&secrets::hash(&device_code)).into(),
            user_code.as_str().into(),
            client.id.as_str().into(),
            Param::Text(Some(scope.to_string())),
            db::json(&resources)?,
            Param::Text(Some(Uuid::random(&self.env).to_string())),
            Param::Number(DEVICE_INTERVAL_SECONDS),
            Param::Time(Some(now)),
            Param::Time(Some(now + DEVICE_SECONDS)),
        ];
        self.db.write(vec![Statement::new(INSERT, values)]).await?;
        let shown = shown(&user_code);
        let page = format!("{}/oauth/device", self.settings.issuer);
        Ok(json!({
            "device_code": device_code,
            "user_code": shown,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={shown}"),
            "expires_in": DEVICE_SECONDS,
            "interval": DEVICE_INTERVAL_SECONDS,
        }))
    }

    /// The request that waits for the user with this code.
    pub async fn device_request(&self, typed: &str) -> Result<Option<DeviceRequest>> {
        let user_code = normal(typed);
        if user_code.len() != LENGTH {
            return Ok(None);
        }
        let params = vec![user_code.as_str().into(), Param::Time(Some(self.now()))];
        let Some(row) = self.db.row(SHOWN, params).await? else { return Ok(None) };
        let Some(client) = self.client(&row.required(0)?).await? else { return Ok(None) };
        Ok(Some(DeviceRequest {
            client,
            scope: Scope::parse(&row.required(1)?)?,
            resources: row.json(2)?,
            user_code: shown(&user_code),
        }))
    }

    /// The user's answer. Fails when the code is gone or answered.
    pub async fn decide_device(&self, typed: &str, session: &BrowserSession, allow: bool) -> Result<()> {
        let params = vec![
            Param::Text(Some(normal(typed))),
            if allow { "approved" } else { "denied" }.into(),
            session.user_id.as_str().into(),
            Param::Time(Some(session.auth_time)),
            db::json(&session.amr)?,
            Param::Time(Some(self.now())),
        ];
        let gone = invalid_request("the code is unknown, used or expired");
        self.db.write(vec![Statement::new(DECIDE, params).exactly_one(gone)]).await.map(drop)
    }

    /// `grant_type=urn:ietf:params:oauth:grant-type:device_code`.
    pub(super) async fn poll_device(&self, client: &Client, params: &Params) -> Result<Issued> {
        client.may(DEVICE)?;
        let hash = secrets::hash(params.required("device_code")?);
        let wrong = || invalid_grant("the device code is unknown, used, or not for this client");
        let row = self.db.row(ONE, vec![(&hash).into()]).await?;
        let Some(row) = row.filter(|row| row.text(0).as_deref() == Some(&client.id)) else {
            return Err(wrong());
        };
        let now = self.now();
        if row.time(10).is_none_or(|expires| expires <= now) {
            return Err(expired_token("nobody typed the code in time"));
        }
        match row.required(5)?.as_str() {
            "pending" => self.keep_waiting(&hash, &row, now).await,
            "denied" => Err(access_denied("the user said no").with_status(400)),
            "approved" => {
                let grant = self.device_grant(&row, now)?;
                let audience = Oauth::audience(&grant.resources, &params.resources())?;
                let user = self.user_of(&grant).await?;
                let redeem = vec![(&hash).into(), Param::Time(Some(now))];
                let redeem = Statement::new(REDEEM, redeem).exactly_one(wrong());
                self.db.write(vec![redeem, grant.insert(now)?]).await?;
                self.issue(client, &grant, &user, &grant.scope, &audience, None)
            }
            _ => {
                // As with a code: whoever shows it again does not have it from the server.
                self.revoke_grant(&row.required(3)?, "its device code was used twice").await?;
                Err(wrong())
            }
        }
    }

    async fn keep_waiting(&self, hash: &secrets::Hash, row: &Row, now: i64) -> Result<Issued> {
        let interval = row.number(8).unwrap_or(DEVICE_INTERVAL_SECONDS);
        let early = row.time(9).is_some_and(|before| now - before < interval);
        let more = if early { DEVICE_INTERVAL_SECONDS } else { 0 };
        let params = vec![hash.into(), Param::Time(Some(now)), Param::Number(more)];
        self.db.write(vec![Statement::new(POLLED, params)]).await?;
        match early {
            true => Err(slow_down(interval + more)),
            false => Err(authorization_pending("the user has not answered yet")),
        }
    }

    fn device_grant(&self, row: &Row, now: i64) -> Result<Grant> {
        Ok(Grant {
            id: row.required(3)?,
            client_id: row.required(0)?,
            user_id: row.required(4)?,
            scope: Scope::parse(&row.required(1)?)?,
            resources: row.json(2)?,
            auth_time: row.time(6).unwrap_or(now),
            amr: row.json(7)?,
            confirmation: None,
            counter: 0,
            refreshed_at: None,
            expires_at: now + self.settings.grant_seconds(),
            revoked: false,
        })
    }
}

fn user_code(env: &Env) -> String {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut byte = [0_u8; 1];
        env.fill_random(&mut byte);
        // 240 is the largest multiple of 20 in a byte: what is above would make some letters likelier.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    code
}

/// What somebody typed, without what people add.
fn normal(typed: &str) -> String {
    let letters = typed.chars().map(|letter| letter.to_ascii_uppercase());
    letters.filter(|letter| letter.is_ascii_alphabetic()).take(LENGTH + 1).collect()
}

fn shown(code: &str) -> String {
    let (left, right) = code.split_at(LENGTH / 2);
    format!("{left}-{right}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_typed_in_any_way() {
        assert_eq!(normal(" bcdf-ghjk "), "BCDFGHJK");
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
        assert_eq!(normal(&"b".repeat(10_000)).len(), LENGTH + 1);
    }
}

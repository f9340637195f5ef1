//! Browsers that are signed in. The cookie holds 256 random bits, the table their hash.

use super::Oauth;
use super::db::{Param, Statement, json};
use super::secrets;
use super::users::{Credentials, SignedIn};
use crate::jose::{decode, encode};
use aws_lc_rs::hmac;
use mainstay_base::Result;

/// A browser in which somebody is signed in.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    pub user_id: String,
    /// When they proved who they are, seconds since 1970.
    pub auth_time: i64,
    pub(super) amr: Vec<String>,
    pub expires_at: i64,
}

/// How an attempt on the sign-in page ended.
pub enum Entered {
    /// The new value of the cookie, and the seconds that it lives.
    Yes {
        cookie: String,
        seconds: i64,
    },
    NeedsCode,
    No,
}

const INSERT: &str = "insert into auth.browser_sessions (hash, user_id, auth_time, amr, created_at, expires_at) \
    values ($1, $2::uuid, $3, $4::jsonb, $3, $5)";
const ONE: &str = "select user_id::text, auth_time, amr::text, expires_at from auth.browser_sessions \
    where hash = $1 and expires_at > $2";
const DELETE: &str = "delete from auth.browser_sessions where hash = $1";
const DELETE_OF_USER: &str = "delete from auth.browser_sessions where user_id = $1::uuid";

impl Oauth {
    /// Signs a browser in. The session gets a new name each time, whatever cookie came along, and the one that the
    /// browser had is over: nobody can know beforehand what a session will be called.
    pub async fn sign_in(&self, credentials: Credentials<'_>, old_cookie: Option<&str>) -> Result<Entered> {
        let (user, amr) = match self.users.authenticate(credentials).await? {
            SignedIn::Yes { user, amr } => (user, amr),
            SignedIn::NeedsCode => return Ok(Entered::NeedsCode),
            SignedIn::No => return Ok(Entered::No),
        };
        let cookie = secrets::random(&self.env);
        let (now, seconds) = (self.now(), self.settings.session_seconds());
        let params = vec![
            (&secrets::hash(&cookie)).into(),
            user.id.as_str().into(),
            Param::Time(Some(now)),
            json(&amr)?,
            Param::Time(Some(now + seconds)),
        ];
        let mut statements = vec![Statement::new(INSERT, params)];
        if let Some(old) = old_cookie {
            statements.push(Statement::new(DELETE, vec![(&secrets::hash(old)).into()]));
        }
        self.db.write(statements).await?;
        Ok(Entered::Yes { cookie, seconds })
    }

    /// The session of a cookie.
    pub async fn session(&self, cookie: &str) -> Result<Option<BrowserSession>> {
        let params = vec![(&secrets::hash(cookie)).into(), Param::Time(Some(self.now()))];
        let Some(row) = self.db.row(ONE, params).await? else { return Ok(None) };
        Ok(Some(BrowserSession {
            user_id: row.required(0)?,
            auth_time: row.time(1).unwrap_or_default(),
            amr: row.json(2)?,
            expires_at: row.time(3).unwrap_or_default(),
        }))
    }

    /// How a page addresses a user.
    pub async fn user_name(&self, user_id: &str) -> Result<String> {
        let user = self.users.by_id(user_id).await?;
        let name = user.and_then(|user| user.email.or(user.phone));
        Ok(name.unwrap_or_else(|| user_id.to_owned()))
    }

    pub async fn sign_out(&self, cookie: &str) -> Result<()> {
        let params = vec![(&secrets::hash(cookie)).into()];
        self.db.write(vec![Statement::new(DELETE, params)]).await.map(drop)
    }

    /// Signs a user out of all browsers.
    pub async fn sign_out_everywhere(&self, user_id: &str) -> Result<()> {
        self.db.write(vec![Statement::new(DELETE_OF_USER, vec![user_id.into()])]).await.map(drop)
    }

    /// A fresh value for the cookie of a browser that nobody has signed in with yet.
    pub fn new_visit(&self) -> String {
        secrets::random(&self.env)
    }

    /// What a form of this browser must bring back: nobody can make it who does not see the page, and it is worth
    /// nothing with another cookie.
    pub fn form_token(&self, cookie: &str) -> String {
        encode(hmac::sign(&self.form_mac(), cookie.as_bytes()))
    }

    pub fn is_form_token(&self, cookie: &str, token: &str) -> bool {
        decode(token).is_some_and(|mac| hmac::verify(&self.form_mac(), cookie.as_bytes(), &mac).is_ok())
    }

    fn form_mac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.form_key)
    }
}

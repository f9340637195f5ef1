//! Pushed authorization requests (RFC 9126): the parameters come from the client itself and stay out of the browser.

use super::Oauth;
use super::authorize::Refusal;
use super::client::Client;
use super::db::{Param, Statement, json};
use super::params::Params;
use super::problems::invalid_request;
use super::secrets::{self, Hash};
use super::settings::{INTERACTION_SECONDS, PUSHED_SECONDS};
use mainstay_base::{Problem, Result};

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
const INSERT: &str = "insert into auth.oauth_requests (hash, client_id, parameters, created_at, expires_at) \
    values ($1, $2, $3::jsonb, $4, $5)";
const ONE: &str = "select parameters::text from auth.oauth_requests \
    where hash = $1 and client_id = $2 and expires_at > $3";
/// The user has come: the wait for them is over, the time for reading and typing begins. It begins once.
const EXTEND: &str = "update auth.oauth_requests set expires_at = $2 \
    where hash = $1 and expires_at > $3 and expires_at < created_at + interval '91 seconds'";
const USE: &str = "delete from auth.oauth_requests where hash = $1";

impl Oauth {
    /// Keeps a request of a client that has proved itself: its name, and the seconds that it waits for a browser.
    pub async fn push(&self, client: &Client, params: &Params) -> Result<(String, i64)> {
        if params.get("client_id")?.is_some_and(|id| id != client.id) {
            return Err(invalid_request("`client_id` is that of another client"));
        }
        if params.get("request_uri")?.is_some() {
            return Err(invalid_request("a pushed request cannot name another one"));
        }
        // What would be refused later is refused now, to the client itself.
        self.check_pushed(client, params)?;
        let kept: Vec<&(String, String)> = params
            .pairs()
            .iter()
            .filter(|(name, _)| !name.starts_with("client_secret") && !name.starts_with("client_assertion"))
            .collect();
        let secret = secrets::random(&self.env);
        let now = self.now();
        let values = vec![
            (&secrets::hash(&secret)).into(),
            client.id.as_str().into(),
            json(&kept)?,
            Param::Time(Some(now)),
            Param::Time(Some(now + PUSHED_SECONDS)),
        ];
        self.db.write(vec![Statement::new(INSERT, values)]).await?;
        Ok((format!("{PREFIX}{secret}"), PUSHED_SECONDS))
    }

    fn check_pushed(&self, client: &Client, params: &Params) -> Result<()> {
        match self.check_request(client.clone(), params) {
            Ok(_) => Ok(()),
            Err(Refusal::Page(problem)) => Err(problem),
            Err(Refusal::Redirect { problem, .. }) => Err(problem),
        }
    }

    /// The request of that name, as long as nobody has used it.
    pub(super) async fn pushed(&self, client: &Client, uri: &str) -> Result<(Hash, Params)> {
        let gone = || invalid_request("the pushed request is unknown, used or expired: begin again");
        let secret = uri.strip_prefix(PREFIX).ok_or_else(gone)?;
        let hash = secrets::hash(secret);
        let values = vec![(&hash).into(), client.id.as_str().into(), Param::Time(Some(self.now()))];
        let row = self.db.row(ONE, values).await?.ok_or_else(gone)?;
        let pairs: Vec<(String, String)> = row.json(0)?;
        Ok((hash, Params::new(pairs)))
    }

    /// Gives the user of a pushed request time to sign in and to decide.
    pub async fn expect_user(&self, params: &Params) -> Result<(), Problem> {
        let Some(secret) = params.get("request_uri")?.and_then(|uri| uri.strip_prefix(PREFIX)) else {
            return Ok(());
        };
        let now = self.now();
        let until = Param::Time(Some(now + INTERACTION_SECONDS));
        let values = vec![(&secrets::hash(secret)).into(), until, Param::Time(Some(now))];
        self.db.write(vec![Statement::new(EXTEND, values)]).await.map(drop)
    }

    /// A pushed request gives one code (RFC 9126 section 7.3).
    pub(super) fn use_pushed(&self, hash: &Hash) -> Statement {
        let gone = invalid_request("the pushed request was used meanwhile: begin again");
        Statement::new(USE, vec![hash.into()]).exactly_one(gone)
    }
}

//! Refresh tokens. One names its grant and its number within it and carries a MAC, so there is no row for each.
//!
//! A public client gets a new one each time; the grant holds the number that is good now. One that is one behind comes
//! from a parallel request of an honest client for a short while and gets the same successor. One that is older was
//! stolen, and the grant ends (RFC 9700 section 4.14.2). A confidential client proves itself at each refresh: its token
//! stays.

use super::Oauth;
use super::client::{Client, REFRESH};
use super::db::{Param, Statement};
use super::grant::Grant;
use super::params::Params;
use super::problems::invalid_grant;
use super::scope::Scope;
use super::tokens::Issued;
use crate::jose::{decode, encode};
use crate::refresh::Judgement;
use crate::secret::equal;
use aws_lc_rs::hmac;
use mainstay_base::{Problem, Result};

const PREFIX: &str = "mr_";
const MAC_BYTES: usize = 16;
const UUID_BYTES: usize = 36;

const ROTATE: &str = "update auth.oauth_grants set refresh_counter = refresh_counter + 1, refreshed_at = $3 \
    where id = $1::uuid and refresh_counter = $2 and revoked_at is null and expires_at > $3";

impl Oauth {
    pub(super) fn refresh_token(&self, grant_id: &str, counter: i64) -> String {
        let body = format!("{grant_id}{counter}");
        let mut bytes = self.refresh_mac(&body);
        bytes.extend_from_slice(body.as_bytes());
        format!("{PREFIX}{}", encode(bytes))
    }

    fn refresh_mac(&self, body: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.refresh_key);
        let mut mac = hmac::sign(&key, body.as_bytes()).as_ref().to_vec();
        mac.truncate(MAC_BYTES);
        mac
    }

    /// Grant and number of a token that this server made.
    pub(super) fn read_refresh_token(&self, token: &str) -> Option<(String, i64)> {
        let bytes = decode(token.strip_prefix(PREFIX).filter(|text| text.len() <= 200)?)?;
        let (mac, body) = bytes.split_at_checked(MAC_BYTES)?;
        let body = std::str::from_utf8(body).ok()?;
        if !equal(&self.refresh_mac(body), mac) {
            return None;
        }
        let (grant, counter) = body.split_at_checked(UUID_BYTES)?;
        Some((grant.to_owned(), counter.parse().ok()?))
    }

    /// `grant_type=refresh_token`.
    pub(super) async fn refresh(&self, client: &Client, params: &Params) -> Result<Issued> {
        client.may(REFRESH)?;
        let wrong =
            || invalid_grant("the refresh token is unknown, expired, revoked, or not for this client");
        let token = params.required("refresh_token")?;
        let Some((id, number)) = self.read_refresh_token(token) else { return Err(wrong()) };
        let Some(mut grant) = self.grant(&id).await? else { return Err(wrong()) };
        if grant.client_id != client.id || !grant.holds(self.now()) {
            return Err(wrong());
        }
        // Never wider than what the user allowed (RFC 6749 section 6), and the refresh token keeps all of it.
        let scope = Scope::within(params.get("scope")?, &grant.scope)?;
        let audience = Oauth::audience(&grant.resources, &params.resources())?;
        let user = self.user_of(&grant).await?;
        if client.is_public() {
            self.rotate(&mut grant, number, wrong).await?;
        } else if number != grant.counter {
            return Err(wrong());
        }
        self.issue(client, &grant, &user, &scope, &audience, None)
    }

    async fn rotate(&self, grant: &mut Grant, number: i64, wrong: impl Fn() -> Problem) -> Result<()> {
        let now = self.now();
        if number == grant.counter {
            let params = vec![grant.id.as_str().into(), Param::Number(number), Param::Time(Some(now))];
            match self.db.write(vec![Statement::new(ROTATE, params).exactly_one(wrong())]).await {
                Ok(_) => {
                    grant.counter += 1;
                    return Ok(());
                }
                Err(problem) if problem.code() != wrong().code() => return Err(problem),
                // Another request of the same client was quicker: what it left behind decides.
                Err(_) => *grant = self.grant(&grant.id).await?.ok_or_else(&wrong)?,
            }
        }
        if !grant.holds(now) {
            return Err(wrong());
        }
        let rotated_at = grant.refreshed_at.unwrap_or(i64::MIN);
        let (given, good) = (number.unsigned_abs(), grant.counter.unsigned_abs());
        if Judgement::of(given, good, rotated_at, now) == Judgement::SameSuccessor {
            return Ok(());
        }
        self.revoke_grant(&grant.id, "a refresh token was used again").await?;
        Err(wrong())
    }
}

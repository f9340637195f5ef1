//! Proof Key for Code Exchange (RFC 7636): the code that a link brings is worth nothing without the secret of the
//! client that began the flow.

use crate::caller::Caller;
use crate::codes::sha256_hex;
use crate::db::{Tx, params};
use crate::refuse::{invalid, refuse};
use crate::service::Identity;
use crate::sessions::Tokens;
use crate::users;
use crate::uuid::Uuid;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mainstay_base::{Problem, Result};
use serde::Deserialize;

/// Time between the beginning of a flow and its link, and between its link and the exchange.
const FLOW_SECONDS: i64 = 24 * 3_600;
const CODE_SECONDS: i64 = 300;

/// A client's challenge.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Challenge {
    #[serde(default)]
    pub code_challenge: Option<String>,
    #[serde(default)]
    pub code_challenge_method: Option<String>,
}

impl Challenge {
    /// The challenge, if there is one of the right form.
    pub(crate) fn checked(&self) -> Result<Option<(&str, &'static str)>> {
        let text = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        let (challenge, method) = match (text(&self.code_challenge), text(&self.code_challenge_method)) {
            (None, None) => return Ok(None),
            (Some(_), Some(method)) => (self.code_challenge.as_deref().unwrap_or_default(), method),
            _ => return Err(invalid("PKCE flow requires code_challenge_method and code_challenge")),
        };
        if !(43..=128).contains(&challenge.len()) {
            return Err(invalid("code challenge has to be between 43 and 128 characters"));
        }
        if !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            return Err(invalid(
                "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
            ));
        }
        match method.to_ascii_lowercase().as_str() {
            "s256" => Ok(Some((challenge, "s256"))),
            // RFC 9700 section 2.1.1 leaves no place for `plain`: who reads the request reads the secret.
            "plain" => Err(invalid("code_challenge_method plain is not supported: use s256")),
            _ => Err(invalid("code_challenge_method must be s256")),
        }
    }
}

/// How a flow will be told in the session that it makes: GoTrue's authentication methods.
pub(crate) fn method_of(verification: &str) -> &'static str {
    match verification {
        "signup" => "email/signup",
        "invite" => "invite",
        "recovery" => "recovery",
        "email_change" => "email_change",
        _ => "magiclink",
    }
}

/// Remembers the challenge of a flow that a user's link will go on with.
pub(crate) async fn begin(
    tx: &Tx,
    user: Uuid,
    provider: &str,
    method: &str,
    challenge: &(String, &'static str),
) -> Result<()> {
    let now = tx.db.now();
    tx.run("delete from auth.flow_state where created_at < $1", params![now.plus_seconds(-FLOW_SECONDS)])
        .await?;
    tx.run(
        "insert into auth.flow_state (id, user_id, code_challenge, code_challenge_method, provider_type, \
         authentication_method, created_at, updated_at) \
         values ($1, $2, $3, $4::text::auth.code_challenge_method, $5, $6, $7, $7)",
        params![Uuid::random(tx.db.env()), user, challenge.0.as_str(), challenge.1, provider, method, now],
    )
    .await?;
    Ok(())
}

/// The code that a link brings to the client: of the user's latest flow of this kind. Only its hash is kept.
pub(crate) async fn issue(tx: &Tx, user: Uuid, method: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
    }
    let now = tx.db.now();
    let found: Option<Row> = tx
        .row(
            "select id from auth.flow_state where user_id = $1 and authentication_method = $2 and created_at > $3 \
             and code_challenge is not null order by created_at desc limit 1",
            params![user, method, now.plus_seconds(-FLOW_SECONDS)],
        )
        .await?;
    let row =
        found.ok_or_else(|| refuse(422, "flow_state_not_found", "No valid flow state found for user."))?;
    let code = Uuid::random(tx.db.env()).to_string();
    tx.run(
        "update auth.flow_state set auth_code = $2, auth_code_issued_at = $3, updated_at = $3 where id = $1",
        params![row.id, sha256_hex(&code), now],
    )
    .await?;
    Ok(code)
}

#[derive(Debug, Deserialize)]
struct Flow {
    id: Uuid,
    user_id: Option<Uuid>,
    code_challenge: Option<String>,
    authentication_method: String,
    provider_access_token: Option<String>,
    provider_refresh_token: Option<String>,
    expired: bool,
}

struct Exchange {
    code: String,
    verifier: String,
    caller: Caller,
}

impl Identity {
    /// Gives the session for a code and the client's secret. A code is used by whoever deletes its row.
    pub async fn exchange_code(&self, code: &str, verifier: &str, caller: &Caller) -> Result<Tokens> {
        if code.is_empty() || verifier.is_empty() {
            return Err(invalid("invalid request: both auth code and code verifier should be non-empty"));
        }
        let exchange =
            Exchange { code: sha256_hex(code), verifier: verifier.to_owned(), caller: caller.clone() };
        let opened = self
            .transact(exchange, |it, tx, exchange| {
                Box::pin(async move {
                    let flow: Option<Flow> = tx
                        .row(
                            "select id, user_id, code_challenge, authentication_method, provider_access_token, \
                             provider_refresh_token, auth_code_issued_at < $2 as expired from auth.flow_state \
                             where auth_code = $1",
                            params![exchange.code.as_str(), tx.db.now().plus_seconds(-CODE_SECONDS)],
                        )
                        .await?;
                    let flow = flow.ok_or_else(not_found)?;
                    if flow.expired {
                        return Err(refuse(403, "flow_state_expired", "invalid flow state, flow state has expired"));
                    }
                    let hashed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, exchange.verifier.as_bytes()));
                    if flow.code_challenge.as_deref() != Some(hashed.as_str()) {
                        let words = "code challenge does not match previously saved code verifier";
                        return Err(refuse(400, "bad_code_verifier", words));
                    }
                    let used = tx.run("delete from auth.flow_state where id = $1", params![flow.id]).await?;
                    if used != 1 {
                        return Err(not_found());
                    }
                    let user = flow.user_id.ok_or_else(not_found)?;
                    let user = users::again(&tx, user).await?;
                    let mut opened =
                        it.open_session(&tx, &user, &flow.authentication_method, &exchange.caller).await?;
                    opened.provider_token = flow.provider_access_token;
                    opened.provider_refresh_token = flow.provider_refresh_token;
                    Ok(opened)
                })
            })
            .await?;
        self.mint(opened)
    }
}

fn not_found() -> Problem {
    refuse(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    fn challenge(text: &str, method: &str) -> Challenge {
        Challenge { code_challenge: Some(text.into()), code_challenge_method: Some(method.into()) }
    }

    #[test]
    fn only_s256_of_the_right_length_is_a_challenge() {
        let right = "a".repeat(43);
        assert!(challenge(&right, "S256").checked().is_ok_and(|found| found.is_some()));
        assert!(Challenge::default().checked().is_ok_and(|found| found.is_none()));
        for (text, method) in
            [(right.as_str(), "plain"), (right.as_str(), ""), ("short", "s256"), ("", "s256")]
        {
            assert!(challenge(text, method).checked().is_err(), "{text} {method}");
        }
        assert!(challenge(&format!("{right}!"), "s256").checked().is_err());
    }
}

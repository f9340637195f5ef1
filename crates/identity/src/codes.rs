//! One-time codes and links. A message carries digits to type and a token to follow; both stand for one row, in which
//! only a hash lies. It is used by one statement that deletes it, in the transaction that acts on it.

use crate::db::{Param, Tx, params};
use crate::time::Time;
use crate::uuid::Uuid;
use aws_lc_rs::{digest, hmac};
use mainstay_base::{Env, Problem, Result};
use serde::Deserialize;

/// Tokens of the PKCE flow say so, as GoTrue's do.
const PKCE: &str = "pkce_";

/// What a code is for: GoTrue's `token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Purpose {
    #[serde(rename = "confirmation_token")]
    Confirmation,
    #[serde(rename = "reauthentication_token")]
    Reauthentication,
    #[serde(rename = "recovery_token")]
    Recovery,
    #[serde(rename = "email_change_token_new")]
    EmailChangeNew,
    #[serde(rename = "email_change_token_current")]
    EmailChangeCurrent,
    #[serde(rename = "phone_change_token")]
    PhoneChange,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Confirmation => "confirmation_token",
            Purpose::Reauthentication => "reauthentication_token",
            Purpose::Recovery => "recovery_token",
            Purpose::EmailChangeNew => "email_change_token_new",
            Purpose::EmailChangeCurrent => "email_change_token_current",
            Purpose::PhoneChange => "phone_change_token",
        }
    }
}

/// A code that was just made. Not printed.
#[derive(Clone)]
pub(crate) struct Code {
    /// The digits.
    pub otp: String,
    /// What a link carries.
    pub token: String,
}

/// Makes codes, and the tokens that belong to them.
#[derive(Clone)]
pub(crate) struct Codes {
    key: [u8; 32],
    digits: u32,
}

impl Codes {
    pub fn new(key: [u8; 32], digits: u32) -> Self {
        Codes { key, digits: digits.clamp(6, 10) }
    }

    /// A new code for an address.
    pub fn make(&self, env: &Env, address: &str, pkce: bool) -> Code {
        let mut bytes = [0; 16];
        env.fill_random(&mut bytes);
        // 128 random bits for at most ten digits: no digit is likelier than another by more than 2⁻⁹⁴.
        let number = u128::from_le_bytes(bytes) % 10_u128.pow(self.digits);
        let otp = format!("{number:0width$}", width = self.digits as usize);
        let mut token = self.token(address, &otp);
        if pkce {
            token.insert_str(0, PKCE);
        }
        Code { otp, token }
    }

    /// The token of a code and its address. Without the key nobody can tell one from the other.
    pub fn token(&self, address: &str, otp: &str) -> String {
        hex(&self.sum(&[address, otp])[..28])
    }

    /// A sum over texts, each ended so that no two lists have the same.
    fn sum(&self, texts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key));
        for text in texts {
            context.update(text.as_bytes());
            context.update(&[0]);
        }
        let mut sum = [0; 32];
        sum.copy_from_slice(context.sign().as_ref());
        sum
    }

    /// An identifier that is always the same for an address, and that nobody can tell from a random one.
    pub fn stand_in(&self, what: &str, address: &str) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.sum(&["stand-in", what, address])[..16]);
        Uuid::version_4(bytes)
    }
}

/// What a row was, now that it is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Used {
    pub user_id: Uuid,
    pub token_type: Purpose,
    pub relates_to: String,
}

/// Keeps a code for a user. An earlier one for the same purpose ends with it.
pub(crate) async fn keep(tx: &Tx, user: Uuid, purpose: Purpose, address: &str, code: &Code) -> Result<()> {
    let now = tx.db.now();
    tx.run(
        "insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at) \
         values ($1, $2, $3::text::auth.one_time_token_type, $4, $5, $6, $6) \
         on conflict (user_id, token_type) do update set token_hash = excluded.token_hash, \
         relates_to = excluded.relates_to, created_at = excluded.created_at, updated_at = excluded.updated_at",
        params![
            Uuid::random(tx.db.env()),
            user,
            purpose.name(),
            sha256_hex(&code.token),
            address,
            Param::stamp(now)
        ],
    )
    .await?;
    Ok(())
}

/// What somebody shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The token of a link, as it stands there.
    Link,
    /// Digits: they do not say whether their flow is a PKCE one.
    Digits,
}

/// Uses a code up: whoever deletes the row has used it, and nobody else.
pub(crate) async fn redeem(
    tx: &Tx,
    token: &str,
    shown: Shown,
    of: [Purpose; 2],
    since: Time,
) -> Result<Option<Used>> {
    let other = match shown {
        Shown::Link => sha256_hex(token),
        Shown::Digits => sha256_hex(&format!("{PKCE}{token}")),
    };
    let mut used: Vec<Used> = tx
        .rows(
            "delete from auth.one_time_tokens where token_hash in ($1, $2) and token_type::text in ($3, $4) \
             and created_at > $5 returning user_id, token_type::text as token_type, relates_to",
            params![sha256_hex(token), other, of[0].name(), of[1].name(), Param::stamp(since)],
        )
        .await?;
    match used.len() {
        0 => Ok(None),
        1 => Ok(used.pop()),
        rows => Err(Problem::internal(format!("a one-time token had {rows} rows"))),
    }
}

/// Ends a user's codes for a purpose.
pub(crate) async fn forget(tx: &Tx, user: Uuid, purpose: Purpose) -> Result<()> {
    tx.run(
        "delete from auth.one_time_tokens where user_id = $1 and token_type::text = $2",
        params![user, purpose.name()],
    )
    .await?;
    Ok(())
}

/// Whether a link's token belongs to the PKCE flow.
pub(crate) fn is_pkce(token: &str) -> bool {
    token.starts_with(PKCE)
}

pub(crate) fn sha256_hex(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

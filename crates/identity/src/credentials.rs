//! What flows do with passwords, tokens and limits; the means are [`crate::password`], [`crate::refresh`] and
//! [`crate::limits`].

use crate::caller::Caller;
use crate::jose::TokenType;
use crate::limits::{Quota, address_key, seconds};
use crate::password::{self, Weakness};
use crate::refresh::RefreshToken;
use crate::refuse::{invalid, refuse, too_many};
use crate::secret::Secret;
use crate::service::Identity;
use crate::sessions::Session;
use crate::users::PasswordHash;
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result, Retry};
use serde_json::{Map, Value};
use std::time::Duration;

/// The time that limits speak of.
const WINDOW: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3_600);

/// What somebody tries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt<'a> {
    /// To be, or to write to, this account.
    Account(&'a str),
    /// To use a link, whoever it is for.
    Link,
    /// To go on with a session.
    Refresh,
    /// To become a user without a name.
    Anonymous,
}

impl Identity {
    pub(crate) fn check_password(&self, password: &Secret) -> Result<()> {
        password::check_choice(password, self.settings().password_characters_min).map_err(|weakness| {
            let reason = match weakness {
                Weakness::Short { .. } | Weakness::Long => "length",
                Weakness::Common => "pwned",
            };
            refuse(422, "weak_password", weakness.to_string()).with_details(reason)
        })
    }

    pub(crate) async fn hash_password(&self, password: &Secret) -> Result<PasswordHash> {
        self.parts().hasher.hash(password).await.map(PasswordHash).map_err(busy)
    }

    /// Whether the password is right, and its hash anew where the stored one is of an older kind. Without a stored hash
    /// the same work is done for nothing.
    pub(crate) async fn verify_password(
        &self,
        password: &Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<(bool, Option<PasswordHash>)> {
        let stored = hash.map(|hash| hash.0.as_str());
        let verified = self.parts().hasher.verify(password, stored).await.map_err(busy)?;
        let upgrade = if verified.upgrade { Some(self.hash_password(password).await?) } else { None };
        Ok((verified.ok, upgrade))
    }

    /// A hash that another system made.
    pub(crate) fn foreign_hash(&self, hash: &Secret) -> Result<PasswordHash> {
        let words = "password_hash has to be a bcrypt, argon2 or scrypt hash";
        password::check_importable(hash.expose()).map_err(|_| invalid(words))?;
        Ok(PasswordHash(hash.expose().to_owned()))
    }

    pub(crate) fn sign_access_token(&self, claims: &Map<String, Value>) -> Result<String> {
        self.parts().keys.sign(claims, TokenType::Session)
    }

    pub(crate) fn refresh_token(&self, session: &Session) -> Secret {
        let counter = u64::try_from(session.refresh_token_counter.unwrap_or(0)).unwrap_or(0);
        self.refresh_tokens().mint(RefreshToken { session: session.id.0, counter })
    }

    /// The session and the counter of a token of ours.
    pub(crate) fn read_refresh_token(&self, token: &str) -> Option<(Uuid, RefreshToken)> {
        let token = self.refresh_tokens().parse(token)?;
        Some((Uuid(token.session), token))
    }

    /// Whether one more attempt is within the limits of the caller's address and of the account that it names.
    pub(crate) fn admit(&self, caller: &Caller, attempt: Attempt<'_>) -> Result<()> {
        let settings = self.settings();
        let (kind, most, window) = match attempt {
            Attempt::Account(_) | Attempt::Link => ("address", settings.attempts_per_address_max, WINDOW),
            Attempt::Refresh => ("refresh", settings.attempts_per_address_max.saturating_mul(5), WINDOW),
            Attempt::Anonymous => ("anonymous", settings.attempts_per_address_max, HOUR),
        };
        let address = caller.address.parse().map_or_else(|_| caller.address.as_bytes().to_vec(), address_key);
        self.take(kind, &address, most, window)?;
        match attempt {
            Attempt::Account(account) => {
                self.take("account", account.as_bytes(), settings.attempts_per_account_max, WINDOW)
            }
            _ => Ok(()),
        }
    }

    fn take(&self, kind: &str, key: &[u8], most: u32, window: Duration) -> Result<()> {
        if most == 0 {
            return Ok(());
        }
        let now = self.env().monotonic();
        self.parts()
            .limiter
            .take(kind, key, Quota::per(most, window), now)
            .map_err(|wait| too_many("over_request_rate_limit", "Request rate limit reached", seconds(wait)))
    }

    /// Attempts on an account are forgotten once its user is there.
    pub(crate) fn forgive(&self, account: &str) {
        self.parts().limiter.forgive("account", account.as_bytes());
    }
}

/// Too many passwords at once, in this API's words.
fn busy(problem: Problem) -> Problem {
    match problem.retry() {
        Retry::AfterSeconds(seconds) => {
            too_many("over_request_rate_limit", "Request rate limit reached", seconds)
        }
        _ => problem,
    }
}

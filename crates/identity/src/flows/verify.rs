//! Using a code: the digits that somebody typed, or the link that they followed.

use super::pkce;
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::{self, Purpose, Shown, Used};
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::refuse::{banned, code_is_over, invalid, phone_exists};
use crate::service::Identity;
use crate::sessions::{Opened, Tokens};
use crate::users::contact::{self, Contact};
use crate::users::{self, User, identities, write};
use mainstay_base::{Problem, Result};
use serde::Deserialize;
use std::sync::Arc;

/// What a client sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Verification {
    #[serde(rename = "type")]
    pub what: String,
    pub token: crate::Secret,
    pub token_hash: crate::Secret,
    pub email: String,
    pub phone: String,
}

/// What using a code gives.
pub enum Verified {
    Session(Box<Tokens>),
    /// A code for the client that began a PKCE flow.
    Code(String),
    /// One of two addresses has confirmed a change.
    Half,
}

/// What the answer says when one of two addresses has confirmed.
pub const HALF_CONFIRMED: &str =
    "Confirmation link accepted. Please proceed to confirm link sent to the other email";

struct Presented {
    what: String,
    token: String,
    link: bool,
    /// A followed link of the PKCE flow gives a code, everything else a session.
    code: bool,
    caller: Caller,
}

enum Outcome {
    Opened(Box<Opened>),
    Code(String),
    Half,
}

impl Identity {
    /// Uses a code that a client sends: digits with their address, or the token of a link.
    pub async fn verify(&self, request: Verification, caller: &Caller) -> Result<Verified> {
        if request.what.is_empty() {
            return Err(invalid("Verify requires a verification type"));
        }
        if request.token.is_empty() == request.token_hash.is_empty() {
            return Err(invalid("Verify requires either a token or a token hash"));
        }
        let (token, link) = if request.token.is_empty() {
            if !request.email.is_empty() || !request.phone.is_empty() {
                return Err(invalid("Only the token_hash and type should be provided"));
            }
            self.admit(caller, Attempt::Link)?;
            (request.token_hash.expose().to_owned(), true)
        } else {
            let phone = matches!(request.what.as_str(), "sms" | "phone_change");
            let address = match phone {
                true => contact::phone(&request.phone)?,
                false if request.email.is_empty() => {
                    return Err(invalid(
                        "Only an email address or phone number should be provided on verify",
                    ));
                }
                false => contact::email(&request.email)?,
            };
            // The digits are few: the account's limit is what keeps them from being guessed.
            self.admit(caller, Attempt::Account(&address))?;
            (self.codes().token(&address, request.token.expose()), false)
        };
        self.use_code(Presented { what: request.what, token, link, code: false, caller: caller.clone() })
            .await
    }

    /// Uses a link that somebody followed.
    pub async fn follow(&self, what: &str, token: &str, caller: &Caller) -> Result<Verified> {
        if what.is_empty() || token.is_empty() {
            return Err(invalid("Verify requires a verification type and a token"));
        }
        self.admit(caller, Attempt::Link)?;
        let code = codes::is_pkce(token);
        let presented = Presented {
            what: what.to_owned(),
            token: token.to_owned(),
            link: true,
            code,
            caller: caller.clone(),
        };
        self.use_code(presented).await
    }

    async fn use_code(&self, presented: Presented) -> Result<Verified> {
        purposes(&presented.what)?;
        match self.transact(presented, |it, tx, on| Box::pin(use_up(it, tx, on))).await? {
            Outcome::Opened(opened) => Ok(Verified::Session(Box::new(self.mint(*opened)?))),
            Outcome::Code(code) => Ok(Verified::Code(code)),
            Outcome::Half => Ok(Verified::Half),
        }
    }
}

/// Whether a link belongs to the PKCE flow: its errors then go into the query too.
pub fn is_pkce_link(token: &str) -> bool {
    codes::is_pkce(token)
}

/// The kinds of codes that a client's `type` stands for.
fn purposes(what: &str) -> Result<[Purpose; 2]> {
    Ok(match what {
        "signup" | "invite" | "sms" => [Purpose::Confirmation; 2],
        "recovery" | "magiclink" => [Purpose::Recovery; 2],
        "email" => [Purpose::Confirmation, Purpose::Recovery],
        "email_change" => [Purpose::EmailChangeNew, Purpose::EmailChangeCurrent],
        "phone_change" => [Purpose::PhoneChange; 2],
        _ => return Err(invalid("Unsupported verification type")),
    })
}

async fn use_up(it: Identity, tx: Tx, on: Arc<Presented>) -> Result<Outcome> {
    let of = purposes(&on.what)?;
    let phone = matches!(on.what.as_str(), "sms" | "phone_change");
    let shown = if on.link { Shown::Link } else { Shown::Digits };
    let age = if phone { it.settings().phone_code_seconds } else { it.settings().email_code_seconds };
    let used = codes::redeem(&tx, &on.token, shown, of, tx.db.now().plus_seconds(-age)).await?;
    let used = used.ok_or_else(|| code_is_over(on.link))?;
    let user = users::by_id(&tx, used.user_id).await?.ok_or_else(|| code_is_over(on.link))?;
    if user.is_banned(tx.db.now()) {
        return Err(banned());
    }
    check_address(&user, &used, phone).ok_or_else(|| code_is_over(on.link))?;
    match used.token_type {
        Purpose::Confirmation if phone => confirm_phone(&tx, &user, &on.caller).await?,
        Purpose::Confirmation => confirm_email(&tx, &user, &on.caller).await?,
        Purpose::Recovery => recovered(&tx, &user, &on.caller).await?,
        Purpose::EmailChangeNew | Purpose::EmailChangeCurrent => {
            if !it.email_change_confirmed(&tx, &user, &on.caller).await? {
                return Ok(Outcome::Half);
            }
        }
        Purpose::PhoneChange => change_phone(&tx, &user, &used.relates_to, &on.caller).await?,
        Purpose::Reauthentication => return Err(code_is_over(on.link)),
    }
    identities::list_providers(&tx, user.id).await?;
    if on.code {
        return Ok(Outcome::Code(pkce::issue(&tx, user.id, pkce::method_of(&on.what)).await?));
    }
    let user = users::again(&tx, user.id).await?;
    Ok(Outcome::Opened(Box::new(it.open_session(&tx, &user, "otp", &on.caller).await?)))
}

/// A code counts for the address that it was sent to, and only while that is the user's (or the one they change to).
fn check_address(user: &User, used: &Used, phone: bool) -> Option<()> {
    let now = match used.token_type {
        Purpose::EmailChangeNew => user.email_change.as_deref(),
        Purpose::PhoneChange => user.phone_change.as_deref(),
        _ if phone => user.phone.as_deref(),
        _ => user.email.as_deref(),
    };
    (now == Some(used.relates_to.as_str())).then_some(())
}

/// The address of a new account.
pub(crate) async fn confirm_email(tx: &Tx, user: &User, caller: &Caller) -> Result<()> {
    let event = if user.invited_at.is_some() { Event::InviteAccepted } else { Event::UserSignedUp };
    record(tx, event, Some(user), caller, traits! {"provider": "email"}).await?;
    write::confirm_email(tx, user).await?;
    identities::ensure_own(tx, user, &Contact::Email(user.email().to_owned()), true).await
}

async fn confirm_phone(tx: &Tx, user: &User, caller: &Caller) -> Result<()> {
    let event = if user.is_phone_confirmed() { Event::Login } else { Event::UserSignedUp };
    record(tx, event, Some(user), caller, traits! {"provider": "phone"}).await?;
    write::confirm_phone(tx, user).await?;
    identities::ensure_own(tx, user, &Contact::Phone(user.phone().to_owned()), true).await?;
    write::no_longer_anonymous(tx, user.id).await
}

/// Whoever reads the mail of an address may sign in as its user; that confirms the address too.
async fn recovered(tx: &Tx, user: &User, caller: &Caller) -> Result<()> {
    if !user.is_email_confirmed() {
        return confirm_email(tx, user, caller).await;
    }
    record(tx, Event::Login, Some(user), caller, traits! {"provider": "email"}).await
}

/// The wanted number becomes the user's.
pub(crate) async fn change_phone(tx: &Tx, user: &User, phone: &str, caller: &Caller) -> Result<()> {
    if users::by_phone(tx, phone).await?.is_some_and(|other| other.id != user.id) {
        return Err(phone_exists());
    }
    record(tx, Event::UserModified, Some(user), caller, traits! {}).await?;
    identities::ensure_own(tx, user, &Contact::Phone(phone.to_owned()), true).await?;
    write::set_phone(tx, user.id, phone).await?;
    tx.run(
        "update auth.users set phone_change = '', phone_confirmed_at = $2 where id = $1",
        crate::db::params![user.id, tx.db.now()],
    )
    .await?;
    write::no_longer_anonymous(tx, user.id).await
}

/// A problem as the address bar tells it: `error`, `error_code`, `error_description`.
pub fn redirect_error(problem: &Problem) -> [(&'static str, String); 3] {
    let status = problem.http_status(true);
    let error = match status {
        400 => "invalid_request",
        401 | 422 => "unauthorized_client",
        429 => "over_limit",
        403 => "access_denied",
        _ => "server_error",
    };
    let (code, words) = match status {
        500.. => {
            ("unexpected_failure".to_owned(), "Something went wrong; the server's log says what".to_owned())
        }
        _ => (problem.code().to_owned(), problem.message().to_owned()),
    };
    [("error", error.to_owned()), ("error_code", code), ("error_description", words)]
}

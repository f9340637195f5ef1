//! Signing in with a password.

use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::refuse::{banned, invalid, refuse, wrong_credentials};
use crate::service::Identity;
use crate::sessions::{Opened, Tokens};
use crate::users::contact::Contact;
use crate::users::{self, PasswordHash, User, write};
use crate::uuid::Uuid;
use mainstay_base::Result;
use std::sync::Arc;

/// What was found before the transaction, because checking a password takes long.
pub(crate) struct Checked {
    user: Option<Uuid>,
    /// The hash that the password was checked against: it must still be there.
    hash: Option<PasswordHash>,
    right: bool,
    upgrade: Option<PasswordHash>,
    pub contact: Contact,
    pub caller: Caller,
}

impl Checked {
    /// A try that failed is written down for accounts that there are and for those that there are not: the work is the
    /// same.
    pub async fn record_failure(&self, tx: &Tx) -> Result<()> {
        let traits = traits! {"provider": self.contact.provider(), "user_id": self.user, "account": self.contact.text()};
        record(tx, Event::LoginFailed, None, &self.caller, traits).await
    }
}

/// What a password came to, in the transaction.
pub(crate) enum Proof {
    /// Written down already.
    Wrong,
    Banned,
    NotConfirmed,
    /// Written down already.
    Right(Box<User>),
}

enum Outcome {
    Wrong,
    NotConfirmed,
    Banned,
    Opened(Box<Opened>),
}

impl Identity {
    /// A session for an address or phone number and its password. An unknown account, a wrong password and an account
    /// without one cost the same work and get the same answer.
    pub async fn sign_in_with_password(
        &self,
        email: &str,
        phone: &str,
        password: crate::Secret,
        caller: &Caller,
    ) -> Result<Tokens> {
        let contact = Contact::of(email, phone)?.ok_or_else(|| invalid("missing email or phone"))?;
        let enabled = match contact {
            Contact::Email(_) => self.settings().email_enabled,
            Contact::Phone(_) => self.settings().phone_enabled,
        };
        if !enabled {
            let code = if matches!(contact, Contact::Email(_)) {
                "email_provider_disabled"
            } else {
                "phone_provider_disabled"
            };
            return Err(refuse(422, code, format!("{} logins are disabled", capital(contact.provider()))));
        }
        let account = contact.text().to_owned();
        let checked = self.try_password(contact, &password, caller).await?;
        match self.transact(checked, |it, tx, on| Box::pin(sign_in(it, tx, on))).await? {
            Outcome::Wrong => Err(wrong_credentials()),
            Outcome::NotConfirmed => Err(refuse(400, "email_not_confirmed", "Email not confirmed")),
            Outcome::Banned => Err(banned()),
            Outcome::Opened(opened) => {
                self.forgive(&account);
                self.mint(*opened)
            }
        }
    }

    /// Checks a password, without a user too: an unknown account costs the same work.
    pub(crate) async fn try_password(
        &self,
        contact: Contact,
        password: &crate::Secret,
        caller: &Caller,
    ) -> Result<Checked> {
        self.admit(caller, Attempt::Account(contact.text()))?;
        let user = users::find_by_contact(self.db(), &contact).await?;
        let hash =
            user.as_ref().and_then(|user| user.encrypted_password.clone()).filter(|hash| !hash.0.is_empty());
        let (right, upgrade) = self.verify_password(password, hash.as_ref()).await?;
        Ok(Checked { user: user.map(|user| user.id), hash, right, upgrade, contact, caller: caller.clone() })
    }

    /// Whether the user of a checked password may sign in now; writes down that they did.
    pub(crate) async fn prove_password(&self, tx: &Tx, on: &Checked) -> Result<Proof> {
        let user: Option<User> = match on.user {
            Some(id) => users::by_id(tx, id).await?,
            None => None,
        };
        let same = |user: &User| {
            user.encrypted_password.as_ref().map(|hash| &hash.0) == on.hash.as_ref().map(|hash| &hash.0)
        };
        let Some(user) = user.filter(|user| on.right && same(user)) else {
            on.record_failure(tx).await?;
            return Ok(Proof::Wrong);
        };
        if user.is_banned(tx.db.now()) {
            return Ok(Proof::Banned);
        }
        let confirmed = match on.contact {
            Contact::Email(_) => user.is_email_confirmed() || !self.settings().confirm_email,
            Contact::Phone(_) => user.is_phone_confirmed(),
        };
        if !confirmed {
            return Ok(Proof::NotConfirmed);
        }
        if let Some(hash) = &on.upgrade {
            write::set_password(tx, user.id, hash).await?;
        }
        let traits = traits! {"provider": on.contact.provider()};
        record(tx, Event::Login, Some(&user), &on.caller, traits).await?;
        Ok(Proof::Right(Box::new(user)))
    }
}

fn capital(provider: &str) -> &'static str {
    if provider == "email" { "Email" } else { "Phone" }
}

async fn sign_in(it: Identity, tx: Tx, on: Arc<Checked>) -> Result<Outcome> {
    Ok(match it.prove_password(&tx, &on).await? {
        Proof::Wrong => Outcome::Wrong,
        Proof::Banned => Outcome::Banned,
        Proof::NotConfirmed => Outcome::NotConfirmed,
        Proof::Right(user) => {
            Outcome::Opened(Box::new(it.open_session(&tx, &user, "password", &on.caller).await?))
        }
    })
}

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
struct Checked {
    user: Option<Uuid>,
    /// The hash that the password was checked against: it must still be there.
    hash: Option<PasswordHash>,
    right: bool,
    upgrade: Option<PasswordHash>,
    contact: Contact,
    caller: Caller,
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
        self.admit(caller, Attempt::Account(contact.text()))?;
        let user = users::find_by_contact(self.db(), &contact).await?;
        let hash =
            user.as_ref().and_then(|user| user.encrypted_password.clone()).filter(|hash| !hash.0.is_empty());
        let (right, upgrade) = self.verify_password(&password, hash.as_ref()).await?;
        let account = contact.text().to_owned();
        let checked =
            Checked { user: user.map(|user| user.id), hash, right, upgrade, contact, caller: caller.clone() };
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
}

fn capital(provider: &str) -> &'static str {
    if provider == "email" { "Email" } else { "Phone" }
}

async fn sign_in(it: Identity, tx: Tx, on: Arc<Checked>) -> Result<Outcome> {
    let user: Option<User> = match on.user {
        Some(id) => users::by_id(&tx, id).await?,
        None => None,
    };
    let same = |user: &User| {
        user.encrypted_password.as_ref().map(|hash| &hash.0) == on.hash.as_ref().map(|hash| &hash.0)
    };
    let Some(user) = user.filter(|user| on.right && same(user)) else {
        // Written down for accounts that there are and for those that there are not: the work is the same.
        let traits =
            traits! {"provider": on.contact.provider(), "user_id": on.user, "account": on.contact.text()};
        record(&tx, Event::LoginFailed, None, &on.caller, traits).await?;
        return Ok(Outcome::Wrong);
    };
    if user.is_banned(tx.db.now()) {
        return Ok(Outcome::Banned);
    }
    let confirmed = match on.contact {
        Contact::Email(_) => user.is_email_confirmed() || !it.settings().confirm_email,
        Contact::Phone(_) => user.is_phone_confirmed(),
    };
    if !confirmed {
        return Ok(Outcome::NotConfirmed);
    }
    if let Some(hash) = &on.upgrade {
        write::set_password(&tx, user.id, hash).await?;
    }
    let traits = traits! {"provider": on.contact.provider()};
    record(&tx, Event::Login, Some(&user), &on.caller, traits).await?;
    Ok(Outcome::Opened(Box::new(it.open_session(&tx, &user, "password", &on.caller).await?)))
}

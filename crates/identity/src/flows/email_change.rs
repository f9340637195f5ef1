//! A change of address: confirmed at the old address and at the new one.

use super::messages::Outgoing;
use super::resend::change_letter;
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::{self, Purpose};
use crate::db::{Tx, params};
use crate::refuse::email_exists;
use crate::service::Identity;
use crate::users::contact::Contact;
use crate::users::{self, User, identities, write};
use mainstay_base::Result;

impl Identity {
    /// Notes the address that a user wants.
    pub(crate) async fn want_email(&self, tx: &Tx, user: &User, email: &str) -> Result<User> {
        codes::forget(tx, user.id, Purpose::EmailChangeNew).await?;
        codes::forget(tx, user.id, Purpose::EmailChangeCurrent).await?;
        tx.run(
            "update auth.users set email_change = $2, email_change_confirm_status = 0, email_change_sent_at = $3, \
             updated_at = $3 where id = $1",
            params![user.id, email, tx.db.now()],
        )
        .await?;
        users::again(tx, user.id).await
    }

    /// Sends the codes of a change. An address that is somebody else's gets none, and the user is not told.
    pub(crate) async fn send_email_change(
        &self,
        tx: &Tx,
        user: &User,
        redirect_to: &str,
        pkce: bool,
    ) -> Result<Outgoing> {
        let mut outgoing = Outgoing::default();
        let new = user.email_change.clone().unwrap_or_default();
        let half_done = user.email_change_confirm_status == Some(1);
        if self.settings().confirm_email_change_twice && !user.email().is_empty() && !half_done {
            let wanted = change_letter(user.email(), Purpose::EmailChangeCurrent, redirect_to, pkce);
            outgoing.mails.push(self.mail_code(tx, user, wanted).await?);
        }
        let somebody = users::by_email(tx, &new).await?;
        if somebody.is_none_or(|other| other.id == user.id) {
            let wanted = change_letter(&new, Purpose::EmailChangeNew, redirect_to, pkce);
            outgoing.mails.push(self.mail_code(tx, user, wanted).await?);
        }
        Ok(outgoing)
    }

    /// One of the addresses has confirmed. `false`: the other one has still to.
    pub(crate) async fn email_change_confirmed(&self, tx: &Tx, user: &User, caller: &Caller) -> Result<bool> {
        let twice = self.settings().confirm_email_change_twice && !user.email().is_empty();
        if twice && user.email_change_confirm_status.unwrap_or(0) == 0 {
            tx.run(
                "update auth.users set email_change_confirm_status = 1, updated_at = $2 where id = $1",
                params![user.id, tx.db.now()],
            )
            .await?;
            return Ok(false);
        }
        self.change_email(tx, user, caller).await?;
        Ok(true)
    }

    /// The wanted address becomes the user's.
    pub(crate) async fn change_email(&self, tx: &Tx, user: &User, caller: &Caller) -> Result<()> {
        let new = user.email_change.clone().unwrap_or_default();
        let somebody = users::by_email(tx, &new).await?;
        if new.is_empty() || somebody.is_some_and(|other| other.id != user.id) {
            return Err(email_exists());
        }
        record(tx, Event::UserModified, Some(user), caller, traits! {}).await?;
        let contact = Contact::Email(new.clone());
        identities::ensure_own(tx, user, &contact, true).await?;
        tx.run(
            "update auth.users set email = $2, email_change = '', email_change_confirm_status = 0, \
             email_confirmed_at = $3, updated_at = $3 where id = $1",
            params![user.id, new.as_str(), tx.db.now()],
        )
        .await?;
        write::no_longer_anonymous(tx, user.id).await?;
        codes::forget(tx, user.id, Purpose::EmailChangeNew).await?;
        codes::forget(tx, user.id, Purpose::EmailChangeCurrent).await?;
        // Links to the old address would let its owner in.
        codes::forget(tx, user.id, Purpose::Recovery).await?;
        identities::list_providers(tx, user.id).await
    }
}

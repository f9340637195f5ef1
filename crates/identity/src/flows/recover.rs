//! A forgotten password: a link that signs its owner in, so that they can set another one.

use super::messages::{Outgoing, Wanted};
use super::pkce::{self, Challenge};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::Purpose;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::mail::MailKind;
use crate::refuse::invalid;
use crate::service::Identity;
use crate::users;
use crate::users::contact;
use mainstay_base::Result;
use std::sync::Arc;

struct Asked {
    email: String,
    challenge: Option<(String, &'static str)>,
    redirect_to: String,
    caller: Caller,
}

impl Identity {
    /// Sends the link, if there is an account. Nobody can tell.
    pub async fn recover(
        &self,
        email: &str,
        challenge: &Challenge,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<()> {
        if email.is_empty() {
            return Err(invalid("Password recovery requires an email"));
        }
        let email = contact::email(email)?;
        let challenge = challenge.checked()?.map(|(text, method)| (text.to_owned(), method));
        self.admit(caller, Attempt::Account(&email))?;
        self.pace(&email, false)?;
        let asked = Asked { email, challenge, redirect_to: redirect_to.to_owned(), caller: caller.clone() };
        let outgoing = self.transact(asked, |it, tx, on| Box::pin(send(it, tx, on))).await?;
        self.dispatch(outgoing);
        Ok(())
    }
}

async fn send(it: Identity, tx: Tx, on: Arc<Asked>) -> Result<Outgoing> {
    let Some(user) = users::by_email(&tx, &on.email).await? else {
        let traits = traits! {"account": on.email, "unknown": true};
        record(&tx, Event::UserRecoveryRequested, None, &on.caller, traits).await?;
        return Ok(Outgoing::default());
    };
    record(&tx, Event::UserRecoveryRequested, Some(&user), &on.caller, traits! {}).await?;
    if let Some(challenge) = &on.challenge {
        pkce::begin(&tx, user.id, "email", pkce::method_of("recovery"), challenge).await?;
    }
    let wanted = Wanted {
        kind: MailKind::Recovery,
        purpose: Purpose::Recovery,
        verification: "recovery",
        to: &on.email,
        redirect_to: &on.redirect_to,
        pkce: on.challenge.is_some(),
    };
    Ok(Outgoing { mails: vec![it.mail_code(&tx, &user, wanted).await?], texts: Vec::new() })
}

//! Sending a code once more.

use super::messages::{Outgoing, Wanted};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::Purpose;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::refuse::invalid;
use crate::service::Identity;
use crate::users;
use crate::users::contact::Contact;
use mainstay_base::Result;
use std::sync::Arc;

/// What a client may ask to have sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    SignUp,
    EmailChange,
    Sms,
    PhoneChange,
}

struct Asked {
    what: What,
    contact: Contact,
    redirect_to: String,
    caller: Caller,
}

impl Identity {
    /// Sends it, if there is something to send. Nobody can tell.
    pub async fn resend(
        &self,
        what: &str,
        email: &str,
        phone: &str,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<()> {
        let what = match what {
            "signup" => What::SignUp,
            "email_change" => What::EmailChange,
            "sms" => What::Sms,
            "phone_change" => What::PhoneChange,
            _ => return Err(invalid("Missing one of these types: signup, email_change, sms, phone_change")),
        };
        let contact =
            Contact::of(email, phone)?.ok_or_else(|| invalid("Type requires an email or a phone number"))?;
        let by_mail = matches!(what, What::SignUp | What::EmailChange);
        if by_mail != matches!(contact, Contact::Email(_)) {
            return Err(invalid(if by_mail {
                "Type provided requires an email address"
            } else {
                "Type provided requires a phone number"
            }));
        }
        self.check_enabled(&contact)?;
        self.admit(caller, Attempt::Account(contact.text()))?;
        self.pace(contact.text(), !by_mail)?;
        let asked = Asked { what, contact, redirect_to: redirect_to.to_owned(), caller: caller.clone() };
        let outgoing = self.transact(asked, |it, tx, on| Box::pin(send(it, tx, on))).await?;
        self.dispatch(outgoing);
        Ok(())
    }
}

async fn send(it: Identity, tx: Tx, on: Arc<Asked>) -> Result<Outgoing> {
    let user = super::signup::find_by_contact(&tx, &on.contact).await?;
    let wanted = user.filter(|user| match on.what {
        What::SignUp => !user.is_email_confirmed(),
        What::EmailChange => user.email_change.as_deref().is_some_and(|to| !to.is_empty()),
        What::Sms => !user.is_phone_confirmed(),
        What::PhoneChange => user.phone_change.as_deref().is_some_and(|to| !to.is_empty()),
    });
    let Some(user) = wanted else {
        let traits = traits! {"account": on.contact.text(), "unknown": true};
        record(&tx, Event::UserConfirmationRequested, None, &on.caller, traits).await?;
        return Ok(Outgoing::default());
    };
    match on.what {
        What::SignUp | What::Sms => {
            it.send_confirmation(&tx, &user, &on.contact, &None, &on.redirect_to, &on.caller).await
        }
        What::EmailChange => {
            record(&tx, Event::UserModified, Some(&user), &on.caller, traits! {}).await?;
            it.send_email_change(&tx, &user, &on.redirect_to, false).await
        }
        What::PhoneChange => {
            record(&tx, Event::UserModified, Some(&user), &on.caller, traits! {}).await?;
            let to = user.phone_change.clone().unwrap_or_default();
            let text =
                it.text_code(&tx, &users::again(&tx, user.id).await?, Purpose::PhoneChange, &to).await?;
            Ok(Outgoing { mails: Vec::new(), texts: vec![text] })
        }
    }
}

/// What the mail of a change of address asks for.
pub(crate) fn change_letter<'a>(
    to: &'a str,
    purpose: Purpose,
    redirect_to: &'a str,
    pkce: bool,
) -> Wanted<'a> {
    Wanted {
        kind: crate::mail::MailKind::EmailChange,
        purpose,
        verification: "email_change",
        to,
        redirect_to,
        pkce,
    }
}

//! Signing in without a password: a link in a mail, or digits in a mail or text message.

use super::messages::{Outgoing, Wanted};
use super::pkce::{self, Challenge};
use super::signup::{create, find_by_contact, is_confirmed};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::Purpose;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::mail::MailKind;
use crate::refuse::invalid;
use crate::service::Identity;
use crate::users;
use crate::users::contact::Contact;
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a client sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OtpRequest {
    pub email: Option<String>,
    pub phone: Option<String>,
    pub create_user: Option<bool>,
    pub data: Option<Map<String, Value>>,
    pub channel: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
}

struct Asked {
    contact: Contact,
    create: bool,
    data: Map<String, Value>,
    challenge: Option<(String, &'static str)>,
    redirect_to: String,
    caller: Caller,
}

impl Identity {
    /// Sends a code. The answer is the same whether or not there is an account, and whether or not one may be made.
    pub async fn send_otp(&self, request: OtpRequest, redirect_to: &str, caller: &Caller) -> Result<()> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let contact = Contact::of(&text(&request.email), &text(&request.phone))?
            .ok_or_else(|| invalid("One of email or phone must be set"))?;
        if request.channel.as_deref().is_some_and(|channel| !matches!(channel, "" | "sms")) {
            return Err(invalid("Invalid channel, supported values are 'sms'"));
        }
        self.check_enabled(&contact)?;
        let challenge = Challenge {
            code_challenge: request.code_challenge,
            code_challenge_method: request.code_challenge_method,
        };
        let challenge = challenge.checked()?.map(|(text, method)| (text.to_owned(), method));
        self.admit(caller, Attempt::Account(contact.text()))?;
        self.pace(contact.text(), matches!(contact, Contact::Phone(_)))?;
        let asked = Asked {
            contact,
            create: request.create_user.unwrap_or(true) && self.settings().signup_enabled,
            data: request.data.unwrap_or_default(),
            challenge,
            redirect_to: redirect_to.to_owned(),
            caller: caller.clone(),
        };
        let outgoing = self.transact(asked, |it, tx, on| Box::pin(send(it, tx, on))).await?;
        self.dispatch(outgoing);
        Ok(())
    }
}

async fn send(it: Identity, tx: Tx, on: Arc<Asked>) -> Result<Outgoing> {
    let user = match find_by_contact(&tx, &on.contact).await? {
        Some(user) => user,
        None if on.create => {
            let id = create(&tx, &on.contact, None, &on.data).await?;
            users::again(&tx, id).await?
        }
        None => {
            // One row is written as for an account that there is: the time is the same.
            let traits = traits! {"account": on.contact.text(), "unknown": true};
            record(&tx, Event::UserRecoveryRequested, None, &on.caller, traits).await?;
            return Ok(Outgoing::default());
        }
    };
    if !is_confirmed(&user, &on.contact) && matches!(on.contact, Contact::Email(_)) {
        return it
            .send_confirmation(&tx, &user, &on.contact, &on.challenge, &on.redirect_to, &on.caller)
            .await;
    }
    let traits = traits! {"provider": on.contact.provider()};
    record(&tx, Event::UserRecoveryRequested, Some(&user), &on.caller, traits).await?;
    if let Some(challenge) = &on.challenge {
        pkce::begin(&tx, user.id, on.contact.provider(), pkce::method_of("magiclink"), challenge).await?;
    }
    Ok(match &on.contact {
        Contact::Email(email) => {
            let wanted = Wanted {
                kind: MailKind::MagicLink,
                purpose: Purpose::Recovery,
                verification: "magiclink",
                to: email,
                redirect_to: &on.redirect_to,
                pkce: on.challenge.is_some(),
            };
            Outgoing { mails: vec![it.mail_code(&tx, &user, wanted).await?], texts: Vec::new() }
        }
        Contact::Phone(phone) => {
            let text = it.text_code(&tx, &user, Purpose::Confirmation, phone).await?;
            Outgoing { mails: Vec::new(), texts: vec![text] }
        }
    })
}

//! Signing up with a password.

use super::messages::{Outgoing, Wanted};
use super::pkce::{self, Challenge};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::Purpose;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::mail::MailKind;
use crate::refuse::{invalid, refuse};
use crate::service::Identity;
use crate::sessions::{Opened, Tokens};
use crate::time::Time;
use crate::users::contact::Contact;
use crate::users::write::NewUser;
use crate::users::{self, PasswordHash, User, identities, user_json, write};
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a client sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignUp {
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password: Option<crate::Secret>,
    pub data: Option<Map<String, Value>>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
}

/// What comes of it.
pub enum SignedUp {
    /// The address needs no confirmation.
    Session(Box<Tokens>),
    /// A message is on its way, or would be if the address had no account yet: nobody can tell.
    Waiting(Value),
}

/// A registration that was checked.
pub(crate) struct Registration {
    pub contact: Contact,
    pub hash: PasswordHash,
    pub data: Map<String, Value>,
    pub challenge: Option<(String, &'static str)>,
    pub redirect_to: String,
    pub caller: Caller,
}

enum Outcome {
    Taken,
    Opened(Box<Opened>),
    Waiting(Box<User>, Outgoing),
}

impl Identity {
    /// Signs somebody up with an address or a phone number and a password.
    pub async fn sign_up(&self, request: SignUp, redirect_to: &str, caller: &Caller) -> Result<SignedUp> {
        if !self.settings().signup_enabled {
            return Err(signups_are_closed());
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let contact = Contact::of(&text(&request.email), &text(&request.phone))?
            .ok_or_else(|| invalid("Sign up requires an email address or a phone number"))?;
        self.check_enabled(&contact)?;
        let password = request.password.unwrap_or_default();
        if password.is_empty() {
            return Err(invalid("Signup requires a valid password"));
        }
        self.check_password(&password)?;
        let challenge = Challenge {
            code_challenge: request.code_challenge,
            code_challenge_method: request.code_challenge_method,
        };
        let challenge = challenge.checked()?.map(|(text, method)| (text.to_owned(), method));
        self.admit(caller, Attempt::Account(contact.text()))?;
        if self.must_confirm(&contact) {
            self.pace(contact.text(), matches!(contact, Contact::Phone(_)))?;
        }
        let registration = Registration {
            hash: self.hash_password(&password).await?,
            contact: contact.clone(),
            data: request.data.unwrap_or_default(),
            challenge,
            redirect_to: redirect_to.to_owned(),
            caller: caller.clone(),
        };
        let data = registration.data.clone();
        let outcome = self.transact(registration, |it, tx, on| Box::pin(register(it, tx, on))).await?;
        match outcome {
            Outcome::Opened(opened) => Ok(SignedUp::Session(Box::new(self.mint(*opened)?))),
            Outcome::Taken if !self.must_confirm(&contact) => {
                Err(refuse(422, "user_already_exists", "User already registered"))
            }
            Outcome::Taken => Ok(SignedUp::Waiting(self.waiting(None, &contact, data))),
            Outcome::Waiting(user, outgoing) => {
                self.dispatch(outgoing);
                Ok(SignedUp::Waiting(self.waiting(Some(&user), &contact, data)))
            }
        }
    }

    pub(crate) fn must_confirm(&self, contact: &Contact) -> bool {
        match contact {
            Contact::Email(_) => self.settings().confirm_email,
            Contact::Phone(_) => true,
        }
    }

    pub(crate) fn check_enabled(&self, contact: &Contact) -> Result<()> {
        let settings = self.settings();
        match contact {
            Contact::Email(_) if !settings.email_enabled => {
                Err(refuse(400, "email_provider_disabled", "Email signups are disabled"))
            }
            Contact::Phone(_) if !settings.phone_enabled => {
                Err(refuse(400, "phone_provider_disabled", "Phone signups are disabled"))
            }
            // A code that nothing could send would leave an account that nobody can confirm.
            Contact::Phone(_) => self.texter().map(drop),
            Contact::Email(_) => Ok(()),
        }
    }

    /// The answer to a sign-up that has to be confirmed. It is made from the request, and looks the same whether the
    /// account is new, waits for its confirmation, or has been somebody's for years.
    fn waiting(&self, user: Option<&User>, contact: &Contact, data: Map<String, Value>) -> Value {
        let now = Time::now(self.env());
        let id = match user {
            Some(user) => user.id,
            None => self.codes().stand_in("user", contact.text()),
        };
        let identity_id = match user.and_then(|user| user.identity(contact.provider())) {
            Some(identity) => identity.identity_id,
            None => self.codes().stand_in("identity", contact.text()),
        };
        let mut own = identities::own_data(id, contact, false);
        for (key, value) in &data {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let (email, phone) = match contact {
            Contact::Email(email) => (email.as_str(), ""),
            Contact::Phone(phone) => ("", phone.as_str()),
        };
        json!({
            "id": id,
            "aud": "authenticated",
            "role": "authenticated",
            "email": email,
            "phone": phone,
            "confirmation_sent_at": now,
            "app_metadata": {"provider": contact.provider(), "providers": [contact.provider()]},
            "user_metadata": data,
            "identities": [{
                "identity_id": identity_id,
                "id": id,
                "user_id": id,
                "identity_data": own,
                "provider": contact.provider(),
                "last_sign_in_at": now,
                "created_at": now,
                "updated_at": now,
                "email": if email.is_empty() { Value::Null } else { json!(email) },
            }],
            "created_at": now,
            "updated_at": now,
            "is_anonymous": false,
        })
    }
}

pub(crate) fn signups_are_closed() -> Problem {
    refuse(422, "signup_disabled", "Signups not allowed for this instance")
}

async fn register(it: Identity, tx: Tx, on: std::sync::Arc<Registration>) -> Result<Outcome> {
    let known = find_by_contact(&tx, &on.contact).await?;
    let traits = traits! {"provider": on.contact.provider()};
    if let Some(user) = known.as_ref()
        && (is_confirmed(user, &on.contact) || !it.must_confirm(&on.contact))
    {
        record(&tx, Event::UserRepeatedSignup, Some(user), &on.caller, traits).await?;
        return Ok(Outcome::Taken);
    }
    let user = match known {
        // Whoever asks now need not be who asked first: nothing of the account changes.
        Some(user) => user,
        None => {
            let id = create(&tx, &on.contact, Some(on.hash.clone()), &on.data).await?;
            users::again(&tx, id).await?
        }
    };
    if !it.must_confirm(&on.contact) {
        write::confirm_email(&tx, &user).await?;
        record(&tx, Event::UserSignedUp, Some(&user), &on.caller, traits.clone()).await?;
        record(&tx, Event::Login, Some(&user), &on.caller, traits).await?;
        return Ok(Outcome::Opened(Box::new(it.open_session(&tx, &user, "password", &on.caller).await?)));
    }
    let outgoing =
        it.send_confirmation(&tx, &user, &on.contact, &on.challenge, &on.redirect_to, &on.caller).await?;
    Ok(Outcome::Waiting(Box::new(user), outgoing))
}

impl Identity {
    /// Sends the code that confirms a new account.
    pub(crate) async fn send_confirmation(
        &self,
        tx: &Tx,
        user: &User,
        contact: &Contact,
        challenge: &Option<(String, &'static str)>,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<Outgoing> {
        let traits = traits! {"provider": contact.provider()};
        record(tx, Event::UserConfirmationRequested, Some(user), caller, traits).await?;
        if let Some(challenge) = challenge {
            pkce::begin(tx, user.id, contact.provider(), pkce::method_of("signup"), challenge).await?;
        }
        Ok(match contact {
            Contact::Email(email) => {
                let wanted = Wanted {
                    kind: MailKind::Confirmation,
                    purpose: Purpose::Confirmation,
                    verification: "signup",
                    to: email,
                    redirect_to,
                    pkce: challenge.is_some(),
                };
                Outgoing { mails: vec![self.mail_code(tx, user, wanted).await?], texts: Vec::new() }
            }
            Contact::Phone(phone) => {
                let text = self.text_code(tx, user, Purpose::Confirmation, phone).await?;
                Outgoing { mails: Vec::new(), texts: vec![text] }
            }
        })
    }
}

pub(crate) async fn find_by_contact(tx: &Tx, contact: &Contact) -> Result<Option<User>> {
    match contact {
        Contact::Email(email) => users::by_email(tx, email).await,
        Contact::Phone(phone) => users::by_phone(tx, phone).await,
    }
}

pub(crate) fn is_confirmed(user: &User, contact: &Contact) -> bool {
    match contact {
        Contact::Email(_) => user.is_email_confirmed(),
        Contact::Phone(_) => user.is_phone_confirmed(),
    }
}

/// Makes a user with one identity of its own.
pub(crate) async fn create(
    tx: &Tx,
    contact: &Contact,
    password_hash: Option<PasswordHash>,
    data: &Map<String, Value>,
) -> Result<Uuid> {
    create_as(tx, Uuid::random(tx.db.env()), contact, password_hash, data).await
}

/// As [`create`], with an identifier that somebody chose.
pub(crate) async fn create_as(
    tx: &Tx,
    id: Uuid,
    contact: &Contact,
    password_hash: Option<PasswordHash>,
    data: &Map<String, Value>,
) -> Result<Uuid> {
    let mut own = identities::own_data(id, contact, false);
    for (key, value) in data {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let (email, phone) = match contact {
        Contact::Email(email) => (Some(email.clone()), None),
        Contact::Phone(phone) => (None, Some(phone.clone())),
    };
    let app_metadata = match json!({"provider": contact.provider(), "providers": [contact.provider()]}) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let user = NewUser {
        id,
        email,
        phone,
        password_hash,
        role: "authenticated".to_owned(),
        app_metadata,
        user_metadata: data.clone(),
        is_anonymous: false,
    };
    write::insert(tx, user).await?;
    identities::insert(tx, id, contact.provider(), &id.to_string(), &own).await?;
    Ok(id)
}

/// The answer that shows a user.
pub fn shown(user: &User) -> Value {
    user_json(user)
}

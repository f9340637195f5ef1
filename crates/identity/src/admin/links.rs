//! Invitations, and links that an administrator sends in their own way.

use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::codes::{self, Code, Purpose};
use crate::db::{Tx, params};
use crate::flows::messages::{Outgoing, Wanted};
use crate::flows::signup::create;
use crate::mail::MailKind;
use crate::refuse::{email_exists, invalid, no_user};
use crate::service::Identity;
use crate::users::contact::{self, Contact};
use crate::users::{self, PasswordHash, User, user_json};
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What an administrator sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LinkRequest {
    #[serde(rename = "type")]
    pub what: String,
    pub email: String,
    pub new_email: String,
    pub password: Option<crate::Secret>,
    pub data: Option<Map<String, Value>>,
}

struct Asked {
    what: String,
    email: String,
    new_email: String,
    hash: Option<PasswordHash>,
    data: Map<String, Value>,
    redirect_to: String,
    caller: Caller,
}

impl Identity {
    /// Makes a user who is asked by mail to come.
    pub async fn invite(
        &self,
        email: &str,
        data: Map<String, Value>,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<User> {
        let asked = Asked {
            what: "invite".to_owned(),
            email: contact::email(email)?,
            new_email: String::new(),
            hash: None,
            data,
            redirect_to: redirect_to.to_owned(),
            caller: caller.clone(),
        };
        let (user, outgoing) = self
            .transact(asked, |it, tx, on| {
                Box::pin(async move {
                    let user = invited(&tx, &on).await?;
                    let wanted = Wanted {
                        kind: MailKind::Invite,
                        purpose: Purpose::Confirmation,
                        verification: "invite",
                        to: &on.email,
                        redirect_to: &on.redirect_to,
                        pkce: false,
                    };
                    let mail = it.mail_code(&tx, &user, wanted).await?;
                    let user = users::again(&tx, user.id).await?;
                    Ok((user, Outgoing { mails: vec![mail], texts: Vec::new() }))
                })
            })
            .await?;
        self.dispatch(outgoing);
        Ok(user)
    }

    /// Makes a link without sending it.
    pub async fn generate_link(
        &self,
        request: LinkRequest,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<Value> {
        let email = contact::email(&request.email)?;
        let hash = match request.password.filter(|password| !password.is_empty()) {
            Some(password) => {
                self.check_password(&password)?;
                Some(self.hash_password(&password).await?)
            }
            None if request.what == "signup" => return Err(invalid("Signup requires a valid password")),
            None => None,
        };
        let asked = Asked {
            what: request.what,
            email,
            new_email: request.new_email,
            hash,
            data: request.data.unwrap_or_default(),
            redirect_to: redirect_to.to_owned(),
            caller: caller.clone(),
        };
        let (user, code, what, redirect_to) =
            self.transact(asked, |it, tx, on| Box::pin(link(it, tx, on))).await?;
        // The link's `type` for a change of address is one, whichever of the two it is for.
        let verification = if what.starts_with("email_change") { "email_change" } else { &what };
        let mut answer = user_json(&user);
        answer["action_link"] = json!(self.action_link(&code, verification, &redirect_to));
        answer["email_otp"] = json!(code.otp);
        answer["hashed_token"] = json!(code.token);
        answer["verification_type"] = json!(what);
        answer["redirect_to"] = json!(redirect_to);
        Ok(answer)
    }
}

async fn invited(tx: &Tx, on: &Asked) -> Result<User> {
    let user = match users::by_email(tx, &on.email).await? {
        Some(user) if user.is_email_confirmed() => return Err(email_exists()),
        Some(user) => user,
        None => {
            let id = create(tx, &Contact::Email(on.email.clone()), None, &on.data).await?;
            users::again(tx, id).await?
        }
    };
    tx.run("update auth.users set invited_at = $2 where id = $1", params![user.id, tx.db.now()]).await?;
    let traits = traits! {"user_id": user.id, "user_email": on.email};
    record(tx, Event::UserInvited, None, &on.caller, traits).await?;
    Ok(user)
}

async fn link(it: Identity, tx: Tx, on: Arc<Asked>) -> Result<(User, Code, String, String)> {
    let known = users::by_email(&tx, &on.email).await?;
    let mut what = on.what.clone();
    if what == "magiclink" && known.is_none() {
        // Whoever follows it signs up.
        what = "signup".to_owned();
    }
    let (user, purpose, to) = match (what.as_str(), known) {
        ("signup", Some(user)) if user.is_email_confirmed() => return Err(email_exists()),
        ("signup", Some(user)) => (user, Purpose::Confirmation, on.email.clone()),
        ("signup", None) => {
            let id = create(&tx, &Contact::Email(on.email.clone()), on.hash.clone(), &on.data).await?;
            (users::again(&tx, id).await?, Purpose::Confirmation, on.email.clone())
        }
        ("invite", _) => (invited(&tx, &on).await?, Purpose::Confirmation, on.email.clone()),
        ("magiclink" | "recovery", Some(user)) => {
            record(&tx, Event::UserRecoveryRequested, Some(&user), &on.caller, traits! {}).await?;
            (user, Purpose::Recovery, on.email.clone())
        }
        ("email_change_current" | "email_change_new", Some(user)) => {
            let new = contact::email(&on.new_email)?;
            Identity::check_free(&tx, &new, Some(user.id)).await?;
            // The other half of the same change may have been asked for before.
            let user = match user.email_change.as_deref() == Some(new.as_str()) {
                true => user,
                false => it.want_email(&tx, &user, &new).await?,
            };
            match what.as_str() {
                "email_change_new" => (user, Purpose::EmailChangeNew, new),
                _ if !it.settings().confirm_email_change_twice => {
                    return Err(invalid("Enable secure email change to generate link for current email"));
                }
                _ => (user, Purpose::EmailChangeCurrent, on.email.clone()),
            }
        }
        ("recovery" | "email_change_current" | "email_change_new", None) => return Err(no_user()),
        (other, _) => return Err(invalid(format!("Invalid email action link type requested: {other}"))),
    };
    let code = it.codes().make(it.env(), &to, false);
    codes::keep(&tx, user.id, purpose, &to, &code).await?;
    Ok((users::again(&tx, user.id).await?, code, what, on.redirect_to.clone()))
}

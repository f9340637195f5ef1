//! What users change of themselves.

use super::messages::Outgoing;
use super::pkce::{self, Challenge};
use crate::audit::{Event, record, traits};
use crate::caller::{Bearer, Caller};
use crate::codes::Purpose;
use crate::credentials::Attempt;
use crate::db::{Tx, params};
use crate::refuse::{email_exists, invalid, phone_exists, refuse};
use crate::service::Identity;
use crate::sessions::{self, Scope, Session};
use crate::users::{self, PasswordHash, User, contact, identities, write};
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A session older than this has to show again who is there, before a new password, where the setting says so.
const FRESH_SECONDS: i64 = 24 * 3_600;

/// What a client sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserUpdate {
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password: Option<crate::Secret>,
    pub nonce: Option<String>,
    pub data: Option<Map<String, Value>>,
    pub app_metadata: Option<Value>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
}

struct Change {
    bearer: Bearer,
    email: Option<String>,
    phone: Option<String>,
    password: Option<PasswordHash>,
    nonce: Option<String>,
    data: Option<Map<String, Value>>,
    challenge: Option<(String, &'static str)>,
    redirect_to: String,
    caller: Caller,
}

impl Identity {
    /// Changes what the user asks to change; a new address or number counts once it has confirmed.
    pub async fn update_user(
        &self,
        bearer: Bearer,
        update: UserUpdate,
        redirect_to: &str,
        caller: &Caller,
    ) -> Result<User> {
        let user = self.user_of(bearer).await?;
        if update.app_metadata.is_some() {
            return Err(refuse(403, "not_admin", "Updating app_metadata requires admin privileges"));
        }
        let challenge = Challenge {
            code_challenge: update.code_challenge,
            code_challenge_method: update.code_challenge_method,
        };
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let email = given(update.email).map(|text| contact::email(&text)).transpose()?;
        let phone = given(update.phone).map(|text| contact::phone(&text)).transpose()?;
        let email = email.filter(|email| email != user.email());
        let phone = phone.filter(|phone| phone != user.phone());
        let password = update.password.filter(|password| !password.is_empty());
        if user.is_anonymous && password.is_some() && email.is_none() && phone.is_none() {
            let words = "Updating password of an anonymous user without an email or phone is not allowed";
            return Err(refuse(422, "validation_failed", words));
        }
        self.check_assurance(&user, bearer, email.is_some() || phone.is_some() || password.is_some()).await?;
        // A password too: the answer tells whether it is the present one, and a code that goes with it can be guessed.
        if email.is_some() || phone.is_some() || password.is_some() {
            self.admit(caller, Attempt::Account(&user.id.to_string()))?;
        }
        if let Some(phone) = &phone {
            self.texter()?;
            self.pace(phone, true)?;
        }
        if let Some(email) = &email
            && (!user.is_anonymous || self.settings().confirm_email)
        {
            self.pace(email, false)?;
        }
        let change = Change {
            bearer,
            password: match password {
                Some(password) => Some(self.new_password(&user, &password).await?),
                None => None,
            },
            email,
            phone,
            nonce: given(update.nonce),
            data: update.data,
            challenge: challenge.checked()?.map(|(text, method)| (text.to_owned(), method)),
            redirect_to: redirect_to.to_owned(),
            caller: caller.clone(),
        };
        let (user, outgoing) = self.transact(change, |it, tx, on| Box::pin(apply(it, tx, on))).await?;
        self.dispatch(outgoing);
        Ok(user)
    }

    /// The hash of a password that is good and not the one that the user has.
    async fn new_password(&self, user: &User, password: &crate::Secret) -> Result<PasswordHash> {
        self.check_password(password)?;
        if user.has_password() && self.verify_password(password, user.encrypted_password.as_ref()).await?.0 {
            let words = "New password should be different from the old password.";
            return Err(refuse(422, "same_password", words));
        }
        self.hash_password(password).await
    }

    /// Somebody with a second factor needs it for what would let another in.
    async fn check_assurance(&self, user: &User, bearer: Bearer, delicate: bool) -> Result<()> {
        if !delicate || !user.has_second_factor() {
            return Ok(());
        }
        let session = match bearer.session {
            Some(id) => self.session(id).await?,
            None => None,
        };
        if session.is_some_and(|session| session.aal.as_deref() == Some("aal2")) {
            return Ok(());
        }
        let words = "AAL2 session is required to update email or password when MFA is enabled.";
        Err(refuse(401, "insufficient_aal", words))
    }
}

async fn apply(it: Identity, tx: Tx, on: Arc<Change>) -> Result<(User, Outgoing)> {
    let mut outgoing = Outgoing::default();
    let user = users::again(&tx, on.bearer.user).await?;
    if let Some(hash) = &on.password {
        change_password(&it, &tx, &user, hash, &on).await?;
    }
    if let Some(data) = &on.data {
        write::merge_user_metadata(&tx, user.id, data).await?;
    }
    if let Some(email) = &on.email {
        let wanting = it.want_email(&tx, &user, email).await?;
        if user.is_anonymous && !it.settings().confirm_email {
            // As signing up would be: nothing has to be confirmed.
            it.change_email(&tx, &wanting, &on.caller).await?;
        } else {
            if let Some(challenge) = &on.challenge {
                pkce::begin(&tx, user.id, "email_change", pkce::method_of("email_change"), challenge).await?;
            }
            let sent = it.send_email_change(&tx, &wanting, &on.redirect_to, on.challenge.is_some()).await?;
            outgoing.mails.extend(sent.mails);
        }
    }
    if let Some(phone) = &on.phone {
        if users::by_phone(&tx, phone).await?.is_some() {
            return Err(phone_exists());
        }
        tx.run("update auth.users set phone_change = $2 where id = $1", params![user.id, phone.as_str()])
            .await?;
        outgoing.texts.push(it.text_code(&tx, &user, Purpose::PhoneChange, phone).await?);
    }
    record(&tx, Event::UserModified, Some(&user), &on.caller, traits! {}).await?;
    Ok((users::again(&tx, user.id).await?, outgoing))
}

async fn change_password(
    it: &Identity,
    tx: &Tx,
    user: &User,
    hash: &PasswordHash,
    on: &Change,
) -> Result<()> {
    if let Some(nonce) = &on.nonce {
        it.use_nonce(tx, user, nonce).await?;
    } else if it.settings().reauthenticate_for_password {
        let session: Option<Session> = match on.bearer.session {
            Some(id) => sessions::find(tx, id).await?,
            None => None,
        };
        let since = tx.db.now().plus_seconds(-FRESH_SECONDS);
        let fresh = session.is_some_and(|session| session.created_at.is_some_and(|at| at > since));
        if !fresh {
            let words = "Password update requires reauthentication";
            return Err(refuse(400, "reauthentication_needed", words));
        }
    }
    write::set_password(tx, user.id, hash).await?;
    // Whoever knew the old one is out.
    sessions::end(tx, user.id, on.bearer.session, Scope::Others).await?;
    record(tx, Event::UserUpdatedPassword, Some(user), &on.caller, traits! {}).await?;
    if user.identity("email").is_none() && !user.email().is_empty() && user.is_email_confirmed() {
        let own = contact::Contact::Email(user.email().to_owned());
        identities::ensure_own(tx, user, &own, true).await?;
        identities::list_providers(tx, user.id).await?;
    }
    Ok(())
}

impl Identity {
    /// Takes away a way of signing in; the last one stays.
    pub async fn unlink_identity(&self, bearer: Bearer, identity: &str, caller: &Caller) -> Result<()> {
        let identity: crate::uuid::Uuid =
            identity.parse().map_err(|()| invalid("identity_id must be an UUID"))?;
        self.user_of(bearer).await?;
        self.transact((bearer.user, identity, caller.clone()), |_, tx, on| {
            Box::pin(async move {
                let (user, identity, caller) = &*on;
                let user = users::again(&tx, *user).await?;
                let found = user.identities.iter().find(|own| own.identity_id == *identity);
                let found =
                    found.ok_or_else(|| refuse(422, "identity_not_found", "Identity doesn't exist"))?;
                if user.identities.len() <= 1 {
                    let words = "User must have at least 1 identity after unlinking";
                    return Err(refuse(422, "single_identity_not_deletable", words));
                }
                match found.provider.as_str() {
                    // The address stays the user's where another identity has it.
                    "email" => {
                        let other = user.identities.iter().find(|own| {
                            own.identity_id != *identity && own.email.as_deref() == Some(user.email())
                        });
                        if other.is_none() {
                            tx.run(
                                "update auth.users set email = null, email_confirmed_at = null where id = $1",
                                params![user.id],
                            )
                            .await?;
                        }
                    }
                    "phone" => {
                        tx.run(
                            "update auth.users set phone = null, phone_confirmed_at = null where id = $1",
                            params![user.id],
                        )
                        .await?;
                    }
                    _ => {}
                }
                tx.run("delete from auth.identities where id = $1", params![*identity]).await?;
                identities::list_providers(&tx, user.id).await?;
                let traits = traits! {"identity_id": identity, "provider": found.provider};
                record(&tx, Event::IdentityUnlinked, Some(&user), caller, traits).await
            })
        })
        .await
    }

    /// Fails where an address is somebody's, for those who may know it.
    pub(crate) async fn check_free(tx: &Tx, email: &str, but: Option<crate::uuid::Uuid>) -> Result<()> {
        match users::by_email(tx, email).await? {
            Some(other) if Some(other.id) != but => Err(email_exists()),
            _ => Ok(()),
        }
    }
}

//! The users of this server for its sign-in page: the same checks, limits and log as at `/auth/v1`.

use super::users::{Credentials, SignedIn, User, Users};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::secret::Secret;
use crate::service::Identity;
use crate::users::contact::Contact;
use crate::users::{self, PasswordHash, write};
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use mainstay_engine::BoxFuture;
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

impl Users for Identity {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Result<SignedIn>> {
        Box::pin(async move {
            let caller = Caller { address: credentials.address.to_owned(), ..Caller::default() };
            let Ok(Some(contact)) = Contact::of(credentials.email, "") else { return Ok(SignedIn::No) };
            if !self.settings().email_enabled {
                return Ok(SignedIn::No);
            }
            let account = contact.text().to_owned();
            self.admit(&caller, Attempt::Account(&account))?;
            let user = users::find_by_contact(self.db(), &contact).await?;
            let hash = user.as_ref().and_then(|user| user.encrypted_password.clone());
            let hash = hash.filter(|hash| !hash.0.is_empty());
            // Without a user the same work is done for nothing.
            let password = Secret::new(credentials.password);
            let (right, upgrade) = self.verify_password(&password, hash.as_ref()).await?;
            let user = user.map(|user| user.id);
            let checked = Checked { user, hash, right, upgrade, contact, caller };
            let Some(user) = self.transact(checked, |it, tx, on| Box::pin(settle(it, tx, on))).await? else {
                return Ok(SignedIn::No);
            };
            if user.has_second_factor() {
                // Half a proof is none, and this page cannot ask for the other half.
                let words = "this account has a second factor, which this page cannot check yet: sign in where it can";
                return Err(Problem::new("access_denied", words).with_status(403));
            }
            self.forgive(&account);
            Ok(SignedIn::Yes { user: Box::new(told(&user)), amr: vec!["password".to_owned()] })
        })
    }

    fn by_id<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>>> {
        Box::pin(async move {
            let Ok(id) = id.parse() else { return Ok(None) };
            let user = users::find(self.db(), id).await?;
            Ok(user.filter(|user| !user.is_banned(self.db().now())).map(|user| told(&user)))
        })
    }
}

/// The user, if everything is in order in the transaction that writes it down.
async fn settle(it: Identity, tx: Tx, on: Arc<Checked>) -> Result<Option<users::User>> {
    let user = match on.user {
        Some(id) => users::by_id(&tx, id).await?,
        None => None,
    };
    let kept = on.hash.as_ref().map(|hash| &hash.0);
    let same = |user: &users::User| user.encrypted_password.as_ref().map(|hash| &hash.0) == kept;
    let may = |user: &users::User| {
        !user.is_banned(tx.db.now()) && (user.is_email_confirmed() || !it.settings().confirm_email)
    };
    let Some(user) = user.filter(|user| on.right && same(user) && may(user)) else {
        let traits =
            traits! {"provider": on.contact.provider(), "user_id": on.user, "account": on.contact.text()};
        record(&tx, Event::LoginFailed, None, &on.caller, traits).await?;
        return Ok(None);
    };
    if let Some(hash) = &on.upgrade {
        write::set_password(&tx, user.id, hash).await?;
    }
    record(&tx, Event::Login, Some(&user), &on.caller, traits! {"provider": on.contact.provider()}).await?;
    Ok(Some(user))
}

fn told(user: &users::User) -> User {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    User {
        id: user.id.to_string(),
        email: filled(&user.email),
        email_verified: user.is_email_confirmed(),
        phone: filled(&user.phone),
        phone_verified: user.is_phone_confirmed(),
        role: user.role().to_owned(),
        app_metadata: user.raw_app_meta_data.clone().unwrap_or_default(),
        user_metadata: user.raw_user_meta_data.clone().unwrap_or_default(),
        is_anonymous: user.is_anonymous,
        updated_at: user.updated_at.map(|time| time.seconds()),
    }
}

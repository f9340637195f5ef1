//! The users of this server for its sign-in page: the same checks, limits and log as at `/auth/v1`.

use super::users::{Credentials, SignedIn, User, Users};
use crate::caller::Caller;
use crate::db::Tx;
use crate::flows::password::{Checked, Proof};
use crate::secret::Secret;
use crate::service::Identity;
use crate::users;
use crate::users::contact::Contact;
use mainstay_base::{Problem, Result};
use mainstay_engine::BoxFuture;
use std::sync::Arc;

impl Users for Identity {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Result<SignedIn>> {
        Box::pin(async move {
            let caller = Caller { address: credentials.address.to_owned(), ..Caller::default() };
            let Ok(Some(contact)) = Contact::of(credentials.email, "") else { return Ok(SignedIn::No) };
            if !self.settings().email_enabled {
                return Ok(SignedIn::No);
            }
            let account = contact.text().to_owned();
            let checked = self.try_password(contact, &Secret::new(credentials.password), &caller).await?;
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
    Ok(match it.prove_password(&tx, &on).await? {
        Proof::Right(user) => Some(*user),
        Proof::Wrong => None,
        Proof::Banned | Proof::NotConfirmed => {
            on.record_failure(&tx).await?;
            None
        }
    })
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

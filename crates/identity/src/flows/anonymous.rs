//! Users without a name, until they give one.

use super::signup::signups_are_closed;
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::credentials::Attempt;
use crate::refuse::refuse;
use crate::service::Identity;
use crate::sessions::Tokens;
use crate::users;
use crate::users::write::{self, NewUser};
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde_json::{Map, Value};

impl Identity {
    /// A session for somebody who gives nothing.
    pub async fn sign_in_anonymously(&self, data: Map<String, Value>, caller: &Caller) -> Result<Tokens> {
        if !self.settings().signup_enabled {
            return Err(signups_are_closed());
        }
        if !self.settings().anonymous_enabled {
            return Err(refuse(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled"));
        }
        self.admit(caller, Attempt::Anonymous)?;
        let opened = self
            .transact((data, caller.clone()), |it, tx, on| {
                Box::pin(async move {
                    let (data, caller) = &*on;
                    let id = Uuid::random(tx.db.env());
                    let user = NewUser {
                        id,
                        email: None,
                        phone: None,
                        password_hash: None,
                        role: "authenticated".to_owned(),
                        app_metadata: Map::new(),
                        user_metadata: data.clone(),
                        is_anonymous: true,
                    };
                    write::insert(&tx, user).await?;
                    let user = users::again(&tx, id).await?;
                    record(&tx, Event::UserSignedUp, Some(&user), caller, traits! {"provider": "anonymous"})
                        .await?;
                    it.open_session(&tx, &user, "anonymous", caller).await
                })
            })
            .await?;
        self.mint(opened)
    }
}

//! Signing out.

use crate::audit::{Event, record, traits};
use crate::caller::{Bearer, Caller};
use crate::service::Identity;
use crate::sessions::{self, Scope};
use crate::users;
use mainstay_base::Result;

impl Identity {
    /// Ends the sessions that the scope names.
    pub async fn sign_out(&self, bearer: Bearer, scope: Scope, caller: &Caller) -> Result<()> {
        self.user_of(bearer).await?;
        self.transact((bearer, scope, caller.clone()), |_, tx, on| {
            Box::pin(async move {
                let (bearer, scope, caller) = &*on;
                let user = users::again(&tx, bearer.user).await?;
                sessions::end(&tx, user.id, bearer.session, *scope).await?;
                record(&tx, Event::Logout, Some(&user), caller, traits! {}).await
            })
        })
        .await
    }
}

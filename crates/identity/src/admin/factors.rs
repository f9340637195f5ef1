//! A user's second factors, for an administrator.

use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::db::params;
use crate::refuse::{no_user, refuse};
use crate::service::Identity;
use crate::users::{self, Factor};
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};

fn no_factor() -> Problem {
    refuse(404, "mfa_factor_not_found", "Factor not found")
}

impl Identity {
    pub async fn factors_of(&self, user: Uuid) -> Result<Vec<Factor>> {
        Ok(users::find(self.db(), user).await?.ok_or_else(no_user)?.factors)
    }

    /// Takes a factor away. Sessions that were verified with it go back to the first level.
    pub async fn delete_factor(&self, user: Uuid, factor: Uuid, caller: &Caller) -> Result<Factor> {
        self.transact((user, factor, caller.clone()), |_, tx, on| {
            Box::pin(async move {
                let (user, factor, caller) = &*on;
                let user = users::again(&tx, *user).await?;
                let found = user.factors.iter().find(|own| own.id == *factor).ok_or_else(no_factor)?;
                tx.run("delete from auth.mfa_factors where id = $1 and user_id = $2", params![*factor, user.id]).await?;
                tx.run(
                    "update auth.sessions set aal = 'aal1', factor_id = null where user_id = $1 and factor_id = $2",
                    params![user.id, *factor],
                )
                .await?;
                let traits = traits! {"factor_id": factor, "user_id": user.id};
                record(&tx, Event::FactorDeleted, None, caller, traits).await?;
                Ok(found.clone())
            })
        })
        .await
    }

    /// Gives a factor another name.
    pub async fn rename_factor(
        &self,
        user: Uuid,
        factor: Uuid,
        name: &str,
        caller: &Caller,
    ) -> Result<Factor> {
        self.transact((user, factor, name.to_owned(), caller.clone()), |_, tx, on| {
            Box::pin(async move {
                let (user, factor, name, caller) = &*on;
                tx.run(
                    "update auth.mfa_factors set friendly_name = $3, updated_at = $4 where id = $1 and user_id = $2",
                    params![*factor, *user, name.as_str(), tx.db.now()],
                )
                .await?;
                let user = users::again(&tx, *user).await?;
                let found = user.factors.iter().find(|own| own.id == *factor).ok_or_else(no_factor)?;
                let traits = traits! {"factor_id": factor, "user_id": user.id};
                record(&tx, Event::FactorUpdated, None, caller, traits).await?;
                Ok(found.clone())
            })
        })
        .await
    }
}

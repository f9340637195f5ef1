//! The audit log: one row for each security event, in the transaction of what it tells about.

use crate::caller::Caller;
use crate::db::{Param, Tx, params};
use crate::users::User;
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde_json::{Map, Value, json};

/// What happened, in GoTrue's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Login,
    Logout,
    InviteAccepted,
    UserSignedUp,
    UserInvited,
    UserDeleted,
    UserModified,
    UserRecoveryRequested,
    UserReauthenticateRequested,
    UserConfirmationRequested,
    UserRepeatedSignup,
    UserUpdatedPassword,
    TokenRefreshed,
    TokenReused,
    LoginFailed,
    FactorDeleted,
    FactorUpdated,
    IdentityUnlinked,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Event::Login => "login",
            Event::Logout => "logout",
            Event::InviteAccepted => "invite_accepted",
            Event::UserSignedUp => "user_signedup",
            Event::UserInvited => "user_invited",
            Event::UserDeleted => "user_deleted",
            Event::UserModified => "user_modified",
            Event::UserRecoveryRequested => "user_recovery_requested",
            Event::UserReauthenticateRequested => "user_reauthenticate_requested",
            Event::UserConfirmationRequested => "user_confirmation_requested",
            Event::UserRepeatedSignup => "user_repeated_signup",
            Event::UserUpdatedPassword => "user_updated_password",
            Event::TokenRefreshed => "token_refreshed",
            Event::TokenReused => "token_reused",
            Event::LoginFailed => "login_failed",
            Event::FactorDeleted => "factor_deleted",
            Event::FactorUpdated => "factor_updated",
            Event::IdentityUnlinked => "identity_unlinked",
        }
    }

    fn log_type(self) -> &'static str {
        match self {
            Event::Login | Event::Logout | Event::InviteAccepted | Event::LoginFailed => "account",
            Event::UserSignedUp | Event::UserInvited | Event::UserDeleted => "team",
            Event::TokenRefreshed | Event::TokenReused => "token",
            Event::FactorDeleted | Event::FactorUpdated => "factor",
            _ => "user",
        }
    }
}

/// Writes an entry. `actor` is whose doing it was; `None` is a service key, or somebody unknown.
pub(crate) async fn record(
    tx: &Tx,
    event: Event,
    actor: Option<&User>,
    caller: &Caller,
    traits: Map<String, Value>,
) -> Result<()> {
    let mut payload = json!({
        "action": event.name(),
        "log_type": event.log_type(),
        "actor_id": actor.map_or(Uuid([0; 16]), |user| user.id),
        "actor_via_sso": actor.is_some_and(|user| user.is_sso_user),
        "actor_username": actor.map_or_else(|| caller.role.clone(), User::username),
    });
    if !traits.is_empty() {
        payload["traits"] = Value::Object(traits);
    }
    tx.run(
        "insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) \
         values ('00000000-0000-0000-0000-000000000000', $1, $2::json, $3, $4)",
        params![Uuid::random(tx.db.env()), Param::json(&payload)?, tx.db.now(), caller.address.as_str()],
    )
    .await?;
    Ok(())
}

/// Traits of an entry.
macro_rules! traits {
    ($($name:literal : $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "an entry may have none")]
        let mut map = serde_json::Map::new();
        $(map.insert($name.to_owned(), serde_json::json!($value));)*
        map
    }};
}
pub(crate) use traits;

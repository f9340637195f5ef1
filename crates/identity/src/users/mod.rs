//! Users and their identities: what is read of them, and how a client sees them.

pub(crate) mod contact;
pub(crate) mod identities;
mod view;
pub(crate) mod write;

use crate::db::{Db, Param, Tx, params};
use crate::time::Time;
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use view::user_json;

/// A row of `auth.users`, with its identities and factors.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    pub id: Uuid,
    pub aud: Option<String>,
    pub role: Option<String>,
    pub email: Option<String>,
    /// A PHC string or another known hash. Never leaves this crate.
    pub(crate) encrypted_password: Option<PasswordHash>,
    pub email_confirmed_at: Option<Time>,
    pub invited_at: Option<Time>,
    pub phone: Option<String>,
    pub phone_confirmed_at: Option<Time>,
    pub confirmation_sent_at: Option<Time>,
    pub confirmed_at: Option<Time>,
    pub recovery_sent_at: Option<Time>,
    pub email_change: Option<String>,
    pub email_change_sent_at: Option<Time>,
    pub email_change_confirm_status: Option<i64>,
    pub phone_change: Option<String>,
    pub phone_change_sent_at: Option<Time>,
    pub reauthentication_sent_at: Option<Time>,
    pub last_sign_in_at: Option<Time>,
    pub raw_app_meta_data: Option<Map<String, Value>>,
    pub raw_user_meta_data: Option<Map<String, Value>>,
    pub created_at: Option<Time>,
    pub updated_at: Option<Time>,
    pub banned_until: Option<Time>,
    pub deleted_at: Option<Time>,
    pub is_sso_user: bool,
    pub is_anonymous: bool,
    pub identities: Vec<Identity>,
    pub factors: Vec<Factor>,
}

/// A stored hash. It does not print itself.
#[derive(Clone, Deserialize)]
pub(crate) struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A way in which a user is known: an address, a phone, an account elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    pub identity_id: Uuid,
    /// What the provider calls the user.
    pub id: String,
    pub user_id: Uuid,
    pub identity_data: Map<String, Value>,
    pub provider: String,
    pub last_sign_in_at: Option<Time>,
    pub created_at: Option<Time>,
    pub updated_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A second factor, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Factor {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    pub factor_type: String,
    pub status: String,
    pub created_at: Option<Time>,
    pub updated_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_challenged_at: Option<Time>,
}

impl User {
    pub fn email(&self) -> &str {
        self.email.as_deref().unwrap_or_default()
    }

    pub fn phone(&self) -> &str {
        self.phone.as_deref().unwrap_or_default()
    }

    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("authenticated")
    }

    /// How the audit log calls the user.
    pub(crate) fn username(&self) -> String {
        [self.email(), self.phone()]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("anonymous")
            .to_owned()
    }

    pub fn has_password(&self) -> bool {
        self.encrypted_password.as_ref().is_some_and(|hash| !hash.0.is_empty())
    }

    pub fn is_email_confirmed(&self) -> bool {
        self.email_confirmed_at.is_some()
    }

    pub fn is_phone_confirmed(&self) -> bool {
        self.phone_confirmed_at.is_some()
    }

    pub fn is_banned(&self, now: Time) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }

    /// Whether a second factor has been verified: the user's sessions then begin at `aal1` and can reach `aal2`.
    pub fn has_second_factor(&self) -> bool {
        self.factors.iter().any(|factor| factor.status == "verified")
    }

    pub(crate) fn identity(&self, provider: &str) -> Option<&Identity> {
        self.identities.iter().find(|identity| identity.provider == provider)
    }
}

/// The columns of [`User`], for a statement that reads `auth.users u`.
macro_rules! user_columns {
    () => {
        "u.id, u.aud, u.role, u.email, u.encrypted_password, u.email_confirmed_at, u.invited_at, u.phone, \
         u.phone_confirmed_at, u.confirmation_sent_at, u.confirmed_at, u.recovery_sent_at, u.email_change, \
         u.email_change_sent_at, u.email_change_confirm_status, u.phone_change, u.phone_change_sent_at, \
         u.reauthentication_sent_at, u.last_sign_in_at, u.raw_app_meta_data, u.raw_user_meta_data, u.created_at, \
         u.updated_at, u.banned_until, u.deleted_at, u.is_sso_user, u.is_anonymous, \
         (select coalesce(json_agg(json_build_object('identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, \
         'identity_data', i.identity_data, 'provider', i.provider, 'last_sign_in_at', i.last_sign_in_at, \
         'created_at', i.created_at, 'updated_at', i.updated_at, 'email', i.email) order by i.created_at, i.id), '[]') \
         from auth.identities i where i.user_id = u.id) as identities, \
         (select coalesce(json_agg(json_build_object('id', f.id, 'friendly_name', f.friendly_name, \
         'factor_type', f.factor_type, 'status', f.status, 'created_at', f.created_at, 'updated_at', f.updated_at, \
         'phone', f.phone, 'last_challenged_at', f.last_challenged_at) order by f.created_at, f.id), '[]') \
         from auth.mfa_factors f where f.user_id = u.id) as factors"
    };
}
pub(crate) use user_columns;

const BY_ID: &str =
    concat!("select ", user_columns!(), " from auth.users u where u.id = $1 and u.deleted_at is null");
const BY_EMAIL: &str = concat!(
    "select ",
    user_columns!(),
    " from auth.users u where u.email = $1 and u.is_sso_user = false and u.deleted_at is null"
);
const BY_PHONE: &str =
    concat!("select ", user_columns!(), " from auth.users u where u.phone = $1 and u.deleted_at is null");

pub(crate) async fn by_id(tx: &Tx, id: Uuid) -> Result<Option<User>> {
    tx.row(BY_ID, params![id]).await
}

/// As [`by_id`], for one who must be there.
pub(crate) async fn again(tx: &Tx, id: Uuid) -> Result<User> {
    by_id(tx, id).await?.ok_or_else(crate::refuse::no_user)
}

pub(crate) async fn by_email(tx: &Tx, email: &str) -> Result<Option<User>> {
    tx.row(BY_EMAIL, params![email]).await
}

pub(crate) async fn by_phone(tx: &Tx, phone: &str) -> Result<Option<User>> {
    tx.row(BY_PHONE, params![phone]).await
}

/// Outside a transaction.
pub(crate) async fn find(db: &Db, id: Uuid) -> Result<Option<User>> {
    db.row(BY_ID, params![id]).await
}

/// By an address or a phone number, outside a transaction.
pub(crate) async fn find_by_contact(db: &Db, contact: &contact::Contact) -> Result<Option<User>> {
    let (sql, key) = match contact {
        contact::Contact::Email(email) => (BY_EMAIL, email),
        contact::Contact::Phone(phone) => (BY_PHONE, phone),
    };
    db.row(sql, vec![Param::from(key.as_str())]).await
}

//! Changes to rows of `auth.users`. Each is one statement of a transaction that the caller holds.

use super::User;
use crate::db::{Param, Tx, params};
use crate::time::Time;
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde_json::{Map, Value};

/// A user to be.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub id: Uuid,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password_hash: Option<super::PasswordHash>,
    pub role: String,
    pub app_metadata: Map<String, Value>,
    pub user_metadata: Map<String, Value>,
    pub is_anonymous: bool,
}

pub(crate) async fn insert(tx: &Tx, user: NewUser) -> Result<()> {
    tx.run(
        "insert into auth.users (instance_id, id, aud, role, email, phone, encrypted_password, raw_app_meta_data, \
         raw_user_meta_data, created_at, updated_at, is_anonymous) \
         values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $8, $9)",
        params![
            user.id,
            user.role,
            user.email,
            user.phone,
            user.password_hash.map(|hash| hash.0),
            Param::json(&user.app_metadata)?,
            Param::json(&user.user_metadata)?,
            tx.db.now(),
            user.is_anonymous,
        ],
    )
    .await?;
    Ok(())
}

/// The address is the user's.
pub(crate) async fn confirm_email(tx: &Tx, user: &User) -> Result<()> {
    tx.run(
        "update auth.users set email_confirmed_at = coalesce(email_confirmed_at, $2), updated_at = $2 where id = $1",
        params![user.id, tx.db.now()],
    )
    .await?;
    let verified = Map::from_iter([("email_verified".to_owned(), Value::Bool(true))]);
    merge_user_metadata(tx, user.id, &verified).await
}

/// The phone is the user's.
pub(crate) async fn confirm_phone(tx: &Tx, user: &User) -> Result<()> {
    tx.run(
        "update auth.users set phone_confirmed_at = coalesce(phone_confirmed_at, $2), updated_at = $2 where id = $1",
        params![user.id, tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_email(tx: &Tx, user: Uuid, email: &str) -> Result<()> {
    tx.run(
        "update auth.users set email = $2, updated_at = $3 where id = $1",
        params![user, email, tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_phone(tx: &Tx, user: Uuid, phone: &str) -> Result<()> {
    tx.run(
        "update auth.users set phone = $2, updated_at = $3 where id = $1",
        params![user, phone, tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_password(tx: &Tx, user: Uuid, hash: &super::PasswordHash) -> Result<()> {
    tx.run(
        "update auth.users set encrypted_password = $2, updated_at = $3 where id = $1",
        params![user, hash.0.as_str(), tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_role(tx: &Tx, user: Uuid, role: &str) -> Result<()> {
    tx.run(
        "update auth.users set role = $2, updated_at = $3 where id = $1",
        params![user, role, tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_banned(tx: &Tx, user: Uuid, until: Option<Time>) -> Result<()> {
    tx.run(
        "update auth.users set banned_until = $2, updated_at = $3 where id = $1",
        params![user, until, tx.db.now()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn no_longer_anonymous(tx: &Tx, user: Uuid) -> Result<()> {
    tx.run("update auth.users set is_anonymous = false where id = $1 and is_anonymous", params![user])
        .await?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Metadata {
    metadata: Option<Map<String, Value>>,
}

/// Sets the keys that are given; one that is null is removed.
pub(crate) async fn merge_user_metadata(tx: &Tx, user: Uuid, changes: &Map<String, Value>) -> Result<()> {
    let row: Option<Metadata> =
        tx.row("select raw_user_meta_data as metadata from auth.users where id = $1", params![user]).await?;
    let merged = merged(row, changes);
    tx.run(
        "update auth.users set raw_user_meta_data = $2::jsonb, updated_at = $3 where id = $1",
        params![user, Param::json(&merged)?, tx.db.now()],
    )
    .await?;
    Ok(())
}

/// As [`merge_user_metadata`], for what only administrators change.
pub(crate) async fn merge_app_metadata(tx: &Tx, user: Uuid, changes: &Map<String, Value>) -> Result<()> {
    let row: Option<Metadata> =
        tx.row("select raw_app_meta_data as metadata from auth.users where id = $1", params![user]).await?;
    let merged = merged(row, changes);
    tx.run(
        "update auth.users set raw_app_meta_data = $2::jsonb, updated_at = $3 where id = $1",
        params![user, Param::json(&merged)?, tx.db.now()],
    )
    .await?;
    Ok(())
}

fn merged(row: Option<Metadata>, changes: &Map<String, Value>) -> Map<String, Value> {
    let mut all = row.and_then(|row| row.metadata).unwrap_or_default();
    for (key, value) in changes {
        if value.is_null() {
            all.remove(key);
        } else {
            all.insert(key.clone(), value.clone());
        }
    }
    all
}

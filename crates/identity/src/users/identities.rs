//! Rows of `auth.identities`, and what `app_metadata` says of them.

use super::User;
use crate::db::{Param, Tx, params};
use crate::users::write::merge_app_metadata;
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What an identity of an address or a phone number begins with.
pub(crate) fn own_data(user: Uuid, contact: &super::contact::Contact, verified: bool) -> Map<String, Value> {
    let email = matches!(contact, super::contact::Contact::Email(_));
    let mut data = Map::new();
    data.insert("sub".into(), json!(user));
    data.insert(if email { "email" } else { "phone" }.into(), json!(contact.text()));
    data.insert("email_verified".into(), json!(email && verified));
    data.insert("phone_verified".into(), json!(!email && verified));
    data
}

/// Makes an identity. `provider_id` is the user's own id for addresses and phones.
pub(crate) async fn insert(
    tx: &Tx,
    user: Uuid,
    provider: &str,
    provider_id: &str,
    data: &Map<String, Value>,
) -> Result<()> {
    tx.run(
        "insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, \
         updated_at) values ($1, $2, $3, $4::jsonb, $5, $6, $6, $6)",
        params![
            Uuid::random(tx.db.env()),
            provider_id,
            user,
            Param::json(data)?,
            provider,
            tx.db.now()
        ],
    )
    .await?;
    Ok(())
}

/// Sets keys of an identity's data.
pub(crate) async fn merge(tx: &Tx, identity: &super::Identity, changes: &Map<String, Value>) -> Result<()> {
    let mut data = identity.identity_data.clone();
    data.extend(changes.clone());
    tx.run(
        "update auth.identities set identity_data = $2::jsonb, updated_at = $3 where id = $1",
        params![identity.identity_id, Param::json(&data)?, tx.db.now()],
    )
    .await?;
    Ok(())
}

/// The user's identity of an address or a phone number says this one, from now on.
pub(crate) async fn ensure_own(
    tx: &Tx,
    user: &User,
    contact: &super::contact::Contact,
    verified: bool,
) -> Result<()> {
    let mut data = own_data(user.id, contact, verified);
    match user.identity(contact.provider()) {
        None => insert(tx, user.id, contact.provider(), &user.id.to_string(), &data).await,
        Some(identity) => {
            data.retain(|key, _| key.starts_with(contact.provider()));
            merge(tx, identity, &data).await
        }
    }
}

/// Writes the list of providers into `app_metadata`.
pub(crate) async fn list_providers(tx: &Tx, user: Uuid) -> Result<()> {
    #[derive(Deserialize)]
    struct Row {
        provider: String,
    }
    let rows: Vec<Row> = tx
        .rows(
            "select provider from auth.identities where user_id = $1 order by created_at, id",
            params![user],
        )
        .await?;
    let mut providers: Vec<String> = Vec::new();
    for row in rows {
        if !providers.contains(&row.provider) {
            providers.push(row.provider);
        }
    }
    let Some(first) = providers.first() else { return Ok(()) };
    let changes =
        Map::from_iter([("provider".to_owned(), json!(first)), ("providers".to_owned(), json!(providers))]);
    merge_app_metadata(tx, user, &changes).await
}

//! Users, for an administrator.

use super::events::{Count, Page};
use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::db::{Tx, params};
use crate::flows::signup::{create_as, find_by_contact};
use crate::refuse::{email_exists, invalid, no_user, phone_exists};
use crate::service::Identity;
use crate::sessions::{self, Scope};
use crate::time::Time;
use crate::users::contact::{self, Contact};
use crate::users::{self, PasswordHash, User, identities, user_columns, write};
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an administrator sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AdminUser {
    pub id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password: Option<crate::Secret>,
    pub password_hash: Option<crate::Secret>,
    pub role: Option<String>,
    pub email_confirm: Option<bool>,
    pub phone_confirm: Option<bool>,
    pub user_metadata: Option<Map<String, Value>>,
    pub app_metadata: Option<Map<String, Value>>,
    pub ban_duration: Option<String>,
}

struct Wanted {
    id: Option<Uuid>,
    contacts: Vec<Contact>,
    hash: Option<PasswordHash>,
    request: AdminUser,
    ban: Option<Option<Time>>,
    caller: Caller,
}

impl Identity {
    /// A page of users, latest first, and how many there are.
    pub async fn list_users(&self, page: Page) -> Result<(Vec<User>, i64)> {
        let users = self
            .db()
            .rows(
                concat!(
                    "select ",
                    user_columns!(),
                    " from auth.users u where u.deleted_at is null order by u.created_at desc, u.id limit $1 offset $2"
                ),
                params![page.size, page.offset()],
            )
            .await?;
        let count: Option<Count> = self
            .db()
            .row("select count(*) as count from auth.users where deleted_at is null", params![])
            .await?;
        Ok((users, count.map_or(0, |count| count.count)))
    }

    pub async fn get_user(&self, id: Uuid) -> Result<User> {
        users::find(self.db(), id).await?.ok_or_else(no_user)
    }

    pub async fn create_user(&self, request: AdminUser, caller: &Caller) -> Result<User> {
        let wanted = self.wanted(request, caller).await?;
        if wanted.contacts.is_empty() {
            return Err(invalid("Cannot create a user without either an email or phone"));
        }
        self.transact(wanted, |it, tx, on| Box::pin(make(it, tx, on))).await
    }

    pub async fn change_user(&self, id: Uuid, request: AdminUser, caller: &Caller) -> Result<User> {
        let mut wanted = self.wanted(request, caller).await?;
        wanted.id = Some(id);
        self.transact(wanted, |_, tx, on| {
            Box::pin(async move {
                let id = on.id.ok_or_else(no_user)?;
                let user = users::by_id(&tx, id).await?.ok_or_else(no_user)?;
                change(&tx, &user, &on).await?;
                let traits =
                    traits! {"user_id": user.id, "user_email": user.email(), "user_phone": user.phone()};
                record(&tx, Event::UserModified, None, &on.caller, traits).await?;
                users::again(&tx, id).await
            })
        })
        .await
    }

    /// Removes a user. Softly: the row stays, without anything by which a person could be known.
    pub async fn delete_user(&self, id: Uuid, softly: bool, caller: &Caller) -> Result<()> {
        self.transact((id, softly, caller.clone()), |_, tx, on| {
            Box::pin(async move {
                let (id, softly, caller) = &*on;
                let user = users::by_id(&tx, *id).await?.ok_or_else(no_user)?;
                let traits = traits! {"user_id": user.id, "user_email": user.email(), "user_phone": user.phone()};
                record(&tx, Event::UserDeleted, None, caller, traits).await?;
                sessions::end(&tx, *id, None, Scope::Global).await?;
                if !softly {
                    tx.run("delete from auth.users where id = $1", params![*id]).await?;
                    return Ok(());
                }
                tx.run("delete from auth.identities where user_id = $1", params![*id]).await?;
                tx.run("delete from auth.mfa_factors where user_id = $1", params![*id]).await?;
                tx.run("delete from auth.one_time_tokens where user_id = $1", params![*id]).await?;
                tx.run(
                    "update auth.users set email = null, phone = null, encrypted_password = null, email_change = '', \
                     phone_change = '', raw_user_meta_data = '{}', raw_app_meta_data = '{}', deleted_at = $2, \
                     updated_at = $2 where id = $1",
                    params![*id, tx.db.now()],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn wanted(&self, request: AdminUser, caller: &Caller) -> Result<Wanted> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut contacts = Vec::new();
        if let Some(email) = given(&request.email) {
            contacts.push(Contact::Email(contact::email(&email)?));
        }
        if let Some(phone) = given(&request.phone) {
            contacts.push(Contact::Phone(contact::phone(&phone)?));
        }
        let id = match given(&request.id) {
            None => None,
            Some(text) => {
                let id: Uuid = text.parse().map_err(|()| invalid("ID must conform to the uuid v4 format"))?;
                if id.is_nil() {
                    return Err(invalid("ID cannot be a nil uuid"));
                }
                Some(id)
            }
        };
        let ban = match given(&request.ban_duration) {
            None => None,
            Some(text) => Some(self.ban_until(&text)?),
        };
        let password = request.password.clone().filter(|password| !password.is_empty());
        let hash = request.password_hash.clone().filter(|hash| !hash.is_empty());
        let hash = match (password, hash) {
            (Some(_), Some(_)) => {
                return Err(invalid("Only a password or a password hash should be provided"));
            }
            (Some(password), None) => {
                self.check_password(&password)?;
                Some(self.hash_password(&password).await?)
            }
            (None, Some(hash)) => Some(self.foreign_hash(&hash)?),
            (None, None) => None,
        };
        Ok(Wanted { id, contacts, hash, request, ban, caller: caller.clone() })
    }

    /// `none` lifts a ban.
    fn ban_until(&self, text: &str) -> Result<Option<Time>> {
        if text == "none" {
            return Ok(None);
        }
        let seconds = duration_seconds(text).ok_or_else(|| invalid("invalid format for ban duration"))?;
        Ok(Some(Time::now(self.env()).plus_seconds(seconds)))
    }
}

/// `1h30m`, `300s`, `1.5h`: Go's durations, in whole seconds.
fn duration_seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, factor) = [("ms", 0.001), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        sum += number * factor;
    }
    (sum < 1e12).then_some(sum as i64)
}

async fn make(_: Identity, tx: Tx, on: Arc<Wanted>) -> Result<User> {
    for contact in &on.contacts {
        if find_by_contact(&tx, contact).await?.is_some() {
            return Err(if contact.provider() == "email" { email_exists() } else { phone_exists() });
        }
    }
    let data = on.request.user_metadata.clone().unwrap_or_default();
    let first = on.contacts.first().ok_or_else(no_user)?;
    if let Some(id) = on.id
        && users::by_id(&tx, id).await?.is_some()
    {
        return Err(invalid("A user with this ID exists already"));
    }
    let id = on.id.unwrap_or_else(|| Uuid::random(tx.db.env()));
    create_as(&tx, id, first, on.hash.clone(), &data).await?;
    let user = users::again(&tx, id).await?;
    if let Some(Contact::Phone(phone)) = on.contacts.get(1) {
        write::set_phone(&tx, id, phone).await?;
        identities::ensure_own(&tx, &user, &Contact::Phone(phone.clone()), false).await?;
        identities::list_providers(&tx, id).await?;
    }
    let user = users::again(&tx, id).await?;
    let traits = traits! {
        "user_id": user.id, "user_email": user.email(), "user_phone": user.phone(), "provider": first.provider(),
    };
    record(&tx, Event::UserSignedUp, None, &on.caller, traits).await?;
    settle(&tx, &user, &on).await?;
    users::again(&tx, id).await
}

/// What applies to a new user as well as to one that is there.
async fn settle(tx: &Tx, user: &User, on: &Wanted) -> Result<()> {
    if let Some(role) = on.request.role.as_ref().filter(|role| !role.is_empty()) {
        write::set_role(tx, user.id, role).await?;
    }
    if let Some(data) = &on.request.app_metadata {
        write::merge_app_metadata(tx, user.id, data).await?;
    }
    if on.request.email_confirm == Some(true) {
        write::confirm_email(tx, user).await?;
        if !user.email().is_empty() {
            identities::ensure_own(tx, user, &Contact::Email(user.email().to_owned()), true).await?;
        }
    }
    if on.request.phone_confirm == Some(true) {
        write::confirm_phone(tx, user).await?;
        if !user.phone().is_empty() {
            identities::ensure_own(tx, user, &Contact::Phone(user.phone().to_owned()), true).await?;
        }
    }
    if let Some(until) = on.ban {
        write::set_banned(tx, user.id, until).await?;
    }
    Ok(())
}

async fn change(tx: &Tx, user: &User, on: &Wanted) -> Result<()> {
    for contact in &on.contacts {
        match contact {
            Contact::Email(email) if email != user.email() => {
                Identity::check_free(tx, email, Some(user.id)).await?;
                write::set_email(tx, user.id, email).await?;
            }
            Contact::Phone(phone) if phone != user.phone() => {
                if users::by_phone(tx, phone).await?.is_some() {
                    return Err(phone_exists());
                }
                write::set_phone(tx, user.id, phone).await?;
            }
            _ => continue,
        }
        let confirmed = match contact {
            Contact::Email(_) => on.request.email_confirm,
            Contact::Phone(_) => on.request.phone_confirm,
        };
        identities::ensure_own(tx, user, contact, confirmed == Some(true)).await?;
        if confirmed == Some(true) {
            write::no_longer_anonymous(tx, user.id).await?;
        }
    }
    identities::list_providers(tx, user.id).await?;
    if let Some(hash) = &on.hash {
        write::set_password(tx, user.id, hash).await?;
        sessions::end(tx, user.id, None, Scope::Global).await?;
    }
    if let Some(data) = &on.request.user_metadata {
        write::merge_user_metadata(tx, user.id, data).await?;
    }
    settle(tx, &users::again(tx, user.id).await?, on).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_go_s() {
        let seconds = super::duration_seconds;
        assert_eq!(
            (seconds("1h30m"), seconds("300s"), seconds("1.5h")),
            (Some(5_400), Some(300), Some(5_400))
        );
        assert_eq!((seconds("24"), seconds(""), seconds("1y")), (None, None, None));
    }
}

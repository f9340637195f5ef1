//! A user as a client sees it: GoTrue's JSON.

use super::User;
use serde_json::{Map, Value, json};

/// The user's JSON. What is empty is left out where GoTrue leaves it out.
pub fn user_json(user: &User) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("id", json!(user.id));
    put("aud", json!(user.aud.as_deref().unwrap_or_default()));
    put("role", json!(user.role.as_deref().unwrap_or_default()));
    put("email", json!(user.email()));
    put("phone", json!(user.phone()));
    for (name, time) in [
        ("email_confirmed_at", user.email_confirmed_at),
        ("invited_at", user.invited_at),
        ("phone_confirmed_at", user.phone_confirmed_at),
        ("confirmation_sent_at", user.confirmation_sent_at),
        ("confirmed_at", user.confirmed_at),
        ("recovery_sent_at", user.recovery_sent_at),
        ("email_change_sent_at", user.email_change_sent_at),
        ("phone_change_sent_at", user.phone_change_sent_at),
        ("reauthentication_sent_at", user.reauthentication_sent_at),
        ("last_sign_in_at", user.last_sign_in_at),
        ("banned_until", user.banned_until),
        ("deleted_at", user.deleted_at),
    ] {
        if let Some(time) = time {
            put(name, json!(time));
        }
    }
    for (name, text) in [("new_email", &user.email_change), ("new_phone", &user.phone_change)] {
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            put(name, json!(text));
        }
    }
    put("app_metadata", json!(user.raw_app_meta_data.clone().unwrap_or_default()));
    put("user_metadata", json!(user.raw_user_meta_data.clone().unwrap_or_default()));
    if !user.factors.is_empty() {
        put("factors", json!(user.factors));
    }
    put("identities", json!(user.identities));
    put("created_at", json!(user.created_at));
    put("updated_at", json!(user.updated_at));
    put("is_anonymous", json!(user.is_anonymous));
    Value::Object(out)
}

//! API keys of machines.

use crate::support::{House, migrate, refused};
use mainstay_identity::oauth::{NewApiKey, is_api_key};
use serde_json::json;

fn wanted(value: serde_json::Value) -> NewApiKey {
    serde_json::from_value(value).expect("a key")
}

#[tokio::test]
async fn a_key_stands_for_its_role_until_it_ends() {
    let house = House::open().await;
    let new = wanted(json!({ "name": "nightly", "role": "service_role", "claims": { "tenant": 7 } }));
    let (made, key) = house.oauth.create_api_key(new).await.expect("makes");
    let key = key.expose();
    assert!(is_api_key(key) && key.starts_with(&made.prefix));
    let actor = house.oauth.api_key_actor(key).expect("opens");
    assert_eq!(actor.role, "service_role");
    let claims: serde_json::Value = serde_json::from_str(&actor.claims_json).expect("JSON");
    assert_eq!((&claims["tenant"], &claims["role"]), (&json!(7), &json!("service_role")));
    assert_eq!(refused(house.oauth.api_key_actor(&format!("{key}x"))), "PGRST301");

    let listed = house.oauth.list_api_keys().await.expect("lists");
    assert_eq!(listed[0].last_used_at, Some(house.now()));
    assert!(!format!("{listed:?}").contains(key), "the key itself is nowhere");

    assert!(house.oauth.revoke_api_key(&made.id).await.expect("revokes"));
    assert!(!house.oauth.revoke_api_key(&made.id).await.expect("is revoked already"));
    assert_eq!(refused(house.oauth.api_key_actor(key)), "PGRST301");
}

#[tokio::test]
async fn a_key_expires_and_sql_can_end_one() {
    let house = House::open().await;
    let until = house.now() + 60;
    let new = wanted(json!({ "name": "short", "role": "anon", "expires_at": until }));
    let (_, short) = house.oauth.create_api_key(new).await.expect("makes");
    let (_, long) =
        house.oauth.create_api_key(wanted(json!({ "name": "long", "role": "anon" }))).await.expect("makes");
    house.pass(60);
    assert_eq!(refused(house.oauth.api_key_actor(short.expose())), "PGRST301");
    house.oauth.api_key_actor(long.expose()).expect("still good");
    migrate(&house.store, "end", "update auth.api_keys set revoked_at = now() where name = 'long'").await;
    house.oauth.follow().await.expect("follows");
    assert_eq!(refused(house.oauth.api_key_actor(long.expose())), "PGRST301");
}

#[tokio::test]
async fn a_key_that_could_not_work_is_refused() {
    let house = House::open().await;
    for wrong in [
        json!({ "name": "", "role": "anon" }),
        json!({ "name": "x", "role": "nobody" }),
        json!({ "name": "x", "role": "anon", "expires_at": 1 }),
    ] {
        assert_eq!(
            refused(house.oauth.create_api_key(wanted(wrong.clone())).await),
            "invalid_request",
            "{wrong}"
        );
    }
}

//! Tokens without a browser: client credentials, token exchange, introspection, revocation, assertions of clients.

use crate::support::{AUDIENCE, House, ISSUER, OTHER_API, claims, params, refused};
use mainstay_base::Env;
use mainstay_identity::TokenType;
use mainstay_identity::jose::SigningKey;
use mainstay_identity::oauth::{Client, ClientMetadata};
use serde_json::{Map, Value, json};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn server(house: &House, more: Value) -> Client {
    let mut metadata = json!({
        "client_name": "Server",
        "redirect_uris": [],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials", EXCHANGE],
        "scope": "stock:read stock:write",
    });
    metadata.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    house.client(metadata).await.0
}

fn metadata(value: Value) -> ClientMetadata {
    serde_json::from_value(value).expect("metadata")
}

#[tokio::test]
async fn a_client_gets_a_token_of_its_own_role() {
    let house = House::open().await;
    let client = server(&house, json!({ "role": "service_role" })).await;
    let asked = params(&[("grant_type", "client_credentials"), ("scope", "stock:read")]);
    let issued = house.oauth.token(&client, &asked).await.expect("tokens");
    assert_eq!((issued.refresh_token, issued.id_token, issued.scope.as_str()), (None, None, "stock:read"));
    let said = claims(&issued.access_token);
    assert_eq!(
        (&said["sub"], &said["client_id"], &said["aud"]),
        (&json!(client.id), &json!(client.id), &json!(AUDIENCE))
    );
    assert_eq!(house.verifier.actor(Some(&issued.access_token)).expect("opens").role, "service_role");
    let more = params(&[("grant_type", "client_credentials"), ("scope", "admin")]);
    assert_eq!(refused(house.oauth.token(&client, &more).await), "invalid_scope");
    let plain = house.trusted().await;
    assert_eq!(refused(house.oauth.token(&plain, &asked).await), "unauthorized_client");
    // A client that cannot keep a secret gets nothing for itself.
    let public = metadata(json!({
        "client_name": "x", "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]
    }));
    assert_eq!(refused(house.oauth.create_client(public).await), "invalid_client_metadata");
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_that_can_do_no_more() {
    let house = House::open().await;
    let app = house.trusted().await;
    let client = server(&house, json!({ "resources": ["https://billing.example"] })).await;
    let subject = house.tokens(&app, "openid email").await.access_token;
    let with = |more: &[(&str, &str)]| {
        let mut all = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject.as_str()),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        all.extend_from_slice(more);
        params(&all)
    };
    house.pass(400);
    let issued = house.oauth.token(&client, &with(&[("resource", OTHER_API)])).await.expect("exchanges");
    assert_eq!(issued.issued_token_type, Some(ACCESS_TOKEN));
    assert_eq!((issued.expires_in, issued.refresh_token), (200, None));
    let (said, before) = (claims(&issued.access_token), claims(&subject));
    assert_eq!(
        (&said["sub"], &said["aud"], &said["scope"]),
        (&before["sub"], &json!(OTHER_API), &json!("openid email"))
    );
    assert_eq!((&said["act"], &said["client_id"]), (&json!({ "sub": client.id }), &json!(client.id)));
    assert_eq!(said["session_id"], before["session_id"]);

    for (more, error) in [
        (vec![("scope", "openid phone")], "invalid_scope"),
        (vec![("resource", "https://unknown.example")], "invalid_target"),
        (vec![("resource", OTHER_API), ("resource", AUDIENCE)], "invalid_target"),
        (vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        (vec![("actor_token", "x")], "invalid_request"),
    ] {
        assert_eq!(refused(house.oauth.token(&client, &with(&more)).await), error, "{more:?}");
    }
    assert_eq!(refused(house.oauth.token(&app, &with(&[])).await), "unauthorized_client");
    // What the user ends ends for whoever acts for them.
    house.oauth.withdraw(crate::support::ANN, &app.id).await.expect("withdraws");
    assert_eq!(refused(house.oauth.token(&client, &with(&[])).await), "invalid_grant");
    let asked = params(&[("token", &issued.access_token)]);
    assert_eq!(house.oauth.introspect(&client, &asked).await.expect("answers"), json!({ "active": false }));
}

#[tokio::test]
async fn a_client_may_look_at_its_own_tokens_alone() {
    let house = House::open().await;
    let secret = json!({ "trusted": true, "token_endpoint_auth_method": "client_secret_basic" });
    let (app, _) = house.client(secret).await;
    let api = server(&house, json!({ "resources": [OTHER_API] })).await;
    let stranger = server(&house, json!({})).await;
    let code = house.code(&app, &[("resource", OTHER_API), ("scope", "openid offline_access")]).await;
    let issued = house.redeem(&app, &code).await.expect("redeems");
    let refresh = issued.refresh_token.expect("one");
    let active = |client: Client, token: String| {
        let house = &house;
        async move {
            let answer =
                house.oauth.introspect(&client, &params(&[("token", &token)])).await.expect("answers");
            assert_eq!(answer["active"] == true, answer.get("sub").is_some(), "{answer}");
            answer["active"] == true
        }
    };
    assert!(active(app.clone(), issued.access_token.clone()).await);
    assert!(active(app.clone(), refresh.clone()).await);
    // The API that a token is for may ask about it.
    assert!(active(api.clone(), issued.access_token.clone()).await);
    assert!(!active(api, refresh.clone()).await);
    assert!(!active(stranger.clone(), issued.access_token.clone()).await);
    assert!(!active(app.clone(), "nonsense".into()).await);
    let public = house.trusted().await;
    let asked = params(&[("token", &issued.access_token)]);
    assert_eq!(refused(house.oauth.introspect(&public, &asked).await), "invalid_client");

    // RFC 7009: what a stranger revokes stays, what its client revokes is gone with all that came of it.
    house.oauth.revoke(&stranger, &params(&[("token", &refresh)])).await.expect("says nothing");
    assert!(active(app.clone(), refresh.clone()).await);
    house.oauth.revoke(&app, &params(&[("token", &issued.access_token)])).await.expect("revokes");
    assert!(!active(app.clone(), issued.access_token).await);
    assert!(!active(app, refresh).await);
}

#[tokio::test]
async fn a_client_revokes_a_token_of_its_own() {
    let house = House::open().await;
    let client = server(&house, json!({})).await;
    let asked = params(&[("grant_type", "client_credentials")]);
    let token = house.oauth.token(&client, &asked).await.expect("tokens").access_token;
    house.verifier.actor(Some(&token)).expect("opens");
    house.oauth.revoke(&client, &params(&[("token", &token)])).await.expect("revokes");
    assert_eq!(refused(house.verifier.actor(Some(&token))), "PGRST303");
}

/// A client that signs its assertions, and its key.
async fn signing_client(house: &House) -> (Client, SigningKey) {
    struct Seven;
    impl mainstay_base::World for Seven {
        fn unix_micros(&self) -> i64 {
            0
        }
        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn fill_random(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }
    let key = SigningKey::generate(&Env::new(Seven)).expect("a key");
    let jwks = json!({ "keys": [key.public().expect("public")] });
    let more = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks });
    (server(house, more).await, key)
}

#[tokio::test]
async fn an_assertion_of_a_client_is_for_this_issuer_and_used_once() {
    let house = House::open().await;
    let (client, key) = signing_client(&house).await;
    let assertion = |replaced: Value| {
        let mut claims: Map<String, Value> = Map::new();
        for (name, value) in [
            ("iss", json!(client.id)),
            ("sub", json!(client.id)),
            ("aud", json!(ISSUER)),
            ("exp", json!(house.now() + 60)),
            ("jti", json!("one")),
        ] {
            claims.insert(name.into(), value);
        }
        claims.extend(replaced.as_object().cloned().unwrap_or_default());
        claims.retain(|_, value| !value.is_null());
        key.sign(&claims, TokenType::Id).expect("signs")
    };
    let shown = |assertion: String| {
        let house = &house;
        async move {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            house.authenticate(&[("client_assertion", &assertion), ("client_assertion_type", kind)]).await
        }
    };
    for wrong in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": [ISSUER, "https://other.example"] }),
        json!({ "sub": "somebody" }),
        json!({ "exp": house.now() - 60 }),
        json!({ "exp": house.now() + 100_000 }),
        json!({ "exp": null }),
        json!({ "jti": null }),
    ] {
        assert_eq!(refused(shown(assertion(wrong.clone())).await), "invalid_client", "{wrong}");
    }
    assert_eq!(shown(assertion(json!({}))).await.expect("its key").id, client.id);
    assert_eq!(refused(shown(assertion(json!({}))).await), "invalid_client");
    shown(assertion(json!({ "jti": "two" }))).await.expect("another one");
    // The signature of another assertion: a changed letter at its end might be the one that stood there.
    let (good, other) = (assertion(json!({ "jti": "three" })), assertion(json!({ "jti": "four" })));
    let (signed, signature) =
        (good.rsplit_once('.').expect("three parts").0, other.rsplit_once('.').expect("three parts").1);
    let broken = format!("{signed}.{signature}");
    assert_eq!(refused(shown(broken).await), "invalid_client");
}

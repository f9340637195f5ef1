//! OpenID Connect: ID tokens, prompts, userinfo, logout, browser sessions.

use crate::support::{ANN, CALLBACK, House, ISSUER, claims, params, refused, request};
use mainstay_identity::oauth::{Credentials, Entered, Next, Refusal};
use serde_json::json;

#[tokio::test]
async fn an_id_token_says_who_signed_in_to_its_client_alone() {
    let house = House::open().await;
    let client = house.trusted().await;
    let code = house.code(&client, &[("scope", "openid profile email"), ("nonce", "n-1")]).await;
    let issued = house.redeem(&client, &code).await.expect("redeems");
    let said = claims(&issued.id_token.expect("one"));
    assert_eq!((&said["iss"], &said["aud"], &said["sub"]), (&json!(ISSUER), &json!(client.id), &json!(ANN)));
    assert_eq!(
        (&said["nonce"], &said["email"], &said["name"]),
        (&json!("n-1"), &json!("ann@example.com"), &json!("Ann"))
    );
    assert_eq!((&said["auth_time"], &said["amr"]), (&json!(house.now()), &json!(["password"])));
    assert_eq!(
        house.oauth.userinfo(Some(&issued.access_token)).await.expect("answers"),
        json!({"email": "ann@example.com", "email_verified": true, "name": "Ann", "sub": ANN})
    );
    let plain = house.tokens(&client, "email").await;
    assert!(plain.id_token.is_none());
    assert_eq!(refused(house.oauth.userinfo(Some(&plain.access_token)).await), "insufficient_scope");
    assert_eq!(refused(house.oauth.userinfo(None).await), "invalid_token");
}

#[tokio::test]
async fn prompts_are_obeyed() {
    let house = House::open().await;
    let (client, _) = house.client(json!({})).await;
    let (_, session) = house.session().await;
    let error = |outcome: Result<Next, Refusal>| match outcome {
        Err(Refusal::Redirect { uri, .. }) => crate::support::Url(uri).get("error"),
        other => panic!("{other:?}"),
    };
    let quiet = request(&client, &[("prompt", "none")]);
    assert_eq!(error(house.oauth.authorize(&quiet, None, false).await).as_deref(), Some("login_required"));
    let consent = error(house.oauth.authorize(&quiet, Some(&session), false).await);
    assert_eq!(consent.as_deref(), Some("consent_required"));
    house.oauth.decide(&request(&client, &[]), &session, true).await.expect("allowed");
    assert!(matches!(house.oauth.authorize(&quiet, Some(&session), false).await, Ok(Next::Redirect { .. })));
    let both = request(&client, &[("prompt", "none login")]);
    let both = error(house.oauth.authorize(&both, Some(&session), false).await);
    assert_eq!(both.as_deref(), Some("invalid_request"));

    // `login` asks for the password once, whoever is signed in.
    let login = request(&client, &[("prompt", "login")]);
    assert!(matches!(house.oauth.authorize(&login, Some(&session), false).await, Ok(Next::SignIn(_))));
    assert!(matches!(house.oauth.authorize(&login, Some(&session), true).await, Ok(Next::Redirect { .. })));
    // A note of a fresh sign-in does not make an old one fresh.
    house.pass(3_600);
    assert!(matches!(house.oauth.authorize(&login, Some(&session), true).await, Ok(Next::SignIn(_))));
    let recent = request(&client, &[("max_age", "600")]);
    assert!(matches!(house.oauth.authorize(&recent, Some(&session), false).await, Ok(Next::SignIn(_))));
    let (_, session) = house.session().await;
    assert!(matches!(house.oauth.authorize(&recent, Some(&session), false).await, Ok(Next::Redirect { .. })));
}

#[tokio::test]
async fn a_browser_session_gets_a_new_name_at_each_sign_in_and_ends() {
    let house = House::open().await;
    let (first, _) = house.session().await;
    let credentials =
        |password| Credentials { email: "ann@example.com", password, code: None, address: "127.0.0.1" };
    let wrong = house.oauth.sign_in(credentials("wrong"), Some(&first)).await;
    assert!(matches!(wrong, Ok(Entered::No)));
    assert!(house.oauth.session(&first).await.expect("reads").is_some());
    let Ok(Entered::Yes { cookie: second, seconds }) =
        house.oauth.sign_in(credentials("correct horse"), Some(&first)).await
    else {
        panic!("cannot sign in");
    };
    assert_ne!(first, second);
    assert!(house.oauth.session(&first).await.expect("reads").is_none(), "the old name is over");
    house.pass(seconds - 1);
    assert!(house.oauth.session(&second).await.expect("reads").is_some());
    house.pass(1);
    assert!(house.oauth.session(&second).await.expect("reads").is_none());
    // A form is worth something in its own browser alone.
    let token = house.oauth.form_token(&first);
    assert!(house.oauth.is_form_token(&first, &token) && !house.oauth.is_form_token(&second, &token));
}

#[tokio::test]
async fn a_logout_needs_an_id_token_of_who_is_signed_in_or_a_question() {
    let house = House::open().await;
    let (client, _) = house
        .client(json!({ "trusted": true, "post_logout_redirect_uris": ["https://app.example/bye"] }))
        .await;
    let id_token = house.tokens(&client, "openid").await.id_token.expect("one");
    let (_, session) = house.session().await;
    house.pass(24 * 3_600);
    let asked = params(&[
        ("id_token_hint", &id_token),
        ("post_logout_redirect_uri", "https://app.example/bye"),
        ("state", "s"),
    ]);
    let logout = house.oauth.logout(&asked, Some(&session)).await.expect("is in order, old as the hint is");
    assert_eq!((logout.certain, logout.uri.as_deref()), (true, Some("https://app.example/bye?state=s")));
    let bare = house.oauth.logout(&params(&[]), Some(&session)).await.expect("is in order");
    assert!(!bare.certain && bare.uri.is_none());
    for wrong in [
        vec![("post_logout_redirect_uri", "https://app.example/bye")],
        vec![("client_id", client.id.as_str()), ("post_logout_redirect_uri", CALLBACK)],
        vec![("id_token_hint", "a.b.c")],
        vec![("id_token_hint", &id_token), ("client_id", "another")],
    ] {
        let outcome = house.oauth.logout(&params(&wrong), Some(&session)).await;
        assert_eq!(refused(outcome), "invalid_request", "{wrong:?}");
    }
}

#[tokio::test]
async fn what_is_over_is_thrown_away_and_a_late_replay_is_still_seen() {
    let house = House::open().await;
    let client = house.trusted().await;
    let code = house.code(&client, &[("scope", "openid offline_access")]).await;
    let issued = house.redeem(&client, &code).await.expect("redeems");
    house.pass(3_600);
    house.oauth.tidy().await.expect("tidies");
    assert_eq!(refused(house.redeem(&client, &code).await), "invalid_grant");
    let refresh = issued.refresh_token.expect("one");
    assert_eq!(refused(house.refresh(&client, &refresh).await), "invalid_grant");
    house.pass(40 * 24 * 3_600);
    house.oauth.tidy().await.expect("tidies");
    assert!(house.oauth.granted(ANN).await.expect("reads").is_empty());
}

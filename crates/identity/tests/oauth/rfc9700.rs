//! The rules of RFC 9700 (BCP 240, "Best Current Practice for OAuth 2.0 Security"), each by its section. They hold with
//! the settings as they come.

use crate::support::{
    AUDIENCE, CALLBACK, House, ISSUER, OTHER_API, VERIFIER, claims, exchange, header, params, refused,
    request,
};
use mainstay_identity::oauth::{Next, Refusal};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn section_2_1_redirect_uris_match_exactly_and_a_wrong_one_is_never_followed() {
    let house = House::open().await;
    let client = house.trusted().await;
    let (_, session) = house.session().await;
    for uri in [
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/call",
        "https://evil.example/callback",
        "https://app.example/../callback",
        "HTTPS://app.example/callback",
    ] {
        let asked = request(&client, &[("redirect_uri", uri)]);
        match house.oauth.authorize(&asked, Some(&session), false).await {
            Err(Refusal::Page(problem)) => assert_eq!(problem.code(), "invalid_request", "{uri}"),
            other => panic!("{uri}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn section_2_1_1_every_client_proves_its_code_and_only_by_s256() {
    let house = House::open().await;
    let public = house.trusted().await;
    let confidential = json!({ "trusted": true, "token_endpoint_auth_method": "client_secret_basic", "client_name": "Server" });
    let (confidential, _) = house.client(confidential).await;
    for client in [&public, &confidential] {
        for wrong in [
            vec![("code_challenge", ""), ("code_challenge_method", "")],
            vec![("code_challenge_method", "plain")],
            vec![("code_challenge_method", "")],
            vec![("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        ] {
            let url = house.authorize(&request(client, &wrong)).await;
            assert_eq!(url.get("error").as_deref(), Some("invalid_request"), "{wrong:?}");
            assert_eq!(url.get("code"), None);
        }
        let code = house.code(client, &[]).await;
        for (verifier, error) in [("", "invalid_request"), (&"a".repeat(43), "invalid_grant")] {
            let wrong = exchange(&code, &[("code_verifier", verifier)]);
            assert_eq!(refused(house.oauth.token(client, &wrong).await), error);
        }
        house.redeem(client, &code).await.expect("the right verifier");
    }
}

#[tokio::test]
async fn section_2_1_2_there_is_no_implicit_grant() {
    let house = House::open().await;
    let client = house.trusted().await;
    for kind in ["token", "id_token", "id_token token", "code token", "code id_token", "none"] {
        let url = house.authorize(&request(&client, &[("response_type", kind)])).await;
        assert_eq!(url.get("error").as_deref(), Some("unsupported_response_type"), "{kind}");
        assert!(!url.0.contains("access_token"), "{}", url.0);
    }
    for mode in ["fragment", "form_post"] {
        let url = house.authorize(&request(&client, &[("response_mode", mode)])).await;
        assert_eq!(url.get("error").as_deref(), Some("invalid_request"));
    }
    assert_eq!(house.oauth.metadata()["response_types_supported"], json!(["code"]));
}

#[tokio::test]
async fn section_2_4_there_is_no_password_grant() {
    let house = House::open().await;
    let client = house.trusted().await;
    let asked =
        params(&[("grant_type", "password"), ("username", "ann@example.com"), ("password", "correct horse")]);
    assert_eq!(refused(house.oauth.token(&client, &asked).await), "unsupported_grant_type");
    let offered = house.oauth.metadata();
    assert!(!offered["grant_types_supported"].to_string().contains("password"));
    let wanted = serde_json::from_value(json!({
        "client_name": "x", "redirect_uris": [CALLBACK], "grant_types": ["password"]
    }));
    let made = house.oauth.create_client(wanted.expect("metadata")).await;
    assert_eq!(refused(made), "invalid_client_metadata");
}

#[tokio::test]
async fn section_4_5_a_code_lives_for_a_minute_and_is_bound_to_all_that_asked_for_it() {
    let house = House::open().await;
    let client = house.trusted().await;
    let other = house.trusted().await;
    let code = house.code(&client, &[]).await;
    assert_eq!(refused(house.redeem(&other, &code).await), "invalid_grant");
    for uri in ["https://app.example/other", "https://app.example/callback?x"] {
        let wrong = exchange(&code, &[("redirect_uri", uri)]);
        assert_eq!(refused(house.oauth.token(&client, &wrong).await), "invalid_grant");
    }
    let missing = exchange(&code, &[("redirect_uri", "")]);
    assert_eq!(refused(house.oauth.token(&client, &missing).await), "invalid_request");
    house.pass(59);
    house.redeem(&client, &code).await.expect("in time, and what was refused before did not use it up");

    let late = house.code(&client, &[]).await;
    house.pass(60);
    assert_eq!(refused(house.redeem(&client, &late).await), "invalid_grant");
}

#[tokio::test]
async fn section_4_5_3_a_code_that_comes_twice_ends_what_it_gave() {
    let house = House::open().await;
    let client = house.trusted().await;
    let code = house.code(&client, &[("scope", "openid offline_access")]).await;
    let issued = house.redeem(&client, &code).await.expect("the first time");
    house.verifier.actor(Some(&issued.access_token)).expect("opens the API");

    assert_eq!(refused(house.redeem(&client, &code).await), "invalid_grant");

    let refresh = issued.refresh_token.expect("a refresh token");
    assert_eq!(refused(house.refresh(&client, &refresh).await), "invalid_grant");
    assert_eq!(refused(house.verifier.actor(Some(&issued.access_token))), "PGRST303");
    assert_eq!(refused(house.oauth.userinfo(Some(&issued.access_token)).await), "invalid_token");
}

#[tokio::test]
async fn section_4_5_3_of_two_at_once_one_redeems_a_code() {
    let house = House::open().await;
    let client = house.trusted().await;
    for _ in 0..20 {
        let code = house.code(&client, &[]).await;
        let redeem = || {
            let (oauth, client, code) = (house.oauth.clone(), client.clone(), code.clone());
            tokio::spawn(async move { oauth.token(&client, &exchange(&code, &[])).await })
        };
        let (first, second) = (redeem(), redeem());
        let outcomes = [first.await.expect("runs"), second.await.expect("runs")];
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
    }
}

#[tokio::test]
async fn section_4_14_2_a_public_clients_refresh_token_rotates_and_an_old_one_ends_the_family() {
    let house = House::open().await;
    let client = house.trusted().await;
    let first = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    let issued = house.refresh(&client, &first).await.expect("refreshes");
    let second = issued.refresh_token.clone().expect("another");
    assert_ne!(first, second);

    // A parallel request of an honest client gets the same successor.
    let again = house.refresh(&client, &first).await.expect("within the grace");
    assert_eq!(again.refresh_token.as_ref(), Some(&second));

    let third = house.refresh(&client, &second).await.expect("goes on").refresh_token.expect("a third");
    assert_eq!(refused(house.refresh(&client, &first).await), "invalid_grant");
    assert_eq!(refused(house.refresh(&client, &third).await), "invalid_grant");
    assert_eq!(refused(house.verifier.actor(Some(&issued.access_token))), "PGRST303");
}

#[tokio::test]
async fn section_4_14_2_the_grace_of_a_refresh_token_ends() {
    let house = House::open().await;
    let client = house.trusted().await;
    let first = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    let second = house.refresh(&client, &first).await.expect("refreshes").refresh_token.expect("another");
    house.pass(31);
    assert_eq!(refused(house.refresh(&client, &first).await), "invalid_grant");
    assert_eq!(refused(house.refresh(&client, &second).await), "invalid_grant");
}

#[tokio::test]
async fn section_4_14_2_parallel_refreshes_of_an_honest_client_all_succeed() {
    let house = House::open().await;
    let client = house.trusted().await;
    let token = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (oauth, client, token) = (house.oauth.clone(), client.clone(), token.clone());
            let asked = params(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
            tokio::spawn(async move { oauth.token(&client, &asked).await })
        })
        .collect();
    let mut successors = Vec::new();
    for task in tasks {
        successors.push(task.await.expect("runs").expect("refreshes").refresh_token.expect("a successor"));
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
    house.refresh(&client, &successors[0]).await.expect("the successor is good");
}

#[tokio::test]
async fn section_4_14_2_a_refresh_gives_no_more_than_was_granted_and_not_for_ever() {
    let house = House::open().await;
    let client = house.trusted().await;
    let other = house.trusted().await;
    let token = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    let with = |more: &[(&str, &str)]| {
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        all.extend_from_slice(more);
        params(&all)
    };
    let token_of = |asked| {
        let (house, client) = (&house, &client);
        async move { house.oauth.token(client, &asked).await }
    };
    assert_eq!(refused(token_of(with(&[("scope", "openid email")])).await), "invalid_scope");
    assert_eq!(refused(token_of(with(&[("resource", OTHER_API)])).await), "invalid_target");
    assert_eq!(refused(house.refresh(&other, &token).await), "invalid_grant");
    assert_eq!(refused(house.refresh(&client, &format!("{token}A")).await), "invalid_grant");
    let narrow = token_of(with(&[("scope", "openid")])).await.expect("less is fine");
    assert_eq!(narrow.scope, "openid");
    house.pass(30 * 24 * 3_600);
    let next = narrow.refresh_token.expect("a successor");
    assert_eq!(refused(house.refresh(&client, &next).await), "invalid_grant");
}

#[tokio::test]
async fn section_2_2_2_a_confidential_clients_refresh_token_is_bound_to_its_secret() {
    let house = House::open().await;
    let metadata = json!({ "trusted": true, "token_endpoint_auth_method": "client_secret_basic" });
    let (client, secret) = house.client(metadata).await;
    let token = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    assert_eq!(refused(house.authenticate(&[("client_id", &client.id)]).await), "invalid_client");
    assert_eq!(
        refused(house.authenticate(&[("client_id", &client.id), ("client_secret", "wrong")]).await),
        "invalid_client"
    );
    let secret = secret.expect("a secret");
    let shown = house.authenticate(&[("client_id", &client.id), ("client_secret", &secret)]).await;
    let again = house.refresh(&shown.expect("its secret"), &token).await.expect("refreshes");
    assert_eq!(again.refresh_token, Some(token));
}

#[tokio::test]
async fn section_2_3_an_access_token_has_one_audience_and_lives_for_ten_minutes_at_most() {
    let house = House::open().await;
    let client = house.trusted().await;
    let issued = house.tokens(&client, "openid email").await;
    let (head, body) = (header(&issued.access_token), claims(&issued.access_token));
    assert_eq!(head["typ"], "at+jwt");
    assert_eq!((&body["iss"], &body["aud"]), (&json!(ISSUER), &json!(AUDIENCE)));
    assert_eq!(body["exp"].as_i64().zip(body["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(600));
    assert_eq!(body["client_id"], json!(client.id));
    for claim in ["sub", "jti", "scope", "auth_time", "role", "email"] {
        assert!(body.contains_key(claim), "{claim} is missing");
    }
    assert_eq!(house.verifier.actor(Some(&issued.access_token)).expect("opens").role, "authenticated");

    // RFC 8707: one for another API does not open this one.
    let code = house.code(&client, &[("resource", OTHER_API)]).await;
    let other = house.redeem(&client, &code).await.expect("redeems");
    assert_eq!(claims(&other.access_token)["aud"], OTHER_API);
    assert_eq!(refused(house.verifier.actor(Some(&other.access_token))), "PGRST303");
    assert_eq!(refused(house.oauth.userinfo(Some(&other.access_token)).await), "invalid_token");
    let url = house.authorize(&request(&client, &[("resource", "https://unknown.example")])).await;
    assert_eq!(url.get("error").as_deref(), Some("invalid_target"));

    house.pass(631);
    assert_eq!(refused(house.verifier.actor(Some(&issued.access_token))), "PGRST303");
}

#[tokio::test]
async fn section_4_10_kinds_of_tokens_are_told_apart_by_type_and_by_key() {
    let house = House::open().await;
    let client = house.trusted().await;
    let issued = house.tokens(&client, "openid offline_access").await;
    let (id_token, refresh) = (issued.id_token.expect("one"), issued.refresh_token.expect("one"));
    assert_ne!(header(&id_token)["kid"], header(&issued.access_token)["kid"]);
    for wrong in [id_token.as_str(), refresh.as_str()] {
        assert_eq!(refused(house.verifier.actor(Some(wrong))), "PGRST301");
        assert_eq!(refused(house.oauth.userinfo(Some(wrong)).await), "invalid_token");
    }
    let (_, session) = house.session().await;
    let hinted = params(&[("id_token_hint", &issued.access_token)]);
    assert_eq!(refused(house.oauth.logout(&hinted, Some(&session)).await), "invalid_request");
    // The keys of session tokens are those of access tokens; those of ID tokens are not among them.
    let all = house.oauth.jwks().expect("keys");
    let kids: Vec<&Value> = all["keys"].as_array().into_iter().flatten().map(|key| &key["kid"]).collect();
    assert!(
        kids.contains(&&header(&id_token)["kid"]) && kids.contains(&&header(&issued.access_token)["kid"])
    );
}

#[tokio::test]
async fn section_4_4_2_every_answer_says_who_it_is_from() {
    let house = House::open().await;
    let client = house.trusted().await;
    for replaced in
        [vec![], vec![("response_type", "token")], vec![("scope", "nothing")], vec![("prompt", "x")]]
    {
        let url = house.authorize(&request(&client, &replaced)).await;
        assert_eq!(url.get("iss").as_deref(), Some(ISSUER), "{}", url.0);
        assert_eq!(url.get("state").as_deref(), Some("st"));
    }
    let metadata = house.oauth.metadata();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn section_4_11_2_an_error_goes_to_no_address_before_the_address_is_known_to_be_the_clients() {
    let house = House::open().await;
    let client = house.trusted().await;
    for replaced in [
        vec![("client_id", "unknown")],
        vec![("redirect_uri", "https://evil.example/")],
        vec![("redirect_uri", "https://evil.example/"), ("response_type", "token")],
    ] {
        let outcome = house.oauth.authorize(&request(&client, &replaced), None, false).await;
        assert!(matches!(outcome, Err(Refusal::Page(_))), "{replaced:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn section_4_11_2_no_client_that_registered_itself_makes_a_redirector_of_the_server() {
    let house =
        House::with(mainstay_identity::oauth::OauthSettings { registration: true, ..Default::default() })
            .await;
    let metadata = json!({ "client_name": "Stranger", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    let made =
        house.oauth.register(serde_json::from_value(metadata).expect("metadata")).await.expect("registers");
    let id = made["client_id"].as_str().expect("an id");
    let stranger = house.oauth.client(id).await.expect("reads").expect("is there");
    for replaced in [("prompt", "none"), ("scope", "nothing"), ("response_type", "token")] {
        let outcome = house.oauth.authorize(&request(&stranger, &[replaced]), None, false).await;
        assert!(matches!(outcome, Err(Refusal::Page(_))), "{replaced:?}: {outcome:?}");
    }
    // What the user decides is told.
    let (_, session) = house.session().await;
    let denied = house.oauth.decide(&request(&stranger, &[]), &session, false).await;
    assert!(matches!(denied, Err(Refusal::Redirect { .. })), "{denied:?}");
}

#[tokio::test]
async fn section_2_5_a_client_proves_itself_in_one_way() {
    let house = House::open().await;
    let (client, secret) = house.client(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let public = house.trusted().await;
    let secret = secret.expect("a secret");
    house.authenticate(&[("client_id", &client.id), ("client_secret", &secret)]).await.expect("its secret");
    for (pairs, error) in [
        (vec![("client_id", client.id.as_str())], "invalid_client"),
        (vec![("client_id", "unknown"), ("client_secret", &secret)], "invalid_client"),
        (vec![("client_id", &public.id), ("client_secret", &secret)], "invalid_client"),
        (
            vec![
                ("client_id", &client.id),
                ("client_secret", &secret),
                ("client_assertion", "x.y.z"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ],
            "invalid_request",
        ),
        (vec![], "invalid_client"),
    ] {
        assert_eq!(refused(house.authenticate(&pairs).await), error, "{pairs:?}");
    }
}

#[tokio::test]
async fn section_2_6_who_is_gone_gets_nothing_more() {
    let house = House::open().await;
    let client = house.trusted().await;
    let token = house.tokens(&client, "openid offline_access").await.refresh_token.expect("one");
    let code = house.code(&client, &[]).await;
    house.users.banned.store(true, Ordering::Relaxed);
    assert_eq!(refused(house.refresh(&client, &token).await), "invalid_grant");
    assert_eq!(refused(house.redeem(&client, &code).await), "invalid_grant");
}

#[tokio::test]
async fn consent_is_remembered_for_what_was_allowed_and_never_for_clients_that_prove_nothing() {
    let house =
        House::with(mainstay_identity::oauth::OauthSettings { registration: true, ..Default::default() })
            .await;
    let (client, _) = house.client(json!({ "redirect_uris": [CALLBACK, "http://127.0.0.1/cb"] })).await;
    let (_, session) = house.session().await;
    let asks = |asked| {
        let (house, session) = (&house, &session);
        async move {
            let next = house.oauth.authorize(&asked, Some(session), false).await.expect("goes on");
            matches!(next, Next::Consent(..))
        }
    };
    assert!(asks(request(&client, &[])).await);
    house.oauth.decide(&request(&client, &[]), &session, true).await.expect("allowed");
    assert!(!asks(request(&client, &[])).await);
    assert!(!asks(request(&client, &[("scope", "openid")])).await);
    assert!(asks(request(&client, &[("scope", "openid email profile")])).await);
    assert!(asks(request(&client, &[("resource", OTHER_API)])).await);
    assert!(asks(request(&client, &[("prompt", "consent")])).await);
    // Any program on the user's machine can listen there (RFC 8252 section 8.6).
    assert!(asks(request(&client, &[("redirect_uri", "http://127.0.0.1:4711/cb")])).await);

    house.oauth.withdraw(&session.user_id, &client.id).await.expect("withdraws");
    assert!(asks(request(&client, &[])).await);

    let metadata = json!({ "client_name": "Stranger", "redirect_uris": [CALLBACK], "trusted": true,
        "token_endpoint_auth_method": "none" });
    let made =
        house.oauth.register(serde_json::from_value(metadata).expect("metadata")).await.expect("registers");
    let id = made["client_id"].as_str().expect("an id");
    let stranger = house.oauth.client(id).await.expect("reads").expect("is there");
    assert!(!stranger.trusted && stranger.dynamic);
    house.oauth.decide(&request(&stranger, &[]), &session, true).await.expect("allowed");
    assert!(asks(request(&stranger, &[])).await);
}

#[tokio::test]
async fn a_refusal_is_told_to_the_client() {
    let house = House::open().await;
    let (client, _) = house.client(json!({})).await;
    let (_, session) = house.session().await;
    match house.oauth.decide(&request(&client, &[]), &session, false).await {
        Err(Refusal::Redirect { uri, .. }) => assert!(uri.contains("error=access_denied"), "{uri}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn withdrawing_ends_what_the_client_has() {
    let house = House::open().await;
    let client = house.trusted().await;
    let issued = house.tokens(&client, "openid offline_access").await;
    let (_, session) = house.session().await;
    let granted = house.oauth.granted(&session.user_id).await.expect("reads");
    assert_eq!(granted.iter().map(|grant| grant.client_name.as_str()).collect::<Vec<_>>(), ["App"]);
    house.oauth.withdraw(&session.user_id, &client.id).await.expect("withdraws");
    assert!(house.oauth.granted(&session.user_id).await.expect("reads").is_empty());
    let refresh = issued.refresh_token.expect("one");
    assert_eq!(refused(house.refresh(&client, &refresh).await), "invalid_grant");
    assert_eq!(refused(house.verifier.actor(Some(&issued.access_token))), "PGRST303");
}

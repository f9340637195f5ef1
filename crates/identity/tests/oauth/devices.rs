//! The device grant (RFC 8628) and pushed requests (RFC 9126).

use crate::support::{House, params, refused, request};
use mainstay_identity::oauth::{Client, Issued, Next, Refusal};
use serde_json::{Value, json};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn tv(house: &House) -> Client {
    house
        .client(json!({ "client_name": "TV", "redirect_uris": [], "grant_types": [DEVICE, "refresh_token"] }))
        .await
        .0
}

async fn begin(house: &House, client: &Client) -> Value {
    house.oauth.device(client, &params(&[("scope", "openid offline_access")])).await.expect("begins")
}

async fn poll(house: &House, client: &Client, begun: &Value) -> mainstay_base::Result<Issued> {
    let code = begun["device_code"].as_str().expect("a code");
    house.oauth.token(client, &params(&[("grant_type", DEVICE), ("device_code", code)])).await
}

#[tokio::test]
async fn a_device_gets_tokens_once_its_user_has_typed_the_code() {
    let house = House::open().await;
    let client = tv(&house).await;
    let begun = begin(&house, &client).await;
    let code = begun["user_code"].as_str().expect("a code");
    assert_eq!(begun["verification_uri"], "https://shop.example/oauth/device");
    assert_eq!(refused(poll(&house, &client, &begun).await), "authorization_pending");

    let (_, session) = house.session().await;
    let shown = house.oauth.device_request(&code.to_lowercase()).await.expect("reads").expect("waits");
    assert_eq!((shown.client.name.as_str(), shown.user_code.as_str()), ("TV", code));
    house.oauth.decide_device(code, &session, true).await.expect("allows");
    // Typed once, it is gone.
    assert!(house.oauth.device_request(code).await.expect("reads").is_none());
    assert_eq!(refused(house.oauth.decide_device(code, &session, false).await), "invalid_request");

    house.pass(5);
    let issued = poll(&house, &client, &begun).await.expect("tokens");
    assert!(issued.id_token.is_some());
    house.verifier.actor(Some(&issued.access_token)).expect("opens the API");
    // Shown a second time, the code was stolen.
    assert_eq!(refused(poll(&house, &client, &begun).await), "invalid_grant");
    let refresh = issued.refresh_token.expect("one");
    assert_eq!(refused(house.refresh(&client, &refresh).await), "invalid_grant");
}

#[tokio::test]
async fn a_device_waits_its_turn_and_not_for_ever() {
    let house = House::open().await;
    let client = tv(&house).await;
    let other = tv(&house).await;
    let begun = begin(&house, &client).await;
    assert_eq!(refused(poll(&house, &other, &begun).await), "invalid_grant");
    assert_eq!(refused(poll(&house, &client, &begun).await), "authorization_pending");
    assert_eq!(refused(poll(&house, &client, &begun).await), "slow_down");
    house.pass(9);
    assert_eq!(refused(poll(&house, &client, &begun).await), "slow_down");
    house.pass(15);
    assert_eq!(refused(poll(&house, &client, &begun).await), "authorization_pending");
    house.pass(600);
    assert_eq!(refused(poll(&house, &client, &begun).await), "expired_token");
    let code = begun["user_code"].as_str().expect("a code");
    assert!(house.oauth.device_request(code).await.expect("reads").is_none());
}

#[tokio::test]
async fn a_device_that_is_denied_hears_so() {
    let house = House::open().await;
    let client = tv(&house).await;
    let begun = begin(&house, &client).await;
    let (_, session) = house.session().await;
    let code = begun["user_code"].as_str().expect("a code");
    house.oauth.decide_device(code, &session, false).await.expect("denies");
    assert_eq!(refused(poll(&house, &client, &begun).await), "access_denied");
}

#[tokio::test]
async fn a_pushed_request_is_used_once_by_its_client() {
    let house = House::open().await;
    let (client, _) =
        house.client(json!({ "trusted": true, "require_pushed_authorization_requests": true })).await;
    let other = house.trusted().await;
    let (_, session) = house.session().await;
    let bare = house.oauth.authorize(&request(&client, &[]), Some(&session), false).await;
    assert!(matches!(bare, Err(Refusal::Page(_))), "{bare:?}");

    let (uri, seconds) = house.oauth.push(&client, &request(&client, &[])).await.expect("pushes");
    assert_eq!(seconds, 90);
    let by = |id: &str| params(&[("client_id", id), ("request_uri", &uri)]);
    let stolen = house.oauth.authorize(&by(&other.id), Some(&session), false).await;
    assert!(matches!(stolen, Err(Refusal::Page(_))), "{stolen:?}");
    let next = house.oauth.authorize(&by(&client.id), Some(&session), false).await.expect("goes on");
    let Next::Redirect { uri: to } = next else { panic!("{next:?}") };
    let code = crate::support::Url(to).get("code").expect("a code");
    house.redeem(&client, &code).await.expect("redeems");
    let again = house.oauth.authorize(&by(&client.id), Some(&session), false).await;
    assert!(matches!(again, Err(Refusal::Page(_))), "{again:?}");
}

#[tokio::test]
async fn a_pushed_request_is_checked_at_once_and_waits_for_its_user() {
    let house = House::open().await;
    let client = house.trusted().await;
    for (replaced, error) in [
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", "nothing"), "invalid_scope"),
        (("request_uri", "urn:x"), "invalid_request"),
        (("client_id", "another"), "invalid_request"),
    ] {
        assert_eq!(
            refused(house.oauth.push(&client, &request(&client, &[replaced])).await),
            error,
            "{replaced:?}"
        );
    }
    let (uri, _) = house.oauth.push(&client, &request(&client, &[])).await.expect("pushes");
    let asked = params(&[("client_id", &client.id), ("request_uri", &uri)]);
    // Somebody came: they have time to sign in, counted from now and once.
    house.oauth.expect_user(&asked).await.expect("waits");
    house.pass(500);
    house.oauth.expect_user(&asked).await.expect("waits no longer");
    let there = house.oauth.authorize(&asked, None, false).await;
    assert!(matches!(there, Ok(Next::SignIn(_))), "{there:?}");
    house.pass(101);
    let gone = house.oauth.authorize(&asked, None, false).await;
    assert!(matches!(gone, Err(Refusal::Page(_))), "{gone:?}");
}

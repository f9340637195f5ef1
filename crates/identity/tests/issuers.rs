//! Tokens of other issuers: their keys are fetched, kept, changed and given up.

use mainstay_base::{Env, Problem, Result};
use mainstay_engine::BoxFuture;
use mainstay_identity::fetch::{Fetch, FetchRequest, Fetched};
use mainstay_identity::jose::{JwkSet, SigningKey};
use mainstay_identity::{
    Claims, IssuerSettings, KeySettings, RootSecret, SigningKeys, TokenType, Verifier, VerifierParts,
    VerifierSettings,
};
use mainstay_testkit::world::still;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const ISSUER: &str = "https://login.example/";

/// The issuer's server: what it answers, and how often it was asked.
#[derive(Default)]
struct Server {
    answer: Mutex<Option<Vec<u8>>>,
    asked: AtomicUsize,
}

impl Server {
    fn publishes(&self, keys: &[&SigningKey]) {
        let set = JwkSet { keys: keys.iter().filter_map(|key| key.public()).collect() };
        self.says(serde_json::to_vec(&set).ok());
    }
    fn says(&self, answer: Option<Vec<u8>>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

impl Fetch for Server {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<Fetched>> {
        assert_eq!(request.url, "https://login.example/jwks.json");
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let body = answer.ok_or_else(|| Problem::new("08001", "no answer came in time"))?;
            Ok(Fetched { status: 200, headers: Vec::new(), body })
        })
    }
}

struct House {
    verifier: Arc<Verifier>,
    server: Arc<Server>,
    clock: Arc<AtomicI64>,
    env: Env,
}

fn house() -> House {
    let (env, clock) = still(1_800_000_000);
    let root = RootSecret::new("reallyreallyreallyreallyverysafe").expect("32 bytes");
    let keys = SigningKeys::in_memory(KeySettings::default(), &root, env.clone()).expect("keys");
    let server = Arc::new(Server::default());
    let issuer = IssuerSettings {
        issuer: ISSUER.into(),
        jwks_url: "https://login.example/jwks.json".into(),
        audiences: vec!["shop".into()],
        roles: vec!["authenticated".into(), "staff".into()],
    };
    let settings = VerifierSettings { issuers: vec![issuer], ..VerifierSettings::default() };
    let parts = VerifierParts { keys: Arc::new(keys), fetch: Some(server.clone()), env: env.clone() };
    House { verifier: Arc::new(Verifier::new(settings, parts)), server, clock, env }
}

impl House {
    fn key(&self) -> SigningKey {
        SigningKey::generate(&self.env).expect("a key")
    }
    fn asked(&self) -> usize {
        self.server.asked.load(Ordering::Relaxed)
    }
    fn later(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }
    /// As a face asks: once more after what may be waited for.
    async fn role(&self, token: &str) -> Result<String> {
        let mut actor = self.verifier.actor(Some(token));
        if actor.is_err()
            && let Some(wait) = self.verifier.missing_keys(Some(token))
        {
            wait.await;
            actor = self.verifier.actor(Some(token));
        }
        actor.map(|actor| actor.role.clone())
    }
    #[track_caller]
    fn token(&self, key: &SigningKey, changes: Value) -> String {
        let mut claims =
            json!({"iss": ISSUER, "aud": "shop", "sub": "7", "role": "staff", "exp": 2_000_000_000});
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        let claims: Claims = claims.as_object().cloned().unwrap_or_default();
        key.sign(&claims, TokenType::Session).expect("signs")
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    outcome.expect_err("refused").code().to_owned()
}

#[tokio::test]
async fn keys_are_fetched_when_a_token_needs_them_and_kept() {
    let house = house();
    let key = house.key();
    house.server.publishes(&[&key]);
    assert_eq!(house.role(&house.token(&key, json!({}))).await.ok().as_deref(), Some("staff"));
    assert_eq!(house.role(&house.token(&key, json!({"sub": "8"}))).await.ok().as_deref(), Some("staff"));
    assert_eq!(house.asked(), 1);
}

#[tokio::test]
async fn what_a_token_must_say() {
    let house = house();
    let key = house.key();
    house.server.publishes(&[&key]);
    let role = |changes| {
        let token = house.token(&key, changes);
        let house = &house;
        async move { house.role(&token).await }
    };
    assert_eq!(role(json!({"role": null})).await.ok().as_deref(), Some("authenticated"));
    assert_eq!(role(json!({"aud": ["x", "shop"]})).await.ok().as_deref(), Some("staff"));
    assert_eq!(code(role(json!({"aud": "another"})).await), "PGRST303");
    assert_eq!(code(role(json!({"aud": null})).await), "PGRST303");
    assert_eq!(code(role(json!({"exp": null})).await), "PGRST303");
    assert_eq!(code(role(json!({"exp": 1_700_000_000})).await), "PGRST303");
    // An issuer gives the roles that the settings let it give.
    assert_eq!(code(role(json!({"role": "service_role"})).await), "PGRST301");
    // Its keys are for its own name: ours are asked for others.
    assert_eq!(code(role(json!({"iss": "https://login.example"})).await), "PGRST301");
    assert_eq!(code(role(json!({"iss": null})).await), "PGRST301");
    let claims = house.token(&key, json!({}));
    let logout = key.sign(
        json!({"iss": ISSUER, "aud": "shop", "exp": 2_000_000_000}).as_object().expect("an object"),
        TokenType::Logout,
    );
    assert_eq!(code(house.role(&logout.expect("signs")).await), "PGRST301");
    assert!(house.role(&claims).await.is_ok());
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_a_minute() {
    let house = house();
    let (key, forged) = (house.key(), house.key());
    house.server.publishes(&[&key]);
    for _ in 0..50 {
        assert_eq!(code(house.role(&house.token(&forged, json!({}))).await), "PGRST301");
    }
    assert_eq!(house.asked(), 1);
    house.later(60);
    house.server.publishes(&[&key, &forged]);
    assert!(house.role(&house.token(&forged, json!({}))).await.is_ok());
    assert_eq!(house.asked(), 2);
}

#[tokio::test]
async fn of_many_who_need_a_key_one_asks() {
    let house = Arc::new(house());
    let key = house.key();
    house.server.publishes(&[&key]);
    let token = Arc::new(house.token(&key, json!({})));
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let (house, token) = (house.clone(), token.clone());
            tokio::spawn(async move { house.role(&token).await })
        })
        .collect();
    for one in asking {
        assert!(one.await.is_ok_and(|role| role.is_ok()));
    }
    assert_eq!(house.asked(), 1);
}

#[tokio::test]
async fn a_key_that_the_issuer_withdraws_ends_its_tokens() {
    let house = house();
    let (old, new) = (house.key(), house.key());
    house.server.publishes(&[&old]);
    let token = house.token(&old, json!({}));
    assert!(house.role(&token).await.is_ok());
    house.server.publishes(&[&new]);
    house.later(601);
    house.verifier.tick().await;
    assert_eq!(code(house.role(&token).await), "PGRST301");
    assert!(house.role(&house.token(&new, json!({}))).await.is_ok());
}

#[tokio::test]
async fn keys_outlive_a_server_that_is_down_for_a_day() {
    let house = house();
    let key = house.key();
    house.server.publishes(&[&key]);
    let token = house.token(&key, json!({}));
    assert!(house.role(&token).await.is_ok());
    for answer in [None, Some(b"<html>".to_vec()), Some(b"{}".to_vec())] {
        house.server.says(answer);
        house.later(601);
        house.verifier.tick().await;
        assert!(house.role(&token).await.is_ok());
    }
    house.later(24 * 3_600);
    house.verifier.tick().await;
    assert_eq!(code(house.role(&token).await), "PGRST301");
}

#[tokio::test]
async fn a_set_with_other_members_is_read_without_them() {
    let house = house();
    let key = house.key();
    let own = serde_json::to_value(key.public()).expect("JSON");
    let set = json!({"keys": [1, {"kty": "oct", "k": "AAAA", "alg": "HS256"}, {"kty": "EC", "crv": "P-999"}, {}, own]});
    house.server.says(serde_json::to_vec(&set).ok());
    assert!(house.role(&house.token(&key, json!({}))).await.is_ok());
}

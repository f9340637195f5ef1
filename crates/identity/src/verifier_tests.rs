use super::*;
use crate::jose::{Algorithm, SigningKey, encode};
use crate::keys::KeySettings;
use crate::secret::RootSecret;
use mainstay_testkit::world::still;
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};

const SECRET: &str = "reallyreallyreallyreallyverysafe";
const API: &str = "https://shop.example/rest/v1";

struct House {
    verifier: Verifier,
    keys: Arc<SigningKeys>,
    root: RootSecret,
    clock: Arc<AtomicI64>,
}

fn house() -> House {
    let (env, clock) = still(1_000);
    let root = RootSecret::new(SECRET).expect("32 bytes");
    let keys = SigningKeys::in_memory(KeySettings::default(), &root, env.clone()).expect("keys");
    let keys = Arc::new(keys);
    let settings = VerifierSettings { audiences: vec![API.into()], ..VerifierSettings::default() };
    let parts = VerifierParts { keys: keys.clone(), fetch: None, env };
    House { verifier: Verifier::new(settings, parts), keys, root, clock }
}

fn object(claims: Value) -> Claims {
    claims.as_object().cloned().unwrap_or_default()
}

impl House {
    fn token(&self, of: TokenType, claims: Value) -> String {
        self.keys.sign(&object(claims), of).expect("signs")
    }
    fn shared(&self, claims: Value) -> String {
        SigningKey::shared(&self.root).sign(&object(claims), TokenType::Session).expect("signs")
    }
    #[track_caller]
    fn refused(&self, token: &str, code: &str) {
        assert_eq!(self.verifier.actor(Some(token)).expect_err("refused").code(), code, "{token}");
    }
    #[track_caller]
    fn role(&self, token: &str) -> String {
        self.verifier.actor(Some(token)).expect("accepted").role.clone()
    }
}

/// A token with this header over the claims of an administrator, signed by the shared secret's HMAC.
fn forged(house: &House, header: Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(r#"{"role":"service_role"}"#));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, house.root.bytes());
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

#[test]
fn nobody_is_anonymous() {
    let actor = house().verifier.actor(None).expect("anonymous");
    assert_eq!(
        (actor.role.as_str(), actor.anonymous, &*actor.claims_json),
        ("anon", true, r#"{"role":"anon"}"#)
    );
}

#[test]
fn tokens_of_our_keys_and_of_the_shared_secret_open_the_api() {
    let house = house();
    let token = house.token(TokenType::Session, json!({"role": "authenticated", "exp": 2_000}));
    assert_eq!(house.role(&token), "authenticated");
    assert_eq!(house.role(&house.shared(json!({"role": "service_role"}))), "service_role");
    assert_eq!(house.role(&forged(&house, json!({"alg": "HS256"}))), "service_role");
}

#[test]
fn the_token_does_not_choose_its_algorithm() {
    let house = house();
    let payload = encode(r#"{"role":"service_role"}"#);
    for alg in ["none", "None", "NONE", ""] {
        house.refused(&format!("{}.{payload}.", encode(json!({"alg": alg}).to_string())), "PGRST301");
    }
    // Signed with the right secret, but the header names the key or the algorithm of another.
    let kid = house.keys.jwks().keys[0].kid.clone();
    for header in [
        json!({"alg": "ES256", "kid": kid}),
        json!({"alg": "ES256"}),
        json!({"alg": "RS256", "kid": kid}),
        json!({"alg": "HS384"}),
        json!({"alg": "HS512"}),
        json!({"alg": "hs256"}),
    ] {
        house.refused(&forged(&house, header), "PGRST301");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let house = house();
    let jwk = house.keys.jwks().keys[0].clone();
    let text = serde_json::to_string(&jwk).expect("JSON");
    for secret in [text.clone(), jwk.x.clone().unwrap_or_default()] {
        let root = RootSecret::new(secret).expect("long enough");
        let claims = object(json!({"role": "service_role"}));
        let token = SigningKey::shared(&root).sign(&claims, TokenType::Session).expect("signs");
        house.refused(&token, "PGRST301");
    }
}

#[test]
fn keys_in_the_header_are_not_used() {
    let house = house();
    let (env, _) = still(77);
    let mut stranger = SigningKey::generate(&env).expect("a key");
    let own = house.keys.jwks().keys[0].kid.clone();
    // A key of somebody else under our key's name, brought along in every way that a header knows.
    stranger.kid = own.clone();
    let jwk = serde_json::to_value(stranger.public()).expect("JSON");
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": own, "jwk": jwk,
        "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem"});
    let plain = stranger.sign(&object(json!({"role": "service_role"})), TokenType::Session).expect("signs");
    house.refused(&plain, "PGRST301");
    let (_, rest) = plain.split_once('.').expect("three parts");
    house.refused(&format!("{}.{rest}", encode(header.to_string())), "PGRST301");
}

#[test]
fn a_critical_extension_is_refused() {
    let house = house();
    for crit in [json!(["exp"]), json!([]), json!(null), json!(["b64"])] {
        house.refused(&forged(&house, json!({"alg": "HS256", "crit": crit, "b64": false})), "PGRST301");
    }
}

#[test]
fn a_name_of_a_key_is_no_path_and_no_query() {
    let house = house();
    for kid in ["../../dev/null", "' OR 1=1 --", "", "\u{0}"] {
        house.refused(&forged(&house, json!({"alg": "ES256", "kid": kid})), "PGRST301");
    }
}

#[test]
fn other_kinds_of_tokens_are_no_access_tokens() {
    let house = house();
    let claims = json!({"role": "authenticated", "sub": "7", "aud": API, "exp": 2_000});
    for of in [TokenType::Id, TokenType::Logout, TokenType::State] {
        house.refused(&house.token(of, claims.clone()), "PGRST301");
        let token = house.token(of, claims.clone());
        let back = house.verifier.own_claims(&token, of, &Expected::default()).expect("its own kind");
        assert_eq!(back.get("sub"), Some(&json!("7")));
        assert!(house.verifier.own_claims(&token, TokenType::OAuthAccess, &Expected::default()).is_err());
    }
}

#[test]
fn an_oauth_token_opens_only_its_audience() {
    let house = house();
    let token = |claims| house.token(TokenType::OAuthAccess, claims);
    assert_eq!(
        house.role(&token(json!({"role": "authenticated", "aud": API, "exp": 2_000}))),
        "authenticated"
    );
    assert_eq!(
        house.role(&token(json!({"role": "authenticated", "aud": ["x", API], "exp": 2_000}))),
        "authenticated"
    );
    house.refused(
        &token(json!({"role": "authenticated", "aud": "https://other.example", "exp": 2_000})),
        "PGRST303",
    );
    house.refused(&token(json!({"role": "authenticated", "exp": 2_000})), "PGRST303");
    house.refused(&token(json!({"role": "authenticated", "aud": API})), "PGRST303");
}

#[test]
fn malformed_tokens_are_refused() {
    let house = house();
    let good = house.token(TokenType::Session, json!({"role": "authenticated"}));
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let cut = &signature[..signature.len() - 2];
    let long = "a".repeat(20_000);
    for bad in [
        "",
        "a",
        "a.b",
        "a.b.c",
        "..",
        "...",
        &long,
        &format!("{good}."),
        &format!("{good}=="),
        head,
        &format!("{head}."),
        &format!("{head}.{cut}"),
        &format!("{head}.{signature}AA"),
        &format!(" {good}"),
        &format!("{good}\n"),
        &good.replace('.', ".."),
    ] {
        house.refused(bad, "PGRST301");
    }
}

#[test]
fn times_hold_within_the_skew() {
    let house = house();
    for (claims, ok) in [
        (json!({"exp": 980}), true),
        (json!({"exp": 970}), false),
        (json!({"nbf": 1_030}), true),
        (json!({"nbf": 1_031}), false),
        (json!({"iat": 1_030.5}), true),
        (json!({"iat": 1_031}), false),
        (json!({"exp": "soon"}), false),
        (json!({"exp": i64::MIN}), false),
        (json!({"exp": 1e300}), true),
    ] {
        let actor = house.verifier.actor(Some(&house.shared(claims.clone())));
        assert_eq!(actor.is_ok(), ok, "{claims}");
        if let Err(problem) = actor {
            assert_eq!(problem.code(), "PGRST303");
        }
    }
}

#[test]
fn a_remembered_token_still_expires() {
    let house = house();
    let token = house.token(TokenType::Session, json!({"role": "authenticated", "exp": 1_100}));
    assert_eq!(house.role(&token), "authenticated");
    house.clock.store(1_099, Ordering::Relaxed);
    assert_eq!(house.role(&token), "authenticated");
    house.clock.store(1_130, Ordering::Relaxed);
    house.refused(&token, "PGRST303");
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    let house = house();
    let token = house.token(TokenType::Session, json!({"role": "authenticated"}));
    assert_eq!(house.role(&token), "authenticated");
    house.keys.rotate(false).await.expect("rotates");
    assert_eq!(house.role(&token), "authenticated");
    house.keys.rotate(true).await.expect("rotates");
    house.refused(&token, "PGRST301");
    let token = house.token(TokenType::Session, json!({"role": "authenticated"}));
    assert_eq!(house.role(&token), "authenticated");
}

#[test]
fn a_remembered_token_ends_with_its_session() {
    let house = house();
    let token =
        |id: &str| house.token(TokenType::Session, json!({"role": "authenticated", "session_id": id}));
    let (mine, yours) = (token("mine"), token("yours"));
    assert_eq!((house.role(&mine), house.role(&yours)), ("authenticated".into(), "authenticated".into()));
    house.verifier.revoke_session("mine", 5_000);
    house.refused(&mine, "PGRST303");
    house.refused(&token("mine"), "PGRST303");
    assert_eq!(house.role(&yours), "authenticated");
}

#[test]
fn a_key_is_public_before_it_signs() {
    let house = house();
    let set = house.keys.jwks();
    assert_eq!(set.keys.len(), 2);
    for jwk in &set.keys {
        assert_eq!(jwk.verifying().map(|key| key.algorithm), Some(Algorithm::Es256));
        assert_eq!(jwk.kid.as_deref(), Some(jwk.thumbprint().as_str()));
    }
    let text = serde_json::to_string(&set).expect("JSON");
    assert!(!text.contains("\"d\""), "{text}");
}

//! The signing keys, changed by an operator.

use super::{Doorman, Server, serve_faces, settings};
use crate::keys::{KeysFace, MOUNT};
use mainstay_base::{Env, World};
use mainstay_identity::VerifierSettings;
use mainstay_identity::{Claims, KeySettings, RootSecret, SigningKeys, TokenType, Verifier, VerifierParts};
use mainstay_records::query;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

struct Still(AtomicU8);

impl World for Still {
    fn unix_micros(&self) -> i64 {
        1_800_000_000_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.0.fetch_add(7, Ordering::Relaxed));
    }
}

fn keys() -> (Arc<SigningKeys>, Verifier) {
    let env = Env::new(Still(AtomicU8::new(1)));
    let root = RootSecret::new("reallyreallyreallyreallyverysafe").expect("32 bytes");
    let keys = SigningKeys::in_memory(KeySettings::default(), &root, env.clone()).expect("keys");
    let keys = Arc::new(keys);
    let parts = VerifierParts { keys: keys.clone(), fetch: None, env };
    (keys, Verifier::new(VerifierSettings::default(), parts))
}

fn serve(keys: &Arc<SigningKeys>) -> Server {
    let face = KeysFace::new(keys.clone(), Arc::new(Doorman::default()), "anon".to_owned());
    serve_faces(
        settings(),
        None,
        vec![(MOUNT.to_owned(), Arc::new(face))],
        |_| Ok(query::Response::default()),
    )
}

fn rotate(server: &Server, method: &str, path: &str, token: &str) -> super::Answer {
    server.send(method, path, &[("authorization", &format!("Bearer {token}"))], "")
}

#[test]
fn keys_change_and_old_tokens_stay_or_end() {
    let (keys, verifier) = keys();
    let server = serve(&keys);
    let token = keys.sign(&Claims::new(), TokenType::Session).expect("signs");
    let answer = rotate(&server, "POST", "/admin/v1/keys/rotate", "service");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body.matches("\"kid\"").count(), 3);
    assert!(!answer.body.contains("\"d\""));
    assert!(verifier.actor(Some(&token)).is_ok());
    let answer = rotate(&server, "POST", "/admin/v1/keys/rotate?revoke=true", "service");
    assert_eq!((answer.status, answer.body.matches("\"kid\"").count()), (200, 2));
    assert!(verifier.actor(Some(&token)).is_err());
}

#[test]
fn nobody_else_changes_them() {
    let (keys, _) = keys();
    let (server, before) = (serve(&keys), keys.jwks());
    for (method, path, token, status) in [
        ("POST", "/admin/v1/keys/rotate", "good", 403),
        ("POST", "/admin/v1/keys/rotate", "public", 401),
        ("POST", "/admin/v1/keys/rotate", "bad", 401),
        ("GET", "/admin/v1/keys/rotate", "service", 405),
        ("POST", "/admin/v1/keys/other", "service", 404),
        ("POST", "/admin/v1/keys/rotate?revoke=maybe", "service", 400),
    ] {
        assert_eq!(rotate(&server, method, path, token).status, status, "{method} {path} {token}");
    }
    assert_eq!(keys.jwks(), before);
}

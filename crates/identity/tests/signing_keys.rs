//! Keys in the store: shared by processes, sealed, rotated.

use mainstay_base::Env;
use mainstay_engine::{Format, Migration, Read, RecordStore, Step};
use mainstay_identity::keys::{KeySettings, SessionAlgorithm};
use mainstay_identity::{
    Claims, MIGRATIONS, RootSecret, SigningKeys, TokenType, Verifier, VerifierParts, VerifierSettings,
};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_testkit::world::still;
use mainstay_types::{Session, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const DAY: i64 = 24 * 3_600;

struct House {
    store: Arc<dyn RecordStore>,
    env: Env,
    clock: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let (env, clock) = still(1_800_000_000);
    let store = SqliteStore::open(SqliteSettings::new(folder.path()), SqliteParts { env: env.clone() });
    let store: Arc<dyn RecordStore> = Arc::new(store.expect("opens"));
    for (name, text) in MIGRATIONS {
        let (name, text) = ((*name).to_owned(), (*text).to_owned());
        store.migrate(Migration { name, text, keep_going: false, record: true }).await.expect("migrates");
    }
    House { store, env, clock, _folder: folder }
}

impl House {
    /// A process with this secret.
    async fn process(&self, secret: &str) -> Arc<SigningKeys> {
        let root = RootSecret::new(secret).expect("32 bytes");
        let keys = SigningKeys::in_store(KeySettings::default(), &root, self.env.clone(), self.store.clone())
            .expect("keys");
        keys.tick().await.expect("loads");
        Arc::new(keys)
    }

    fn accepts(&self, keys: &Arc<SigningKeys>, token: &str) -> bool {
        let parts = VerifierParts { keys: keys.clone(), fetch: None, env: self.env.clone() };
        Verifier::new(VerifierSettings::default(), parts).actor(Some(token)).is_ok()
    }

    async fn sealed(&self) -> Vec<Vec<u8>> {
        let plan = self.store.prepare("SELECT sealed_private FROM auth.signing_keys", &[]).expect("binds");
        let steps = vec![Step { plan, values: Vec::new(), format: Format::Values }];
        let session = Arc::new(Session { role: "supabase_auth_admin".into(), ..Session::default() });
        let read = Read { steps, session, timeout: Duration::from_secs(10) };
        let rows = self.store.read(read).await.expect("reads").remove(0).values;
        let blob = |mut row: Vec<Value>| match row.remove(0) {
            Value::Blob(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        rows.into_iter().map(blob).collect()
    }
}

const ONE: &str = "reallyreallyreallyreallyverysafe";
const OTHER: &str = "another secret of at least 32 bytes!!";

fn claims() -> Claims {
    let mut claims = Claims::new();
    claims.insert("role".into(), "authenticated".into());
    claims
}

fn token(keys: &SigningKeys) -> String {
    keys.sign(&claims(), TokenType::Session).expect("signs")
}

#[tokio::test]
async fn processes_share_their_keys() {
    let house = house().await;
    let (one, two) = (house.process(ONE).await, house.process(ONE).await);
    assert_eq!(one.jwks(), two.jwks());
    assert!(house.accepts(&two, &token(&one)));
    // The next key is known before it signs: nobody has to look again.
    one.rotate(false).await.expect("rotates");
    assert!(house.accepts(&two, &token(&one)));
    assert!(two.rotate(false).await.is_err_and(|problem| problem.code() == "40001"));
    two.tick().await.expect("reloads");
    assert_eq!(one.jwks(), two.jwks());
}

#[tokio::test]
async fn a_key_rotates_by_age_and_is_forgotten_after_its_tokens() {
    let house = house().await;
    let keys = house.process(ONE).await;
    let old = token(&keys);
    house.clock.fetch_add(91 * DAY, Ordering::Relaxed);
    keys.tick().await.expect("rotates");
    let new = token(&keys);
    assert!(house.accepts(&keys, &old) && house.accepts(&keys, &new));
    assert_eq!(keys.jwks().keys.len(), 3);
    house.clock.fetch_add(DAY + 31, Ordering::Relaxed);
    keys.tick().await.expect("forgets");
    assert!(!house.accepts(&keys, &old) && house.accepts(&keys, &new));
    assert_eq!(keys.jwks().keys.len(), 2);
    assert_eq!(house.sealed().await.len(), 2);
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_everywhere() {
    let house = house().await;
    let (one, two) = (house.process(ONE).await, house.process(ONE).await);
    let old = token(&one);
    one.rotate(true).await.expect("rotates");
    two.tick().await.expect("reloads");
    assert!(!house.accepts(&one, &old) && !house.accepts(&two, &old));
    assert!(house.accepts(&two, &token(&one)));
}

#[tokio::test]
async fn keys_lie_sealed_and_another_secret_replaces_them() {
    let house = house().await;
    let one = house.process(ONE).await;
    let old = token(&one);
    let sealed = house.sealed().await;
    // Version, nonce, 32 bytes, tag: nothing else is in there, and no two are alike.
    assert!(sealed.iter().all(|bytes| bytes.len() == 1 + 12 + 32 + 16) && sealed[0] != sealed[1]);
    let other = house.process(OTHER).await;
    assert!(!house.accepts(&other, &old));
    assert!(house.accepts(&other, &token(&other)));
}

#[tokio::test]
async fn hs256_signs_sessions_alone() {
    let house = house().await;
    let root = RootSecret::new(ONE).expect("32 bytes");
    let settings = KeySettings { session_algorithm: SessionAlgorithm::Hs256, ..KeySettings::default() };
    let keys = SigningKeys::in_store(settings, &root, house.env.clone(), house.store.clone()).expect("keys");
    keys.tick().await.expect("loads");
    let header = |of| keys.sign(&claims(), of).expect("signs").split('.').next().map(str::to_owned);
    // {"alg":"HS256","typ":"JWT"}
    assert_eq!(header(TokenType::Session).as_deref(), Some("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"));
    assert!(header(TokenType::Id).is_some_and(|head| head.starts_with("eyJhbGciOiJFUzI1NiIsImtpZCI6")));
    assert!(house.accepts(&Arc::new(keys), &token(&*house.process(ONE).await)));
}

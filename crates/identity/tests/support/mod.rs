//! An identity service on a store of its own, whose messages can be read.
#![allow(dead_code, reason = "each test file uses its own part")]

use mainstay_base::Result;
use mainstay_engine::{Format, Migration, PlanKind, Read, RecordStore, Step, Write, WriteStep};
use mainstay_identity::limits::Limiter;
use mainstay_identity::mail::{Mail, Mailer, Templates};
use mainstay_identity::password::{Cost, Hasher, HasherSettings};
use mainstay_identity::{
    Caller, Identity, IdentityParts, IdentitySettings, KeySettings, MIGRATIONS, RootSecret, Secret,
    SigningKeys, Verifier, VerifierParts, VerifierSettings,
};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_testkit::world::still;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Post(Mutex<Vec<Mail>>);

impl Mailer for Post {
    fn send(&self, mail: Mail) -> Result<()> {
        self.0.lock().expect("not poisoned").push(mail);
        Ok(())
    }
}

struct OwnTemplates;

impl Templates for OwnTemplates {
    fn read(&self, _: &str) -> Option<String> {
        None
    }
}

pub struct House {
    pub identity: Identity,
    pub store: Arc<dyn RecordStore>,
    pub post: Arc<Post>,
    pub clock: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl House {
    pub async fn with(change: impl FnOnce(&mut IdentitySettings)) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let (env, clock) = still(1_800_000_000);
        let store: Arc<dyn RecordStore> = Arc::new(
            SqliteStore::open(SqliteSettings::new(folder.path()), SqliteParts { env: env.clone() })
                .expect("opens"),
        );
        for (name, text) in MIGRATIONS {
            let migration =
                Migration { name: (*name).into(), text: (*text).into(), keep_going: false, record: true };
            store.migrate(migration).await.expect(name);
        }
        let root = RootSecret::new("a secret of the tests, long enough").expect("long enough");
        let keys =
            Arc::new(SigningKeys::in_memory(KeySettings::default(), &root, env.clone()).expect("keys"));
        let parts = VerifierParts { keys: Arc::clone(&keys), fetch: None, env: env.clone() };
        let verifier = Arc::new(Verifier::new(VerifierSettings::default(), parts));
        let cheap = Cost { memory_kib: 64, iterations: 1, lanes: 1 };
        let hashing = HasherSettings { cost: cheap, ..HasherSettings::default() };
        let hasher = Arc::new(Hasher::new(&hashing, env.clone()).expect("a hasher"));
        let post = Arc::new(Post::default());
        let mut settings = IdentitySettings {
            public_url: "http://127.0.0.1:54321".into(),
            site_url: "https://shop.example.com".into(),
            message_interval_seconds: 0,
            ..IdentitySettings::default()
        };
        change(&mut settings);
        let parts = IdentityParts {
            store: Arc::clone(&store),
            env,
            root,
            verifier,
            keys,
            hasher,
            limiter: Arc::new(Limiter::new(1_000)),
            mailer: Arc::clone(&post) as Arc<dyn Mailer>,
            templates: Arc::new(OwnTemplates),
            texter: None,
        };
        let identity = Identity::new(settings, parts).expect("an identity service");
        House { identity, store, post, clock, _folder: folder }
    }

    /// The digits and the link's token of the latest message to an address.
    pub fn code(&self, to: &str) -> (String, String) {
        let sent = self.post.0.lock().expect("not poisoned");
        let mail = sent.iter().rev().find(|mail| mail.to == to).expect("a message");
        let after = |words: &str, end: &[char]| {
            let (_, rest) = mail.text.split_once(words).unwrap_or(("", ""));
            rest.split(end).next().unwrap_or_default().to_owned()
        };
        (after("Code: ", &['\n']), after("token=", &['&']))
    }

    /// Runs a statement as the owner of everything, and says how many rows it gave or changed.
    pub async fn sql(&self, text: &str) -> u64 {
        let plan = self.store.prepare(text, &[]).expect(text);
        let (session, timeout) = (Arc::default(), std::time::Duration::from_secs(5));
        let rows = if plan.kind == PlanKind::Read {
            let steps = vec![Step { plan, values: Vec::new(), format: Format::Nothing }];
            self.store.read(Read { steps, session, timeout }).await.expect(text)
        } else {
            let step =
                WriteStep { plan, value_sets: vec![Vec::new()], format: Format::Nothing, expect: None };
            let write = Write { steps: vec![step], session, timeout, rollback: false };
            self.store.write(write).await.expect(text).results
        };
        rows.iter().map(|rows| rows.count).sum()
    }

    pub fn sent(&self) -> usize {
        self.post.0.lock().expect("not poisoned").len()
    }
}

pub fn caller() -> Caller {
    Caller { address: "192.0.2.1".into(), user_agent: "test".into(), role: String::new() }
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

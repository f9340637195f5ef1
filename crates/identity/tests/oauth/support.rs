//! The service on the embedded engine, with a clock that a test sets and users that a test knows.

use mainstay_base::Result;
use mainstay_engine::{BoxFuture, Migration, RecordStore};
use mainstay_identity::oauth::{
    BrowserSession, Client, ClientMetadata, ClientProof, Credentials, Entered, Issued, Next, Oauth,
    OauthParts, OauthSettings, Params, Refusal, SignedIn, User, Users,
};
use mainstay_identity::{
    KeySettings, MIGRATIONS, RootSecret, SigningKeys, Verifier, VerifierParts, VerifierSettings,
};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_testkit::world::still;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

pub const ISSUER: &str = "https://shop.example";
pub const AUDIENCE: &str = "https://shop.example/rest/v1";
pub const OTHER_API: &str = "https://stock.example/";
pub const CALLBACK: &str = "https://app.example/callback";
pub const ANN: &str = "0b54a2c1-9a5e-4a6e-8a3f-111111111111";
const START: i64 = 1_800_000_000;

// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// One user, who can be banned.
pub struct OneUser {
    pub banned: AtomicBool,
}

fn ann() -> User {
    User {
        id: ANN.into(),
        email: Some("ann@example.com".into()),
        email_verified: true,
        role: "authenticated".into(),
        user_metadata: json!({"name": "Ann"}).as_object().cloned().unwrap_or_default(),
        ..User::default()
    }
}

impl Users for OneUser {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Result<SignedIn>> {
        let right = credentials.email == "ann@example.com" && credentials.password == "correct horse";
        let outcome = match right {
            true => SignedIn::Yes { user: Box::new(ann()), amr: vec!["password".into()] },
            false => SignedIn::No,
        };
        Box::pin(async move { Ok(outcome) })
    }

    fn by_id<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>>> {
        let there = id == ANN && !self.banned.load(Ordering::Relaxed);
        Box::pin(async move { Ok(there.then(ann)) })
    }
}

pub struct House {
    pub oauth: Arc<Oauth>,
    pub verifier: Arc<Verifier>,
    pub store: Arc<SqliteStore>,
    pub users: Arc<OneUser>,
    clock: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl House {
    pub async fn open() -> House {
        House::with(OauthSettings::default()).await
    }

    pub async fn with(settings: OauthSettings) -> House {
        let (env, clock) = still(START);
        let folder = tempfile::tempdir().expect("a folder");
        let parts = SqliteParts { env: env.clone() };
        let store = Arc::new(SqliteStore::open(SqliteSettings::new(folder.path()), parts).expect("opens"));
        for (name, text) in MIGRATIONS {
            migrate(&store, name, text).await;
        }
        migrate(
            &store,
            "users",
            &format!("insert into auth.users (id, email) values ('{ANN}', 'ann@example.com')"),
        )
        .await;
        let root = RootSecret::new("reallyreallyreallyreallyverysafe").expect("32 bytes");
        let keys =
            Arc::new(SigningKeys::in_memory(KeySettings::default(), &root, env.clone()).expect("keys"));
        let audiences = vec![AUDIENCE.to_owned()];
        let verifier = Arc::new(Verifier::new(
            VerifierSettings { audiences, ..VerifierSettings::default() },
            VerifierParts { keys: keys.clone(), fetch: None, env: env.clone() },
        ));
        let users = Arc::new(OneUser { banned: AtomicBool::new(false) });
        let settings = OauthSettings {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            resources: vec![OTHER_API.into()],
            ..settings
        };
        let parts = OauthParts {
            store: store.clone(),
            env,
            users: users.clone(),
            keys,
            verifier: verifier.clone(),
            root,
        };
        let oauth = Arc::new(mainstay_identity::oauth::build(settings, parts).expect("builds"));
        oauth.start().await.expect("starts");
        House { oauth, verifier, store, users, clock, _folder: folder }
    }

    /// Lets time go by.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub async fn client(&self, metadata: Value) -> (Client, Option<String>) {
        let mut all = json!({
            "client_name": "App",
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let given = metadata.as_object().cloned().unwrap_or_default();
        all.as_object_mut().expect("an object").extend(given);
        let metadata: ClientMetadata = serde_json::from_value(all).expect("metadata");
        let made = self.oauth.create_client(metadata).await.expect("registers");
        let id = made["client_id"].as_str().expect("an id");
        let client = self.oauth.client(id).await.expect("reads").expect("is there");
        (client, made["client_secret"].as_str().map(str::to_owned))
    }

    /// A public client that the operator trusts: no consent page.
    pub async fn trusted(&self) -> Client {
        self.client(json!({ "trusted": true })).await.0
    }

    pub async fn session(&self) -> (String, BrowserSession) {
        let credentials = Credentials {
            email: "ann@example.com",
            password: "correct horse",
            code: None,
            address: "127.0.0.1",
        };
        let Ok(Entered::Yes { cookie, .. }) = self.oauth.sign_in(credentials, None).await else {
            panic!("Ann cannot sign in");
        };
        let session = self.oauth.session(&cookie).await.expect("reads").expect("a session");
        (cookie, session)
    }

    /// The redirect that an authorization request of a signed-in user ends in.
    pub async fn authorize(&self, params: &Params) -> Url {
        let (_, session) = self.session().await;
        match self.oauth.authorize(params, Some(&session), false).await {
            Ok(Next::Redirect { uri }) => Url(uri),
            Ok(Next::Consent(..)) => Url(self.oauth.decide(params, &session, true).await.expect("allowed")),
            Ok(Next::SignIn(_)) => panic!("the user must sign in"),
            Err(Refusal::Redirect { uri, .. }) => Url(uri),
            Err(Refusal::Page(problem)) => panic!("{problem}"),
        }
    }

    pub async fn code(&self, client: &Client, more: &[(&str, &str)]) -> String {
        let url = self.authorize(&request(client, more)).await;
        url.get("code").unwrap_or_else(|| panic!("no code in {}", url.0))
    }

    pub async fn redeem(&self, client: &Client, code: &str) -> Result<Issued> {
        self.oauth.token(client, &exchange(code, &[])).await
    }

    /// Tokens of a whole flow with these scopes.
    pub async fn tokens(&self, client: &Client, scope: &str) -> Issued {
        let code = self.code(client, &[("scope", scope)]).await;
        self.redeem(client, &code).await.expect("redeems")
    }

    pub async fn refresh(&self, client: &Client, token: &str) -> Result<Issued> {
        self.oauth.token(client, &params(&[("grant_type", "refresh_token"), ("refresh_token", token)])).await
    }

    pub async fn authenticate(&self, pairs: &[(&str, &str)]) -> Result<Client> {
        let params = params(pairs);
        let owned = |name: &str| params.owned(name).expect("once");
        let proof = ClientProof {
            basic: None,
            client_id: owned("client_id"),
            client_secret: owned("client_secret"),
            assertion_type: owned("client_assertion_type"),
            assertion: owned("client_assertion"),
        };
        self.oauth.authenticate_client(proof).await
    }
}

pub async fn migrate(store: &SqliteStore, name: &str, text: &str) {
    let migration = Migration { name: name.into(), text: text.into(), keep_going: false, record: true };
    store
        .migrate(migration)
        .await
        .unwrap_or_else(|problem| panic!("{name}: {problem} {:?}", problem.details()));
}

pub fn params(pairs: &[(&str, &str)]) -> Params {
    Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The parameters of an authorization request in which everything is right, some of them replaced.
pub fn request(client: &Client, replaced: &[(&str, &str)]) -> Params {
    let all = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    params(&replace(&all, replaced))
}

/// The parameters that redeem a code, some of them replaced.
pub fn exchange(code: &str, replaced: &[(&str, &str)]) -> Params {
    let all = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    params(&replace(&all, replaced))
}

/// An empty value takes a parameter away: empty ones count as missing.
fn replace<'a>(all: &[(&'a str, &'a str)], replaced: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = all.iter().filter(|(name, _)| replaced.iter().all(|(other, _)| other != name));
    kept.chain(replaced).copied().collect()
}

/// The claims of a token, unchecked.
pub fn claims(token: &str) -> Map<String, Value> {
    part(token, 1)
}

pub fn header(token: &str) -> Map<String, Value> {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    use base64::Engine as _;
    let text = token.split('.').nth(index).expect("a part");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// An address with a query.
#[derive(Debug)]
pub struct Url(pub String);

impl Url {
    pub fn get(&self, name: &str) -> Option<String> {
        let (_, query) = self.0.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
    }
}

/// The code of what must have been refused.
#[track_caller]
pub fn refused<T>(outcome: Result<T>) -> String {
    match outcome {
        Ok(_) => panic!("this must be refused"),
        Err(problem) => problem.code().to_owned(),
    }
}

//! Mainstay as an OAuth 2.0 authorization server and OpenID provider, and the API keys of machines.
//!
//! Hidden here: codes, grants, refresh families, device codes, consents, browser sessions, and how each is kept.
//! Not here: HTTP and pages (`mainstay_http::oauth`), who the users are ([`Users`]), how tokens are signed
//! ([`crate::keys`]).
//! Invariant: the rules of RFC 9700 hold whatever the settings say; what can be used once is used by one conditional
//! write, in the transaction that begins what it gives.
//! Start reading at [`Oauth::authorize`], then [`Oauth::token`].

mod accounts;
mod api_keys;
mod authorize;
mod client;
mod client_auth;
mod code;
mod consent;
mod db;
mod device;
mod discovery;
mod exchange;
mod grant;
mod id_keys;
mod introspect;
mod logout;
mod par;
mod params;
mod pkce;
mod problems;
mod redirect;
mod refresh;
mod register;
mod resource;
mod revoke;
mod scope;
mod secrets;
mod session;
mod settings;
mod token_endpoint;
mod tokens;
mod upkeep;
mod users;

pub use api_keys::{ApiKey, NewApiKey, is_api_key};
pub use authorize::{AuthorizeRequest, Next, Refusal};
pub use client::{AuthMethod, Client};
pub use client_auth::ClientProof;
pub use device::DeviceRequest;
pub use grant::Granted;
pub use logout::Logout;
pub use params::Params;
pub use problems::is_refusal;
pub use redirect::source as redirect_source;
pub use register::{ClientMetadata, described};
pub use session::{BrowserSession, Entered};
pub use settings::{ACCESS_TOKEN_AGE_MAX, OauthSettings};
pub use tokens::Issued;
pub use users::{Credentials, SignedIn, User, Users};

use crate::keys::SigningKeys;
use crate::secret::RootSecret;
use crate::verifier::Verifier;
use mainstay_base::{Env, Result};
use mainstay_engine::RecordStore;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

/// What the service works with.
pub struct OauthParts {
    pub store: Arc<dyn RecordStore>,
    pub env: Env,
    pub users: Arc<dyn Users>,
    /// The keys that sign access tokens: those that `/rest/v1` takes.
    pub keys: Arc<SigningKeys>,
    pub verifier: Arc<Verifier>,
    /// The keys of everything else are made of it.
    pub root: RootSecret,
}

/// The service.
pub struct Oauth {
    settings: OauthSettings,
    db: db::Db,
    env: Env,
    users: Arc<dyn Users>,
    keys: Arc<SigningKeys>,
    verifier: Arc<Verifier>,
    id_keys: id_keys::IdKeys,
    refresh_key: [u8; 32],
    form_key: [u8; 32],
    /// Sessions that the verifier knows to be over, until when.
    revoked: Mutex<HashMap<String, i64>>,
    api_keys: RwLock<api_keys::KnownKeys>,
    /// When keys were last used, not written down yet.
    used: Mutex<HashMap<Arc<str>, i64>>,
    changed: Arc<upkeep::Changed>,
    started: AtomicBool,
}

pub fn build(settings: OauthSettings, parts: OauthParts) -> Result<Oauth> {
    Ok(Oauth {
        settings,
        db: db::Db::new(parts.store),
        users: parts.users,
        keys: parts.keys,
        verifier: parts.verifier,
        refresh_key: parts.root.derive("mainstay: refresh tokens of clients")?,
        form_key: parts.root.derive("mainstay: forms of pages")?,
        id_keys: id_keys::IdKeys::new(parts.root, parts.env.clone()),
        env: parts.env,
        revoked: Mutex::default(),
        api_keys: RwLock::default(),
        used: Mutex::default(),
        changed: Arc::default(),
        started: AtomicBool::new(false),
    })
}

impl Oauth {
    pub fn settings(&self) -> &OauthSettings {
        &self.settings
    }

    /// Seconds since 1970.
    fn now(&self) -> i64 {
        self.env.unix_micros().div_euclid(1_000_000)
    }
}

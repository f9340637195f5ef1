//! Mainstay as an OAuth server, and the API keys of machines: from the settings to a running face.

use crate::settings::Settings;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::RecordStore;
use mainstay_http::edge::{BoxFuture, Face};
use mainstay_http::oauth::{MOUNTS, OauthFace};
use mainstay_http::rest::Authenticate;
use mainstay_identity::jose::Token;
use mainstay_identity::oauth::{self, Oauth, OauthParts, OauthSettings, Users, is_api_key};
use mainstay_identity::{Actor, RootSecret, SigningKeys, TokenType, Verifier};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How soon a change by SQL of keys and grants is seen.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often what is over is thrown away, in such steps.
const TIDY_EVERY: u32 = 60;

/// What the OAuth server shares with the rest.
pub struct Shared<'a> {
    pub store: Arc<dyn RecordStore>,
    pub env: Env,
    pub root: &'a RootSecret,
    pub keys: Arc<SigningKeys>,
    pub verifier: Arc<Verifier>,
    pub users: Arc<dyn Users>,
}

/// The address of this server as the outside knows it: the issuer of its tokens.
pub fn public_url(settings: &Settings, address: Option<SocketAddr>) -> String {
    let own = || address.map_or_else(String::new, |address| format!("http://{address}"));
    settings.auth.public_url.as_deref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
}

/// What access tokens of this application's own API are for.
pub fn audience(settings: &Settings, address: Option<SocketAddr>) -> String {
    format!("{}/rest/v1", public_url(settings, address))
}

pub fn build(
    settings: &Settings,
    title: String,
    address: Option<SocketAddr>,
    shared: Shared<'_>,
) -> Result<Arc<Oauth>> {
    let chosen = &settings.oauth;
    let settings = OauthSettings {
        issuer: public_url(settings, address),
        audience: audience(settings, address),
        resources: chosen.resources.clone(),
        access_token_age: Duration::from_secs(u64::from(chosen.access_token_seconds)),
        grant_age: Duration::from_secs(u64::from(chosen.grant_days) * 24 * 3_600),
        session_age: Duration::from_secs(u64::from(chosen.browser_session_hours) * 3_600),
        registration: chosen.registration,
        title,
    };
    let parts = OauthParts {
        store: shared.store,
        env: shared.env,
        users: shared.users,
        keys: shared.keys,
        verifier: shared.verifier,
        root: shared.root.clone(),
    };
    Ok(Arc::new(oauth::build(settings, parts)?))
}

/// The face, below each of its paths.
pub fn faces(oauth: &Arc<Oauth>, doors: &Arc<Doors>, settings: &Settings) -> Vec<(String, Arc<dyn Face>)> {
    let header = settings.auth.address_header.clone();
    let face = OauthFace::new(Arc::clone(oauth), Arc::clone(doors) as Arc<dyn Authenticate>, header);
    let face = Arc::new(face);
    MOUNTS.map(|path| (path.to_owned(), Arc::clone(&face) as Arc<dyn Face>)).into()
}

/// The ways into the API: a token, or a machine's key.
pub struct Doors {
    pub verifier: Arc<Verifier>,
    pub oauth: Arc<Oauth>,
}

impl Authenticate for Doors {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        match token {
            Some(key) if is_api_key(key) => self.oauth.api_key_actor(key),
            _ => self.verifier.actor(token),
        }
    }

    fn before_refusal(&self, token: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        self.verifier.missing_keys(token)
    }
}

/// The way to `/auth/v1`: a user's own session. A client of OAuth or another issuer could change the user's password there.
pub struct SessionsAlone(pub Arc<Verifier>);

impl Authenticate for SessionsAlone {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        let actor = self.0.actor(token)?;
        // Its `sub` may be the id of one of our users, who is somebody else.
        if token.is_some_and(|token| self.0.is_of_another_issuer(token)) {
            return Err(Problem::new("PGRST301", "a token of another issuer does not open this API"));
        }
        match token.map(Token::parse) {
            Some(Ok(token)) if TokenType::OAuthAccess.is(token.header.typ.as_deref()) => {
                Err(Problem::new("PGRST301", "a token of an OAuth client does not open this API"))
            }
            _ => Ok(actor),
        }
    }
}

/// What has to be done from time to time, once [`Oauth::start`] has found its tables.
pub async fn look_after(oauth: Arc<Oauth>) {
    let mut pause = tokio::time::interval(FOLLOW);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut steps = 0_u32;
    loop {
        pause.tick().await;
        steps = steps.wrapping_add(1);
        if let Err(problem) = oauth.follow().await {
            tracing::warn!(error = %problem, details = problem.details(), "keys and grants");
        }
        if steps.is_multiple_of(TIDY_EVERY)
            && let Err(problem) = oauth.tidy().await
        {
            tracing::warn!(error = %problem, details = problem.details(), "what is over");
        }
    }
}

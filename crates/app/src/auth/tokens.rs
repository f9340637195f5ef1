//! Keys and tokens: from settings to what signs and what checks.

use crate::settings::{AuthSettings, JwtAlgorithm, TokenIssuer};
use mainstay_base::{Problem, Result};
use mainstay_http::client::{FetchSettings, HttpsFetch};
use mainstay_identity::fetch::Fetch;
use mainstay_identity::{IssuerSettings, KeySettings, SessionAlgorithm, Verifier, VerifierSettings};
use std::sync::Arc;
use std::time::Duration;

/// How often identity looks after its keys.
const TICK: Duration = Duration::from_secs(60);
/// The least time for which a key verifies after it has signed for the last time: the longest life of other tokens than
/// those of sessions.
const RETIRED: Duration = Duration::from_secs(24 * 3_600);

pub fn key_settings(settings: &AuthSettings) -> KeySettings {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3_600);
    KeySettings {
        session_algorithm: match settings.jwt_algorithm {
            JwtAlgorithm::Es256 => SessionAlgorithm::Es256,
            JwtAlgorithm::Hs256 => SessionAlgorithm::Hs256,
        },
        rotation: (settings.key_rotation_days > 0).then(|| days(settings.key_rotation_days)),
        token_life_max: RETIRED.max(Duration::from_secs(u64::from(settings.access_token_seconds))),
    }
}

pub fn verifier_settings(settings: &AuthSettings) -> Result<VerifierSettings> {
    Ok(VerifierSettings {
        anonymous_role: Some(settings.anonymous_role.clone()),
        issuers: settings.issuers.iter().map(|one| issuer(one, settings)).collect::<Result<_>>()?,
        ..VerifierSettings::default()
    })
}

fn issuer(issuer: &TokenIssuer, settings: &AuthSettings) -> Result<IssuerSettings> {
    let wrong = |why: &str| {
        Err(Problem::new("MS021", format!("`[auth] issuers`: {why}"))
            .with_hint("docs/settings.md lists every key with its unit and default"))
    };
    let TokenIssuer { issuer, jwks_url, audience, roles } = issuer.clone();
    if issuer.is_empty() || audience.is_empty() {
        return wrong("`issuer` and `audience` may not be empty: tokens of others would be taken for ours");
    }
    let private = settings.private_fetches && jwks_url.starts_with("http://");
    if !jwks_url.starts_with("https://") && !private {
        return wrong("`jwks_url` must be of https");
    }
    if roles.is_empty() {
        return wrong("`roles` may not be empty");
    }
    Ok(IssuerSettings { issuer, jwks_url, audiences: vec![audience], roles })
}

pub fn fetch(settings: &AuthSettings) -> Result<Arc<dyn Fetch>> {
    let private_allowed = settings.private_fetches;
    Ok(Arc::new(HttpsFetch::new(FetchSettings { private_allowed, ..FetchSettings::default() })?))
}

/// What identity has to do from time to time. The first time is when its tables are there, for whoever brings them up.
pub async fn tick(verifier: Arc<Verifier>) {
    let mut pause = tokio::time::interval(TICK);
    pause.tick().await;
    loop {
        pause.tick().await;
        verifier.tick().await;
    }
}

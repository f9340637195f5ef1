//! What an operator may choose. The rules of RFC 9700 are not among it.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct OauthSettings {
    /// The address under which the world reaches this server, without a slash at its end: the issuer of its tokens.
    pub issuer: String,
    /// The audience of access tokens for this application's own API: what `/rest/v1` accepts.
    pub audience: String,
    /// Other APIs whose tokens this server issues to any client that asks (RFC 8707).
    pub resources: Vec<String>,
    /// At most ten minutes.
    pub access_token_age: Duration,
    /// How long a grant can be refreshed, whatever happens.
    pub grant_age: Duration,
    /// How long a browser stays signed in.
    pub session_age: Duration,
    /// Whether clients may register themselves (RFC 7591).
    pub registration: bool,
    /// What the pages call the application.
    pub title: String,
}

/// Access tokens live no longer, whatever the settings say.
pub const ACCESS_TOKEN_AGE_MAX: Duration = Duration::from_secs(600);

/// How long a code can be redeemed.
pub(super) const CODE_SECONDS: i64 = 60;
/// How long a pushed request waits for its browser, and then for its user.
pub(super) const PUSHED_SECONDS: i64 = 90;
pub(super) const INTERACTION_SECONDS: i64 = 600;
/// How long a device waits for its user, and how often it may ask.
pub(super) const DEVICE_SECONDS: i64 = 600;
pub(super) const DEVICE_INTERVAL_SECONDS: i64 = 5;

impl Default for OauthSettings {
    fn default() -> Self {
        OauthSettings {
            issuer: "http://127.0.0.1:54321".into(),
            audience: "http://127.0.0.1:54321/rest/v1".into(),
            resources: Vec::new(),
            access_token_age: ACCESS_TOKEN_AGE_MAX,
            grant_age: Duration::from_secs(30 * 24 * 3_600),
            session_age: Duration::from_secs(7 * 24 * 3_600),
            registration: false,
            title: "Mainstay".into(),
        }
    }
}

impl OauthSettings {
    pub(super) fn access_seconds(&self) -> i64 {
        seconds(self.access_token_age.min(ACCESS_TOKEN_AGE_MAX))
    }

    pub(super) fn grant_seconds(&self) -> i64 {
        seconds(self.grant_age)
    }

    pub(super) fn session_seconds(&self) -> i64 {
        seconds(self.session_age)
    }
}

fn seconds(age: Duration) -> i64 {
    i64::try_from(age.as_secs()).unwrap_or(i64::MAX / 2_000_000)
}

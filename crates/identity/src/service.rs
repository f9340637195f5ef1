//! The identity service: what every flow works with.

use crate::codes::Codes;
use crate::db::{Db, Tx};
use crate::mail::{Mailer, Templates};
use crate::pace::Pace;
use crate::refresh::RefreshTokens;
use crate::refuse::too_many;
use crate::settings::IdentitySettings;
use crate::sms::Texter;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::{BoxFuture, RecordStore};
use std::sync::Arc;

/// What [`Identity`] works with.
pub struct IdentityParts {
    pub store: Arc<dyn RecordStore>,
    pub env: Env,
    /// The secret from which the keys of codes and refresh tokens come.
    pub root: crate::RootSecret,
    pub keys: Arc<crate::SigningKeys>,
    /// Refuses the tokens of sessions that ended.
    pub verifier: Arc<crate::Verifier>,
    pub hasher: Arc<crate::password::Hasher>,
    pub limiter: Arc<crate::limits::Limiter>,
    pub mailer: Arc<dyn Mailer>,
    pub templates: Arc<dyn Templates>,
    /// `None`: nothing sends text messages.
    pub texter: Option<Arc<dyn Texter>>,
}

/// Signs people up, in and out. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    settings: IdentitySettings,
    db: Db,
    codes: Codes,
    pace: Pace,
    refresh: RefreshTokens,
    parts: IdentityParts,
}

impl Identity {
    pub fn new(settings: IdentitySettings, parts: IdentityParts) -> Result<Self> {
        let db = Db::new(Arc::clone(&parts.store), parts.env.clone());
        let codes = Codes::new(parts.root.derive("mainstay: one-time codes")?, settings.code_digits);
        let pace = Pace::new(parts.env.clone(), settings.message_interval_seconds);
        let refresh = RefreshTokens::new(&parts.root)?;
        Ok(Identity(Arc::new(Inner { settings, db, codes, pace, refresh, parts })))
    }

    pub fn settings(&self) -> &IdentitySettings {
        &self.0.settings
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.parts.env
    }

    pub(crate) fn codes(&self) -> &Codes {
        &self.0.codes
    }

    pub(crate) fn refresh_tokens(&self) -> &RefreshTokens {
        &self.0.refresh
    }

    pub(crate) fn parts(&self) -> &IdentityParts {
        &self.0.parts
    }

    /// The `iss` of access tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/auth/v1", self.0.settings.public_url)
    }

    /// Where a browser may be sent: the first of the addresses that is allowed, else the site.
    pub fn landing(&self, asked: &[Option<&str>]) -> String {
        crate::redirect::choose(&self.0.settings, asked)
    }

    /// Runs a body in one transaction; see [`Db::transact`]. What it works on is shared, because it may run again.
    pub(crate) async fn transact<P, T>(
        &self,
        on: P,
        body: fn(Identity, Tx, Arc<P>) -> BoxFuture<'static, Result<T>>,
    ) -> Result<T>
    where
        P: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (identity, on) = (self.clone(), Arc::new(on));
        let (result, ended) =
            self.0.db.transact(move |tx| body(identity.clone(), tx, Arc::clone(&on))).await?;
        let until = self.env().unix_micros() / 1_000_000 + self.0.settings.access_token_seconds;
        for session in ended {
            self.0.parts.verifier.revoke_session(&session.to_string(), until);
        }
        Ok(result)
    }

    /// One message to an address in a while; `sms` chooses the words.
    pub(crate) fn pace(&self, address: &str, sms: bool) -> Result<()> {
        self.0.pace.take(address).map_err(|seconds| {
            let code = if sms { "over_sms_send_rate_limit" } else { "over_email_send_rate_limit" };
            let words = format!("For security purposes, you can only request this after {seconds} seconds.");
            too_many(code, words, seconds)
        })
    }

    pub(crate) fn texter(&self) -> Result<&Arc<dyn Texter>> {
        self.0.parts.texter.as_ref().ok_or_else(|| {
            Problem::new("phone_provider_disabled", "Unsupported phone provider").with_status(400)
        })
    }
}

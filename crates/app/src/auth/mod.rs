//! Signing in: from the settings to a running face.

mod inbox;
mod templates;
pub mod tokens;

use crate::oauth::{SessionsAlone, public_url};
use crate::project::Project;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::RecordStore;
use mainstay_http::auth::{AuthFace, AuthParts, Inbox};
use mainstay_identity::limits::Limiter;
use mainstay_identity::mail::{Mail, Mailer, check_templates};
use mainstay_identity::password::{Hasher, HasherSettings};
use mainstay_identity::sms::Texter;
use mainstay_identity::{Identity, IdentityParts, IdentitySettings, RootSecret, SigningKeys, Verifier};
use mainstay_mail::{Letter, Smtp, SmtpSettings};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// Addresses and accounts whose attempts are counted.
const LIMITED_MAX: usize = 100_000;

/// What the parts of signing in share with the rest.
pub struct Shared<'a> {
    pub store: Arc<dyn RecordStore>,
    pub env: Env,
    pub root: &'a RootSecret,
    pub keys: Arc<SigningKeys>,
    pub verifier: Arc<Verifier>,
    /// Where this process listens.
    pub address: Option<SocketAddr>,
    pub dev: bool,
}

/// The identity service of a project, and its face.
pub fn face(project: &Project, shared: Shared<'_>) -> Result<(Identity, AuthFace)> {
    let settings = identity_settings(project, &shared);
    let templates = Arc::new(templates::Folder(project.root.join("auth/templates")));
    check_templates(&*templates)?;
    let inbox = shared.dev.then(|| Arc::new(inbox::DevInbox::default()));
    let mailer: Arc<dyn Mailer> = match (&inbox, &project.settings.mail.smtp_url) {
        (_, Some(url)) => Arc::new(Post(Smtp::start(&SmtpSettings {
            url: url.expose().to_owned(),
            from: project.settings.mail.from.clone(),
            queue_length_max: project.settings.mail.queue_length_max,
        })?)),
        (Some(inbox), None) => inbox.clone(),
        (None, None) => Arc::new(NoMail),
    };
    let texter = inbox.clone().map(|inbox| inbox as Arc<dyn Texter>);
    let keys = Arc::clone(&shared.keys);
    let hashing = HasherSettings {
        threads: project.settings.auth.hash_threads,
        queue_length_max: project.settings.auth.hash_queue_max,
        ..HasherSettings::default()
    };
    let hasher = Arc::new(Hasher::new(&hashing, shared.env.clone())?);
    let parts = IdentityParts {
        store: shared.store,
        env: shared.env,
        root: shared.root.clone(),
        keys: shared.keys,
        verifier: Arc::clone(&shared.verifier),
        hasher,
        limiter: Arc::new(Limiter::new(LIMITED_MAX)),
        mailer,
        templates,
        texter,
    };
    let identity = Identity::new(settings, parts)?;
    let face = AuthFace::new(AuthParts {
        identity: identity.clone(),
        authenticate: Arc::new(SessionsAlone(shared.verifier)),
        jwks: Arc::new(move || serde_json::to_value(keys.jwks()).unwrap_or(Value::Null)),
        inbox: inbox.map(|inbox| inbox as Arc<dyn Inbox>),
        cors_origins: project.settings.rest.cors_origins.clone(),
        address_header: project.settings.auth.address_header.clone(),
    });
    Ok((identity, face))
}

fn identity_settings(project: &Project, shared: &Shared<'_>) -> IdentitySettings {
    let auth = &project.settings.auth;
    let without_slash = |url: &str| url.trim_end_matches('/').to_owned();
    let public_url = public_url(&project.settings, shared.address);
    IdentitySettings {
        site_url: auth.site_url.as_deref().map_or_else(|| public_url.clone(), without_slash),
        public_url,
        redirect_urls: auth.redirect_urls.clone(),
        local_redirects: shared.dev,
        signup_enabled: auth.signup,
        confirm_email: auth.confirm_email,
        email_enabled: auth.email,
        phone_enabled: auth.phone,
        anonymous_enabled: auth.anonymous_users,
        confirm_email_change_twice: auth.confirm_email_change_twice,
        reauthenticate_for_password: auth.reauthenticate_for_password,
        access_token_seconds: i64::from(auth.access_token_seconds),
        session_hours_max: i64::from(auth.session_hours_max),
        email_code_seconds: i64::from(auth.email_code_seconds),
        phone_code_seconds: i64::from(auth.phone_code_seconds),
        code_digits: auth.code_digits,
        password_characters_min: auth.password_characters_min,
        attempts_per_address_max: auth.attempts_per_address_max.unwrap_or(if shared.dev { 0 } else { 30 }),
        attempts_per_account_max: auth.attempts_per_account_max.unwrap_or(if shared.dev { 0 } else { 10 }),
        // Whoever tries things out on their own machine does not wait a minute for each.
        message_interval_seconds: i64::from(auth.message_interval_seconds.unwrap_or(if shared.dev {
            0
        } else {
            60
        })),
    }
}

/// Mail over SMTP.
struct Post(Smtp);

impl Mailer for Post {
    fn send(&self, mail: Mail) -> Result<()> {
        self.0.send(Letter { to: mail.to, subject: mail.subject, text: mail.text, html: mail.html })
    }
}

/// Where no mail server is named: whoever needs one is told in the log.
struct NoMail;

impl Mailer for NoMail {
    fn send(&self, _: Mail) -> Result<()> {
        Err(Problem::new("MS041", "there is no mail server").with_hint(
            "`[mail] smtp_url` names one; without it `[auth] confirm_email = false` lets people sign up",
        ))
    }
}

//! `mainstay.toml`: data that a person types. Every key has a default, so the file may be empty or missing.

use mainstay_base::{Problem, Result};
use mainstay_identity::Secret;
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub app: AppSettings,
    pub server: ServerSettings,
    pub rest: RestSettings,
    pub store: StoreSettings,
    pub auth: AuthSettings,
    pub mail: MailSettings,
    pub oauth: OauthSettings,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// Shown on the front page; the folder's name where it is missing.
    pub name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port to listen on. Port 0 takes any free one.
    pub listen: String,
    /// Threads that serve requests; 0 means one for each core.
    pub threads: usize,
    pub connections_max: usize,
    pub body_bytes_max: usize,
    /// How long requests under way may take to finish after SIGTERM.
    pub drain_seconds: u64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            listen: "127.0.0.1:54321".into(),
            threads: 0,
            connections_max: 10_000,
            body_bytes_max: 10 * 1024 * 1024,
            drain_seconds: 30,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestSettings {
    /// Schemas that `/rest/v1` serves; the first is the default one.
    pub schemas: Vec<String>,
    /// Rows that one answer may have; 0 means no limit.
    pub rows_max: u64,
    /// `select=price.sum()`.
    pub aggregates: bool,
    /// `Prefer: tx=rollback` (`commit` is always allowed).
    pub tx_rollback: bool,
    /// Takes back what a request did unless it asks to keep it: for tests.
    pub tx_rollback_default: bool,
    pub statement_timeout_ms: u64,
    /// Hours that the answer of a write with an `Idempotency-Key` is kept.
    pub idempotency_hours: u32,
    /// Bytes of one import by lines.
    pub import_bytes_max: u64,
    /// Answers of fewer bytes are not compressed.
    pub compress_bytes_min: usize,
    /// Seconds that a list which leaves row by row may take, the client's time included.
    pub stream_timeout_seconds: u64,
    /// Requests of one batch.
    pub batch_requests_max: usize,
    /// `Accept: application/vnd.pgrst.plan+json`.
    pub plan_enabled: bool,
    /// `Server-Timing` in answers.
    pub server_timing: bool,
    /// Origins that browsers may call from; empty means any.
    pub cors_origins: Vec<String>,
    /// A function without arguments that runs before each request: `schema.function`.
    pub pre_request: Option<String>,
    /// Refuses `PATCH` and `DELETE` without a filter.
    pub guard_unfiltered_writes: bool,
    /// Whom the root of REST describes what there is.
    pub openapi_mode: OpenApiMode,
}

/// PostgREST's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenApiMode {
    /// To each role what it may use.
    #[default]
    FollowPrivileges,
    /// Everything that the schemas expose, whoever asks.
    IgnorePrivileges,
    /// 404, and no tables on the front page.
    Disabled,
}

impl Default for RestSettings {
    fn default() -> Self {
        RestSettings {
            schemas: vec!["public".into()],
            rows_max: 1_000,
            aggregates: false,
            tx_rollback: false,
            tx_rollback_default: false,
            statement_timeout_ms: 8_000,
            idempotency_hours: 24,
            import_bytes_max: 1024 * 1024 * 1024,
            compress_bytes_min: 4 * 1024,
            stream_timeout_seconds: 600,
            batch_requests_max: 100,
            plan_enabled: false,
            server_timing: false,
            cors_origins: Vec::new(),
            pre_request: None,
            guard_unfiltered_writes: false,
            openapi_mode: OpenApiMode::FollowPrivileges,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Where the data lies, relative to the app's folder.
    pub data_dir: PathBuf,
    /// Writes that may wait; one more is refused with 503 and `Retry-After`.
    pub queue_length_max: usize,
    /// Days that durable changes of published tables are kept; 0 means for ever.
    pub change_retention_days: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { data_dir: ".mainstay".into(), queue_length_max: 4_096, change_retention_days: 7 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Signs keys and checks them (HS256), and the root of all other keys; one is made and kept in the data directory
    /// where it is missing.
    pub jwt_secret: Option<Secret>,
    /// How the tokens of users are signed.
    pub jwt_algorithm: JwtAlgorithm,
    /// Days that one key signs; 0: until somebody rotates.
    pub key_rotation_days: u32,
    /// Threads that hash passwords; 0: half of the cores.
    pub hash_threads: usize,
    /// Passwords that may wait to be hashed; one more is refused with 429 and `Retry-After`.
    pub hash_queue_max: usize,
    /// Others whose tokens are taken.
    pub issuers: Vec<TokenIssuer>,
    /// Whether identity may ask servers at addresses that are not public, and without TLS.
    pub private_fetches: bool,
    /// The role of requests without a token.
    pub anonymous_role: String,
    /// This server as the outside reaches it: links in mail begin with it.
    pub public_url: Option<String>,
    /// Where people land after they followed a link, unless the application asks for another address.
    pub site_url: Option<String>,
    /// Other addresses that may be asked for; `*` stays between dots and slashes, `**` does not.
    pub redirect_urls: Vec<String>,
    /// People may sign up.
    pub signup: bool,
    /// By mail.
    pub email: bool,
    /// By text message.
    pub phone: bool,
    pub anonymous_users: bool,
    /// A new address is confirmed by mail before its first sign-in.
    pub confirm_email: bool,
    /// A change of address is confirmed at the old and at the new one.
    pub confirm_email_change_twice: bool,
    /// A new password in a session older than a day needs a code.
    pub reauthenticate_for_password: bool,
    pub access_token_seconds: u32,
    /// How long a session may last; 0 is for ever.
    pub session_hours_max: u32,
    pub email_code_seconds: u32,
    pub phone_code_seconds: u32,
    pub code_digits: u32,
    pub password_characters_min: usize,
    /// Attempts from one address in five minutes, and five times as many refreshes; 0 is no limit, the default in
    /// development.
    pub attempts_per_address_max: Option<u32>,
    /// Attempts on one account in five minutes; likewise.
    pub attempts_per_account_max: Option<u32>,
    /// Time between two messages to one address; none in development, a minute otherwise.
    pub message_interval_seconds: Option<u32>,
    /// The header in which a proxy of ours tells who asks (its last entry).
    pub address_header: Option<String>,
    /// What callers may do before anything is granted.
    pub default_privileges: DefaultMode,
}

/// What callers may do in exposed schemas before anything is granted or revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultMode {
    /// `service_role` everything, `anon` and `authenticated` what row security guards.
    #[default]
    Guarded,
    /// All three everything.
    All,
}

impl Default for AuthSettings {
    fn default() -> Self {
        AuthSettings {
            jwt_secret: None,
            jwt_algorithm: JwtAlgorithm::Es256,
            key_rotation_days: 90,
            hash_threads: 0,
            hash_queue_max: 64,
            issuers: Vec::new(),
            private_fetches: false,
            anonymous_role: "anon".into(),
            public_url: None,
            site_url: None,
            redirect_urls: Vec::new(),
            signup: true,
            email: true,
            phone: false,
            anonymous_users: false,
            confirm_email: true,
            confirm_email_change_twice: true,
            reauthenticate_for_password: false,
            access_token_seconds: 3_600,
            session_hours_max: 0,
            email_code_seconds: 3_600,
            phone_code_seconds: 300,
            code_digits: 6,
            password_characters_min: 8,
            attempts_per_address_max: None,
            attempts_per_account_max: None,
            message_interval_seconds: None,
            address_header: None,
            default_privileges: DefaultMode::Guarded,
        }
    }
}

/// Somebody else whose tokens are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenIssuer {
    /// Exactly what `iss` says.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// What `aud` has to name.
    pub audience: String,
    /// The roles that its tokens may ask for; one that names none gets the first.
    #[serde(default = "authenticated")]
    pub roles: Vec<String>,
}

fn authenticated() -> Vec<String> {
    vec!["authenticated".to_owned()]
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthSettings {
    /// Clients may register themselves.
    pub registration: bool,
    /// APIs beside this application's that tokens may be for, as URIs.
    pub resources: Vec<String>,
    /// At most 600.
    pub access_token_seconds: u32,
    /// How long a client can refresh before the user has to sign in again.
    pub grant_days: u32,
    /// How long a browser stays signed in on the pages of this server.
    pub browser_session_hours: u32,
}

impl Default for OauthSettings {
    fn default() -> Self {
        OauthSettings {
            registration: false,
            resources: Vec::new(),
            access_token_seconds: 600,
            grant_days: 30,
            browser_session_hours: 168,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// `smtps://user:password@host:465`, or `smtp://…:587` with STARTTLS; missing: mail stays in the inbox of `dev`.
    pub smtp_url: Option<Secret>,
    /// Whom mail comes from: `Shop <no-reply@example.com>`.
    pub from: String,
    /// Messages that may wait to be sent.
    pub queue_length_max: usize,
}

impl Default for MailSettings {
    fn default() -> Self {
        MailSettings { smtp_url: None, from: "no-reply@localhost".into(), queue_length_max: 10_000 }
    }
}

/// How the tokens of users are signed: with rotating keys whose public part is published, or with the shared secret.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum JwtAlgorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "HS256")]
    Hs256,
}

impl Settings {
    /// Reads a file; a missing one gives the defaults.
    pub fn read(path: &Path) -> Result<Settings> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => {
                return Err(Problem::new("MS020", format!("cannot read `{}`: {error}", path.display())));
            }
        };
        let settings: Settings = toml::from_str(&text).map_err(|error| {
            let mut problem = Problem::new("MS021", error.message().replace('\n', " "))
                .with_hint("docs/settings.md lists every key with its unit and default");
            if let Some(span) = error.span() {
                problem = problem.at(span.start);
            }
            problem
        })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let wrong =
            |what: &str, hint: &str| Err(Problem::new("MS021", what.to_owned()).with_hint(hint.to_owned()));
        if self.rest.schemas.is_empty() {
            return wrong("`[rest] schemas` is empty", "name at least one schema, for example [\"public\"]");
        }
        if self.rest.statement_timeout_ms == 0 {
            return wrong(
                "`[rest] statement_timeout_ms` is 0",
                "every statement needs a limit; 8000 is the default",
            );
        }
        if !(1..=600).contains(&self.oauth.access_token_seconds) {
            let what = format!("`[oauth] access_token_seconds` is {}", self.oauth.access_token_seconds);
            return wrong(&what, "access tokens of clients live for 1 to 600 seconds");
        }
        if self.server.listen.parse::<std::net::SocketAddr>().is_err() {
            let what =
                format!("`[server] listen` is `{}`, which is no address with a port", self.server.listen);
            return wrong(&what, "write it as \"127.0.0.1:54321\" or \"[::1]:54321\"");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_enough() {
        let settings: Settings = toml::from_str("").expect("parses");
        assert_eq!(settings.server.listen, "127.0.0.1:54321");
        settings.check().expect("defaults are right");
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let error = toml::from_str::<Settings>("[server]\nlistne = 1").expect_err("unknown key");
        assert!(error.message().contains("listne"), "{}", error.message());
    }
}

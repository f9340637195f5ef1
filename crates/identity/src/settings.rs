//! What an operator may choose about signing in.

/// Settings of [`crate::Identity`].
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// This server as the outside reaches it, without a slash at its end: links in mail begin with it. Never taken from
    /// a request, which could name somebody else's host.
    pub public_url: String,
    /// Where people land after they followed a link, unless the application asks for another address.
    pub site_url: String,
    /// Other addresses that may be asked for; `*` stands for a part between dots and slashes, `**` for anything.
    pub redirect_urls: Vec<String>,
    /// Allows every port of this machine's own names as an address to land on: for development.
    pub local_redirects: bool,
    pub signup_enabled: bool,
    /// An address has to be confirmed by mail before its first sign-in.
    pub confirm_email: bool,
    pub email_enabled: bool,
    pub phone_enabled: bool,
    pub anonymous_enabled: bool,
    /// A change of address is confirmed at the old and at the new one.
    pub confirm_email_change_twice: bool,
    /// A new password in a session older than a day needs a code from `reauthenticate`.
    pub reauthenticate_for_password: bool,
    pub access_token_seconds: i64,
    /// How long a session may last at most; 0 is for ever.
    pub session_hours_max: i64,
    /// How long a code or link in a mail can be used.
    pub email_code_seconds: i64,
    /// How long a code sent by SMS can be used.
    pub phone_code_seconds: i64,
    pub code_digits: u32,
    pub password_characters_min: usize,
    /// Attempts from one address in five minutes, and five times as many refreshes; 0 is no limit.
    pub attempts_per_address_max: u32,
    /// Attempts on one account in five minutes; 0 is no limit.
    pub attempts_per_account_max: u32,
    /// Time between two messages to one address.
    pub message_interval_seconds: i64,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        IdentitySettings {
            public_url: String::new(),
            site_url: String::new(),
            redirect_urls: Vec::new(),
            local_redirects: false,
            signup_enabled: true,
            confirm_email: true,
            email_enabled: true,
            phone_enabled: false,
            anonymous_enabled: false,
            confirm_email_change_twice: true,
            reauthenticate_for_password: false,
            access_token_seconds: 3_600,
            session_hours_max: 0,
            email_code_seconds: 3_600,
            phone_code_seconds: 300,
            code_digits: 6,
            password_characters_min: 8,
            attempts_per_address_max: 30,
            attempts_per_account_max: 10,
            message_interval_seconds: 60,
        }
    }
}

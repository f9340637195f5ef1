//! Mail: which messages there are, how they are written, and the port through which they leave.

mod template;

use crate::codes::Code;
use crate::users::User;
use mainstay_base::{Problem, Result};
use serde_json::Value;
use std::fmt;

/// The messages that flows send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    Confirmation,
    Invite,
    MagicLink,
    Recovery,
    EmailChange,
    Reauthentication,
}

impl MailKind {
    pub const ALL: [MailKind; 6] = [
        MailKind::Confirmation,
        MailKind::Invite,
        MailKind::MagicLink,
        MailKind::Recovery,
        MailKind::EmailChange,
        MailKind::Reauthentication,
    ];

    /// The name of its template, `auth/templates/NAME.html`.
    pub fn name(self) -> &'static str {
        match self {
            MailKind::Confirmation => "confirmation",
            MailKind::Invite => "invite",
            MailKind::MagicLink => "magic_link",
            MailKind::Recovery => "recovery",
            MailKind::EmailChange => "email_change",
            MailKind::Reauthentication => "reauthentication",
        }
    }

    fn own_template(self) -> &'static str {
        match self {
            MailKind::Confirmation => include_str!("templates/confirmation.html"),
            MailKind::Invite => include_str!("templates/invite.html"),
            MailKind::MagicLink => include_str!("templates/magic_link.html"),
            MailKind::Recovery => include_str!("templates/recovery.html"),
            MailKind::EmailChange => include_str!("templates/email_change.html"),
            MailKind::Reauthentication => include_str!("templates/reauthentication.html"),
        }
    }
}

/// A message that is ready to leave. It carries a code, so it prints only what it is.
#[derive(Clone)]
pub struct Mail {
    pub kind: MailKind,
    pub to: String,
    pub subject: String,
    pub html: String,
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({})", self.kind.name())
    }
}

/// Takes messages and sends them later: an answer must not wait for a mail server, and must not tell by its time whether
/// there was anything to send. Fails at once when too many wait.
pub trait Mailer: Send + Sync + 'static {
    fn send(&self, mail: Mail) -> Result<()>;
}

/// Where an application's own templates come from.
pub trait Templates: Send + Sync + 'static {
    /// The text of `NAME.html`, where the application has one.
    fn read(&self, name: &str) -> Option<String>;
}

/// What a message tells.
pub(crate) struct Letter<'a> {
    pub kind: MailKind,
    pub to: &'a str,
    pub code: &'a Code,
    /// The address to follow; empty for codes that are only typed.
    pub link: String,
    pub site_url: &'a str,
    pub redirect_to: &'a str,
    pub user: &'a User,
    /// The address that a user changes to.
    pub new_email: &'a str,
}

/// Writes a message from the application's template, or the one that comes with Mainstay.
pub(crate) fn write(letter: &Letter<'_>, templates: &dyn Templates) -> Result<Mail> {
    let data = Value::Object(letter.user.raw_user_meta_data.clone().unwrap_or_default());
    let variables = template::Variables {
        texts: vec![
            ("ConfirmationURL", &letter.link),
            ("Token", &letter.code.otp),
            ("TokenHash", &letter.code.token),
            ("SiteURL", letter.site_url),
            ("RedirectTo", letter.redirect_to),
            ("Email", letter.user.email()),
            ("NewEmail", letter.new_email),
        ],
        data: &data,
    };
    let own = templates.read(letter.kind.name());
    let html = template::render(own.as_deref().unwrap_or(letter.kind.own_template()), &variables)
        .map_err(|why| template_problem(letter.kind, &why))?;
    let subject = template::title(&html).unwrap_or_else(|| "Your code".to_owned());
    let mut text = format!("{subject}\n\nCode: {}\n", letter.code.otp);
    if !letter.link.is_empty() {
        text.push_str(&format!("Or follow this link: {}\n", letter.link));
    }
    Ok(Mail { kind: letter.kind, to: letter.to.to_owned(), subject, html, text })
}

/// Fails where a template of the application says what cannot be said.
pub fn check_templates(templates: &dyn Templates) -> Result<()> {
    let data = Value::Object(serde_json::Map::new());
    let texts = ["ConfirmationURL", "Token", "TokenHash", "SiteURL", "RedirectTo", "Email", "NewEmail"];
    let variables =
        template::Variables { texts: texts.iter().map(|name| (*name, "")).collect(), data: &data };
    for kind in MailKind::ALL {
        if let Some(text) = templates.read(kind.name()) {
            template::render(&text, &variables).map_err(|why| template_problem(kind, &why))?;
        }
    }
    Ok(())
}

fn template_problem(kind: MailKind, why: &str) -> Problem {
    Problem::new("MS040", format!("template `{}.html`: {why}", kind.name())).with_hint(
        "templates know {{ .ConfirmationURL }}, {{ .Token }}, {{ .TokenHash }}, {{ .SiteURL }}, {{ .RedirectTo }}, {{ .Email }}, {{ .NewEmail }} and {{ .Data.name }}",
    )
}

//! Codes on their way: the row that a code is, and the message that carries it.

use crate::codes::{self, Code, Purpose};
use crate::db::{Tx, params};
use crate::mail::{self, Letter, Mail, MailKind};
use crate::service::Identity;
use crate::sms::Sms;
use crate::users::User;
use mainstay_base::Result;

/// What leaves once a transaction is over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    pub mails: Vec<Mail>,
    pub texts: Vec<Sms>,
}

/// A message to write.
pub(crate) struct Wanted<'a> {
    pub kind: MailKind,
    pub purpose: Purpose,
    /// The `type` that its link carries.
    pub verification: &'a str,
    pub to: &'a str,
    pub redirect_to: &'a str,
    pub pkce: bool,
}

impl Identity {
    /// Makes a code for an address, keeps it, and writes the mail that carries it.
    pub(crate) async fn mail_code(&self, tx: &Tx, user: &User, wanted: Wanted<'_>) -> Result<Mail> {
        let code = self.codes().make(self.env(), wanted.to, wanted.pkce);
        codes::keep(tx, user.id, wanted.purpose, wanted.to, &code).await?;
        note_sent(tx, user, wanted.purpose).await?;
        let link = match wanted.kind {
            MailKind::Reauthentication => String::new(),
            _ => self.action_link(&code, wanted.verification, wanted.redirect_to),
        };
        let letter = Letter {
            kind: wanted.kind,
            to: wanted.to,
            code: &code,
            link,
            site_url: &self.settings().site_url,
            redirect_to: wanted.redirect_to,
            user,
            new_email: if wanted.kind == MailKind::EmailChange {
                user.email_change.as_deref().unwrap_or_default()
            } else {
                ""
            },
        };
        mail::write(&letter, &*self.parts().templates)
    }

    /// Makes a code for a phone number, keeps it, and gives the message that carries it.
    pub(crate) async fn text_code(&self, tx: &Tx, user: &User, purpose: Purpose, phone: &str) -> Result<Sms> {
        let code = self.codes().make(self.env(), phone, false);
        codes::keep(tx, user.id, purpose, phone, &code).await?;
        note_sent(tx, user, purpose).await?;
        Ok(Sms { user: user.id, phone: phone.to_owned(), otp: code.otp })
    }

    /// The address that a code's link leads to.
    pub(crate) fn action_link(&self, code: &Code, verification: &str, redirect_to: &str) -> String {
        format!(
            "{}/auth/v1/verify?token={}&type={verification}&redirect_to={}",
            self.settings().public_url,
            code.token,
            percent_encoded(redirect_to)
        )
    }

    /// Hands messages over. That one could not be taken is logged, and is no failure of the flow: its answer must not
    /// depend on whether there was anything to send.
    pub(crate) fn dispatch(&self, outgoing: Outgoing) {
        for mail in outgoing.mails {
            let kind = mail.kind.name();
            if let Err(problem) = self.parts().mailer.send(mail) {
                tracing::error!(kind, %problem, "a mail could not be handed over");
            }
        }
        for sms in outgoing.texts {
            let sent = self.texter().and_then(|texter| texter.send(sms));
            if let Err(problem) = sent {
                tracing::error!(%problem, "a text message could not be handed over");
            }
        }
    }
}

/// Writes down when a user was last sent a code of this kind.
async fn note_sent(tx: &Tx, user: &User, purpose: Purpose) -> Result<()> {
    let sql = match purpose {
        Purpose::Confirmation => {
            "update auth.users set confirmation_sent_at = $2, updated_at = $2 where id = $1"
        }
        Purpose::Recovery => "update auth.users set recovery_sent_at = $2, updated_at = $2 where id = $1",
        Purpose::Reauthentication => {
            "update auth.users set reauthentication_sent_at = $2, updated_at = $2 where id = $1"
        }
        Purpose::EmailChangeNew | Purpose::EmailChangeCurrent => {
            "update auth.users set email_change_sent_at = $2, updated_at = $2 where id = $1"
        }
        Purpose::PhoneChange => {
            "update auth.users set phone_change_sent_at = $2, updated_at = $2 where id = $1"
        }
    };
    tx.run(sql, params![user.id, tx.db.now()]).await?;
    Ok(())
}

/// Text as it may stand in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

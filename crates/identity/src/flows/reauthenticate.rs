//! A code that shows that the person is still there, before something that matters.

use super::messages::{Outgoing, Wanted};
use crate::audit::{Event, record, traits};
use crate::caller::{Bearer, Caller};
use crate::codes::{self, Purpose, Shown};
use crate::credentials::Attempt;
use crate::db::Tx;
use crate::mail::MailKind;
use crate::refuse::{invalid, refuse};
use crate::service::Identity;
use crate::users::{self, User};
use mainstay_base::Result;

impl Identity {
    /// Sends the code to the user's address, else to the phone.
    pub async fn reauthenticate(&self, bearer: Bearer, caller: &Caller) -> Result<()> {
        let user = self.user_of(bearer).await?;
        let to = [user.email(), user.phone()].into_iter().find(|to| !to.is_empty());
        let to = to.ok_or_else(|| {
            invalid("Reauthentication requires the user to have an email or a phone number")
        })?;
        if !user.email().is_empty() && !user.is_email_confirmed() {
            return Err(refuse(422, "email_not_confirmed", "Please verify your email first."));
        }
        self.admit(caller, Attempt::Account(to))?;
        self.pace(to, user.email().is_empty())?;
        let outgoing = self
            .transact((user.id, caller.clone()), |it, tx, on| {
                Box::pin(async move {
                    let user = users::again(&tx, on.0).await?;
                    record(&tx, Event::UserReauthenticateRequested, Some(&user), &on.1, traits! {}).await?;
                    if user.email().is_empty() {
                        let text = it.text_code(&tx, &user, Purpose::Reauthentication, user.phone()).await?;
                        return Ok(Outgoing { mails: Vec::new(), texts: vec![text] });
                    }
                    let wanted = Wanted {
                        kind: MailKind::Reauthentication,
                        purpose: Purpose::Reauthentication,
                        verification: "reauthentication",
                        to: user.email(),
                        redirect_to: "",
                        pkce: false,
                    };
                    Ok(Outgoing { mails: vec![it.mail_code(&tx, &user, wanted).await?], texts: Vec::new() })
                })
            })
            .await?;
        self.dispatch(outgoing);
        Ok(())
    }

    /// Uses the code up, in the transaction of what it allows.
    pub(crate) async fn use_nonce(&self, tx: &Tx, user: &User, nonce: &str) -> Result<()> {
        let to = if user.email().is_empty() { user.phone() } else { user.email() };
        let token = self.codes().token(to, nonce);
        let since = tx.db.now().plus_seconds(-self.settings().email_code_seconds);
        let used = codes::redeem(tx, &token, Shown::Digits, [Purpose::Reauthentication; 2], since).await?;
        match used {
            Some(used) if used.user_id == user.id => Ok(()),
            _ => Err(refuse(422, "reauthentication_not_valid", "Nonce has expired or is invalid")),
        }
    }
}

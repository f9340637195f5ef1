//! In development, messages stay here instead of leaving.

use mainstay_base::Result;
use mainstay_http::auth::{Inbox, InboxMessage};
use mainstay_identity::mail::{Mail, Mailer};
use mainstay_identity::sms::{Sms, Texter};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

const MESSAGES_MAX: usize = 200;

/// The latest messages.
#[derive(Default)]
pub(super) struct DevInbox {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sent: u64,
    messages: VecDeque<InboxMessage>,
}

impl DevInbox {
    fn keep(&self, to: String, subject: String, html: String, text: String) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sent += 1;
        let number = kept.sent;
        kept.messages.push_front(InboxMessage { number, to, subject, html, text });
        kept.messages.truncate(MESSAGES_MAX);
    }
}

impl Mailer for DevInbox {
    fn send(&self, mail: Mail) -> Result<()> {
        self.keep(mail.to, mail.subject, mail.html, mail.text);
        Ok(())
    }
}

impl Texter for DevInbox {
    fn send(&self, sms: Sms) -> Result<()> {
        let text = format!("Your code is {}", sms.otp);
        self.keep(format!("+{}", sms.phone), text.clone(), String::new(), text);
        Ok(())
    }
}

impl Inbox for DevInbox {
    fn messages(&self) -> Vec<InboxMessage> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).messages.iter().cloned().collect()
    }
}

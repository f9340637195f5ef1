//! Text messages: the port through which they leave.

use crate::uuid::Uuid;
use mainstay_base::Result;
use std::fmt;

/// A text message that is ready to leave. It carries a code, so it does not print itself.
#[derive(Clone)]
pub struct Sms {
    pub user: Uuid,
    /// In E.164 without its plus sign.
    pub phone: String,
    pub otp: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sms(…)")
    }
}

/// Takes text messages and sends them later, as [`crate::mail::Mailer`] does.
pub trait Texter: Send + Sync + 'static {
    fn send(&self, sms: Sms) -> Result<()>;
}

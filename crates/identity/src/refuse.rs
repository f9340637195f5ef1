//! What is answered when something is refused: GoTrue's codes, words and statuses.

use mainstay_base::{Problem, Retry};

/// A refusal with GoTrue's `error_code` and status.
pub(crate) fn refuse(status: u16, code: &'static str, words: impl Into<String>) -> Problem {
    Problem::new(code, words).with_status(status)
}

pub(crate) fn invalid(words: impl Into<String>) -> Problem {
    refuse(400, "validation_failed", words)
}

/// The one answer to a wrong password, an unknown account and an account without a password.
pub(crate) fn wrong_credentials() -> Problem {
    refuse(400, "invalid_credentials", "Invalid login credentials")
}

/// The one answer to a one-time code or link that is wrong, used, or too old.
pub(crate) fn code_is_over(link: bool) -> Problem {
    let words = if link { "Email link is invalid or has expired" } else { "Token has expired or is invalid" };
    refuse(403, "otp_expired", words)
}

pub(crate) fn banned() -> Problem {
    refuse(403, "user_banned", "User is banned")
}

pub(crate) fn email_exists() -> Problem {
    refuse(422, "email_exists", "A user with this email address has already been registered")
}

pub(crate) fn phone_exists() -> Problem {
    refuse(422, "phone_exists", "A user with this phone number has already been registered")
}

pub(crate) fn no_session() -> Problem {
    refuse(403, "session_not_found", "Session from session_id claim in JWT does not exist")
}

pub(crate) fn no_user() -> Problem {
    refuse(404, "user_not_found", "User not found")
}

pub(crate) fn too_many(code: &'static str, words: impl Into<String>, seconds: u32) -> Problem {
    refuse(429, code, words).with_retry(Retry::AfterSeconds(seconds.max(1)))
}

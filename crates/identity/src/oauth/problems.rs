//! Refusals in the words of OAuth: the code of a [`Problem`] is the `error` of an answer (RFC 6749 section 5.2).

use mainstay_base::{Problem, Retry};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $status:literal;)*) => {
        $($(#[$doc])*
        pub(super) fn $name(words: impl Into<String>) -> Problem {
            Problem::new(stringify!($name), words).with_status($status)
        })*

        /// Whether a problem is a refusal in OAuth's words, and not a failure of the store or of ours.
        pub fn is_refusal(problem: &Problem) -> bool {
            matches!(problem.code(), "slow_down" | $(stringify!($name))|*)
        }
    };
}

refusals! {
    invalid_request 400;
    /// The client could not prove who it is.
    invalid_client 401;
    invalid_grant 400;
    unauthorized_client 400;
    unsupported_grant_type 400;
    unsupported_response_type 400;
    invalid_scope 400;
    /// RFC 8707.
    invalid_target 400;
    access_denied 403;
    invalid_token 401;
    insufficient_scope 403;
    authorization_pending 400;
    expired_token 400;
    login_required 400;
    consent_required 400;
    invalid_client_metadata 400;
    invalid_redirect_uri 400;
    request_not_supported 400;
    request_uri_not_supported 400;
}

/// A device that asks too often (RFC 8628 section 3.5).
pub(super) fn slow_down(seconds: i64) -> Problem {
    let seconds = u32::try_from(seconds).unwrap_or(5);
    Problem::new("slow_down", "ask less often").with_status(400).with_retry(Retry::AfterSeconds(seconds))
}

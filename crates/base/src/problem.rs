//! An error as a caller sees it: what happened, whose fault it is, whether a retry helps, what to do next.

use std::borrow::Cow;
use std::fmt;

/// Whose fault a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller sent something that cannot be done as asked.
    Caller,
    /// Mainstay or the machine it runs on failed.
    Us,
    /// A system that Mainstay depends on failed.
    Upstream,
}

/// Whether sending the same request again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// At once: a conflict with somebody else that is over by now.
    Now,
    /// After so many seconds: a limit that refills or a resource that is coming back.
    AfterSeconds(u32),
}

/// A place in a text that a person wrote: a byte offset into it, and its file where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Byte offset from the start of the text.
    pub offset: usize,
}

/// An error with a code, in the form that PostgreSQL and PostgREST share: code, message, details, hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    code: Cow<'static, str>,
    message: String,
    details: Option<String>,
    hint: Option<String>,
    fault: Fault,
    retry: Retry,
    place: Option<Place>,
    status: Option<u16>,
}

impl Problem {
    /// A problem with a SQLSTATE (five characters) or a `PGRST…` code. Fault and retry follow from the code.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let code = code.into();
        let (fault, retry) = blame(&code);
        Problem(Box::new(Inner {
            code,
            message: message.into(),
            details: None,
            hint: None,
            fault,
            retry,
            place: None,
            status: None,
        }))
    }

    /// What the embedded engine cannot do, by name: SQLSTATE 0A000 with the way out as the hint.
    pub fn needs_postgres(what: impl fmt::Display) -> Self {
        Problem::new("0A000", format!("{what} needs the PostgreSQL engine")).with_hint(
            "the embedded engine, the only one so far, cannot do this: rewrite the statement or leave it out",
        )
    }

    /// A failure of ours that no caller can mend: SQLSTATE XX000.
    pub fn internal(message: impl Into<String>) -> Self {
        Problem::new("XX000", message)
    }

    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.0.details = Some(details.into());
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// The byte offset in the text that the caller wrote; an earlier (inner) place is kept.
    pub fn at(mut self, offset: usize) -> Self {
        self.0.place.get_or_insert(Place { offset });
        self
    }

    /// Moves the place when the text it points into is part of a larger one.
    pub fn shifted(mut self, by: usize) -> Self {
        if let Some(place) = &mut self.0.place {
            place.offset += by;
        }
        self
    }

    /// Overrides the HTTP status that the code would have.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }
    pub fn message(&self) -> &str {
        &self.0.message
    }
    pub fn details(&self) -> Option<&str> {
        self.0.details.as_deref()
    }
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    pub fn fault(&self) -> Fault {
        self.0.fault
    }
    pub fn retry(&self) -> Retry {
        self.0.retry
    }
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The HTTP status of the problem: its own, else the one that PostgREST gives to the code.
    /// `authenticated` tells whether the caller showed a valid token (42501 is 401 without one, 403 with).
    pub fn http_status(&self, authenticated: bool) -> u16 {
        self.0.status.unwrap_or_else(|| http_status(&self.0.code, &self.0.message, authenticated))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl std::error::Error for Problem {}

fn blame(code: &str) -> (Fault, Retry) {
    match code {
        "40001" | "40P01" => (Fault::Caller, Retry::Now),
        "53300" | "53400" | "57P03" => (Fault::Us, Retry::AfterSeconds(1)),
        "57014" => (Fault::Us, Retry::AfterSeconds(1)),
        _ => match code.get(..2) {
            Some("53" | "57" | "58" | "XX") => (Fault::Us, Retry::Never),
            Some("08" | "HV") => (Fault::Upstream, Retry::AfterSeconds(1)),
            _ => (Fault::Caller, Retry::Never),
        },
    }
}

/// PostgREST's table from codes to statuses (its documentation, "Errors").
fn http_status(code: &str, message: &str, authenticated: bool) -> u16 {
    match code {
        "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" => {
            if code == "PGRST003" {
                504
            } else {
                503
            }
        }
        "PGRST101" => 405,
        "PGRST103" => 416,
        "PGRST105" => 405,
        "PGRST106" | "PGRST107" => 406,
        "PGRST111" | "PGRST112" => 500,
        "PGRST116" => 406,
        "PGRST117" => 405,
        "PGRST121" => 500,
        "PGRST125" | "PGRST126" => 404,
        "PGRST201" => 300,
        "PGRST202" | "PGRST205" => 404,
        "PGRST203" => 300,
        "PGRST300" => 500,
        "PGRST301" | "PGRST302" | "PGRST303" => 401,
        "23503" | "23505" => 409,
        "25006" => 405,
        // a function or a view that returned two rows where one was expected; only the safeguard of writes without
        // a filter is the caller's
        "21000" if !message.ends_with("requires a WHERE clause") => 500,
        // the role that a token names
        "22023" if message.starts_with("role") && message.ends_with("does not exist") => 401,
        "21000" | "22023" => 400,
        "42883" | "42P01" => 404,
        "42P17" => 500,
        "42501" => {
            if authenticated {
                403
            } else {
                401
            }
        }
        "P0001" => 400,
        "40001" | "40P01" => 409,
        "53400" => 500,
        "57014" => 504,
        "57P01" | "57P03" | "53300" => 503,
        "53100" => 507,
        "54000" => 413,
        "XX000" => 500,
        "0A000" => 400,
        _ if code.starts_with("PGRST") => 400,
        _ => match code.get(..2) {
            Some("08") => 503,
            Some("09" | "25" | "28") => {
                if code.starts_with("28") {
                    403
                } else {
                    500
                }
            }
            Some("0L" | "0P") => 403,
            Some("22" | "23" | "42") => 400,
            Some("2D" | "34" | "38" | "39" | "3B" | "40") => 500,
            Some("53" | "57") => 503,
            Some("54" | "55" | "58" | "F0" | "HV" | "P0" | "XX") => 500,
            _ => 400,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_denied_asks_an_anonymous_caller_to_sign_in() {
        let problem = Problem::new("42501", "permission denied for table orders");
        assert_eq!((problem.http_status(false), problem.http_status(true)), (401, 403));
    }

    #[test]
    fn some_codes_depend_on_their_words() {
        let status = |code, message: &str| Problem::new(code, message).http_status(true);
        let several = "more than one row returned by a subquery used as an expression";
        assert_eq!(status("21000", several), 500);
        assert_eq!((status("54000", "too deep"), status("54001", "stack depth limit exceeded")), (413, 500));
        assert_eq!(status("21000", "UPDATE requires a WHERE clause"), 400);
        assert_eq!(status("22023", "role \"editor\" does not exist"), 401);
        assert_eq!(status("22023", "time zone \"Moon\" not recognized"), 400);
    }

    #[test]
    fn an_inner_place_is_kept() {
        assert_eq!(
            Problem::new("42601", "x").at(3).at(9).shifted(10).place().map(|place| place.offset),
            Some(13)
        );
    }
}

//! Messages that were sent, shown instead of sent: in development only.

use super::input::Input;
use super::reply::{no_such_path, ok};
use crate::edge::{Body, Response};
use crate::pages::html::Escaped;
use hyper::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use mainstay_base::Result;
use serde_json::json;
use std::fmt::Write as _;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const LIST_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// A message is somebody's text: it runs nothing, and its links may be followed.
const MESSAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; \
     style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
);

/// A message in the inbox.
#[derive(Clone, Debug)]
pub struct InboxMessage {
    /// Counts from one, in the order of sending.
    pub number: u64,
    pub to: String,
    pub subject: String,
    /// Empty for text messages.
    pub html: String,
    pub text: String,
}

/// Messages, latest first.
pub trait Inbox: Send + Sync + 'static {
    fn messages(&self) -> Vec<InboxMessage>;
}

pub(super) fn page(inbox: Option<&dyn Inbox>, input: &Input, path: &[&str]) -> Result<Response> {
    let messages = inbox.ok_or_else(no_such_path)?.messages();
    match path {
        [] if input.json => {
            let wanted = |message: &&InboxMessage| input.query("to").is_none_or(|to| message.to == to);
            let list: Vec<_> = messages
                .iter()
                .filter(wanted)
                .map(|message| {
                    json!({"number": message.number, "to": message.to, "subject": message.subject, "text": message.text,
                           "html": message.html})
                })
                .collect();
            ok(&json!(list))
        }
        [] => Ok(html(list(&messages), LIST_POLICY)),
        [number] => {
            let found = messages.into_iter().find(|message| message.number.to_string() == *number);
            let message = found.ok_or_else(no_such_path)?;
            Ok(html(message.html, MESSAGE_POLICY))
        }
        _ => Err(no_such_path()),
    }
}

fn list(messages: &[InboxMessage]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Inbox</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"stylesheet\" href=\"/_mainstay/style.css\"></head><body><main><h1>Inbox</h1>\
         <p class=\"soft\">In development, messages land here instead of leaving.</p>",
    );
    if messages.is_empty() {
        page.push_str("<p>Nothing yet.</p>");
    }
    for message in messages {
        let _ = write!(
            page,
            "<section class=\"card\"><h2>{}</h2><p class=\"soft\">to {}</p><pre>{}</pre>",
            Escaped(&message.subject),
            Escaped(&message.to),
            Escaped(&message.text)
        );
        if !message.html.is_empty() {
            let _ = write!(
                page,
                "<p><a href=\"/auth/v1/inbox/{}\">The message as it looks</a></p>",
                message.number
            );
        }
        page.push_str("</section>");
    }
    page.push_str("</main></body></html>");
    page
}

fn html(text: String, policy: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

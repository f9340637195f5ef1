//! The page of what a user allowed, and the one that asks before a logout.

use super::{hidden, page};
use crate::edge::Response;
use crate::oauth::browser::TOKEN;
use crate::pages::Escaped;
use mainstay_identity::oauth::Granted;
use std::fmt::Write as _;

pub(in crate::oauth) fn account(title: &str, user: &str, granted: &[Granted], form_token: &str) -> Response {
    let token = hidden(TOKEN, form_token);
    let mut content =
        format!("<p class=\"lead\">You are signed in as <strong>{}</strong>.</p>\n", Escaped(user));
    if granted.is_empty() {
        content.push_str("<p>No application has access to your account.</p>\n");
    } else {
        content.push_str("<p>These applications have access to your account:</p>\n<ul class=\"apps\">\n");
    }
    let mut shown: Vec<&str> = Vec::new();
    for grant in granted {
        // An application that signed in several times is withdrawn at once.
        if shown.contains(&grant.client_id.as_str()) {
            continue;
        }
        shown.push(&grant.client_id);
        let _ = writeln!(
            content,
            "<li><span><strong>{}</strong><br><span class=\"soft\">{}</span></span>\n\
             <form method=\"post\" action=\"/oauth/account/withdraw\">\n{token}{}<button>Withdraw</button></form></li>",
            Escaped(&grant.client_name),
            Escaped(&grant.scope),
            hidden("client_id", &grant.client_id),
        );
    }
    if !granted.is_empty() {
        content.push_str("</ul>\n");
    }
    let _ = writeln!(
        content,
        "<form method=\"post\" action=\"/oauth/account/sign-out\" class=\"choice\">\n{token}\
         <button name=\"everywhere\" value=\"1\">Sign out everywhere</button>\n<button class=\"main\">Sign out</button>\n\
         </form>"
    );
    page(title, "Your applications", &content, None)
}

pub(in crate::oauth) fn logout(
    title: &str,
    action: &str,
    form_token: &str,
    client: Option<&str>,
    uri: Option<&str>,
) -> Response {
    let lead = match client {
        Some(client) => {
            format!("<strong>{}</strong> asks to sign you out of {}.", Escaped(client), Escaped(title))
        }
        None => format!("Do you want to sign out of {}?", Escaped(title)),
    };
    let content = format!(
        "<p class=\"lead\">{lead}</p>\n<form method=\"post\" action=\"{}\">\n{}\
         <button class=\"main\">Sign out</button>\n</form>\n",
        Escaped(action),
        hidden(TOKEN, form_token),
    );
    let source = uri.and_then(mainstay_identity::oauth::redirect_source);
    page(title, "Sign out", &content, source.as_deref())
}

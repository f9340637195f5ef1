//! The page on which users allow an application something, and the one on which they type a device's code.

use super::{hidden, page};
use crate::edge::Response;
use crate::oauth::browser::TOKEN;
use crate::pages::Escaped;
use mainstay_identity::oauth::Client;
use std::fmt::Write as _;

pub(in crate::oauth) struct ConsentPage<'a> {
    pub title: &'a str,
    pub action: &'a str,
    pub form_token: &'a str,
    pub client: &'a Client,
    pub scopes: &'a [&'a str],
    pub resources: &'a [String],
    /// The name of this application's own API among the resources.
    pub own_api: &'a str,
    /// Where the answer goes.
    pub destination: &'a str,
    pub user: &'a str,
    pub days: u64,
    pub form_source: Option<&'a str>,
    /// The code that the user's device shows.
    pub user_code: Option<&'a str>,
}

impl ConsentPage<'_> {
    pub fn render(&self) -> Response {
        let name = Escaped(&self.client.name);
        let mut content = format!(
            "<p class=\"lead\"><strong>{name}</strong> asks for access to your account <strong>{}</strong>.</p>\n",
            Escaped(self.user)
        );
        if self.client.dynamic {
            content.push_str(
                "<p class=\"note\">Nobody has checked this application: it chose its name itself. Go on only if you have \
                 just started this from an application that you trust.</p>\n",
            );
        }
        if let Some(code) = self.user_code {
            let _ = writeln!(
                content,
                "<p class=\"note\">Does your device show this code? Say no if you have no device in front of you or if \
                 somebody sent you the code.</p>\n<p class=\"code\">{}</p>",
                Escaped(code)
            );
        }
        content.push_str("<ul>\n");
        for line in self.lines() {
            let _ = writeln!(content, "<li>{}</li>", Escaped(&line));
        }
        content.push_str("</ul>\n");
        let _ = writeln!(content, "<p class=\"soft\">Your answer goes to {}.</p>", Escaped(self.destination));
        let _ = writeln!(
            content,
            "<form method=\"post\" action=\"{}\" class=\"choice\">\n{}\
             <button name=\"decision\" value=\"deny\">No</button>\n\
             <button class=\"main\" name=\"decision\" value=\"allow\">Allow</button>\n</form>\n\
             <p class=\"soft\">You can withdraw this at any time on <a href=\"/oauth/account\">your page of \
             applications</a>.</p>",
            Escaped(self.action),
            hidden(TOKEN, self.form_token),
        );
        let heading = format!("Let {} in?", self.client.name);
        page(self.title, &heading, &content, self.form_source)
    }

    /// What the application could do, in words.
    fn lines(&self) -> Vec<String> {
        let scope = |word: &&str| match *word {
            "openid" => "Know who you are".to_owned(),
            "profile" => "See your name and picture".to_owned(),
            "email" => "See your email address".to_owned(),
            "phone" => "See your phone number".to_owned(),
            "offline_access" => format!("Keep this access while you are away, for up to {} days", self.days),
            other => format!("Use the permission “{other}”"),
        };
        let resource = |uri: &String| match uri == self.own_api {
            true => format!("Read and change in {} what you can read and change", self.title),
            false => format!("Use {uri} in your name"),
        };
        self.scopes.iter().map(scope).chain(self.resources.iter().map(resource)).collect()
    }
}

/// The page on which a user types the code that a device shows.
pub(in crate::oauth) fn device_code(title: &str, message: Option<&str>) -> Response {
    let message = message.map_or_else(String::new, |words| {
        format!("<p class=\"bad\" role=\"alert\">{}</p>\n", Escaped(words))
    });
    let content = format!(
        "<p class=\"lead\">Type the code that your device shows.</p>\n{message}\
         <form method=\"get\" action=\"/oauth/device\">\n<label for=\"user_code\">Code</label>\n\
         <input id=\"user_code\" name=\"user_code\" class=\"code\" autocomplete=\"off\" autocapitalize=\"characters\" \
         spellcheck=\"false\" maxlength=\"12\" placeholder=\"XXXX-XXXX\" required autofocus>\n\
         <button class=\"main\">Go on</button>\n</form>\n"
    );
    page(title, "Connect a device", &content, None)
}

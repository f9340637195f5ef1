//! The page on which users prove who they are.

use super::{hidden, page};
use crate::edge::Response;
use crate::oauth::browser::TOKEN;
use crate::pages::Escaped;

pub(in crate::oauth) struct SignInPage<'a> {
    pub title: &'a str,
    pub action: &'a str,
    pub form_token: &'a str,
    /// What the field for the address holds already.
    pub email: &'a str,
    /// The application that the user comes from.
    pub client: Option<&'a str>,
    /// What was wrong the last time.
    pub message: Option<&'a str>,
    pub asks_code: bool,
    pub form_source: Option<&'a str>,
}

impl SignInPage<'_> {
    pub fn render(&self) -> Response {
        let lead = self.client.map_or_else(String::new, |client| {
            format!("<p class=\"lead\">to go on to <strong>{}</strong></p>\n", Escaped(client))
        });
        let message = self.message.map_or_else(String::new, |words| {
            format!("<p class=\"bad\" role=\"alert\">{}</p>\n", Escaped(words))
        });
        let code = match self.asks_code {
            true => {
                "<label for=\"code\">Code of your authenticator app</label>\n\
                 <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"10\" \
                 required>\n"
            }
            false => "",
        };
        // The cursor waits where there is something to type.
        let (first, second) = if self.email.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
        let content = format!(
            "{lead}{message}<form method=\"post\" action=\"{}\">\n{}\
             <label for=\"email\">Email</label>\n\
             <input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" value=\"{}\" required{first}>\n\
             <label for=\"password\">Password</label>\n\
             <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required{second}>\n\
             {code}<button class=\"main\">Sign in</button>\n</form>\n",
            Escaped(self.action),
            hidden(TOKEN, self.form_token),
            Escaped(self.email),
        );
        page(self.title, "Sign in", &content, self.form_source)
    }
}

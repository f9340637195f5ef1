//! The pages that users see: plain HTML, one style sheet, no script, nothing from elsewhere.

mod account;
mod consent;
mod sign_in;

pub(super) use account::{account, logout};
pub(super) use consent::{ConsentPage, device_code};
pub(super) use sign_in::SignInPage;

use crate::edge::{Body, Response};
use crate::pages::Escaped;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const STYLE: &str = include_str!("style.css");

/// The style sheet of all of them.
pub(super) fn style() -> Response {
    let mut response = Response::new(Body::from(STYLE));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer without a body, with the headers of all pages.
pub(super) fn blank() -> Response {
    guarded(Response::new(Body::empty()), None)
}

/// In no frame (RFC 9700 section 4.16), with no address told to others (section 4.2.4), in no cache.
fn guarded(mut response: Response, form_source: Option<&str>) -> Response {
    let space = if form_source.is_some() { " " } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'{space}{}",
        form_source.unwrap_or_default()
    );
    let headers = response.headers_mut();
    // A source is of characters that a redirect URI may have, so it cannot end the directive; what is no header is not
    // shown with a weaker one.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'; form-action 'none'",
    ));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A whole page. `content` is HTML.
fn page(title: &str, heading: &str, content: &str, form_source: Option<&str>) -> Response {
    let (title, heading) = (Escaped(title), Escaped(heading));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{heading} · {title}</title>\n<link rel=\"stylesheet\" href=\"/oauth/style.css\">\n</head>\n<body>\n\
         <main>\n<p class=\"app\">{title}</p>\n<section>\n<h1>{heading}</h1>\n{content}</section>\n</main>\n</body>\n</html>\n"
    );
    let mut response = Response::new(Body::from(html));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    guarded(response, form_source)
}

pub(super) fn notice(title: &str, heading: &str, words: &str) -> Response {
    page(title, heading, &format!("<p>{}</p>\n", Escaped(words)), None)
}

pub(super) fn error(title: &str, code: &str, words: &str) -> Response {
    let content = format!(
        "<p role=\"alert\">{}</p>\n<p class=\"soft\"><code>{}</code></p>\n",
        Escaped(words),
        Escaped(code)
    );
    page(title, "This did not work", &content, None)
}

/// The hidden field that ties a form to its browser.
fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", Escaped(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9700_4_16_no_page_can_be_framed() {
        let page = notice("Shop", "Hello", "<b>");
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{policy}"
        );
        assert_eq!(page.headers()[REFERRER_POLICY], "no-referrer");
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        let body = String::from_utf8_lossy(page.body().whole()).into_owned();
        assert!(body.contains("&lt;b&gt;") && !body.contains("<script"), "{body}");
    }
}

//! `after=` and the `Link` to the next page by key (RFC 8288).

use crate::grammar::Parsed;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue, LINK};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_records::CURSOR_MARK;

/// The URL of the request up to the cursor; `None` where no pages by key are asked for.
pub(super) fn url(head: &Parts, parsed: &Parsed) -> Result<Option<String>> {
    if parsed.after.is_none() {
        return Ok(None);
    }
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    if !reads || head.uri.path().contains("/rpc/") {
        return Err(Problem::new("MS044", "this request cannot be read in pages by `after`")
            .with_details("pages are those of a GET on a table or a view")
            .with_status(400));
    }
    let others = head.uri.query().unwrap_or_default().split('&').filter(|pair| !is_cursor(pair));
    let mut url = format!("{}?", head.uri.path());
    for pair in others {
        url.push_str(pair);
        url.push('&');
    }
    url.push_str("after=");
    Ok(Some(url))
}

/// Whether a pair of the query string is the cursor, as it stands there: a cursor has no characters to encode.
fn is_cursor(pair: &str) -> bool {
    let value = match pair.split_once('=') {
        Some(("after", value)) => value,
        _ => return pair.is_empty(),
    };
    value.is_empty() || value.starts_with(CURSOR_MARK)
}

pub(super) fn link(headers: &mut HeaderMap, url: &str, cursor: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("<{url}{cursor}>; rel=\"next\"")) {
        headers.append(LINK, value);
    }
}

//! Forms, and the proof of a client that is in them or beside them.

use crate::edge::Request;
use crate::grammar::url;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_identity::oauth::{ClientProof, Params};

/// Far more than any of these forms needs.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The parameters in a query.
pub(super) fn query(head: &Parts) -> Result<Params> {
    parse(head.uri.query().unwrap_or_default())
}

fn parse(text: &str) -> Result<Params> {
    let pairs = url::pairs(text)?;
    Ok(Params::new(pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()))))
}

/// The parameters in a body. Those of the query do not count: secrets in addresses end up in logs (RFC 6749 section
/// 2.3.1).
pub(super) async fn body(request: Request) -> Result<(Parts, Params)> {
    let form = request.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = form.map(|value| value.split(';').next().unwrap_or_default().trim());
    let is_form = form.is_some_and(|value| value.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let bytes = request.body.read_at_most(FORM_BYTES_MAX).await?;
    if !is_form && !bytes.is_empty() {
        return Err(wrong("the body must be application/x-www-form-urlencoded"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("the body is not UTF-8"))?;
    Ok((request.head, parse(text)?))
}

pub(super) fn wrong(words: impl Into<String>) -> Problem {
    Problem::new("invalid_request", words).with_status(400)
}

/// What of a request proves which client sent it.
pub(super) fn proof(head: &Parts, params: &Params) -> Result<ClientProof> {
    Ok(ClientProof {
        basic: basic(head)?,
        client_id: params.owned("client_id")?,
        client_secret: params.owned("client_secret")?,
        assertion_type: params.owned("client_assertion_type")?,
        assertion: params.owned("client_assertion")?,
    })
}

/// Name and secret, each form-encoded within (RFC 6749 section 2.3.1).
fn basic(head: &Parts) -> Result<Option<(String, String)>> {
    let Some(value) = head.headers.get(AUTHORIZATION) else { return Ok(None) };
    let refused =
        || Problem::new("invalid_client", "the Authorization header is no Basic one").with_status(401);
    let value = value.to_str().map_err(|_| refused())?;
    let Some((scheme, encoded)) = value.split_once(' ') else { return Err(refused()) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let (name, secret) = text.split_once(':').ok_or_else(refused)?;
    let decoded = |part: &str| url::decode_form(part).map(|text| text.into_owned()).map_err(|_| refused());
    Ok(Some((decoded(name)?, decoded(secret)?)))
}

/// The token of `Authorization: Bearer`.
pub(super) fn bearer(head: &Parts) -> Option<&str> {
    let value = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

//! Cross-origin rules: any origin, as PostgREST has it, or those of a list.

use crate::edge::{Body, Response};
use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, ETag, Isolation-Level, Link, Location, \
     Preference-Applied, Server, Transfer-Encoding, Range-Unit",
);
const ONE_DAY: HeaderValue = HeaderValue::from_static("86400");

/// The answer to a preflight request, if this is one.
pub(crate) fn preflight(head: &Parts, origins: &[String]) -> Option<Response> {
    if head.method != hyper::Method::OPTIONS
        || !head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        || !head.headers.contains_key(ORIGIN)
    {
        return None;
    }
    let mut response = Response::new(Body::empty());
    decorate(response.headers_mut(), &head.headers, origins);
    let headers = response.headers_mut();
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, ONE_DAY);
    let asked = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).map_or(&b""[..], HeaderValue::as_bytes);
    let mut allowed = b"Authorization, ".to_vec();
    allowed.extend_from_slice(if asked.is_empty() { b"apikey" } else { asked });
    if let Ok(value) = HeaderValue::from_bytes(&allowed) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, value);
    }
    Some(response)
}

/// Adds what a browser needs to see the answer.
pub(crate) fn decorate(answer: &mut HeaderMap, request: &HeaderMap, origins: &[String]) {
    let Some(origin) = request.get(ORIGIN) else { return };
    if origins.is_empty() || origins.iter().any(|allowed| allowed == "*") {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        answer.append(VARY, HeaderValue::from_static("Origin"));
        if !origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

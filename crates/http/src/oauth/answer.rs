//! Answers to clients: JSON, never stored, with OAuth's names for what is wrong.

use crate::edge::{Body, Response};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};
use mainstay_base::{Problem, Retry};
use mainstay_identity::oauth::is_refusal;
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Endpoints that applications in browsers call from their own origins. None of them looks at a cookie.
const OPEN: [&str; 6] =
    ["/oauth/jwks", "/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/register", "/oauth/par"];

pub(super) fn with_json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
    response
}

pub(super) fn ok(value: &Value) -> Response {
    with_json(StatusCode::OK, value)
}

pub(super) fn empty() -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    response
}

/// What everybody may know and keep for a while.
pub(super) fn public(value: &Value) -> Response {
    let mut response = ok(value);
    response.headers_mut().remove(PRAGMA);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

pub(super) fn preflight(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if OPEN.contains(&path) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// A problem in OAuth's words; what is a failure of ours is logged and told without its words.
pub(super) fn problem(problem: &Problem) -> Response {
    let (status, error, words) = told(problem);
    let mut response = with_json(status, &json!({ "error": error, "error_description": words }));
    let challenge = match error {
        "invalid_client" => Some("Basic realm=\"oauth\"".to_owned()),
        "invalid_token" | "insufficient_scope" => {
            Some(format!("Bearer error=\"{error}\", error_description={}", Value::from(words)))
        }
        _ => None,
    };
    if let Some(value) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    if let Retry::AfterSeconds(seconds) = problem.retry() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Status, code and words under which the world hears of a problem.
pub(super) fn told(problem: &Problem) -> (StatusCode, &str, &str) {
    let number = problem.http_status(true);
    let status = StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if is_refusal(problem) {
        return (status, problem.code(), problem.message());
    }
    // What the edge found wrong with the request itself.
    if matches!(problem.code(), "PGRST102" | "54000" | "22021") || number == 408 {
        return (status, "invalid_request", problem.message());
    }
    if number == 429 {
        return (status, "temporarily_unavailable", problem.message());
    }
    tracing::error!(error = %problem, details = problem.details(), "the OAuth server failed");
    match problem.retry() {
        Retry::Never => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the server failed to answer"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again in a moment"),
    }
}

pub(super) fn no_such(path: &str, method: &Method) -> Response {
    let words =
        format!("{method} /oauth/{path} is not offered; /.well-known/openid-configuration lists what is");
    let error = json!({ "error": "invalid_request", "error_description": words });
    with_json(StatusCode::NOT_FOUND, &error)
}

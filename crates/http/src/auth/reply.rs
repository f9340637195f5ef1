//! Answers: JSON, refusals in GoTrue's two forms, redirects.

use crate::edge::{Body, Response};
use crate::problem::JSON;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use mainstay_base::{Fault, Problem, Result, Retry};
use serde_json::{Value, json};

const VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");
/// The version since which refusals have the newer form.
const NEWER: &str = "2024-01-01";

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

pub(super) fn ok(body: &Value) -> Result<Response> {
    Ok(json_answer(StatusCode::OK, body))
}

pub(super) fn empty() -> Result<Response> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// 303: what follows is a `GET`, whatever this was (RFC 9700 section 4.12).
pub(super) fn redirect(to: &str) -> Result<Response> {
    let location = HeaderValue::from_str(to).map_err(|_| {
        Problem::new("validation_failed", "the address to land on is no address").with_status(400)
    })?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

pub(super) fn no_such_path() -> Problem {
    Problem::new("not_found", "404 page not found").with_status(404)
}

/// Whether the caller speaks the newer version.
fn newer(headers: &HeaderMap) -> bool {
    let asked = headers.get(VERSION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_date = asked.len() == 10
        && asked.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date && asked >= NEWER
}

/// A refusal, in the form that the caller's version has.
pub(super) fn refused(problem: &Problem, headers: &HeaderMap) -> Response {
    let status = StatusCode::from_u16(problem.http_status(true)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let ours = problem.fault() != Fault::Caller && status.is_server_error();
    if ours {
        tracing::error!(%problem, details = problem.details(), "an identity request failed");
    }
    let (code, words) = match status {
        _ if ours => {
            ("unexpected_failure", "Unexpected failure, please check server logs for more information")
        }
        _ => (problem.code(), problem.message()),
    };
    let mut body = match newer(headers) {
        true => json!({"code": code, "message": words}),
        false => json!({"code": status.as_u16(), "error_code": code, "msg": words}),
    };
    if code == "weak_password" {
        let reasons: Vec<&str> =
            problem.details().unwrap_or_default().split(',').filter(|reason| !reason.is_empty()).collect();
        body["weak_password"] = json!({"reasons": reasons});
    }
    let mut response = json_answer(status, &body);
    let answer = response.headers_mut();
    if newer(headers) {
        answer.insert(VERSION, HeaderValue::from_static(NEWER));
    }
    if let Ok(code) = HeaderValue::from_str(code) {
        answer.insert(ERROR_CODE, code);
    }
    if let Retry::AfterSeconds(seconds) = problem.retry() {
        answer.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

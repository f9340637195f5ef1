//! Problems as HTTP answers, in the form that PostgREST and supabase-js share.

use crate::edge::{Body, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use mainstay_base::{Problem, Retry};
use serde_json::Value;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// `authenticated`: whether the caller showed a valid token.
pub fn problem_response(problem: &Problem, authenticated: bool) -> Response {
    if problem.code() == "PGRST" {
        return match raised(problem) {
            Ok(response) => response,
            Err(problem) => problem_response(&problem, authenticated),
        };
    }
    let status = status(problem, authenticated);
    let mut response = answer(status, body(problem), problem.code());
    let headers = response.headers_mut();
    match problem.code() {
        "PGRST301" | "PGRST303" => {
            let value = format!(
                "Bearer error=\"invalid_token\", error_description={}",
                Value::from(problem.message())
            );
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(WWW_AUTHENTICATE, value);
            }
        }
        "PGRST302" => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        "42501" if status == StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    if let Retry::AfterSeconds(seconds) = problem.retry() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The status of a problem. `PT402` as a SQLSTATE asks for status 402.
pub fn status(problem: &Problem, authenticated: bool) -> StatusCode {
    let asked = problem.code().strip_prefix("PT").and_then(|digits| digits.parse().ok());
    let number = asked.unwrap_or_else(|| problem.http_status(authenticated));
    match StatusCode::from_u16(number) {
        Ok(status) if number >= 200 => status,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// `{"code":…,"details":…,"hint":…,"message":…}`, keys in PostgREST's order.
pub fn body(problem: &Problem) -> Vec<u8> {
    // the candidates of an ambiguous embed are a list, not a text
    let list = problem.details().filter(|_| problem.code() == "PGRST201");
    let details = match list.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        Some(list @ Value::Array(_)) => list,
        _ => problem.details().map_or(Value::Null, Value::from),
    };
    let hint = problem.hint().map_or(Value::Null, Value::from);
    render(&Value::from(problem.code()), &details, &hint, &Value::from(problem.message()))
}

fn render(code: &Value, details: &Value, hint: &Value, message: &Value) -> Vec<u8> {
    format!("{{\"code\":{code},\"details\":{details},\"hint\":{hint},\"message\":{message}}}").into_bytes()
}

fn answer(status: StatusCode, body: Vec<u8>, code: &str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    if let Ok(value) = HeaderValue::from_str(&format!("PostgREST; error={code}")) {
        response.headers_mut().insert(PROXY_STATUS, value);
    }
    response
}

/// `RAISE sqlstate 'PGRST'`: the message and the detail are JSON that says what the answer shall be.
fn raised(problem: &Problem) -> Result<Response, Problem> {
    let wrong = |details: String, hint: &str| {
        Problem::new("PGRST121", "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
            .with_details(details)
            .with_hint(hint)
    };
    const MESSAGE: &str = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: \
        'details', 'hint'.";
    const DETAIL: &str = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: \
        'status_text'.";
    let text = problem.message();
    let message: Option<Value> = serde_json::from_str(text).ok();
    let part =
        |key: &str| message.as_ref().and_then(|message| message.get(key)).filter(|part| part.is_string());
    let (Some(code), Some(words)) = (part("code"), part("message")) else {
        return Err(wrong(format!("Invalid JSON value for MESSAGE: '{text}'"), MESSAGE));
    };
    let Some(detail_text) = problem.details() else {
        return Err(wrong("DETAIL is missing in the RAISE statement".to_owned(), DETAIL));
    };
    let detail: Option<Value> = serde_json::from_str(detail_text).ok();
    let number = detail.as_ref().and_then(|detail| detail.get("status")).and_then(Value::as_u64);
    let headers = detail.as_ref().and_then(|detail| detail.get("headers")).and_then(Value::as_object);
    let (Some(number), Some(headers)) = (number, headers) else {
        return Err(wrong(format!("Invalid JSON value for DETAIL: '{detail_text}'"), DETAIL));
    };
    let status = u16::try_from(number).ok().filter(|number| *number >= 200);
    let status = status
        .and_then(|number| StatusCode::from_u16(number).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let null = Value::Null;
    let body = render(code, part("details").unwrap_or(&null), part("hint").unwrap_or(&null), words);
    let mut response = answer(status, body, code.as_str().unwrap_or_default());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().map(HeaderValue::from_str);
        if let (Ok(name), Some(Ok(value))) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_postgrests_order() {
        let problem = Problem::new("PGRST205", "no \"x\"").with_hint("h");
        assert_eq!(
            String::from_utf8(body(&problem)).as_deref(),
            Ok(r#"{"code":"PGRST205","details":null,"hint":"h","message":"no \"x\""}"#)
        );
    }

    #[test]
    fn a_raise_can_make_the_whole_answer() {
        let problem = Problem::new("PGRST", r#"{"code":"123","message":"ABC"}"#)
            .with_details(r#"{"status":332,"headers":{"X-Header":"str"}}"#);
        let response = problem_response(&problem, true);
        assert_eq!(
            (response.status().as_u16(), response.headers()["x-header"].as_bytes()),
            (332, &b"str"[..])
        );
        assert_eq!(response.body().whole(), br#"{"code":"123","details":null,"hint":null,"message":"ABC"}"#);
        let problem = problem_response(&Problem::new("PGRST", "INVALID"), true);
        assert_eq!(problem.status().as_u16(), 500);
    }

    #[test]
    fn a_sqlstate_can_ask_for_a_status() {
        assert_eq!(status(&Problem::new("PT402", "Payment Required"), true).as_u16(), 402);
    }
}

//! From what the records service answers to a status, headers and a body.

use super::Rest;
use super::prefer::Preferences;
use super::range::{Window, content_range};
use super::request::{Asked, Kind};
use crate::edge::{Body, Response};
use crate::grammar::encoded;
use crate::problem::problem_response;
use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use mainstay_base::{Problem, Result};
use mainstay_records::query::{self, Resolution, Return};
use serde_json::Value;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

impl Rest {
    pub(super) fn response(&self, mut asked: Asked<'_>, answer: query::Response) -> Result<Response> {
        if asked.media.plan().is_some() {
            let mut response =
                Response::new(if asked.head_only { Body::empty() } else { Body::from(answer.body) });
            let content_type = asked.content_type.take().unwrap_or_else(|| asked.media.content_type());
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            self.profile(&mut response, asked.schema);
            return Ok(response);
        }
        let (rows, total) = (answer.rows, answer.total);
        let full = asked.preferences.returning == Some(Return::Representation);
        let minimal = if full { StatusCode::OK } else { StatusCode::NO_CONTENT };
        let (status, range, shown) = match asked.kind {
            Kind::Read => {
                let status = asked.window.status(rows, total);
                (status, Some(asked.window.content_range(rows, total)), true)
            }
            Kind::Call => {
                let range = asked.window.content_range(rows, total);
                let status = asked.window.status(rows, total);
                let void = answer.returns_void && status != StatusCode::RANGE_NOT_SATISFIABLE;
                (if void { StatusCode::NO_CONTENT } else { status }, Some(range), !void)
            }
            Kind::Insert { .. } => {
                let merged = asked.preferences.resolution == Some(Resolution::Merge) && !answer.created;
                let status = if merged { StatusCode::OK } else { StatusCode::CREATED };
                (status, Some(content_range(None, counted(&asked, rows, total))), full)
            }
            Kind::Update => {
                let range = Window::default().content_range(rows, counted(&asked, rows, total));
                (minimal, Some(range), full)
            }
            Kind::Delete => (minimal, Some(content_range(None, counted(&asked, rows, total))), full),
            Kind::Replace if full => {
                (if answer.created { StatusCode::CREATED } else { StatusCode::OK }, None, true)
            }
            Kind::Replace => (StatusCode::NO_CONTENT, None, false),
        };
        let mut response = if status == StatusCode::RANGE_NOT_SATISFIABLE {
            problem_response(&asked.window.out_of_bounds(total.unwrap_or(0)), true)
        } else {
            // The validator of a single row, for callers who ask again or guard a write by it.
            let single = shown && asked.media.answer() == query::Answer::Object;
            let validator = single.then(|| super::etag::of(&answer.body));
            let body = if shown && !asked.head_only { Body::from(answer.body) } else { Body::empty() };
            let mut response = Response::new(body);
            *response.status_mut() = status;
            if let Some(validator) = validator {
                response.headers_mut().insert(hyper::header::ETAG, validator);
            }
            if shown {
                let own = asked.content_type.take();
                let content_type = own.unwrap_or_else(|| asked.media.content_type());
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                self.profile(&mut response, asked.schema);
            }
            response
        };
        let headers = response.headers_mut();
        if let Some(range) = range {
            headers.insert(CONTENT_RANGE, range);
        }
        if let Some(location) = &answer.location {
            let location = format!("{}/{}?{location}", self.settings.mount, encoded(&asked.relation));
            if let Ok(location) = HeaderValue::from_str(&location) {
                headers.insert(LOCATION, location);
            }
        }
        if let (Some(url), Some(cursor)) = (&asked.page, &answer.next) {
            super::page::link(headers, url, cursor);
        }
        keep_applied(asked.kind, &mut asked.preferences);
        if let Some(applied) = asked.preferences.applied() {
            headers.insert(PREFERENCE_APPLIED, applied);
        }
        if !answer.settings.is_empty() {
            override_by_settings(&mut response, &answer.settings)?;
        }
        Ok(response)
    }
}

/// The number of rows written is the total, where a total was asked for.
fn counted(asked: &Asked<'_>, rows: u64, total: Option<u64>) -> Option<u64> {
    use query::Count;
    matches!(asked.preferences.count, Some(Count::Exact | Count::Estimated)).then(|| total.unwrap_or(rows))
}

/// Takes out the preferences that say nothing about a request of this kind.
fn keep_applied(kind: Kind, preferences: &mut Preferences) {
    let writes = !matches!(kind, Kind::Read | Kind::Call);
    if kind != (Kind::Insert { resolution_applies: true }) {
        preferences.resolution = None;
    }
    if !writes {
        preferences.returning = None;
    }
    if !matches!(kind, Kind::Insert { .. } | Kind::Update) {
        preferences.missing_default = None;
    }
    if !matches!(kind, Kind::Update | Kind::Delete | Kind::Call) {
        preferences.max_affected = None;
    }
}

/// What statements set with `set_config('response.headers', …)` and `set_config('response.status', …)`.
fn override_by_settings(response: &mut Response, settings: &[(String, String)]) -> Result<()> {
    let last = |name: &str| {
        let found = settings.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    if let Some(text) = last("response.headers") {
        let wrong = || {
            Problem::new(
                "PGRST111",
                "response.headers guc must be a JSON array composed of objects with a single key and a string value",
            )
        };
        let parsed: Vec<serde_json::Map<String, Value>> = serde_json::from_str(text).map_err(|_| wrong())?;
        let mut replaced: Vec<HeaderName> = Vec::new();
        for object in &parsed {
            let mut members = object.iter();
            let (Some((name, Value::String(value))), None) = (members.next(), members.next()) else {
                return Err(wrong());
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            if replaced.contains(&name) {
                response.headers_mut().append(name, value);
            } else {
                response.headers_mut().insert(name.clone(), value);
                replaced.push(name);
            }
        }
    }
    if let Some(text) = last("response.status") {
        let status = text.parse().ok().and_then(|number: u16| StatusCode::from_u16(number).ok());
        let status = status.filter(|status| status.as_u16() >= 200);
        *response.status_mut() = status
            .ok_or_else(|| Problem::new("PGRST112", "response.status guc must be a valid status code"))?;
    }
    Ok(())
}

//! One request of a batch: as it is written, and with the references in it resolved.

use super::super::careful::IDEMPOTENCY_KEY;
use super::super::{ACCEPT_PROFILE, CONTENT_PROFILE};
use super::reference::{Answers, template};
use crate::grammar::encoded;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use mainstay_base::{Problem, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
}

fn get() -> String {
    "GET".to_owned()
}

pub(super) struct Item {
    method: Method,
    path: String,
    /// Values may hold references.
    headers: Vec<(HeaderName, String)>,
    /// What the batch's own request says of schemas, for requests that say nothing.
    profiles: HeaderMap,
    body: Option<Value>,
}

/// Reads the list; what is wrong is named with its index.
pub(super) fn read(bytes: &[u8], batch: &Parts, most: usize) -> Result<Vec<Item>> {
    let wrong = |details: String| {
        Problem::new("PGRST102", "the body is no batch")
            .with_details(details)
            .with_hint("a batch is a list of {\"method\", \"path\", \"headers\", \"body\"}")
    };
    let written: Vec<Value> = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if written.len() > most {
        let words = format!("a batch has at most {most} requests, this one has {}", written.len());
        return Err(Problem::new("54000", words).with_hint("`[rest] batch_requests_max` raises the bound"));
    }
    let mut items = Vec::with_capacity(written.len());
    for (index, value) in written.into_iter().enumerate() {
        let at = |details: String| wrong(format!("request {index}: {details}"));
        let written: Written = serde_json::from_value(value).map_err(|error| at(error.to_string()))?;
        items.push(item(written, batch).map_err(at)?);
    }
    Ok(items)
}

fn item(written: Written, batch: &Parts) -> std::result::Result<Item, String> {
    let method = Method::from_bytes(written.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| format!("`{}` is no method", written.method))?;
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
    if !known.contains(&method) {
        return Err(format!("`{method}` is no method of a batch"));
    }
    let mut headers = Vec::with_capacity(written.headers.len());
    for (name, value) in written.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header"))?;
        if name == IDEMPOTENCY_KEY {
            return Err("Idempotency-Key goes onto the batch itself".to_owned());
        }
        let Value::String(value) = value else { return Err(format!("the header `{name}` is no text")) };
        headers.push((name, value));
    }
    let mut profiles = HeaderMap::new();
    for name in [ACCEPT_PROFILE, CONTENT_PROFILE] {
        if let Some(value) = batch.headers.get(&name) {
            profiles.insert(name, value.clone());
        }
    }
    Ok(Item { method, path: written.path, headers, profiles, body: written.body })
}

impl Item {
    /// The request as if it had come alone.
    pub fn resolve(&self, mount: &str, answers: &Answers) -> Result<(Parts, Bytes)> {
        let path = template(&self.path, answers, encoded)?;
        let below = path.strip_prefix(mount).filter(|rest| rest.starts_with('/')).unwrap_or(&path);
        let uri = format!("{mount}/{}", below.trim_start_matches('/'));
        let request = hyper::Request::builder().method(self.method.clone()).uri(&uri).body(());
        let request = request.map_err(|error| {
            Problem::new("PGRST125", "Invalid path specified in request URL")
                .with_details(format!("{uri}: {error}"))
        })?;
        let (mut head, ()) = request.into_parts();
        head.headers = self.profiles.clone();
        for (name, value) in &self.headers {
            let value = template(value, answers, str::to_owned)?;
            let value = HeaderValue::from_str(&value).map_err(|_| {
                Problem::new(
                    "PGRST102",
                    format!("the header `{name}` has characters that no header may have"),
                )
            })?;
            head.headers.insert(name.clone(), value);
        }
        let body = match &self.body {
            None => Bytes::new(),
            Some(Value::String(text)) if is_text(&head.headers) => {
                template(text, answers, str::to_owned)?.into()
            }
            Some(body) => answers.fill(body)?.to_string().into(),
        };
        Ok((head, body))
    }
}

/// Whether a body that is a JSON string stands for its text: CSV, plain text.
fn is_text(headers: &HeaderMap) -> bool {
    let ty = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    !ty.contains("json")
}

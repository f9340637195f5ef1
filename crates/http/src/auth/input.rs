//! What a request brings: path, query, body, and who sends it.

use crate::edge::Request;
use crate::grammar::pairs;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, REFERER, USER_AGENT};
use mainstay_base::{Problem, Result};
use mainstay_identity::Caller;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Nothing that is sent here is larger.
const BODY_BYTES_MAX: usize = 256 * 1024;

pub(super) struct Input {
    pub method: Method,
    /// Below the mount.
    pub path: String,
    /// Path and query as they came.
    pub uri: String,
    query: Vec<(String, String)>,
    body: Bytes,
    form: bool,
    pub bearer: Option<String>,
    redirect_header: Option<String>,
    referer: Option<String>,
    pub caller: Caller,
    /// Whether the answer is wanted as JSON.
    pub json: bool,
}

impl Input {
    pub async fn read(request: Request, address_header: Option<&str>) -> Result<Input> {
        let headers = &request.head.headers;
        let text =
            |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bearer = text(AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let form =
            text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut user_agent = text(USER_AGENT).unwrap_or_default();
        user_agent.truncate(user_agent.floor_char_boundary(512));
        let address = request.caller_address(address_header);
        let path = request.head.uri.path();
        let mut input = Input {
            method: request.head.method.clone(),
            path: path.strip_prefix(super::MOUNT).unwrap_or(path).to_owned(),
            uri: request.head.uri.path_and_query().map_or_else(String::new, |all| all.as_str().to_owned()),
            query: owned(request.head.uri.query().unwrap_or_default())?,
            body: Bytes::new(),
            form,
            bearer,
            redirect_header: text(HeaderName::from_static("redirect_to")),
            referer: text(REFERER),
            caller: Caller { address, user_agent, role: String::new() },
            json: text(hyper::header::ACCEPT).is_some_and(|accept| accept.contains("application/json")),
        };
        let too_large = |problem: Problem| match problem.code() {
            "54000" => Problem::new("request_entity_too_large", "Request body too large").with_status(413),
            _ => problem,
        };
        input.body = request.body.read_at_most(BODY_BYTES_MAX).await.map_err(too_large)?;
        Ok(input)
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, JSON or a form. Fields that are null count as missing. What is wrong with it is told by its place: the
    /// text around it may be a password.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        let bad = |words: String| Problem::new("bad_json", words).with_status(400);
        let value = if self.form {
            let text = std::str::from_utf8(&self.body).map_err(|_| bad("The form is not UTF-8".into()))?;
            let pairs = owned(text)?.into_iter().map(|(key, value)| (key, Value::String(value)));
            Value::Object(pairs.collect())
        } else if self.body.is_empty() {
            Value::Object(Map::new())
        } else {
            let mut value: Value = serde_json::from_slice(&self.body).map_err(|error| {
                bad(format!(
                    "Could not parse request body as JSON: line {} column {}",
                    error.line(),
                    error.column()
                ))
            })?;
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            value
        };
        serde_json::from_value(value)
            .map_err(|_| bad("Could not read parameters: a field has another type than it should".into()))
    }

    /// Where the caller wants people to land: asked for in a header or the query, else where they come from.
    pub fn landing(&self, face: &super::AuthFace) -> String {
        let asked = [self.redirect_header.as_deref(), self.query("redirect_to"), self.referer.as_deref()];
        face.identity().landing(&asked)
    }
}

fn owned(query: &str) -> Result<Vec<(String, String)>> {
    let pairs = pairs(query).map_err(|problem| {
        Problem::new("validation_failed", problem.message().to_owned()).with_status(400)
    })?;
    Ok(pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
}

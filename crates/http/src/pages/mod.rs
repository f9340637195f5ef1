//! What a person sees: the front page, the API reference, and whether the server is well.
//!
//! Nothing is loaded from elsewhere and nothing runs inline, so the content security policy can say so.

mod calls;
mod front;
pub(crate) mod html;

pub(crate) use html::Escaped;

use crate::edge::{Answering, Body, Face, Request, Response};
use crate::problem::problem_response;
use crate::rest::{Rest, SERVER_NAME, undescribed};
use hyper::Method;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, REFERRER_POLICY, SERVER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use mainstay_base::Problem;
use serde_json::{Value, json};
use std::sync::Arc;

const STYLE: &str = include_str!("style.css");
const FRONT_SCRIPT: &str = include_str!("front.js");
const REFERENCE_SCRIPT: &str = include_str!("reference.js");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Settings of the pages.
#[derive(Clone, Debug, Default)]
pub struct PageSettings {
    /// The pages show keys: for development on one's own machine only.
    pub dev: bool,
    /// What the application is called.
    pub title: String,
    /// The address that examples use; empty means the one that the request came to.
    pub public_url: String,
    pub anon_key: Option<String>,
    pub service_key: Option<String>,
}

/// Tells whether the server is well: `Ok` with facts to show, or what is wrong.
pub trait Health: Send + Sync + 'static {
    fn health(&self) -> Result<Value, Problem>;
}

/// Well as long as it answers.
pub struct AlwaysWell;

impl Health for AlwaysWell {
    fn health(&self) -> Result<Value, Problem> {
        Ok(json!({}))
    }
}

/// The face for everything that no other face has.
pub struct Pages {
    settings: PageSettings,
    rest: Arc<Rest>,
    health: Arc<dyn Health>,
}

impl Pages {
    pub fn new(settings: PageSettings, rest: Arc<Rest>, health: Arc<dyn Health>) -> Self {
        Pages { settings, rest, health }
    }

    fn respond(&self, head: &Parts) -> Response {
        let path = head.uri.path();
        let known = [
            "/",
            "/reference",
            "/health",
            "/_mainstay/style.css",
            "/_mainstay/front.js",
            "/_mainstay/reference.js",
        ];
        if !known.contains(&path) {
            let problem = Problem::new("PGRST125", "Invalid path specified in request URL")
                .with_hint(format!("tables are below {}/", self.rest.settings().mount));
            return problem_response(&problem, true);
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let message = format!("Unsupported HTTP method: {}", head.method);
            return problem_response(&Problem::new("PGRST117", message), true);
        }
        match path {
            "/" => page(front::front(&self.settings, &self.rest, &self.url(head))),
            "/reference" if !self.rest.is_described() => problem_response(&undescribed(), true),
            "/reference" => page(front::reference(&self.settings, &self.rest)),
            "/health" => self.health(),
            "/_mainstay/style.css" => file("text/css; charset=utf-8", STYLE),
            "/_mainstay/front.js" => file("text/javascript; charset=utf-8", FRONT_SCRIPT),
            _ => file("text/javascript; charset=utf-8", REFERENCE_SCRIPT),
        }
    }

    fn health(&self) -> Response {
        match self.health.health() {
            Ok(facts) => {
                let mut body = json!({ "status": "ok" });
                if let (Some(body), Value::Object(facts)) = (body.as_object_mut(), facts) {
                    body.extend(facts);
                }
                let mut response = Response::new(Body::from(body.to_string()));
                response.headers_mut().insert(CONTENT_TYPE, crate::problem::JSON);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(problem) => problem_response(&problem, true),
        }
    }

    /// The address of this server as its caller knows it.
    fn url(&self, head: &Parts) -> String {
        if !self.settings.public_url.is_empty() {
            return self.settings.public_url.trim_end_matches('/').to_owned();
        }
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| head.uri.authority().map(|authority| authority.as_str()));
        format!("http://{}", host.unwrap_or("127.0.0.1"))
    }
}

impl Face for Pages {
    fn answer(&self, request: Request) -> Answering<'_> {
        let mut response = self.respond(&request.head);
        response.headers_mut().insert(SERVER, SERVER_NAME);
        Answering::Now(response)
    }
}

fn page(html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

//! What operators ask about the keys that sign tokens: to change them now.
//!
//! Only a token of the role `service_role` opens this face.

use crate::edge::{Answering, Body, Face, Request, Response};
use crate::problem::problem_response;
use crate::rest::{Authenticate, SERVER_NAME, token};
use hyper::Method;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_identity::SigningKeys;
use std::sync::Arc;

/// The path below which this face answers.
pub const MOUNT: &str = "/admin/v1/keys";
const OPERATOR: &str = "service_role";

/// The face of [`MOUNT`].
pub struct KeysFace {
    keys: Arc<SigningKeys>,
    authenticate: Arc<dyn Authenticate>,
    anonymous_role: String,
}

impl KeysFace {
    pub fn new(keys: Arc<SigningKeys>, authenticate: Arc<dyn Authenticate>, anonymous_role: String) -> Self {
        KeysFace { keys, authenticate, anonymous_role }
    }

    /// Whether the old keys end at once; else what is wrong, and whether the caller showed a valid token.
    fn admit(&self, head: &Parts) -> Result<bool, (Problem, bool)> {
        let actor = self.authenticate.authenticate(token(head)).map_err(|problem| (problem, false))?;
        if actor.role != OPERATOR {
            let problem = Problem::new("42501", "permission denied for the signing keys")
                .with_hint("use the key of `service_role`, which `mainstay keys` prints");
            return Err((problem, actor.role != self.anonymous_role));
        }
        if head.uri.path() != "/admin/v1/keys/rotate" {
            let problem = Problem::new("PGRST125", "Invalid path specified in request URL")
                .with_hint("`POST /admin/v1/keys/rotate` changes the keys");
            return Err((problem, true));
        }
        if head.method != Method::POST {
            let message = format!("Unsupported HTTP method: {}", head.method);
            return Err((Problem::new("PGRST117", message), true));
        }
        match head.uri.query() {
            None | Some("" | "revoke=false") => Ok(false),
            Some("revoke=true") => Ok(true),
            Some(_) => {
                let problem = Problem::new("22023", "the query string is not understood")
                    .with_hint("`revoke=true` ends the tokens of the old keys at once");
                Err((problem, true))
            }
        }
    }

    async fn rotate(&self, revoke: bool) -> Result<Response> {
        self.keys.rotate(revoke).await?;
        let body = serde_json::to_vec(&self.keys.jwks())
            .map_err(|_| Problem::internal("the keys cannot be written as JSON"))?;
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

impl Face for KeysFace {
    fn answer(&self, request: Request) -> Answering<'_> {
        let named = |mut response: Response| {
            response.headers_mut().insert(SERVER, SERVER_NAME);
            response
        };
        match self.admit(&request.head) {
            Ok(revoke) => Answering::Later(Box::pin(async move {
                let outcome = self.rotate(revoke).await;
                named(outcome.unwrap_or_else(|problem| problem_response(&problem, true)))
            })),
            Err((problem, authenticated)) => Answering::Now(named(problem_response(&problem, authenticated))),
        }
    }
}

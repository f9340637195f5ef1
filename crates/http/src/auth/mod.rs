//! The Supabase Auth (GoTrue) API at `/auth/v1`: paths, forms and words; what they mean is `mainstay_identity`'s.

mod admin;
mod inbox;
mod input;
mod own;
mod public;
mod reply;
mod verify;

use crate::edge::{Answering, Face, Request, Response};
use crate::rest::{Authenticate, SERVER_NAME, cors};
use hyper::Method;
use hyper::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderValue, SERVER};
use input::Input;
use mainstay_base::{Problem, Result};
use mainstay_identity::{Identity, SESSION_OVER};
use serde_json::Value;
use std::sync::Arc;

pub use inbox::{Inbox, InboxMessage};

/// The path below which this face answers.
pub const MOUNT: &str = "/auth/v1";

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Type, Link, X-Total-Count, X-Supabase-Api-Version, X-Sb-Error-Code, Retry-After",
);

/// What the face works with.
pub struct AuthParts {
    pub identity: Identity,
    pub authenticate: Arc<dyn Authenticate>,
    /// Public keys of access tokens: a JSON Web Key Set.
    pub jwks: Arc<dyn Fn() -> Value + Send + Sync>,
    /// Messages that were sent: in development only.
    pub inbox: Option<Arc<dyn Inbox>>,
    pub cors_origins: Vec<String>,
    /// The header in which a proxy of ours tells who asks: its last entry. `None`: whoever is connected.
    pub address_header: Option<String>,
}

/// The face of [`MOUNT`].
pub struct AuthFace {
    parts: AuthParts,
}

impl AuthFace {
    pub fn new(parts: AuthParts) -> Self {
        AuthFace { parts }
    }

    async fn respond(&self, request: Request) -> Response {
        if let Some(response) = cors::preflight(&request.head, &self.parts.cors_origins) {
            return response;
        }
        let head = request.head.headers.clone();
        let input = Input::read(request, self.parts.address_header.as_deref());
        let answered = match input.await {
            Ok(input) => self.route(input).await,
            Err(problem) => Err(problem),
        };
        let mut response = answered.unwrap_or_else(|problem| reply::refused(&problem, &head));
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(SERVER, SERVER_NAME);
        cors::decorate(headers, &head, &self.parts.cors_origins);
        if headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        response
    }

    async fn route(&self, input: Input) -> Result<Response> {
        let path = input.path.clone();
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (&input.method, segments.as_slice()) {
            (&Method::GET, ["health"]) => Ok(public::health()),
            (&Method::GET, ["settings"]) => Ok(public::settings(self)),
            (&Method::GET, [".well-known", "jwks.json"]) => Ok(public::jwks(self)),
            (&Method::POST, ["signup"]) => public::sign_up(self, input).await,
            (&Method::POST, ["token"]) => public::token(self, input).await,
            (&Method::POST, ["otp" | "magiclink"]) => public::otp(self, input).await,
            (&Method::POST, ["recover"]) => public::recover(self, input).await,
            (&Method::POST, ["resend"]) => public::resend(self, input).await,
            (&Method::GET, ["verify"]) => verify::follow(self, input).await,
            (&Method::POST, ["verify"]) => verify::verify(self, input).await,
            (&Method::POST, ["logout"]) => own::logout(self, input).await,
            (&Method::GET, ["reauthenticate"]) => own::reauthenticate(self, input).await,
            (&Method::GET, ["user"]) => own::get(self, input).await,
            (&Method::PUT, ["user"]) => own::update(self, input).await,
            (&Method::DELETE, ["user", "identities", id]) => own::unlink(self, &input, id).await,
            (&Method::POST, ["invite"]) => admin::invite(self, input).await,
            (_, ["sso", ..]) => {
                Err(Problem::new("saml_provider_disabled", "SAML 2.0 is disabled").with_status(404))
            }
            (_, ["admin", rest @ ..]) => admin::route(self, input, rest).await,
            (&Method::GET, ["inbox", rest @ ..]) => inbox::page(self.parts.inbox.as_deref(), &input, rest),
            _ => Err(reply::no_such_path()),
        }
    }

    fn identity(&self) -> &Identity {
        &self.parts.identity
    }

    /// Who a bearer token stands for: its role and claims. The key of the application alone is not enough.
    fn claims(&self, input: &Input) -> Result<Arc<crate::Actor>> {
        let words = "This endpoint requires a valid Bearer token";
        let none = || Problem::new("no_authorization", words).with_status(401);
        let token = input.bearer.as_deref().filter(|token| !token.is_empty()).ok_or_else(none)?;
        self.parts.authenticate.authenticate(Some(token)).map_err(|problem| {
            if problem.message() == SESSION_OVER {
                let words = "Session from session_id claim in JWT does not exist";
                return Problem::new("session_not_found", words).with_status(403);
            }
            Problem::new("bad_jwt", format!("invalid JWT: {}", problem.message())).with_status(403)
        })
    }
}

impl Face for AuthFace {
    fn answer(&self, request: Request) -> Answering<'_> {
        Answering::Later(Box::pin(self.respond(request)))
    }
}

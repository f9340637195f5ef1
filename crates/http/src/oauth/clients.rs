//! Endpoints that clients call: none of them looks at a cookie.

use super::{OauthFace, answer, form};
use crate::edge::{Request, Response};
use hyper::StatusCode;
use hyper::http::request::Parts;
use mainstay_base::Result;
use mainstay_identity::oauth::{Client, ClientMetadata, Params};
use serde_json::{Value, json};

/// Far more than the description of a client needs.
const METADATA_BYTES_MAX: usize = 64 * 1024;

fn answered(outcome: Result<Response>) -> Response {
    outcome.unwrap_or_else(|problem| answer::problem(&problem))
}

impl OauthFace {
    /// The form of a request, and the client that has proved to have sent it.
    pub(super) async fn client_of(&self, request: Request) -> Result<(Client, Params)> {
        let (head, params) = form::body(request).await?;
        let client = self.oauth.authenticate_client(form::proof(&head, &params)?).await?;
        Ok((client, params))
    }

    pub(super) fn metadata(&self, head: &Parts) -> Response {
        let known = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
        match known.contains(&head.uri.path()) {
            true => answer::public(&self.oauth.metadata()),
            // The issuer has no path, so its metadata are nowhere else (RFC 8414 section 3.1).
            false => answer::no_such(head.uri.path(), &head.method),
        }
    }

    pub(super) fn jwks(&self) -> Response {
        answered(self.oauth.jwks().map(|jwks| answer::public(&jwks)))
    }

    pub(super) async fn token(&self, request: Request) -> Response {
        answered(
            async {
                let (client, params) = self.client_of(request).await?;
                Ok(answer::ok(&self.oauth.token(&client, &params).await?.to_json()))
            }
            .await,
        )
    }

    pub(super) async fn push(&self, request: Request) -> Response {
        answered(
            async {
                let (client, params) = self.client_of(request).await?;
                let (uri, seconds) = self.oauth.push(&client, &params).await?;
                let pushed = json!({ "request_uri": uri, "expires_in": seconds });
                Ok(answer::with_json(StatusCode::CREATED, &pushed))
            }
            .await,
        )
    }

    pub(super) async fn device_authorization(&self, request: Request) -> Response {
        answered(
            async {
                let (client, params) = self.client_of(request).await?;
                Ok(answer::ok(&self.oauth.device(&client, &params).await?))
            }
            .await,
        )
    }

    pub(super) async fn revoke(&self, request: Request) -> Response {
        answered(
            async {
                let (client, params) = self.client_of(request).await?;
                self.oauth.revoke(&client, &params).await?;
                Ok(answer::empty())
            }
            .await,
        )
    }

    pub(super) async fn introspect(&self, request: Request) -> Response {
        answered(
            async {
                let (client, params) = self.client_of(request).await?;
                Ok(answer::ok(&self.oauth.introspect(&client, &params).await?))
            }
            .await,
        )
    }

    pub(super) async fn userinfo(&self, request: Request) -> Response {
        answered(async { Ok(answer::ok(&self.oauth.userinfo(form::bearer(&request.head)).await?)) }.await)
    }

    pub(super) async fn register(&self, request: Request) -> Response {
        answered(
            async {
                let metadata: ClientMetadata = from_json(request).await?;
                let made: Value = self.oauth.register(metadata).await?;
                Ok(answer::with_json(StatusCode::CREATED, &made))
            }
            .await,
        )
    }
}

/// A body of JSON.
pub(super) async fn from_json<T: serde::de::DeserializeOwned>(request: Request) -> Result<T> {
    let bytes = request.body.read_at_most(METADATA_BYTES_MAX).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| form::wrong(format!("the body is not as expected: {error}")))
}

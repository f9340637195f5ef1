//! The face of the OAuth server: endpoints for clients, pages for their users, and the operator's list of clients and
//! keys.
//!
//! Start reading at [`OauthFace::route`].

mod account;
mod admin;
mod answer;
mod authorize;
mod browser;
mod clients;
mod device;
mod form;
mod logout;
mod pages;

use crate::edge::{Answering, Face, Request, Response};
use crate::rest::Authenticate;
use hyper::Method;
use mainstay_identity::oauth::Oauth;
use std::sync::Arc;

/// The paths of this face, each to be mounted.
pub const MOUNTS: [&str; 5] = [
    "/oauth",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/admin/v1/clients",
    "/admin/v1/api-keys",
];

/// Answers everything below [`MOUNTS`].
pub struct OauthFace {
    oauth: Arc<Oauth>,
    /// Who an operator is.
    authenticate: Arc<dyn Authenticate>,
    /// The header in which a proxy of ours tells who asks.
    address_header: Option<String>,
}

impl OauthFace {
    pub fn new(
        oauth: Arc<Oauth>,
        authenticate: Arc<dyn Authenticate>,
        address_header: Option<String>,
    ) -> Self {
        OauthFace { oauth, authenticate, address_header }
    }

    async fn route(&self, request: Request) -> Response {
        let path = request.head.uri.path().to_owned();
        if path.starts_with("/admin/") {
            return self.admin(request).await;
        }
        if path.starts_with("/.well-known/") {
            return self.metadata(&request.head);
        }
        let get = matches!(request.head.method, Method::GET | Method::HEAD);
        let post = request.head.method == Method::POST;
        if request.head.method == Method::OPTIONS {
            return answer::preflight(&path);
        }
        match path.strip_prefix("/oauth/").unwrap_or_default() {
            "jwks" if get => self.jwks(),
            "token" if post => self.token(request).await,
            "par" if post => self.push(request).await,
            "revoke" if post => self.revoke(request).await,
            "introspect" if post => self.introspect(request).await,
            "register" if post => self.register(request).await,
            "userinfo" if get || post => self.userinfo(request).await,
            "authorize" if get => self.authorize(&request.head).await,
            "authorize" if post => self.authorize_by_form(request).await,
            "authorize/sign-in" if post => self.sign_in(request, browser::Place::Authorize).await,
            "authorize/decide" if post => self.decide(request).await,
            "device" if get => self.device_page(&request.head).await,
            "device" if post => self.device_authorization(request).await,
            "device/sign-in" if post => self.sign_in(request, browser::Place::Device).await,
            "device/decide" if post => self.decide_device(request).await,
            "account" if get => self.account(&request.head).await,
            "account/sign-in" if post => self.sign_in(request, browser::Place::Account).await,
            "account/withdraw" if post => self.withdraw(request).await,
            "account/sign-out" if post => self.sign_out(request).await,
            "logout" if get => self.logout(&request.head).await,
            "logout" if post => self.logout_by_form(request).await,
            "logout/confirm" if post => self.confirm_logout(request).await,
            "style.css" if get => pages::style(),
            known => answer::no_such(known, &request.head.method),
        }
    }
}

impl Face for OauthFace {
    fn answer(&self, request: Request) -> Answering<'_> {
        Answering::Later(Box::pin(async move {
            let mut response = self.route(request).await;
            response.headers_mut().insert(hyper::header::SERVER, crate::rest::SERVER_NAME);
            response
        }))
    }
}

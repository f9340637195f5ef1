//! The authorization endpoint, as a browser goes through it.

use super::browser::{Place, see_other, with_query};
use super::pages::ConsentPage;
use super::{OauthFace, form};
use crate::edge::{Request, Response};
use crate::grammar::url::encoded;
use hyper::http::request::Parts;
use mainstay_identity::oauth::{Next, Refusal};

impl OauthFace {
    fn refused(&self, refusal: &Refusal) -> Response {
        match refusal {
            Refusal::Page(problem) => self.error_page(problem),
            Refusal::Redirect { uri, .. } => see_other(uri),
        }
    }

    pub(super) async fn authorize(&self, head: &Parts) -> Response {
        self.go_on(head).await.unwrap_or_else(|refusal| self.refused(&refusal))
    }

    async fn go_on(&self, head: &Parts) -> Result<Response, Refusal> {
        let params = form::query(head)?;
        let browser = self.browser(head).await?;
        let fresh = params.get("fresh")? == Some("1");
        match self.oauth.authorize(&params, browser.session.as_ref(), fresh).await? {
            Next::Redirect { uri } => Ok(see_other(&uri)),
            Next::SignIn(request) => {
                self.oauth.expect_user(&params).await?;
                let email = request.login_hint.as_deref().unwrap_or_default();
                let source = request.form_source();
                let name = Some(request.client.name.as_str());
                Ok(self.sign_in_page(head, &browser, Place::Authorize, email, name, source.as_deref())?)
            }
            Next::Consent(request, user) => {
                self.oauth.expect_user(&params).await?;
                let source = request.form_source();
                let page = ConsentPage {
                    title: &self.oauth.settings().title,
                    action: &with_query("/oauth/authorize/decide", head),
                    form_token: &self.form_token(&browser),
                    client: &request.client,
                    scopes: &request.scopes().collect::<Vec<_>>(),
                    resources: &request.resources,
                    own_api: &self.oauth.settings().audience,
                    destination: &request.redirect_uri,
                    user: user.email.as_deref().or(user.phone.as_deref()).unwrap_or(&user.id),
                    days: self.oauth.settings().grant_age.as_secs() / (24 * 3_600),
                    form_source: source.as_deref(),
                    user_code: None,
                };
                Ok(self.show(&browser, page.render()))
            }
        }
    }

    /// The same request by POST (OpenID Connect Core section 3.1.2.1) goes on as one by GET.
    pub(super) async fn authorize_by_form(&self, request: Request) -> Response {
        let params = match form::body(request).await {
            Ok((_, params)) => params,
            Err(problem) => return self.error_page(&problem),
        };
        let pairs =
            params.pairs().iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        see_other(&format!("/oauth/authorize?{}", pairs.collect::<Vec<_>>().join("&")))
    }

    /// The user's answer on the consent page.
    pub(super) async fn decide(&self, request: Request) -> Response {
        self.decided(request).await.unwrap_or_else(|refusal| self.refused(&refusal))
    }

    async fn decided(&self, request: Request) -> Result<Response, Refusal> {
        let (head, answer, browser) = self.own_form(request).await?;
        let params = form::query(&head)?;
        let Some(session) = &browser.session else {
            return Ok(see_other(&with_query("/oauth/authorize", &head)));
        };
        let allow = answer.get("decision")? == Some("allow");
        Ok(see_other(&self.oauth.decide(&params, session, allow).await?))
    }

    /// Where the answer to a form of the sign-in page may lead in the end.
    pub(super) async fn form_source(&self, head: &Parts, place: Place) -> Option<String> {
        if place != Place::Authorize {
            return None;
        }
        let params = form::query(head).ok()?;
        match self.oauth.authorize(&params, None, false).await.ok()? {
            Next::SignIn(request) => request.form_source(),
            _ => None,
        }
    }
}

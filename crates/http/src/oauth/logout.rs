//! Logout that a client begins.

use super::browser::{Browser, see_other, with_query};
use super::{OauthFace, form, pages};
use crate::edge::{Request, Response};
use crate::grammar::url::encoded;
use hyper::http::request::Parts;
use mainstay_base::Result;
use mainstay_identity::oauth::Logout;

impl OauthFace {
    pub(super) async fn logout(&self, head: &Parts) -> Response {
        self.log_out(head).await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    async fn log_out(&self, head: &Parts) -> Result<Response> {
        let params = form::query(head)?;
        let browser = self.browser(head).await?;
        let logout = self.oauth.logout(&params, browser.session.as_ref()).await?;
        if logout.certain {
            return self.gone(&browser, &logout).await;
        }
        // Any page could send a browser here: without a token of the client's, the user is asked.
        let page = pages::logout(
            &self.oauth.settings().title,
            &with_query("/oauth/logout/confirm", head),
            &self.form_token(&browser),
            logout.client_name.as_deref(),
            logout.uri.as_deref(),
        );
        Ok(self.show(&browser, page))
    }

    async fn gone(&self, browser: &Browser, logout: &Logout) -> Result<Response> {
        let response = match &logout.uri {
            Some(uri) => see_other(uri),
            None => {
                pages::notice(&self.oauth.settings().title, "You are signed out", "You can close this page.")
            }
        };
        self.forget_session(browser, response).await
    }

    /// The same request by POST goes on as one by GET.
    pub(super) async fn logout_by_form(&self, request: Request) -> Response {
        match form::body(request).await {
            Ok((_, params)) => {
                let pairs = params
                    .pairs()
                    .iter()
                    .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
                see_other(&format!("/oauth/logout?{}", pairs.collect::<Vec<_>>().join("&")))
            }
            Err(problem) => self.error_page(&problem),
        }
    }

    pub(super) async fn confirm_logout(&self, request: Request) -> Response {
        let outcome = async {
            let (head, _, browser) = self.own_form(request).await?;
            let params = form::query(&head)?;
            let logout = self.oauth.logout(&params, browser.session.as_ref()).await?;
            self.gone(&browser, &logout).await
        };
        outcome.await.unwrap_or_else(|problem| self.error_page(&problem))
    }
}

//! The page on which users see what they allowed applications, and withdraw it.

use super::browser::{Place, see_other};
use super::{OauthFace, pages};
use crate::edge::{Request, Response};
use hyper::http::request::Parts;
use mainstay_base::Result;

impl OauthFace {
    pub(super) async fn account(&self, head: &Parts) -> Response {
        self.account_page(head).await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    async fn account_page(&self, head: &Parts) -> Result<Response> {
        let browser = self.browser(head).await?;
        let Some(session) = &browser.session else {
            return self.sign_in_page(head, &browser, Place::Account, "", None, None);
        };
        let granted = self.oauth.granted(&session.user_id).await?;
        let name = self.oauth.user_name(&session.user_id).await?;
        let token = self.form_token(&browser);
        Ok(self.show(&browser, pages::account(&self.oauth.settings().title, &name, &granted, &token)))
    }

    pub(super) async fn withdraw(&self, request: Request) -> Response {
        let outcome = async {
            let (_, params, browser) = self.own_form(request).await?;
            if let Some(session) = &browser.session {
                self.oauth.withdraw(&session.user_id, params.required("client_id")?).await?;
            }
            Ok(see_other(Place::Account.path()))
        };
        outcome.await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    pub(super) async fn sign_out(&self, request: Request) -> Response {
        let outcome = async {
            let (_, params, browser) = self.own_form(request).await?;
            if params.get("everywhere")?.is_some()
                && let Some(session) = &browser.session
            {
                self.oauth.sign_out_everywhere(&session.user_id).await?;
            }
            self.forget_session(&browser, see_other(Place::Account.path())).await
        };
        outcome.await.unwrap_or_else(|problem| self.error_page(&problem))
    }
}

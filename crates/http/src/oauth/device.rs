//! The page on which a user lets a device in (RFC 8628 section 3.3).

use super::browser::{Place, see_other};
use super::pages::{self, ConsentPage};
use super::{OauthFace, form};
use crate::edge::{Request, Response};
use crate::grammar::url::encoded;
use hyper::http::request::Parts;
use mainstay_base::Result;

impl OauthFace {
    pub(super) async fn device_page(&self, head: &Parts) -> Response {
        self.device_step(head).await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    async fn device_step(&self, head: &Parts) -> Result<Response> {
        let params = form::query(head)?;
        let browser = self.browser(head).await?;
        let Some(session) = &browser.session else {
            return self.sign_in_page(head, &browser, Place::Device, "", None, None);
        };
        let title = &self.oauth.settings().title;
        let Some(typed) = params.get("user_code")? else {
            return Ok(self.show(&browser, pages::device_code(title, None)));
        };
        let Some(request) = self.oauth.device_request(typed).await? else {
            let words = "This code is unknown or has expired. Look at your device once more.";
            return Ok(self.show(&browser, pages::device_code(title, Some(words))));
        };
        let page = ConsentPage {
            title,
            action: &format!("/oauth/device/decide?user_code={}", encoded(&request.user_code)),
            form_token: &self.form_token(&browser),
            client: &request.client,
            scopes: &request.scopes().collect::<Vec<_>>(),
            resources: &request.resources,
            own_api: &self.oauth.settings().audience,
            destination: "the device that shows the code",
            user: &self.oauth.user_name(&session.user_id).await?,
            days: self.oauth.settings().grant_age.as_secs() / (24 * 3_600),
            form_source: None,
            user_code: Some(&request.user_code),
        };
        Ok(self.show(&browser, page.render()))
    }

    pub(super) async fn decide_device(&self, request: Request) -> Response {
        self.device_decided(request).await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    async fn device_decided(&self, request: Request) -> Result<Response> {
        let (head, answer, browser) = self.own_form(request).await?;
        let params = form::query(&head)?;
        let typed = params.required("user_code")?;
        let Some(session) = &browser.session else {
            return Ok(see_other(&format!("/oauth/device?user_code={}", encoded(typed))));
        };
        let allow = answer.get("decision")? == Some("allow");
        self.oauth.decide_device(typed, session, allow).await?;
        let (heading, words) = match allow {
            true => ("Your device is signed in", "You can close this page and go on with your device."),
            false => ("Nothing was allowed", "The device gets no access. You can close this page."),
        };
        Ok(pages::notice(&self.oauth.settings().title, heading, words))
    }
}

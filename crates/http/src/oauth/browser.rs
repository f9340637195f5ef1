//! Browsers: cookies, forms that only their own pages can send, and signing in.

use super::pages::{self, SignInPage};
use super::{OauthFace, form};
use crate::edge::{Request, Response};
use hyper::StatusCode;
use hyper::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result, Retry};
use mainstay_identity::oauth::{BrowserSession, Credentials, Entered, Params};

/// Holds who is signed in. `__Host-`: of this host alone, over TLS alone.
const SESSION: &str = "__Host-mainstay-session";
/// Tells browsers apart before anybody has signed in, so that nobody can sign somebody else in with a form of theirs.
const VISIT: &str = "__Host-mainstay-visit";
/// What a form brings back.
pub(super) const TOKEN: &str = "form_token";

const FRESH: &str = "fresh=1";

/// Where somebody who has to sign in was going: one of our own pages, whatever a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Authorize,
    Device,
    Account,
}

impl Place {
    pub fn path(self) -> &'static str {
        match self {
            Place::Authorize => "/oauth/authorize",
            Place::Device => "/oauth/device",
            Place::Account => "/oauth/account",
        }
    }
}

/// What is known of the browser that sent a request.
pub(super) struct Browser {
    /// The value of the session's cookie, as long as there is such a session.
    pub cookie: Option<String>,
    pub session: Option<BrowserSession>,
    visit: String,
    /// The browser has no visit yet.
    is_new: bool,
}

impl Browser {
    /// What its forms are bound to.
    fn bound_to(&self) -> &str {
        self.cookie.as_deref().unwrap_or(&self.visit)
    }
}

fn cookie<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let texts = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && (20..=100).contains(&value.len())).map(|(_, value)| value)
}

fn set_cookie(name: &str, value: &str, seconds: i64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).ok()
}

/// To another page, by GET whatever came before (RFC 9700 section 4.12: a form with a password must not be sent on).
pub(super) fn see_other(uri: &str) -> Response {
    let mut response = pages::blank();
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(value) = HeaderValue::from_str(uri) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

/// A path of our own with a query as it came.
pub(super) fn with_query(path: &str, head: &Parts) -> String {
    match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// The same with the note that the user has just signed in for it.
fn freshly(path: &str, head: &Parts) -> String {
    match head.uri.query() {
        None => format!("{path}?{FRESH}"),
        Some(query) if query.split('&').any(|pair| pair == FRESH) => format!("{path}?{query}"),
        Some(query) => format!("{path}?{query}&{FRESH}"),
    }
}

impl OauthFace {
    pub(super) async fn browser(&self, head: &Parts) -> Result<Browser> {
        let shown = cookie(head, SESSION);
        let session = match shown {
            Some(shown) => self.oauth.session(shown).await?,
            None => None,
        };
        let cookie_value = session.as_ref().and(shown).map(str::to_owned);
        let visit = cookie(head, VISIT);
        Ok(Browser {
            cookie: cookie_value,
            session,
            is_new: visit.is_none(),
            visit: visit.map_or_else(|| self.oauth.new_visit(), str::to_owned),
        })
    }

    /// What the forms of a page for this browser carry.
    pub(super) fn form_token(&self, browser: &Browser) -> String {
        self.oauth.form_token(browser.bound_to())
    }

    /// Gives a page to a browser, and the browser a name if it had none.
    pub(super) fn show(&self, browser: &Browser, mut page: Response) -> Response {
        if browser.is_new
            && browser.cookie.is_none()
            && let Some(value) = set_cookie(VISIT, &browser.visit, 24 * 3_600)
        {
            page.headers_mut().append(SET_COOKIE, value);
        }
        page
    }

    /// A form that a page of ours made for this browser, and nobody else.
    pub(super) async fn own_form(&self, request: Request) -> Result<(Parts, Params, Browser)> {
        let (head, params) = form::body(request).await?;
        let browser = self.browser(&head).await?;
        let token = params.get(TOKEN)?.unwrap_or_default();
        if browser.is_new && browser.cookie.is_none() || !self.oauth.is_form_token(browser.bound_to(), token)
        {
            let words = "this form is not of a page that this browser has open: go back, reload the page and try again";
            return Err(Problem::new("invalid_request", words).with_status(403));
        }
        Ok((head, params, browser))
    }

    /// Somebody typed their credentials into a page on the way to a place.
    pub(super) async fn sign_in(&self, request: Request, place: Place) -> Response {
        let address = request.caller_address(self.address_header.as_deref());
        let outcome = async {
            let (head, params, browser) = self.own_form(request).await?;
            self.enter(&head, &params, &browser, place, &address).await
        };
        outcome.await.unwrap_or_else(|problem| self.error_page(&problem))
    }

    async fn enter(
        &self,
        head: &Parts,
        params: &Params,
        browser: &Browser,
        place: Place,
        address: &str,
    ) -> Result<Response> {
        let email = params.get("email")?.unwrap_or_default();
        let password = params.get("password")?.unwrap_or_default();
        let credentials = Credentials { email, password, code: params.get("code")?, address };
        let entered = self.oauth.sign_in(credentials, browser.cookie.as_deref()).await;
        let (cookie, seconds) = match entered {
            Ok(Entered::Yes { cookie, seconds }) => (cookie, seconds),
            Ok(Entered::NeedsCode) => {
                return self.sign_in_again(head, browser, place, email, Again::Code).await;
            }
            Ok(Entered::No) => return self.sign_in_again(head, browser, place, email, Again::Wrong).await,
            Err(problem) if problem.http_status(true) == 429 => {
                return self.sign_in_again(head, browser, place, email, Again::Later(problem.retry())).await;
            }
            Err(problem) => return Err(problem),
        };
        let mut response = see_other(&freshly(place.path(), head));
        if let Some(value) = set_cookie(SESSION, &cookie, seconds) {
            response.headers_mut().append(SET_COOKIE, value);
        }
        Ok(response)
    }

    /// The sign-in page once more, with what was wrong.
    async fn sign_in_again(
        &self,
        head: &Parts,
        browser: &Browser,
        place: Place,
        email: &str,
        again: Again,
    ) -> Result<Response> {
        let form_source = self.form_source(head, place).await;
        let message = match again {
            Again::Wrong => "Email or password is wrong.".to_owned(),
            Again::Code => "Enter the code of your authenticator app, and the password once more.".to_owned(),
            Again::Later(Retry::AfterSeconds(seconds)) => {
                format!("Too many attempts. Wait {seconds} seconds.")
            }
            Again::Later(_) => "Too many attempts. Wait a moment.".to_owned(),
        };
        let page = SignInPage {
            title: &self.oauth.settings().title,
            action: &with_query(&format!("{}/sign-in", place.path()), head),
            form_token: &self.form_token(browser),
            email,
            client: None,
            message: Some(&message),
            asks_code: again == Again::Code,
            form_source: form_source.as_deref(),
        };
        let mut response = self.show(browser, page.render());
        *response.status_mut() = match again {
            Again::Later(_) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNAUTHORIZED,
        };
        if let Again::Later(Retry::AfterSeconds(seconds)) = again {
            response.headers_mut().insert(hyper::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Ok(response)
    }

    /// The sign-in page on the way to a place.
    pub(super) fn sign_in_page(
        &self,
        head: &Parts,
        browser: &Browser,
        place: Place,
        email: &str,
        client: Option<&str>,
        form_source: Option<&str>,
    ) -> Result<Response> {
        let page = SignInPage {
            title: &self.oauth.settings().title,
            action: &with_query(&format!("{}/sign-in", place.path()), head),
            form_token: &self.form_token(browser),
            email,
            client,
            message: None,
            asks_code: false,
            form_source,
        };
        Ok(self.show(browser, page.render()))
    }

    /// An answer that takes the session away from a browser.
    pub(super) async fn forget_session(&self, browser: &Browser, mut response: Response) -> Result<Response> {
        if let Some(cookie) = &browser.cookie {
            self.oauth.sign_out(cookie).await?;
        }
        if let Some(value) = set_cookie(SESSION, "", 0) {
            response.headers_mut().append(SET_COOKIE, value);
        }
        Ok(response)
    }

    pub(super) fn error_page(&self, problem: &Problem) -> Response {
        let (status, code, words) = super::answer::told(problem);
        let mut response = pages::error(&self.oauth.settings().title, code, words);
        *response.status_mut() = status;
        response
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Wrong,
    Code,
    Later(Retry),
}

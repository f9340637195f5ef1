//! The authorization endpoint: what a client asks for, and what its user has to do first.

use super::Oauth;
use super::client::{CODE, Client};
use super::params::Params;
use super::pkce;
use super::problems::{
    access_denied, consent_required, invalid_request, login_required, request_not_supported,
    request_uri_not_supported, unauthorized_client, unsupported_response_type,
};
use super::redirect;
use super::scope::Scope;
use super::secrets::Hash;
use super::session::BrowserSession;
use super::users::User;
use mainstay_base::{Problem, Result};

/// An authorization request in which everything is as it must be.
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    pub client: Client,
    pub redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) scope: Scope,
    pub resources: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    prompt: Vec<String>,
    max_age: Option<i64>,
    pub login_hint: Option<String>,
    id_token_hint: Option<String>,
    /// The pushed request that it came as.
    pub(super) pushed: Option<Hash>,
}

impl AuthorizeRequest {
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.words()
    }

    /// The origin that the user is sent to in the end, for the policy of a page with a form.
    pub fn form_source(&self) -> Option<String> {
        redirect::source(&self.redirect_uri)
    }

    fn prompts(&self, word: &str) -> bool {
        self.prompt.iter().any(|known| known == word)
    }
}

/// Why an authorization request goes no further.
#[derive(Debug)]
pub enum Refusal {
    /// Told to the user: there is no address that could be trusted with it.
    Page(Problem),
    /// Told to the client, at its redirect URI.
    Redirect { uri: String, problem: Problem },
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Page(problem)
    }
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    SignIn(Box<AuthorizeRequest>),
    Consent(Box<AuthorizeRequest>, Box<User>),
    /// Done: back to the client.
    Redirect {
        uri: String,
    },
}

/// What a request says of itself that is not true of the client's.
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

impl Oauth {
    /// Looks at a request and at who is signed in. `fresh`: the user has just signed in for this request.
    pub async fn authorize(
        &self,
        params: &Params,
        session: Option<&BrowserSession>,
        fresh: bool,
    ) -> Result<Next, Refusal> {
        let request = self.requested(params).await?;
        let user = match session {
            Some(session) => self.users.by_id(&session.user_id).await?,
            None => None,
        };
        match self.next(&request, session.zip(user), fresh).await {
            Ok(next) => Ok(next),
            Err(problem) => Err(self.told_unasked(&request, problem)),
        }
    }

    async fn next(
        &self,
        request: &AuthorizeRequest,
        signed_in: Option<(&BrowserSession, User)>,
        fresh: bool,
    ) -> Result<Next> {
        let quiet = request.prompts("none");
        let Some((session, user)) = signed_in else {
            return match quiet {
                true => Err(login_required("nobody is signed in")),
                false => Ok(Next::SignIn(Box::new(request.clone()))),
            };
        };
        let age = self.now() - session.auth_time;
        let just_now = fresh && age < super::settings::INTERACTION_SECONDS;
        let again = (request.prompts("login") || request.prompts("select_account")) && !just_now;
        let too_old = request.max_age.is_some_and(|most| age > most) && !(just_now && age <= 5);
        let other = match &request.id_token_hint {
            Some(hint) => self.hinted_user(hint) != Some(user.id.clone()),
            None => false,
        };
        if again || too_old || other {
            return match quiet {
                true => Err(login_required("the user must sign in anew")),
                false => Ok(Next::SignIn(Box::new(request.clone()))),
            };
        }
        if request.prompts("consent") || !self.is_consented(request, &user).await? {
            return match quiet {
                true => Err(consent_required("the user has not agreed")),
                false => Ok(Next::Consent(Box::new(request.clone()), Box::new(user))),
            };
        }
        Ok(Next::Redirect { uri: self.agree(request, session, false).await? })
    }

    /// The user's answer on the consent page: where to send them.
    pub async fn decide(
        &self,
        params: &Params,
        session: &BrowserSession,
        allow: bool,
    ) -> Result<String, Refusal> {
        let request = self.requested(params).await?;
        if !allow {
            return Err(self.told(&request, &access_denied("the user said no")));
        }
        if self.users.by_id(&session.user_id).await?.is_none() {
            return Err(self.told(&request, &login_required("the user may not sign in")));
        }
        Ok(self.agree(&request, session, true).await?)
    }

    /// Makes a code and remembers what the user agreed to.
    async fn agree(
        &self,
        request: &AuthorizeRequest,
        session: &BrowserSession,
        asked: bool,
    ) -> Result<String> {
        let (code, keep) = self.new_code(request, session)?;
        let mut statements = vec![keep];
        if asked {
            statements.push(self.consented(request, &session.user_id)?);
        }
        if let Some(hash) = &request.pushed {
            statements.push(self.use_pushed(hash));
        }
        self.db.write(statements).await?;
        Ok(self.answer(request, &[("code", &code)]))
    }

    /// The redirect URI with an answer: the client's state and this issuer (RFC 9207) are in each.
    fn answer(&self, request: &AuthorizeRequest, pairs: &[(&str, &str)]) -> String {
        let state = request.state.as_deref().map(|state| ("state", state));
        let all = pairs.iter().copied().chain(state).chain([("iss", self.settings.issuer.as_str())]);
        with_query(&request.redirect_uri, all)
    }

    fn told(&self, request: &AuthorizeRequest, problem: &Problem) -> Refusal {
        let code = if super::problems::is_refusal(problem) { problem.code() } else { "server_error" };
        let words = if code == "server_error" { "the server failed to answer" } else { problem.message() };
        let uri = self.answer(request, &[("error", code), ("error_description", words)]);
        Refusal::Redirect { uri, problem: problem.clone() }
    }

    /// As [`Oauth::told`], before any user has decided anything. The address of a client that registered itself may be
    /// anybody's: to send browsers on to it unasked would make this server a redirector (RFC 9700 section 4.11.2).
    fn told_unasked(&self, request: &AuthorizeRequest, problem: Problem) -> Refusal {
        match request.client.dynamic {
            true => Refusal::Page(problem),
            false => self.told(request, &problem),
        }
    }

    /// The request that parameters make, or that was pushed before.
    async fn requested(&self, params: &Params) -> Result<AuthorizeRequest, Refusal> {
        let id = params.required("client_id")?;
        let client = self.client(id).await?.ok_or_else(|| invalid_request("the client is unknown"))?;
        let Some(uri) = params.get("request_uri")? else {
            if client.require_par {
                return Err(invalid_request("this client must push its requests (PAR)").into());
            }
            return self.check_request(client, params);
        };
        let (hash, pushed) = self.pushed(&client, uri).await?;
        let mut request = self.check_request(client, &pushed)?;
        request.pushed = Some(hash);
        Ok(request)
    }

    /// First what decides whether the client may be told of mistakes at its own address; then all else.
    pub(super) fn check_request(&self, client: Client, params: &Params) -> Result<AuthorizeRequest, Refusal> {
        let redirect_uri = match (params.get("redirect_uri")?, client.redirect_uris.as_slice()) {
            (Some(uri), registered) if redirect::is_registered(registered, uri) => uri.to_owned(),
            (Some(_), _) => {
                return Err(invalid_request("`redirect_uri` is not registered for this client").into());
            }
            (None, [only]) => only.clone(),
            (None, _) => return Err(invalid_request("`redirect_uri` is missing").into()),
        };
        let mut request = AuthorizeRequest {
            client,
            redirect_uri,
            state: params.owned("state")?,
            scope: Scope::default(),
            resources: Vec::new(),
            nonce: None,
            challenge: String::new(),
            prompt: Vec::new(),
            max_age: None,
            login_hint: None,
            id_token_hint: None,
            pushed: None,
        };
        match self.fill(&mut request, params) {
            Ok(()) => Ok(request),
            Err(problem) => Err(self.told_unasked(&request, problem)),
        }
    }

    fn fill(&self, request: &mut AuthorizeRequest, params: &Params) -> Result<()> {
        if params.get("request")?.is_some() {
            return Err(request_not_supported("requests as JWTs are not supported: push them (PAR)"));
        }
        if params.get("request_uri")?.is_some() {
            return Err(request_uri_not_supported("a pushed request cannot name another one"));
        }
        match params.required("response_type")? {
            "code" => {}
            _ => return Err(unsupported_response_type("`response_type` must be `code`")),
        }
        if !matches!(params.get("response_mode")?, None | Some("query")) {
            return Err(invalid_request("`response_mode` must be `query`"));
        }
        request.client.may(CODE).map_err(|problem| unauthorized_client(problem.message()))?;
        request.challenge =
            pkce::challenge(params.get("code_challenge")?, params.get("code_challenge_method")?)?;
        request.scope = Scope::within(params.get("scope")?, &request.client.scope)?;
        request.resources = self.resources(&request.client, &params.resources())?;
        request.nonce = params.owned("nonce")?;
        request.login_hint = params.owned("login_hint")?;
        request.id_token_hint = params.owned("id_token_hint")?;
        request.prompt = params.get("prompt")?.unwrap_or_default().split(' ').map(str::to_owned).collect();
        request.prompt.retain(|word| !word.is_empty());
        if let Some(unknown) = request.prompt.iter().find(|word| !PROMPTS.contains(&word.as_str())) {
            return Err(invalid_request(format!("`prompt` knows no `{unknown}`")));
        }
        if request.prompts("none") && request.prompt.len() > 1 {
            return Err(invalid_request("`prompt=none` goes with no other word"));
        }
        if let Some(text) = params.get("max_age")? {
            let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
            request.max_age =
                Some(seconds.ok_or_else(|| invalid_request("`max_age` is no number of seconds"))?);
        }
        Ok(())
    }
}

/// A URI with pairs added to its query.
pub(super) fn with_query<'a>(uri: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut all = uri.to_owned();
    for (name, value) in pairs {
        all.push(if all.contains('?') { '&' } else { '?' });
        all.push_str(name);
        all.push('=');
        encode(&mut all, value);
    }
    all
}

fn encode(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // writing to a string cannot fail
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_query;

    #[test]
    fn an_answer_is_added_to_a_query() {
        let pairs = [("a", "x y&"), ("b", "é")];
        assert_eq!(with_query("https://a/cb", pairs.into_iter()), "https://a/cb?a=x%20y%26&b=%C3%A9");
        assert_eq!(with_query("https://a/cb?z=1", [("a", "1")].into_iter()), "https://a/cb?z=1&a=1");
    }
}

//! REST in PostgREST's terms: methods and headers to a [`query::Request`], a [`query::Response`] to a status and
//! headers.
//!
//! Not here: the grammar of query strings ([`crate::grammar`]), plans and rows (`records`).

pub(crate) mod batch;
mod careful;
pub(crate) mod cors;
mod etag;
mod import;
mod media;
mod options;
mod page;
mod prefer;
mod range;
mod request;
mod response;
mod session;
mod stream;
mod timing;

use crate::edge::{Answering, BoxFuture, Face, Request, Response};
use crate::openapi::OpenApi;
use crate::problem::problem_response;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, SERVER, VARY};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_engine::RowStream;
use mainstay_identity::{Actor, Verifier};
use mainstay_records::{Together, query};
use mainstay_sql::Catalog;
use mainstay_types::Session;
use request::{Asked, Draft};
use session::{Curiosity, Sessions};
use std::sync::{Arc, Weak};
use std::time::Duration;
use timing::Timing;

const API_KEY: HeaderName = HeaderName::from_static("apikey");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
/// The headers that an answer's form depends on, for caches between.
const DEPENDS_ON: HeaderValue = HeaderValue::from_static("Accept, Prefer, Range");
pub(crate) const SERVER_NAME: HeaderValue = HeaderValue::from_static("mainstay");

/// Rows on their way, and settings of the answer.
pub type Streamed = (Box<dyn RowStream>, Vec<(String, String)>);

/// What REST asks of the service below it.
pub trait RestService: Send + Sync + 'static {
    fn run(&self, request: query::Request) -> BoxFuture<'_, Result<query::Response>>;
    /// As [`RestService::run`] without waiting, for what is ready at once; `None`: nothing has happened, run it.
    fn run_at_once(&self, _: &query::Request) -> Option<Result<query::Response>> {
        None
    }
    fn catalog(&self) -> Arc<Catalog>;
    /// The rows of a read that may be too many for memory, and what was set for the answer before the first of them.
    fn stream(&self, request: query::Request) -> BoxFuture<'_, Result<Streamed>>;
    /// Runs requests in one transaction.
    fn transact(&self, together: Arc<dyn Together>, session: Arc<Session>) -> BoxFuture<'_, Result<()>>;
}

/// Turns a token into who asks.
pub trait Authenticate: Send + Sync + 'static {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>>;
    /// What may be waited for before a token that was refused is shown once more: keys of another issuer, for example.
    /// `None`: it stays refused.
    fn before_refusal(&self, _: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        None
    }
}

impl Authenticate for Verifier {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        self.actor(token)
    }
    fn before_refusal(&self, token: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        self.missing_keys(token)
    }
}

impl<T: Authenticate> Authenticate for Arc<T> {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        T::authenticate(self, token)
    }
    fn before_refusal(&self, token: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        T::before_refusal(self, token)
    }
}

/// Who is shown what the schemas hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenApiMode {
    /// Each role sees what it may use.
    #[default]
    FollowPrivileges,
    /// Everybody sees everything that is exposed.
    IgnorePrivileges,
    /// Nobody sees anything.
    Disabled,
}

/// Settings of the REST face.
#[derive(Clone, Debug)]
pub struct RestSettings {
    /// The path that everything is below, without a slash at its end.
    pub mount: String,
    /// The schemas that callers may name; the first is the default. The same list as the records service has.
    pub schemas: Vec<String>,
    pub extra_search_path: Vec<String>,
    /// The most rows that a read returns. The same number as the records service has.
    pub rows_max: Option<u64>,
    /// Whether `Prefer: tx=commit` and `tx=rollback` are honoured.
    pub tx_override: bool,
    /// Take back what a request did unless it asks to keep it: for tests.
    pub tx_rollback: bool,
    /// A filter may name an embed by its relation though the embed has an alias.
    pub legacy_target_names: bool,
    /// The role of callers who have no other: what it may not do is answered with 401 instead of 403.
    pub anonymous_role: String,
    /// Whether `Accept: application/vnd.pgrst.plan+json` is answered with how a request would be carried out.
    pub plan_enabled: bool,
    /// Whether answers say in `Server-Timing` where their time went.
    pub server_timing: bool,
    /// Origins that browsers may call from; empty means any.
    pub cors_origins: Vec<String>,
    /// How long the answer of a request with an `Idempotency-Key` is kept.
    pub idempotency_age: Duration,
    /// The largest answer that is kept.
    pub kept_answer_bytes_max: usize,
    /// Bytes of one import by lines.
    pub import_bytes_max: u64,
    /// Answers of fewer bytes are not compressed.
    pub compress_bytes_min: usize,
    /// Requests of one batch.
    pub batch_requests_max: usize,
    /// Bytes of all answers of one batch.
    pub batch_answer_bytes_max: usize,
    /// Whether the root answers with the description of the API.
    pub openapi: OpenApiMode,
    /// What the description of the API is called.
    pub title: String,
    pub version: String,
    /// The address that the description names (`https://api.example.com`); empty means relative.
    pub public_url: String,
}

impl Default for RestSettings {
    fn default() -> Self {
        RestSettings {
            mount: "/rest/v1".to_owned(),
            schemas: vec!["public".to_owned()],
            extra_search_path: vec!["public".to_owned(), "extensions".to_owned()],
            rows_max: None,
            tx_override: false,
            tx_rollback: false,
            legacy_target_names: true,
            anonymous_role: "anon".to_owned(),
            plan_enabled: false,
            server_timing: false,
            cors_origins: Vec::new(),
            idempotency_age: Duration::from_secs(24 * 3_600),
            kept_answer_bytes_max: 1024 * 1024,
            import_bytes_max: 1024 * 1024 * 1024,
            compress_bytes_min: 4 * 1024,
            batch_requests_max: 100,
            batch_answer_bytes_max: 16 * 1024 * 1024,
            openapi: OpenApiMode::default(),
            title: "Mainstay".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url: String::new(),
        }
    }
}

/// The REST face.
pub struct Rest {
    settings: RestSettings,
    service: Arc<dyn RestService>,
    authenticate: Arc<dyn Authenticate>,
    curiosity: Curiosity,
    sessions: Sessions,
    open_api: OpenApi,
    /// Itself, for work that goes on on another thread.
    me: Weak<Rest>,
}

/// What a path below the mount names.
enum Resource<'a> {
    Root,
    Relation(std::borrow::Cow<'a, str>),
    Function(std::borrow::Cow<'a, str>),
}

/// How far a request has come before its body is read.
enum Prepared<'a> {
    Answer(Response),
    Run(Asked<'a>, query::Request),
    NeedsBody(Draft<'a>),
    /// The body comes line by line.
    Import(Draft<'a>),
}

/// The answer in place of a description that nobody may see.
pub(crate) fn undescribed() -> Problem {
    Problem::new("PGRST126", "Root endpoint metadata is disabled")
}

impl Rest {
    pub fn new(
        settings: RestSettings,
        service: Arc<dyn RestService>,
        authenticate: Arc<dyn Authenticate>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Rest {
            settings,
            service,
            authenticate,
            curiosity: Curiosity::default(),
            sessions: Sessions::default(),
            open_api: OpenApi::default(),
            me: me.clone(),
        })
    }

    fn handle(&self) -> Result<Arc<Rest>> {
        self.me.upgrade().ok_or_else(|| Problem::internal("the server is going away"))
    }

    pub fn settings(&self) -> &RestSettings {
        &self.settings
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.service.catalog()
    }

    /// The description of one schema for a role, as JSON; made once per version of the catalog.
    pub fn description(&self, schema: &str, role: &str) -> bytes::Bytes {
        self.open_api.document(&self.settings, &self.service.catalog(), schema, role)
    }

    /// Whether anybody may see what there is.
    pub fn is_described(&self) -> bool {
        self.settings.openapi != OpenApiMode::Disabled
    }

    fn resource<'a>(&self, path: &'a str) -> Result<Resource<'a>> {
        let invalid = || Problem::new("PGRST125", "Invalid path specified in request URL");
        let rest = path.strip_prefix(self.settings.mount.as_str()).ok_or_else(invalid)?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Ok(Resource::Root);
        }
        let (first, second) = match rest.split_once('/') {
            None => (rest, None),
            Some((first, second)) => (first, Some(second)),
        };
        match second {
            None => Ok(Resource::Relation(crate::grammar::decode_path(first)?)),
            Some(name) if first == "rpc" && !name.is_empty() && !name.contains('/') => {
                Ok(Resource::Function(crate::grammar::decode_path(name)?))
            }
            Some(_) => Err(invalid()),
        }
    }

    /// The schema that the headers name, and whether to say so in the answer.
    fn schema<'a>(&'a self, head: &Parts) -> Result<&'a str> {
        use hyper::Method;
        let header = match head.method {
            Method::POST | Method::PATCH | Method::PUT | Method::DELETE => CONTENT_PROFILE,
            _ => ACCEPT_PROFILE,
        };
        let Some(value) = head.headers.get(header) else {
            return self.settings.schemas.first().map(String::as_str).ok_or_else(|| {
                Problem::internal("no schema is exposed").with_hint("name one in `[api] schemas`")
            });
        };
        let found = self.settings.schemas.iter().find(|schema| schema.as_bytes() == value.as_bytes());
        found.map(String::as_str).ok_or_else(|| {
            let asked = String::from_utf8_lossy(value.as_bytes());
            let exposed = self.settings.schemas.join(", ");
            Problem::new("PGRST106", format!("Invalid schema: {asked}"))
                .with_hint(format!("Only the following schemas are exposed: {exposed}"))
        })
    }

    fn respond(&self, request: Request) -> Answering<'_> {
        if let Some(response) = cors::preflight(&request.head, &self.settings.cors_origins) {
            return Answering::Now(response);
        }
        let mut timing = Timing::start(self.settings.server_timing);
        self.as_actor(request, move |request, actor| {
            timing.lap("jwt");
            self.respond_to(request, actor, timing)
        })
    }

    /// Answers as who asks, or with why nobody does.
    fn as_actor<'a>(
        &'a self,
        request: Request,
        answer: impl FnOnce(Request, Arc<Actor>) -> Answering<'a> + Send + 'a,
    ) -> Answering<'a> {
        let problem = match self.authenticate.authenticate(token(&request.head)) {
            Ok(actor) => return answer(request, actor),
            Err(problem) => problem,
        };
        let Some(wait) = self.authenticate.before_refusal(token(&request.head)) else {
            return Answering::Now(self.finish(&request.head, problem_response(&problem, false)));
        };
        Answering::Later(Box::pin(async move {
            wait.await;
            let answering = match self.authenticate.authenticate(token(&request.head)) {
                Ok(actor) => answer(request, actor),
                Err(problem) => return self.finish(&request.head, problem_response(&problem, false)),
            };
            match answering {
                Answering::Now(response) => response,
                Answering::Later(response) => response.await,
            }
        }))
    }

    fn respond_to(&self, request: Request, actor: Arc<Actor>, mut timing: Timing) -> Answering<'_> {
        let Request { head, body, .. } = request;
        let prepared = self.prepare(&head, &actor);
        timing.lap("parse");
        match prepared {
            Ok(Prepared::Answer(response)) => Answering::Now(self.finish(&head, response)),
            Ok(Prepared::Run(asked, query)) => match self.service.run_at_once(&query) {
                Some(answer) => {
                    timing.lap("transaction");
                    let outcome = answer.and_then(|answer| self.shown(&head, asked, answer));
                    Answering::Now(timing.told(self.conclude(&head, &actor, outcome)))
                }
                None => Answering::Later(Box::pin(async move {
                    let outcome = self.carry_out(&head, asked, query, &actor, &mut timing).await;
                    timing.told(self.conclude(&head, &actor, outcome))
                })),
            },
            Ok(Prepared::NeedsBody(draft)) => Answering::Later(Box::pin(async move {
                let outcome = match self.with_body(draft, &head, body, &actor).await {
                    Ok((asked, query)) => {
                        timing.lap("parse");
                        self.carry_out(&head, asked, query, &actor, &mut timing).await
                    }
                    Err(problem) => Err(problem),
                };
                timing.told(self.conclude(&head, &actor, outcome))
            })),
            Ok(Prepared::Import(draft)) => Answering::Later(Box::pin(async move {
                let outcome = self.import(draft, &head, body, &actor).await;
                self.conclude(&head, &actor, outcome)
            })),
            Err(problem) => Answering::Now(self.conclude(&head, &actor, Err(problem))),
        }
    }

    /// Everything that can be done before the body is read.
    fn prepare(&self, head: &Parts, actor: &Arc<Actor>) -> Result<Prepared<'_>> {
        let resource = self.resource(head.uri.path())?;
        let schema = self.schema(head)?;
        if head.method == hyper::Method::OPTIONS {
            return self.options(&resource, schema).map(Prepared::Answer);
        }
        let draft = match &resource {
            Resource::Root => return self.describe(head, schema, &actor.role).map(Prepared::Answer),
            Resource::Relation(name) if import::is_asked(head) => {
                return self.relation_request(head, schema, name).map(Prepared::Import);
            }
            Resource::Relation(name) => self.relation_request(head, schema, name)?,
            Resource::Function(name) => self.call_request(head, schema, name)?,
        };
        if draft.takes_body() {
            return Ok(Prepared::NeedsBody(draft));
        }
        let (asked, query) = self.request(draft, head, query::Payload::None, actor);
        Ok(Prepared::Run(asked, query))
    }

    async fn carry_out(
        &self,
        head: &Parts,
        asked: Asked<'_>,
        query: query::Request,
        actor: &Actor,
        timing: &mut Timing,
    ) -> Result<Response> {
        if !is_read(&head.method) && careful::is_asked(&head.headers) {
            return self.carefully(head, asked, query, actor).await;
        }
        if stream::is_long(&asked, &query) {
            return self.long_list(asked, query).await;
        }
        let answer = self.service.run(query).await;
        timing.lap("transaction");
        self.shown(head, asked, answer?)
    }

    fn shown(&self, head: &Parts, asked: Asked<'_>, answer: query::Response) -> Result<Response> {
        let response = self.response(asked, answer)?;
        if is_read(&head.method) { careful::of_read(&head.headers, response) } else { Ok(response) }
    }

    fn conclude(&self, head: &Parts, actor: &Actor, outcome: Result<Response>) -> Response {
        let authenticated = actor.role != self.settings.anonymous_role;
        self.finish(head, outcome.unwrap_or_else(|problem| problem_response(&problem, authenticated)))
    }

    /// What every answer carries.
    fn finish(&self, head: &Parts, mut response: Response) -> Response {
        // A function may have said itself what its answer depends on.
        response.headers_mut().entry(VARY).or_insert(DEPENDS_ON);
        cors::decorate(response.headers_mut(), &head.headers, &self.settings.cors_origins);
        response.headers_mut().insert(SERVER, SERVER_NAME);
        crate::compress::apply(&head.headers, response, self.settings.compress_bytes_min)
    }

    fn describe(&self, head: &Parts, schema: &str, role: &str) -> Result<Response> {
        use hyper::Method;
        if head.method != Method::GET && head.method != Method::HEAD {
            return Err(unsupported(&head.method));
        }
        if !self.is_described() {
            return Err(undescribed());
        }
        let media = media::negotiate(
            head.headers.get(hyper::header::ACCEPT),
            media::Offers { root: true, ..media::Offers::default() },
        )?;
        let mut response = Response::new(self.description(schema, role).into());
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, media.content_type());
        self.profile(&mut response, schema);
        Ok(response)
    }

    /// With several schemas the answer names the one it is from.
    fn profile(&self, response: &mut Response, schema: &str) {
        if self.settings.schemas.len() > 1
            && let Ok(value) = HeaderValue::from_bytes(schema.as_bytes())
        {
            response.headers_mut().insert(CONTENT_PROFILE, value);
        }
    }
}

impl Face for Rest {
    fn answer(&self, request: Request) -> Answering<'_> {
        self.respond(request)
    }
}

fn is_read(method: &hyper::Method) -> bool {
    *method == hyper::Method::GET || *method == hyper::Method::HEAD
}

fn unsupported(method: &hyper::Method) -> Problem {
    Problem::new("PGRST117", format!("Unsupported HTTP method: {method}"))
}

/// The bearer token, or the API key where there is none.
pub(crate) fn token(head: &Parts) -> Option<&str> {
    let bearer = head.headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = token_text(value).split_once(' ').unwrap_or((token_text(value), ""));
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    bearer.or_else(|| head.headers.get(API_KEY).map(|value| token_text(value).trim()))
}

/// Bytes that are no text are somebody's wrong token, not nobody's.
fn token_text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("bearer \u{fffd}")
}

impl RestService for mainstay_records::Records {
    fn run(&self, request: query::Request) -> BoxFuture<'_, Result<query::Response>> {
        Box::pin(mainstay_records::Records::run(self, request))
    }
    fn run_at_once(&self, request: &query::Request) -> Option<Result<query::Response>> {
        mainstay_records::Records::run_at_once(self, request)
    }
    fn catalog(&self) -> Arc<Catalog> {
        mainstay_records::Records::catalog(self)
    }
    fn stream(&self, request: query::Request) -> BoxFuture<'_, Result<Streamed>> {
        Box::pin(mainstay_records::Records::stream(self, request))
    }
    fn transact(&self, together: Arc<dyn Together>, session: Arc<Session>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { mainstay_records::Records::transact(self, together, session).await.map(drop) })
    }
}

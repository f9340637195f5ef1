//! From a head and a body to a request of the records service.

use super::media::{BodyKind, Media, Offers, body_kind, domain_type, negotiate, plan_type};
use super::prefer::Preferences;
use super::range::Window;
use super::{Rest, page, session, unsupported};
use crate::edge::RequestBody;
use crate::grammar::{self, Parsed, Reading};
use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RANGE};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_identity::Actor;
use mainstay_records::query::{Action, Answer, CallTarget, Insert, Payload, Request, Return, Shape, Update};
use std::sync::Arc;

/// What the answer's form depends on besides the answer.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub schema: &'a str,
    /// The relation's name, for `Location`; empty for a function.
    pub relation: String,
    pub kind: Kind,
    pub head_only: bool,
    pub media: Media,
    /// Where it is not the media type's own: that of a function's domain, that of a plan.
    pub content_type: Option<HeaderValue>,
    pub window: Window,
    pub preferences: Preferences,
    /// The URL of the next page by key but for its cursor, where pages are asked for.
    pub page: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Insert { resolution_applies: bool },
    Update,
    Replace,
    Delete,
    Call,
}

/// A request whose body has not been read yet.
pub(super) struct Draft<'a> {
    asked: Asked<'a>,
    target: String,
    action: Action,
    returning: Return,
    parsed: Parsed,
    body: Takes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Rows(BodyKind),
    Arguments(BodyKind),
}

impl Draft<'_> {
    pub fn takes_body(&self) -> bool {
        self.body != Takes::Nothing
    }
}

impl Rest {
    pub(super) fn relation_request<'a>(
        &self,
        head: &Parts,
        schema: &'a str,
        name: &str,
    ) -> Result<Draft<'a>> {
        let read = head.method == Method::GET || head.method == Method::HEAD;
        let writes = [Method::POST, Method::PATCH, Method::PUT, Method::DELETE].contains(&head.method);
        if !read && !writes {
            return Err(unsupported(&head.method));
        }
        let preferences = Preferences::read(&head.headers, self.settings.tx_override)?;
        let mut parsed = self.parse(head, false)?;
        let window = self.window(head, &mut parsed, !writes)?;
        let offers = Offers { plans: self.settings.plan_enabled, ..Offers::default() };
        let media = negotiate(head.headers.get(ACCEPT), offers)?;
        let body = match head.method {
            Method::POST | Method::PATCH | Method::PUT => {
                Takes::Rows(body_kind(head.headers.get(CONTENT_TYPE), false)?)
            }
            _ => Takes::Nothing,
        };
        let missing_default = preferences.missing_default == Some(true);
        let columns = parsed.columns.take();
        let (kind, action) = match head.method {
            Method::POST => {
                let on_conflict = parsed.on_conflict.take();
                let resolution_applies = on_conflict.is_some() || self.has_key(schema, name);
                let resolution = preferences.resolution;
                let insert = Insert { columns, on_conflict, resolution, missing_default };
                (Kind::Insert { resolution_applies }, Action::Insert(insert))
            }
            Method::PATCH => (Kind::Update, Action::Update(Update { columns, missing_default })),
            Method::PUT => (Kind::Replace, Action::Replace(Update { columns: None, missing_default })),
            Method::DELETE => (Kind::Delete, Action::Delete),
            _ => (Kind::Read, Action::Read),
        };
        let returning = if read { Return::Representation } else { preferences.returning.unwrap_or_default() };
        let asked = Asked {
            schema,
            relation: if matches!(kind, Kind::Insert { .. }) { name.to_owned() } else { String::new() },
            kind,
            head_only: head.method == Method::HEAD,
            media,
            content_type: media.plan().and_then(|_| plan_type(head.headers.get(ACCEPT), media)),
            window,
            preferences,
            page: page::url(head, &parsed)?,
        };
        Ok(Draft { asked, target: name.to_owned(), action, returning, parsed, body })
    }

    pub(super) fn call_request<'a>(&self, head: &Parts, schema: &'a str, name: &str) -> Result<Draft<'a>> {
        let read_only = match head.method {
            Method::GET | Method::HEAD => true,
            Method::POST => false,
            _ => {
                let message = format!("Cannot use the {} method on RPC", head.method);
                return Err(Problem::new("PGRST101", message));
            }
        };
        let preferences = Preferences::read(&head.headers, self.settings.tx_override)?;
        let mut parsed = self.parse(head, read_only)?;
        let window = self.window(head, &mut parsed, read_only)?;
        let domain = self.domain_media(schema, name);
        let offers =
            Offers { plans: self.settings.plan_enabled, domain: domain.as_deref(), ..Offers::default() };
        let media = negotiate(head.headers.get(ACCEPT), offers)?;
        let content_type = match media {
            Media::Domain => domain.as_deref().and_then(domain_type),
            Media::PlanJson | Media::PlanText => plan_type(head.headers.get(ACCEPT), media),
            _ => None,
        };
        let body = match read_only {
            true => Takes::Nothing,
            false => Takes::Arguments(body_kind(head.headers.get(CONTENT_TYPE), true)?),
        };
        let single_argument = matches!(body, Takes::Arguments(BodyKind::Raw | BodyKind::Xml));
        let arguments = std::mem::take(&mut parsed.arguments);
        let action = Action::Call(CallTarget { read_only, arguments, single_argument });
        let asked = Asked {
            schema,
            relation: String::new(),
            kind: Kind::Call,
            head_only: head.method == Method::HEAD,
            media,
            content_type,
            window,
            preferences,
            page: page::url(head, &parsed)?,
        };
        let returning = Return::Representation;
        Ok(Draft { asked, target: name.to_owned(), action, returning, parsed, body })
    }

    /// The request with its body.
    pub(super) async fn with_body<'a>(
        &self,
        draft: Draft<'a>,
        head: &Parts,
        body: RequestBody,
        actor: &Arc<Actor>,
    ) -> Result<(Asked<'a>, Request)> {
        let payload = match draft.body {
            Takes::Nothing => Payload::None,
            Takes::Rows(kind) => payload(kind, body, false).await?,
            Takes::Arguments(kind) => payload(kind, body, true).await?,
        };
        Ok(self.request(draft, head, payload, actor))
    }

    fn parse(&self, head: &Parts, call: bool) -> Result<Parsed> {
        let reading = Reading { call, legacy_target_names: self.settings.legacy_target_names };
        grammar::read(head.uri.query().unwrap_or_default(), reading)
    }

    /// The rows of the top level. `Range` counts for `GET` alone (RFC 9110), limits not for `PUT`.
    fn window(&self, head: &Parts, parsed: &mut Parsed, limited: bool) -> Result<Window> {
        let header = if head.method == Method::GET { head.headers.get(RANGE) } else { None };
        let window = Window::of(parsed.limit, parsed.offset, header)?;
        if head.method == Method::PUT && !window.is_all() {
            return Err(Problem::new(
                "PGRST114",
                "limit/offset querystring parameters are not allowed for PUT",
            ));
        }
        if let Some(limit) = window.limit {
            parsed.query.limit = Some(parsed.literal(itoa::Buffer::new().format(limit)));
        }
        if window.offset > 0 {
            parsed.query.offset = Some(parsed.literal(itoa::Buffer::new().format(window.offset)));
        }
        Ok(if limited { window.at_most(self.settings.rows_max) } else { window })
    }

    pub(super) fn request<'a>(
        &self,
        draft: Draft<'a>,
        head: &Parts,
        payload: Payload,
        actor: &Arc<Actor>,
    ) -> (Asked<'a>, Request) {
        let Draft { asked, target, action, mut returning, parsed, .. } = draft;
        let explain = asked.media.plan();
        if explain.is_some() {
            returning = Return::Representation;
        }
        let preferences = &asked.preferences;
        let curious = self.curiosity.of(&self.service.catalog());
        let session = match (&preferences.time_zone, curious) {
            (None, false) => self.sessions.of(actor, asked.schema, &self.settings.extra_search_path),
            (zone, curious) => Arc::new(session::session(
                actor,
                asked.schema,
                &self.settings.extra_search_path,
                zone.clone(),
                curious.then_some(head),
            )),
        };
        // a single object is looked at also where it is not shown: its absence is an error
        let shown = returning == Return::Representation && !asked.head_only;
        let answer = match asked.media.answer() {
            Answer::Object => Answer::Object,
            answer if shown || explain.is_some() => answer,
            _ => Answer::Nothing,
        };
        let request = Request {
            schema: asked.schema.to_owned(),
            target,
            shape: Shape {
                action,
                query: parsed.query,
                returning,
                count: preferences.count,
                answer,
                nulls_stripped: asked.media.nulls_stripped(),
            },
            literals: parsed.literals,
            payload,
            session,
            max_affected: preferences.max_affected.filter(|_| preferences.strict == Some(true)),
            rollback: match preferences.commit {
                Some(commit) => !commit,
                None => self.settings.tx_rollback,
            },
            offset: asked.window.offset,
            limit: asked.window.limit,
            explain,
            after: parsed.after,
        };
        (asked, request)
    }

    /// The media type that the domain of a function's result names (`create domain "text/html" as text`).
    fn domain_media(&self, schema: &str, name: &str) -> Option<String> {
        let catalog = self.service.catalog();
        let overloads = catalog.functions.get(&mainstay_sql::Name::new(schema, name))?;
        let domains = overloads.iter().filter_map(|function| function.returns.domain.as_ref());
        domains.map(|domain| &domain.name).find(|domain| domain.contains('/')).cloned()
    }

    /// Whether conflicts can be resolved at all: only then the preference counts as applied.
    fn has_key(&self, schema: &str, name: &str) -> bool {
        let catalog = self.service.catalog();
        let name = mainstay_sql::Name::new(schema, name);
        catalog.relation(&name).is_some_and(|relation| relation.primary_key().is_some())
    }
}

async fn payload(kind: BodyKind, body: RequestBody, call: bool) -> Result<Payload> {
    let bytes = body.read().await?;
    Ok(match kind {
        BodyKind::Json if call && bytes.is_empty() => Payload::None,
        BodyKind::Json => Payload::Json(bytes.into()),
        BodyKind::Csv => Payload::Csv(bytes.into()),
        BodyKind::Lines => Payload::Json(super::import::array(&bytes)?),
        BodyKind::Raw => Payload::Raw(bytes.into()),
        BodyKind::Xml => Payload::Xml(bytes.into()),
        BodyKind::Form => {
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| Problem::new("PGRST102", "the form is not valid UTF-8"))?;
            let pairs = grammar::pairs(text)?;
            let owned = |(key, value): grammar::Pair<'_>| (key.into_owned(), value.into_owned());
            Payload::Form(pairs.into_iter().map(owned).collect())
        }
    })
}

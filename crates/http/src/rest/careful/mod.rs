//! Writes with a condition (`If-Match`) or a key (`Idempotency-Key`): the look, the write and the record of its answer
//! are one transaction.

mod guard;
mod once;
mod stored;

pub(super) use guard::Guard;
pub(super) use once::{IDEMPOTENCY_KEY, Once};
pub(super) use stored::Stored;

use super::etag::Tags;
use super::request::Asked;
use super::{Rest, batch::Batch};
use crate::edge::{Body, BoxFuture, Response};
use crate::problem::problem_response;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use mainstay_base::{Problem, Result};
use mainstay_identity::Actor;
use mainstay_records::query::Request;
use mainstay_records::{Together, Within};
use mainstay_types::Session;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the headers ask for anything that is done here.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_NONE_MATCH)
        || headers.contains_key(IF_MATCH)
        || headers.contains_key(IDEMPOTENCY_KEY)
}

/// A read whose validator the caller knows already is answered with 304 and no body.
pub(super) fn of_read(headers: &HeaderMap, mut response: Response) -> Result<Response> {
    let Some(validator) = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return Ok(response);
    };
    if let Some(tags) = Tags::read(headers, &IF_MATCH)?
        && !tags.name_strongly(validator)
    {
        return Err(Problem::new("MS040", "a condition of the request does not hold: the row has changed")
            .with_details(format!("its ETag is {validator}"))
            .with_status(412));
    }
    if Tags::read(headers, &IF_NONE_MATCH)?.is_some_and(|tags| tags.name(validator)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(response)
}

/// One request, ready to be run in a transaction.
pub(super) struct One {
    schema: String,
    asked: Asked<'static>,
    request: Request,
    guard: Guard,
}

impl One {
    pub fn of(asked: Asked<'_>, mut request: Request, guard: Guard) -> Result<One> {
        guard.apply(&mut request)?;
        let schema = asked.schema.to_owned();
        Ok(One { schema, asked: Asked { schema: "", ..asked }, request, guard })
    }

    pub async fn run(&self, rest: &Rest, within: &dyn Within) -> Result<Response> {
        self.guard.check(within, &self.request).await?;
        let answer = within.run(self.request.clone()).await;
        let answer = answer.map_err(|problem| self.guard.of_failure(problem))?;
        rest.response(Asked { schema: &self.schema, ..self.asked.clone() }, answer)
    }
}

/// What is done in the transaction.
pub(super) enum Task {
    One(Box<One>),
    Batch(Batch),
}

impl Task {
    async fn run(&self, rest: &Rest, within: &dyn Within) -> Result<Response> {
        match self {
            Task::One(one) => one.run(rest, within).await,
            Task::Batch(batch) => batch.run(rest, within).await,
        }
    }
}

/// A task with its key, and what came of it.
struct Careful {
    rest: Arc<Rest>,
    task: Task,
    once: Option<Once>,
    outcome: Mutex<Option<Stored>>,
}

impl Careful {
    async fn carry_out(&self, within: &dyn Within) -> Result<Stored> {
        if let Some(once) = &self.once
            && let Some(stored) = once.earlier(within).await?
        {
            return Ok(stored);
        }
        let stored = Stored::of(&self.task.run(&self.rest, within).await?);
        if let Some(once) = &self.once {
            once.keep(within, &stored).await?;
        }
        Ok(stored)
    }
}

impl Together for Careful {
    fn run(&self, within: Arc<dyn Within>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let stored = self.carry_out(&*within).await?;
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(stored);
            Ok(())
        })
    }
}

/// A refusal that is kept after everything was undone; one that came meanwhile is given instead.
struct Refusal {
    once: Once,
    stored: Mutex<Stored>,
}

impl Together for Refusal {
    fn run(&self, within: Arc<dyn Within>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let refusal = self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match self.once.earlier(&*within).await? {
                Some(earlier) => *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = earlier,
                None => self.once.keep(&*within, &refusal).await?,
            }
            Ok(())
        })
    }
}

impl Rest {
    /// Runs a write whose headers ask for care.
    pub(super) async fn carefully(
        &self,
        head: &Parts,
        asked: Asked<'_>,
        request: Request,
        actor: &Actor,
    ) -> Result<Response> {
        let once = self.once(head, actor)?.map(|once| once.of_request(head, &request.payload));
        let session = Arc::clone(&request.session);
        let one = One::of(asked, request, Guard::read(&head.headers)?)?;
        self.in_one_transaction(Task::One(Box::new(one)), once, session, actor).await
    }

    pub(super) fn once(&self, head: &Parts, actor: &Actor) -> Result<Option<Once>> {
        Once::read(head, actor, self.settings.idempotency_age, self.settings.kept_answer_bytes_max)
    }

    /// Runs a task to its answer. A refusal that would come again each time is kept as an answer too.
    pub(super) async fn in_one_transaction(
        &self,
        task: Task,
        once: Option<Once>,
        session: Arc<Session>,
        actor: &Actor,
    ) -> Result<Response> {
        let rest = self.handle()?;
        let careful = Arc::new(Careful { rest, task, once: once.clone(), outcome: Mutex::default() });
        let problem = match self.service.transact(careful.clone(), session.clone()).await {
            Ok(()) => {
                let stored = careful.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
                let stored = stored.ok_or_else(|| Problem::internal("a transaction gave no answer"))?;
                return stored.into_response();
            }
            Err(problem) => problem,
        };
        let authenticated = actor.role != self.settings.anonymous_role;
        let response = match &careful.task {
            Task::Batch(batch) => batch.refusal(&problem, authenticated),
            Task::One(_) => problem_response(&problem, authenticated),
        };
        let Some(once) = once.filter(|_| once::is_final(response.status(), problem.retry())) else {
            return Ok(response);
        };
        let refusal = Arc::new(Refusal { once, stored: Mutex::new(Stored::of(&response)) });
        self.service.transact(refusal.clone(), session).await?;
        let stored = refusal.stored.lock().unwrap_or_else(PoisonError::into_inner).clone();
        stored.into_response()
    }
}

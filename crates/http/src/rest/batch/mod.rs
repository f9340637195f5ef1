//! `POST /rest/v1/batch`: a list of requests in one transaction, all or nothing. Later ones may refer to the answers
//! of earlier ones.

mod item;
mod reference;

use super::careful::{Guard, Once, One, Stored, Task, of_read};
use super::{Resource, Rest};
use crate::edge::{Answering, Face, Request, RequestBody, Response};
use crate::problem::{JSON, problem_response};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use item::Item;
use mainstay_base::{Problem, Result};
use mainstay_identity::Actor;
use mainstay_records::Within;
use mainstay_records::query::Payload;
use reference::Answers;
use std::sync::{Arc, Mutex, PoisonError};

const ISOLATION: HeaderName = HeaderName::from_static("isolation-level");
/// What every transaction has; a weaker wish is served by it.
const SERIALIZABLE: HeaderValue = HeaderValue::from_static("serializable");

/// The requests of one batch.
pub(super) struct Batch {
    actor: Arc<Actor>,
    items: Vec<Item>,
    /// The request that failed and its answer, set by the last run.
    failed: Mutex<Option<(usize, Stored)>>,
}

impl Batch {
    /// Runs all of them. The answer of one that fails is remembered, and everything is undone.
    pub async fn run(&self, rest: &Rest, within: &dyn Within) -> Result<Response> {
        // An earlier run of the same batch, whose transaction had to begin anew, is forgotten.
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut answers = Answers::default();
        let mut bytes = 0;
        for (index, item) in self.items.iter().enumerate() {
            let outcome = self.run_item(rest, within, item, &answers).await;
            let (stored, problem) = match outcome {
                Ok(response) => (Stored::of(&response), None),
                Err(problem) => {
                    let authenticated = self.actor.role != rest.settings.anonymous_role;
                    (Stored::of(&problem_response(&problem, authenticated)), Some(problem))
                }
            };
            if problem.is_some() || stored.status >= 400 {
                let problem =
                    problem.unwrap_or_else(|| Problem::new("MS042", "a request of the batch failed"));
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, stored));
                return Err(problem);
            }
            bytes += stored.body.len();
            if bytes > rest.settings.batch_answer_bytes_max {
                let most = rest.settings.batch_answer_bytes_max;
                return Err(Problem::new(
                    "54000",
                    format!("the answers of the batch have more than {most} bytes"),
                )
                .with_hint("ask for less with `Prefer: return=minimal` or `select`"));
            }
            answers.push(stored);
        }
        let mut response = Response::new(answers.render().into());
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response.headers_mut().insert(ISOLATION, SERIALIZABLE);
        Ok(response)
    }

    async fn run_item(
        &self,
        rest: &Rest,
        within: &dyn Within,
        item: &Item,
        answers: &Answers,
    ) -> Result<Response> {
        let (head, body) = item.resolve(&rest.settings.mount, answers)?;
        let body = RequestBody::of(body);
        let schema = rest.schema(&head)?;
        let draft = match rest.resource(head.uri.path())? {
            Resource::Relation(name) => rest.relation_request(&head, schema, &name)?,
            Resource::Function(name) => rest.call_request(&head, schema, &name)?,
            Resource::Root => return Err(Problem::new("PGRST125", "Invalid path specified in request URL")),
        };
        let (asked, request) = rest.with_body(draft, &head, body, &self.actor).await?;
        let reads = head.method == Method::GET || head.method == Method::HEAD;
        let guard = if reads { Guard::default() } else { Guard::read(&head.headers)? };
        let response = One::of(asked, request, guard)?.run(rest, within).await?;
        if reads { of_read(&head.headers, response) } else { Ok(response) }
    }

    /// The answer of a batch that was undone: that of the request which failed, with its index.
    pub fn refusal(&self, problem: &Problem, authenticated: bool) -> Response {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((index, stored)) = failed else { return problem_response(problem, authenticated) };
        let members = serde_json::from_slice(&stored.body).unwrap_or_default();
        let mut members: serde_json::Map<String, serde_json::Value> = members;
        members.insert("index".to_owned(), index.into());
        let mut response = problem_response(problem, authenticated);
        if let Ok(status) = StatusCode::from_u16(stored.status) {
            *response.status_mut() = status;
        }
        *response.body_mut() = serde_json::Value::Object(members).to_string().into();
        response
    }
}

/// Answers `POST` on the batch's path; everything else there is REST's own.
pub(crate) struct BatchFace(pub Arc<Rest>);

impl Face for BatchFace {
    fn answer(&self, request: Request) -> Answering<'_> {
        let rest = &self.0;
        let is_batch = request.head.method == Method::POST
            && request.head.uri.path().trim_end_matches('/').ends_with("/batch")
            && !rest.has_relation(&request.head, "batch");
        if !is_batch {
            return rest.answer(request);
        }
        rest.as_actor(request, move |Request { head, body, .. }, actor| {
            Answering::Later(Box::pin(async move {
                let outcome = rest.batch(&head, body, actor.clone()).await;
                rest.conclude(&head, &actor, outcome)
            }))
        })
    }
}

impl Rest {
    /// Whether a schema that the request may mean has such a relation: its path is its own.
    fn has_relation(&self, head: &Parts, name: &str) -> bool {
        self.schema(head).is_ok_and(|schema| {
            self.service.catalog().relation(&mainstay_sql::Name::new(schema, name)).is_some()
        })
    }

    async fn batch(&self, head: &Parts, body: RequestBody, actor: Arc<Actor>) -> Result<Response> {
        isolation(head)?;
        let once = self.once(head, &actor)?;
        let bytes = body.read().await?;
        let items = item::read(&bytes, head, self.settings.batch_requests_max)?;
        let once = once.map(|once: Once| once.of_request(head, &Payload::Json(bytes.to_vec())));
        let schema = self.schema(head)?;
        let session = self.sessions.of(&actor, schema, &self.settings.extra_search_path);
        let task = Task::Batch(Batch { actor: Arc::clone(&actor), items, failed: Mutex::default() });
        self.in_one_transaction(task, once, session, &actor).await
    }
}

/// Every level that SQL knows is served by the strongest.
fn isolation(head: &Parts) -> Result<()> {
    let Some(value) = head.headers.get(ISOLATION) else { return Ok(()) };
    let asked =
        String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase().replace(['-', '_'], " ");
    match asked.as_str() {
        "serializable" | "repeatable read" | "read committed" | "read uncommitted" => Ok(()),
        _ => Err(Problem::new("22023", format!("invalid value for the header Isolation-Level: \"{asked}\""))
            .with_hint("serializable, repeatable-read, read-committed or read-uncommitted")),
    }
}

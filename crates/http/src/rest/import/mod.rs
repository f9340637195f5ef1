//! `Prefer: import=lines`: CSV and NDJSON of any length, line by line with bounded memory, and an answer that names each
//! line that was refused.
//!
//! Lines are written in chunks, each in one transaction. A chunk with a bad line is halved until the line stands alone.

mod lines;
mod load;

use super::Rest;
use super::request::Draft;
use crate::edge::{RequestBody, Response};
use crate::problem::JSON;
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use lines::{Record, Splitter};
use load::{Chunk, Refused};
use mainstay_base::{Problem, Result};
use mainstay_identity::Actor;
use mainstay_records::query::{Answer, Payload, Request, Return};
use serde_json::json;
use std::sync::Arc;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Lines of one transaction, and their bytes.
const CHUNK_LINES_MAX: usize = 1_000;
const CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// What of the body of an import that has ended is read and thrown away.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Refused lines that are listed; more are counted.
const LISTED_MAX: usize = 1_000;

pub(super) fn is_asked(head: &Parts) -> bool {
    let wanted = |headers: &HeaderMap| {
        headers.get_all(PREFER).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|text| text.split(',').any(|preference| preference.trim() == "import=lines"))
        })
    };
    head.method == Method::POST && wanted(&head.headers)
}

/// The lines of a body that fits in memory, as one JSON array: an insert of all of them or none.
pub(super) fn array(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut records = Vec::new();
    Splitter::new(false).take(bytes, true, &mut records)?;
    let mut array = Vec::with_capacity(bytes.len() + 2);
    array.push(b'[');
    for (index, record) in records.iter().enumerate() {
        if !lines::is_object(&record.bytes) {
            return Err(Problem::new("PGRST102", format!("line {} is no JSON object", record.line)));
        }
        if index > 0 {
            array.push(b',');
        }
        array.extend_from_slice(&record.bytes);
    }
    array.push(b']');
    Ok(array)
}

/// What has become of the lines so far.
#[derive(Default)]
struct Tally {
    inserted: u64,
    refused: Vec<Refused>,
    refused_total: u64,
}

/// An import under way.
struct Import<'a> {
    rest: &'a Rest,
    request: Arc<Request>,
    /// The header line of CSV.
    header: Option<Arc<[u8]>>,
    is_csv: bool,
    tally: Tally,
}

impl Rest {
    pub(super) async fn import(
        &self,
        draft: Draft<'_>,
        head: &Parts,
        mut body: RequestBody,
        actor: &Arc<Actor>,
    ) -> Result<Response> {
        let is_csv = kind(head)?;
        if super::careful::is_asked(&head.headers) {
            return Err(Problem::new("22023", "an import has no condition and no Idempotency-Key")
                .with_hint(
                    "give rows a key, and repeat the import with `Prefer: resolution=ignore-duplicates`",
                ));
        }
        let (_, mut request) = self.request(draft, head, Payload::None, actor);
        request.shape.returning = Return::Minimal;
        request.shape.answer = Answer::Nothing;
        let mut import =
            Import { rest: self, request: Arc::new(request), header: None, is_csv, tally: Tally::default() };
        let outcome = import.read(&mut body, self.settings.import_bytes_max).await;
        if outcome.is_err() {
            discard(&mut body).await;
        }
        outcome?;
        import.answer()
    }
}

/// Whether the lines are CSV; they are NDJSON otherwise.
fn kind(head: &Parts) -> Result<bool> {
    let text = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/csv" => Ok(true),
        "application/x-ndjson" | "application/jsonl" | "application/ndjson" => Ok(false),
        _ => Err(Problem::new("PGRST102", format!("Content-Type not acceptable: {text}"))
            .with_hint("`Prefer: import=lines` takes text/csv and application/x-ndjson")),
    }
}

/// Reads a little of what is not wanted any more: a client that is still sending does not see the answer otherwise.
async fn discard(body: &mut RequestBody) {
    let mut left = DISCARDED_BYTES_MAX;
    while let Ok(Some(piece)) = body.piece().await {
        match left.checked_sub(piece.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

impl Import<'_> {
    async fn read(&mut self, body: &mut RequestBody, bytes_max: u64) -> Result<()> {
        let mut splitter = Splitter::new(self.is_csv);
        let mut records: Vec<Record> = Vec::new();
        let (mut total, mut waiting) = (0, 0);
        loop {
            let piece = body.piece().await.map_err(|problem| self.so_far(problem))?;
            let ended = piece.is_none();
            let piece = piece.unwrap_or_default();
            total += piece.len() as u64;
            if total > bytes_max {
                let words = format!("the import is larger than {bytes_max} bytes");
                return Err(self.so_far(Problem::new("54000", words).with_status(413)));
            }
            let before = records.len();
            splitter.take(&piece, ended, &mut records).map_err(|problem| self.so_far(problem))?;
            waiting += records.iter().skip(before).map(|record| record.bytes.len()).sum::<usize>();
            if records.len() >= CHUNK_LINES_MAX || waiting >= CHUNK_BYTES_MAX || ended {
                self.write(std::mem::take(&mut records)).await?;
                waiting = 0;
            }
            if ended {
                return Ok(());
            }
        }
    }

    async fn write(&mut self, mut records: Vec<Record>) -> Result<()> {
        if self.is_csv && self.header.is_none() && !records.is_empty() {
            self.header = Some(records.remove(0).bytes.into());
        }
        if !self.is_csv {
            let (whole, broken): (Vec<Record>, Vec<Record>) =
                records.into_iter().partition(|record| lines::is_object(&record.bytes));
            for record in broken {
                self.refuse(Refused::broken(record.line));
            }
            records = whole;
        }
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(CHUNK_LINES_MAX));
            let first = records.first().map_or(0, |record| record.line);
            let chunk = Arc::new(Chunk::new(Arc::clone(&self.request), self.header.clone(), records));
            let session = Arc::clone(&self.request.session);
            let written = self.rest.service.transact(chunk.clone(), session).await;
            written.map_err(|problem| {
                let problem = self.so_far(problem);
                let details = problem.details().unwrap_or_default();
                let details = format!("{details}; the lines from {first} on are not written");
                problem.with_details(details)
            })?;
            let (inserted, refused) = chunk.outcome();
            self.tally.inserted += inserted;
            refused.into_iter().for_each(|refused| self.refuse(refused));
            records = rest;
        }
        Ok(())
    }

    fn refuse(&mut self, refused: Refused) {
        self.tally.refused_total += 1;
        if self.tally.refused.len() < LISTED_MAX {
            self.tally.refused.push(refused);
        }
    }

    /// What ended the import, with what it has done before.
    fn so_far(&self, problem: Problem) -> Problem {
        let done =
            format!("{} rows are written, {} lines refused", self.tally.inserted, self.tally.refused_total);
        let details = match problem.details() {
            Some(details) => format!("{details}; {done}"),
            None => done,
        };
        problem.with_details(details)
    }

    fn answer(mut self) -> Result<Response> {
        self.tally.refused.sort_by_key(|refused| refused.line);
        let refused: Vec<_> = self.tally.refused.iter().map(Refused::json).collect();
        let body = json!({
            "inserted": self.tally.inserted,
            "refused_total": self.tally.refused_total,
            "refused": refused,
        });
        let mut response = Response::new(body.to_string().into());
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
            .headers_mut()
            .insert(PREFERENCE_APPLIED, hyper::header::HeaderValue::from_static("import=lines"));
        Ok(response)
    }
}

//! What operators ask of a running server: a copy of its database.
//!
//! Only a token of the role `service_role` opens this face.

use crate::edge::{Answering, Body, Face, Request, Response};
use crate::problem::problem_response;
use crate::rest::{Authenticate, SERVER_NAME, token};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result, Retry};
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// The path below which this face answers.
pub(crate) const MOUNT: &str = "/admin/v1";
const OPERATOR: &str = "service_role";
const DATABASE: HeaderValue = HeaderValue::from_static("application/vnd.sqlite3");
/// Bytes of a copy that are in memory for one answer, twice at most.
const PIECE_BYTES: u64 = 128 * 1024;

/// Makes copies of the database.
pub trait Backups: Send + Sync + 'static {
    /// Ends when the copy is whole. Dropped before, it leaves nothing behind.
    fn backup(&self) -> crate::edge::BoxFuture<'_, Result<BackupFile>>;
}

/// A copy to send. Whoever made it has seen to it that the file goes away with its handle.
#[derive(Debug)]
pub struct BackupFile {
    pub file: File,
    pub bytes: u64,
    /// What a client should call it: letters, digits, `.`, `_` and `-`.
    pub name: String,
}

/// The face of [`MOUNT`].
pub(crate) struct Admin {
    backups: Arc<dyn Backups>,
    authenticate: Arc<dyn Authenticate>,
    anonymous_role: String,
    /// One copy at a time, from its making to its last byte: each takes as much disk as the database.
    turn: Arc<Semaphore>,
}

impl Admin {
    pub fn new(
        backups: Arc<dyn Backups>,
        authenticate: Arc<dyn Authenticate>,
        anonymous_role: String,
    ) -> Self {
        Admin { backups, authenticate, anonymous_role, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Whether the caller may ask, and its turn; else what is wrong, and whether the caller showed a valid token.
    fn admit(&self, head: &Parts) -> Result<OwnedSemaphorePermit, (Problem, bool)> {
        if head.uri.path() != "/admin/v1/backup" {
            let problem = Problem::new("PGRST125", "Invalid path specified in request URL")
                .with_hint("`GET /admin/v1/backup` sends a copy of the database");
            return Err((problem, true));
        }
        let actor = self.authenticate.authenticate(token(head)).map_err(|problem| (problem, false))?;
        if actor.role != OPERATOR {
            let problem = Problem::new("42501", "permission denied for a copy of the database")
                .with_hint("use the key of `service_role`, which `mainstay keys` prints");
            return Err((problem, actor.role != self.anonymous_role));
        }
        if head.method != Method::GET {
            let message = format!("Unsupported HTTP method: {}", head.method);
            return Err((Problem::new("PGRST117", message), true));
        }
        Arc::clone(&self.turn).try_acquire_owned().map_err(|_| {
            let problem = Problem::new("55006", "a backup is being made already")
                .with_hint("one is made at a time: try again when it is done")
                .with_status(503)
                .with_retry(Retry::AfterSeconds(5));
            (problem, true)
        })
    }

    async fn send(&self, turn: OwnedSemaphorePermit) -> Response {
        let BackupFile { file, bytes, name } = match self.backups.backup().await {
            Ok(made) => made,
            Err(problem) => return problem_response(&problem, true),
        };
        let body = FileBody { file: Some(file), reading: None, left: bytes, _turn: turn };
        let mut response = Response::new(Body::Stream(body.boxed_unsync()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, DATABASE);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        response
    }
}

impl Face for Admin {
    fn answer(&self, request: Request) -> Answering<'_> {
        let named = |mut response: Response| {
            response.headers_mut().insert(SERVER, SERVER_NAME);
            response
        };
        match self.admit(&request.head) {
            Ok(turn) => Answering::Later(Box::pin(async move { named(self.send(turn).await) })),
            Err((problem, authenticated)) => Answering::Now(named(problem_response(&problem, authenticated))),
        }
    }
}

/// A file as a body: read piece by piece, as the client takes it, on threads that may block.
struct FileBody {
    /// Here while nobody reads it.
    file: Option<File>,
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    left: u64,
    _turn: OwnedSemaphorePermit,
}

type StreamError = Box<dyn std::error::Error + Send + Sync>;

fn read_piece(mut file: File, bytes: usize) -> io::Result<(File, Bytes)> {
    let mut piece = vec![0; bytes];
    file.read_exact(&mut piece)?;
    Ok((file, piece.into()))
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let body = self.get_mut();
        if body.is_end_stream() {
            return Poll::Ready(None);
        }
        if let Some(file) = body.file.take() {
            let bytes = usize::try_from(body.left.min(PIECE_BYTES)).unwrap_or(0);
            body.reading = Some(tokio::task::spawn_blocking(move || read_piece(file, bytes)));
        }
        // After a failure there is neither a file nor somebody who reads it.
        let Some(reading) = &mut body.reading else { return Poll::Ready(None) };
        match Pin::new(reading).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(outcome) => {
                body.reading = None;
                let outcome = outcome.map_err(io::Error::other).and_then(|read| read);
                Poll::Ready(Some(match outcome {
                    Ok((file, piece)) => {
                        body.left = body.left.saturating_sub(piece.len() as u64);
                        body.file = Some(file);
                        Ok(Frame::data(piece))
                    }
                    Err(error) => {
                        tracing::error!(%error, "a backup could not be read back");
                        Err(error.into())
                    }
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

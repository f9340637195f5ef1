//! Which face answers which path, and what happens when one panics.

use super::body::{Body, RequestBody};
use crate::problem::problem_response;
use hyper::http::request::Parts;
use mainstay_base::Problem;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub type Response = hyper::Response<Body>;

/// A request with its head read and its body not.
pub struct Request {
    pub head: Parts,
    pub body: RequestBody,
    pub peer: SocketAddr,
}

impl Request {
    /// The address of who asks: what our own proxy says in a header, if there is one, which writes the last entry.
    pub fn caller_address(&self, header: Option<&str>) -> String {
        let told = |name: &str| {
            let value = self.head.headers.get_all(name).iter().next_back()?;
            let last = value.to_str().ok()?.rsplit(',').next()?.trim();
            last.parse::<IpAddr>().ok()
        };
        header.and_then(told).unwrap_or_else(|| self.peer.ip().to_canonical()).to_string()
    }
}

/// Answers the requests below one path.
pub trait Face: Send + Sync + 'static {
    fn answer(&self, request: Request) -> Answering<'_>;
}

/// An answer, or the wait for it. What is ready at once needs no future of its own.
pub enum Answering<'a> {
    Now(Response),
    Later(BoxFuture<'a, Response>),
}

/// Faces by path. The longest prefix wins; prefixes end at a `/`.
pub struct Routes {
    mounts: Vec<(String, Arc<dyn Face>)>,
    fallback: Arc<dyn Face>,
}

impl Routes {
    pub fn new(fallback: Arc<dyn Face>) -> Self {
        Routes { mounts: Vec::new(), fallback }
    }

    /// `prefix` without a slash at its end: `/rest/v1`.
    #[must_use]
    pub fn mount(mut self, prefix: impl Into<String>, face: Arc<dyn Face>) -> Self {
        let prefix: String = prefix.into();
        self.mounts.push((prefix.trim_end_matches('/').to_owned(), face));
        self.mounts.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        self
    }

    fn face(&self, path: &str) -> &dyn Face {
        self.mounts
            .iter()
            .find(|(prefix, _)| {
                path.strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .map_or(&*self.fallback, |(_, face)| &**face)
    }

    pub(super) async fn answer(&self, request: Request) -> Response {
        let face = self.face(request.head.uri.path());
        match catch_unwind(AssertUnwindSafe(|| face.answer(request))) {
            Ok(Answering::Now(response)) => response,
            Ok(Answering::Later(answering)) => Caught(answering).await,
            Err(panic) => panicked(&*panic),
        }
    }
}

/// A future whose panic is an answer.
struct Caught<'a>(BoxFuture<'a, Response>);

impl Future for Caught<'_> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let future = &mut self.0;
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(panicked(&*panic)),
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    tracing::error!(panic = words, "a request panicked");
    problem_response(&Problem::internal("the server failed to answer; its log says why"), false)
}

//! Long lists: what is short after all is an answer as any other, the rest leaves row by row.

use super::Rest;
use super::media::Media;
use super::request::{Asked, Kind};
use crate::edge::{Body, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::header::{CONTENT_RANGE, HeaderValue};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Piece, RowStream};
use mainstay_records::query;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A list of up to so many rows is an answer in memory.
const ROWS_MIN: u64 = 10_000;
/// A list that turns out to be no larger than this has a length and a `Content-Range`.
const WHOLE_BYTES_MAX: usize = 256 * 1024;

/// Whether the rows may be too many for memory.
pub(super) fn is_long(asked: &Asked<'_>, request: &query::Request) -> bool {
    asked.kind == Kind::Read
        && asked.window.limit.is_none_or(|limit| limit > ROWS_MIN)
        && !asked.head_only
        && request.shape.count.is_none()
        && request.after.is_none()
        && matches!(asked.media, Media::Json | Media::ArrayStripped | Media::Csv | Media::JsonLines)
}

impl Rest {
    pub(super) async fn long_list(&self, asked: Asked<'_>, request: query::Request) -> Result<Response> {
        let (mut rows, settings) = self.service.stream(request).await?;
        let mut gathered = Piece::default();
        let mut ended = false;
        while gathered.bytes.len() < WHOLE_BYTES_MAX {
            match poll_fn(|cx| rows.poll_next(cx)).await {
                None => {
                    ended = true;
                    break;
                }
                Some(piece) => {
                    let piece = piece?;
                    gathered.bytes.extend_from_slice(&piece.bytes);
                    gathered.rows += piece.rows;
                }
            }
        }
        let body = if ended { std::mem::take(&mut gathered.bytes) } else { Vec::new() };
        let answer = query::Response { body, rows: gathered.rows, settings, ..query::Response::default() };
        let mut response = self.response(asked, answer)?;
        if !ended {
            let stream = Streaming { first: Some(gathered.bytes), rows: Some(rows) };
            *response.body_mut() = Body::Stream(stream.boxed_unsync());
            // How many there are is known when the last has left.
            response.headers_mut().insert(CONTENT_RANGE, HeaderValue::from_static("*/*"));
        }
        Ok(response)
    }
}

struct Streaming {
    first: Option<Vec<u8>>,
    rows: Option<Box<dyn RowStream>>,
}

impl hyper::body::Body for Streaming {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        let Some(rows) = &mut self.rows else { return Poll::Ready(None) };
        let polled = match rows.poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(piece))) => return Poll::Ready(Some(Ok(Frame::data(piece.bytes.into())))),
            Poll::Ready(Some(Err(problem))) => Some(Err(broken(&problem))),
            Poll::Ready(None) => None,
        };
        self.rows = None;
        Poll::Ready(polled)
    }
}

/// The status has left already: the connection ends before the body does, which a client takes for what it is.
fn broken(problem: &Problem) -> Box<dyn std::error::Error + Send + Sync> {
    tracing::warn!(%problem, "a list ended early");
    Box::new(problem.clone())
}

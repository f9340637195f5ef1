//! Compresses answers for clients that ask for it: gzip, brotli and zstd.
//!
//! Small answers go as they are. Large ones are compressed piece by piece as the client takes them, so that no thread
//! of the edge is busy with one answer for long.

mod coding;
mod encoder;

use crate::edge::{Body, Response};
use bytes::Bytes;
use coding::Coding;
use encoder::Encoder;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is compressed at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Compresses the answer where the request accepts it, the body is of a kind that shrinks, and it is large enough.
pub(crate) fn apply(request: &HeaderMap, mut response: Response, bytes_min: usize) -> Response {
    let Some(accepted) = request.get(ACCEPT_ENCODING) else { return response };
    if !is_worth_it(&response, bytes_min) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = coding::choose(accepted) else { return response };
    let Ok(encoder) = Encoder::new(coding) else { return response };
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let body = match body {
        Body::Whole(Some(bytes)) if bytes.len() <= PIECE_BYTES => match encoder.whole(&bytes) {
            Ok(compressed) => Body::from(compressed),
            Err(_) => {
                *response.body_mut() = Body::from(bytes);
                return response;
            }
        },
        body => {
            Body::Stream(Compressed { body, waiting: Bytes::new(), encoder: Some(encoder) }.boxed_unsync())
        }
    };
    *response.body_mut() = body;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    mark_validator(headers, coding);
    response
}

fn is_worth_it(response: &Response, bytes_min: usize) -> bool {
    let large = match response.body() {
        Body::Whole(bytes) => bytes.as_ref().is_some_and(|bytes| bytes.len() >= bytes_min),
        Body::Stream(_) => true,
    };
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let shrinks = kind.starts_with("text/") || kind.contains("json") || kind.contains("xml");
    large && shrinks && !headers.contains_key(CONTENT_ENCODING)
}

/// A strong validator stands for bytes, and these are others. What a client sends back is compared without the mark.
fn mark_validator(headers: &mut HeaderMap, coding: Coding) {
    let marked = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| {
        let inside = tag.strip_suffix('"')?;
        HeaderValue::from_str(&format!("{inside}-{}\"", coding.name())).ok()
    });
    if let Some(marked) = marked {
        headers.insert(ETAG, marked);
    }
}

/// A body whose bytes are compressed as they are asked for.
struct Compressed {
    body: Body,
    /// Bytes of the body that are not compressed yet.
    waiting: Bytes,
    /// Gone when the last bytes have left it.
    encoder: Option<Encoder>,
}

impl hyper::body::Body for Compressed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            let this = &mut *self;
            let Some(encoder) = &mut this.encoder else { return Poll::Ready(None) };
            if !this.waiting.is_empty() {
                let piece = this.waiting.split_to(this.waiting.len().min(PIECE_BYTES));
                let out = encoder.write(&piece)?;
                if out.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(frame))) => this.waiting = frame.into_data().unwrap_or_default(),
                Poll::Ready(None) => {
                    let last = this.encoder.take().map(Encoder::finish).transpose()?;
                    return Poll::Ready(last.map(|bytes| Ok(Frame::data(bytes.into()))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn text() -> Vec<u8> {
        (0..40_000).map(|number| format!("{{\"id\":{number}}},")).collect::<String>().into_bytes()
    }

    fn answer(body: Vec<u8>, accepted: &'static str) -> Response {
        let mut request = HeaderMap::new();
        request.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(ETAG, HeaderValue::from_static("\"a\""));
        apply(&request, response, 1000)
    }

    fn bytes_of(response: Response) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(response.into_body().collect()).expect("collects").to_bytes().to_vec()
    }

    fn plain(coding: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match coding {
            "gzip" => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).expect("gzip")),
            "br" => drop(brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).expect("brotli")),
            _ => out = zstd::decode_all(bytes).expect("zstd"),
        }
        out
    }

    #[test]
    fn what_is_compressed_comes_back() {
        for coding in ["gzip", "br", "zstd"] {
            for body in [text(), text()[..5_000].to_vec()] {
                let response = answer(body.clone(), coding);
                assert_eq!(response.headers()[CONTENT_ENCODING], coding);
                assert_eq!(response.headers()[ETAG], format!("\"a-{coding}\""));
                let bytes = bytes_of(response);
                assert!(bytes.len() * 2 < body.len(), "{coding}: {} of {}", bytes.len(), body.len());
                assert_eq!(plain(coding, &bytes), body, "{coding}");
            }
        }
    }

    #[test]
    fn what_is_small_or_not_asked_for_stays() {
        for (body, accepted) in [(b"{}".to_vec(), "gzip"), (text(), "identity"), (text(), "gzip;q=0")] {
            let response = answer(body.clone(), accepted);
            assert!(!response.headers().contains_key(CONTENT_ENCODING), "{accepted}");
            assert_eq!(bytes_of(response), body);
        }
    }
}

//! Bodies: of requests, bounded in size and time; of answers, whole or as a stream.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use mainstay_base::{Problem, Result};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

type StreamError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of a whole body that are written at once: the connection copies them behind the head.
const PIECE_BYTES: usize = 64 * 1024;

/// The body of an answer.
pub enum Body {
    Whole(Option<Bytes>),
    Stream(UnsyncBoxBody<Bytes, StreamError>),
}

impl Body {
    pub fn empty() -> Self {
        Body::Whole(None)
    }

    /// The bytes of a whole body; a stream has none to show.
    pub fn whole(&self) -> &[u8] {
        match self {
            Body::Whole(Some(bytes)) => bytes,
            _ => &[],
        }
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Body::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match self.get_mut() {
            Body::Whole(whole) => {
                let piece = match whole {
                    Some(bytes) if bytes.len() > PIECE_BYTES => Some(bytes.split_to(PIECE_BYTES)),
                    _ => whole.take(),
                };
                Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
            }
            Body::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_none(),
            Body::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Stream(stream) => stream.size_hint(),
        }
    }
}

/// The body of a request, not read yet.
pub struct RequestBody {
    source: Source,
    bytes_max: usize,
    timeout: Duration,
}

enum Source {
    Incoming(Incoming),
    /// It is here already: a request that came within another one.
    Whole(Bytes),
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, bytes_max: usize, timeout: Duration) -> Self {
        RequestBody { source: Source::Incoming(incoming), bytes_max, timeout }
    }

    /// The body of a request that came within the body of another one.
    pub fn of(bytes: Bytes) -> Self {
        RequestBody { source: Source::Whole(bytes), bytes_max: usize::MAX, timeout: Duration::MAX }
    }

    /// The next bytes of a body that may be larger than memory; the caller bounds their sum. `None`: it is over.
    pub async fn piece(&mut self) -> Result<Option<Bytes>> {
        let incoming = match &mut self.source {
            Source::Incoming(incoming) => incoming,
            Source::Whole(bytes) => return Ok((!bytes.is_empty()).then(|| std::mem::take(bytes))),
        };
        loop {
            let frame = tokio::time::timeout(self.timeout, incoming.frame()).await.map_err(|_| {
                Problem::new("57014", "the request body did not arrive in time").with_status(408)
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(unreadable(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body, within the edge's bounds.
    pub async fn read(self) -> Result<Bytes> {
        let bytes_max = self.bytes_max;
        self.read_at_most(bytes_max).await
    }

    /// The whole body, with another bound on its size.
    pub async fn read_at_most(self, bytes_max: usize) -> Result<Bytes> {
        let mut incoming = match self.source {
            Source::Incoming(incoming) => incoming,
            Source::Whole(bytes) if bytes.len() > bytes_max => return Err(too_large(bytes_max)),
            Source::Whole(bytes) => return Ok(bytes),
        };
        if incoming.is_end_stream() {
            return Ok(Bytes::new());
        }
        if incoming.size_hint().lower() > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        let mut gathered = Gathered { first: Bytes::new(), rest: BytesMut::new(), bytes_max };
        {
            let mut reading = std::pin::pin!(gather(&mut incoming, &mut gathered));
            // most bodies came with their head: no timer for them
            let at_once = poll_fn(|cx| match reading.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => Poll::Ready(None),
            });
            match at_once.await {
                Some(done) => done?,
                None => tokio::time::timeout(self.timeout, reading).await.unwrap_or_else(|_| {
                    Err(Problem::new("57014", "the request body did not arrive in time").with_status(408))
                })?,
            }
        }
        Ok(gathered.finish())
    }
}

/// One frame stays as it is; more are put together.
struct Gathered {
    first: Bytes,
    rest: BytesMut,
    bytes_max: usize,
}

impl Gathered {
    fn push(&mut self, data: Bytes) -> Result<()> {
        if self.first.len() + self.rest.len() + data.len() > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        if self.first.is_empty() {
            self.first = data;
        } else {
            self.rest.extend_from_slice(&data);
        }
        Ok(())
    }

    fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut all = BytesMut::with_capacity(self.first.len() + self.rest.len());
        all.extend_from_slice(&self.first);
        all.extend_from_slice(&self.rest);
        all.freeze()
    }
}

async fn gather(incoming: &mut Incoming, gathered: &mut Gathered) -> Result<()> {
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        if let Ok(data) = frame.into_data() {
            gathered.push(data)?;
        }
    }
    Ok(())
}

fn unreadable(error: &hyper::Error) -> Problem {
    Problem::new("PGRST102", "the request body could not be read").with_details(error.to_string())
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new("54000", format!("the request body is larger than {bytes_max} bytes")).with_status(413)
}

//! What a connection is doing, so that one timer per connection serves all deadlines.
//!
//! hyper can bound the time of a head, at the price of a timer per request. Here a connection notes when it began
//! what it is doing, and its single timer looks at the note when it fires: a busy connection pays a store.

use super::EdgeSettings;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(super) struct Activity {
    started: Instant,
    /// Milliseconds from `started` to the last change of what goes on.
    since: AtomicU64,
    /// A head has begun and is not complete.
    in_head: AtomicBool,
    in_flight: AtomicU32,
    /// HTTP/2 frames arrive outside of requests too, and hyper bounds their heads by size.
    multiplexed: bool,
}

/// What a connection's timer finds.
pub(super) enum Verdict {
    LookAgainAt(Instant),
    /// Nothing goes on: close when the protocol allows it.
    Idle,
    /// A head does not come to its end: close now.
    Stalled,
}

impl Activity {
    pub fn new(started: Instant, multiplexed: bool) -> Self {
        let activity = Activity {
            started,
            since: AtomicU64::new(0),
            in_head: AtomicBool::new(!multiplexed),
            in_flight: AtomicU32::new(0),
            multiplexed,
        };
        activity.touch();
        activity
    }

    fn touch(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(elapsed, Ordering::Relaxed);
    }

    fn bytes_came(&self) {
        if !self.multiplexed
            && self.in_flight.load(Ordering::Relaxed) == 0
            && !self.in_head.swap(true, Ordering::Relaxed)
        {
            self.touch();
        }
    }

    fn bytes_went(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 {
            self.touch();
        }
    }

    /// A request's head is complete; the guard's drop says that it is answered.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub fn verdict(&self, now: Instant, settings: &EdgeSettings) -> Verdict {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Verdict::LookAgainAt(now + settings.head_timeout.min(settings.idle_timeout));
        }
        let since = self.started + Duration::from_millis(self.since.load(Ordering::Relaxed));
        let in_head = self.in_head.load(Ordering::Relaxed);
        let deadline = since + if in_head { settings.head_timeout } else { settings.idle_timeout };
        if now < deadline {
            // a head may begin meanwhile: look often enough for its own deadline
            Verdict::LookAgainAt(deadline.min(now + settings.head_timeout))
        } else if in_head {
            Verdict::Stalled
        } else {
            Verdict::Idle
        }
    }
}

pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.touch();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that gives back first what was read to find the protocol, and notes when bytes move.
pub(super) struct Watched {
    stream: TcpStream,
    first: Vec<u8>,
    activity: Arc<Activity>,
}

impl Watched {
    pub fn new(stream: TcpStream, first: Vec<u8>, activity: Arc<Activity>) -> Self {
        Watched { stream, first, activity }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buffer.remaining());
            buffer.put_slice(self.first.get(..count).unwrap_or_default());
            self.first.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_came();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if polled.is_ready() {
            self.activity.bytes_went();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if polled.is_ready() {
            self.activity.bytes_went();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

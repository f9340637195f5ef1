//! One connection: which protocol it speaks, and its deadlines.

use super::body::Body;
use super::listener::wait;
use super::watch::{Activity, Verdict, Watched};
use super::{EdgeSettings, Request, RequestBody, Shared};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How every HTTP/2 connection begins. No HTTP/1 method has these first three bytes.
const PREFACE: &[u8] = b"PRI";

pub(super) async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    stopped: watch::Receiver<Option<Instant>>,
) {
    // without it small answers wait for acknowledgements; a stream that refuses is served all the same
    let _ = stream.set_nodelay(true);
    let stop = wait(stopped);
    let mut stop = pin!(stop);
    let timeout = shared.settings.head_timeout.min(shared.settings.idle_timeout);
    let first = tokio::select! {
        first = tokio::time::timeout(timeout, sniff(&mut stream)) => first,
        _ = &mut stop => return,
    };
    let Ok(Some(first)) = first else { return };
    let multiplexed = first.starts_with(PREFACE);
    let activity = Arc::new(Activity::new(shared.started, multiplexed));
    let io = TokioIo::new(Watched::new(stream, first, Arc::clone(&activity)));
    let service = {
        let (shared, activity) = (Arc::clone(shared), Arc::clone(&activity));
        service_fn(move |request: hyper::Request<Incoming>| {
            let in_flight = activity.begin();
            let shared = Arc::clone(&shared);
            async move {
                let answer = answer(&shared, request, peer).await;
                drop(in_flight);
                Ok::<_, Infallible>(answer)
            }
        })
    };
    if multiplexed {
        let connection = multiplexed_builder(&shared.settings).serve_connection(io, service);
        drive(connection, http2::Connection::graceful_shutdown, &activity, shared, stop).await;
    } else {
        let connection = http1::Builder::new()
            .max_buf_size(shared.settings.head_bytes_max.max(8192))
            // head and body in one buffer: copying a body costs less than the kernel's way through two
            .writev(false)
            .serve_connection(io, service);
        drive(connection, http1::Connection::graceful_shutdown, &activity, shared, stop).await;
    }
}

fn multiplexed_builder(settings: &EdgeSettings) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_max)
        .max_header_list_size(u32::try_from(settings.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(settings.idle_timeout / 2)
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// Reads until it is clear whether the bytes begin an HTTP/2 preface. `None`: the client went away.
async fn sniff(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut first = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
        let undecided = first.len() < PREFACE.len() && PREFACE.starts_with(&first);
        if !undecided {
            return Some(first);
        }
    }
}

/// What a connection's task is woken for.
enum Event<E> {
    Ended(Result<(), E>),
    Stop,
    Timer,
}

/// Runs a connection to its end, or until it is idle, stalled or told to stop.
async fn drive<C, E>(
    connection: C,
    shut_down: impl Fn(Pin<&mut C>),
    activity: &Activity,
    shared: &Shared,
    mut stop: Pin<&mut impl Future<Output = Instant>>,
) where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let settings = &shared.settings;
    let mut connection = pin!(connection);
    let mut timer = pin!(tokio::time::sleep(settings.head_timeout.min(settings.idle_timeout)));
    let (mut stopping, mut closing) = (false, false);
    loop {
        // The order to stop and the timer know this task's waker from the first time they were polled; a busy
        // connection only looks whether they have come.
        let mut armed = false;
        let event = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Event::Ended(ended));
            }
            if armed && !timer.is_elapsed() && (stopping || !shared.stopping.load(Ordering::Acquire)) {
                return Poll::Pending;
            }
            armed = true;
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            timer.as_mut().poll(cx).map(|()| Event::Timer)
        });
        match event.await {
            Event::Ended(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            Event::Stop => {
                stopping = true;
                shut_down(connection.as_mut());
            }
            Event::Timer => match activity.verdict(Instant::now(), settings) {
                Verdict::LookAgainAt(at) => timer.as_mut().reset(at.into()),
                Verdict::Idle if !closing => {
                    closing = true;
                    shut_down(connection.as_mut());
                    timer.as_mut().reset((Instant::now() + settings.head_timeout).into());
                }
                Verdict::Idle | Verdict::Stalled => return,
            },
        }
    }
}

async fn answer(
    shared: &Shared,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> hyper::Response<Body> {
    let (head, body) = request.into_parts();
    let body = RequestBody::new(body, shared.settings.body_bytes_max, shared.settings.body_timeout);
    shared.routes.answer(Request { head, body, peer }).await
}

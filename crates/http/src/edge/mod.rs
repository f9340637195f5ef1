//! The edge: an accept loop of our own on hyper, with a bound on everything a client can stretch.
//!
//! One thread and one single-threaded runtime per core, each with its own listener where the caller bound several
//! (`SO_REUSEPORT`, see [`bind`]). No layers: a connection calls [`Routes`], which picks a [`Face`] by path.
//! Bounded: connections, the time to send a head or a body, idle time, sizes of heads and bodies. A panic in a face
//! is an answer with status 500, and the connection goes on.

mod body;
mod connection;
mod listener;
mod routes;
mod watch;

pub use body::{Body, RequestBody};
pub use listener::bind;
pub use routes::{Answering, BoxFuture, Face, Request, Response, Routes};

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The bounds of the edge.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Threads that serve; 0 means one per core.
    pub threads: usize,
    /// Connections at once; more are answered with 503 and closed.
    pub connections_max: usize,
    /// From the first byte of a request, or the opening of a connection, to the end of its head.
    pub head_timeout: Duration,
    /// Between requests on one connection, and between writes that a client takes.
    pub idle_timeout: Duration,
    /// For a whole request body.
    pub body_timeout: Duration,
    pub body_bytes_max: usize,
    /// The request line and all header fields together.
    pub head_bytes_max: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        EdgeSettings {
            threads: 0,
            connections_max: 10_000,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_bytes_max: 10 * 1024 * 1024,
            head_bytes_max: 128 * 1024,
            streams_max: 256,
        }
    }
}

/// What every thread of the edge shares.
struct Shared {
    routes: Routes,
    settings: EdgeSettings,
    connections: AtomicUsize,
    started: Instant,
    /// Set before connections are told to stop.
    stopping: AtomicBool,
}

/// A serving edge. Dropping it stops it at once; [`Edge::drain`] lets requests finish.
pub struct Edge {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    stop: tokio::sync::watch::Sender<Option<Instant>>,
    ended: tokio::sync::mpsc::Receiver<()>,
}

impl Edge {
    /// Serves on listeners that are bound already. With as many listeners as threads each thread has its own.
    pub fn serve(listeners: Vec<TcpListener>, settings: EdgeSettings, routes: Routes) -> io::Result<Edge> {
        if listeners.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the edge needs a listener"));
        }
        let mut addresses = Vec::new();
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if settings.threads == 0 { cores } else { settings.threads };
        let shared = Arc::new(Shared {
            routes,
            settings,
            connections: AtomicUsize::new(0),
            started: Instant::now(),
            stopping: AtomicBool::new(false),
        });
        let (stop, stopped) = tokio::sync::watch::channel(None);
        let (done, ended) = tokio::sync::mpsc::channel(1);
        for (index, mine) in listener::share(listeners, threads)?.into_iter().enumerate() {
            let (shared, stopped, done) = (Arc::clone(&shared), stopped.clone(), done.clone());
            std::thread::Builder::new()
                .name(format!("edge-{index}"))
                .spawn(move || listener::run(mine, &shared, stopped, done))?;
        }
        Ok(Edge { addresses, shared, stop, ended })
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Stops accepting, closes idle connections, lets requests under way finish for at most `within`, then returns.
    pub async fn drain(mut self, within: Duration) {
        self.shared.stopping.store(true, Ordering::Release);
        // no thread left to tell is as good as told
        let _ = self.stop.send(Some(Instant::now() + within));
        while self.ended.recv().await.is_some() {}
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
    }
}

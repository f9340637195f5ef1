//! Listeners and the threads that accept from them.

use super::Shared;
use super::connection::serve;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener as TokioListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};

/// How many connections the kernel keeps for us while all threads are busy.
const BACKLOG: i32 = 1024;
/// How long to wait after `accept` failed for want of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds `count` listeners to one address, so that the kernel spreads connections over threads. With port 0 all get
/// the port that the first one gets.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(count.max(1));
    let mut address = address;
    for _ in 0..count.max(1) {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        if count > 1 {
            socket.set_reuse_port(true)?;
        }
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(listener);
        if cfg!(not(unix)) {
            break;
        }
    }
    Ok(listeners)
}

/// Deals listeners out to threads: each its own where there are enough, else all share copies of all.
pub(super) fn share(listeners: Vec<TcpListener>, threads: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let threads = threads.max(1);
    let own =
        listeners.len() >= threads && listeners.len().is_multiple_of(threads) && reuses_port(&listeners);
    let mut shares: Vec<Vec<TcpListener>> = (0..threads).map(|_| Vec::new()).collect();
    if own {
        for (index, listener) in listeners.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(index % threads) {
                share.push(listener);
            }
        }
        return Ok(shares);
    }
    for share in &mut shares {
        for listener in &listeners {
            share.push(listener.try_clone()?);
        }
    }
    Ok(shares)
}

/// Whether all listeners have one address: then each takes a part of the connections.
fn reuses_port(listeners: &[TcpListener]) -> bool {
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().ok()).collect();
    addresses.windows(2).all(|pair| pair.first() == pair.last())
}

/// The connections of one thread, and word of the last one's end.
#[derive(Default)]
pub(super) struct Local {
    count: AtomicUsize,
    emptied: Notify,
}

struct Leave {
    local: Arc<Local>,
    shared: Arc<Shared>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if self.local.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.local.emptied.notify_one();
        }
    }
}

/// One thread of the edge, until it is told to stop.
pub(super) fn run(
    listeners: Vec<TcpListener>,
    shared: &Arc<Shared>,
    stopped: watch::Receiver<Option<Instant>>,
    done: mpsc::Sender<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a thread of the edge could not start");
            return;
        }
    };
    let local = Arc::new(Local::default());
    runtime.block_on(async {
        let mut accepting = Vec::new();
        for listener in listeners {
            match TokioListener::from_std(listener) {
                Ok(listener) => accepting.push(tokio::spawn(accept(
                    listener,
                    Arc::clone(shared),
                    Arc::clone(&local),
                    stopped.clone(),
                ))),
                Err(error) => tracing::error!(%error, "a listener could not be used"),
            }
        }
        let deadline = wait(stopped).await;
        for task in accepting {
            task.abort();
            let _ = task.await;
        }
        while local.count.load(Ordering::Relaxed) > 0 {
            let emptied = local.emptied.notified();
            if tokio::time::timeout_at(deadline.into(), emptied).await.is_err() {
                let left = local.count.load(Ordering::Relaxed);
                tracing::warn!(left, "connections were still open when the time to finish was over");
                break;
            }
        }
    });
    runtime.shutdown_background();
    drop(done);
}

/// Waits for the word to stop; an [`super::Edge`] that is dropped stops at once.
pub(super) async fn wait(mut stopped: watch::Receiver<Option<Instant>>) -> Instant {
    match stopped.wait_for(Option::is_some).await {
        Ok(deadline) => (*deadline).unwrap_or_else(Instant::now),
        Err(_) => Instant::now(),
    }
}

async fn accept(
    listener: TokioListener,
    shared: Arc<Shared>,
    local: Arc<Local>,
    stopped: watch::Receiver<Option<Instant>>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let before = shared.connections.fetch_add(1, Ordering::Relaxed);
                local.count.fetch_add(1, Ordering::Relaxed);
                let leave = Leave { local: Arc::clone(&local), shared: Arc::clone(&shared) };
                if before >= shared.settings.connections_max {
                    tokio::spawn(async move {
                        refuse(stream).await;
                        drop(leave);
                    });
                    continue;
                }
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                tokio::spawn(async move {
                    serve(stream, peer, &shared, stopped).await;
                    drop(leave);
                });
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Too many connections: says so without reading, and closes.
async fn refuse(mut stream: TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json; charset=utf-8\r\n\
        content-length: 105\r\nretry-after: 1\r\nconnection: close\r\n\r\n\
        {\"code\":\"53300\",\"details\":null,\"hint\":\"raise `connections_max`\",\"message\":\"too many connections at once\"}";
    let write = async {
        stream.write_all(ANSWER).await?;
        stream.shutdown().await
    };
    // a client that does not take the answer is closed all the same
    let _ = tokio::time::timeout(Duration::from_secs(1), write).await;
}

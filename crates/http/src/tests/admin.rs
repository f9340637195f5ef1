//! Copies of the database over HTTP: for whom, one at a time, and what a client gets that goes away.

use super::{Server, answer, serve_with, settings};
use crate::admin::{BackupFile, Backups};
use crate::edge::BoxFuture;
use mainstay_base::{Problem, Result};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// Makes a copy when it is let, and counts how often it was asked and how often its caller went away before.
struct Copies {
    gate: Semaphore,
    bytes: usize,
    asked: AtomicU64,
    dropped: AtomicU64,
}

struct Making<'a>(&'a Copies);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index % 251) as u8).collect()
}

impl Backups for Copies {
    fn backup(&self) -> BoxFuture<'_, Result<BackupFile>> {
        Box::pin(async {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            let making = Making(self);
            self.gate.acquire().await.expect("never closed").forget();
            std::mem::forget(making);
            if self.bytes == 0 {
                return Err(Problem::new("53100", "no space left on the device"));
            }
            let address = std::ptr::from_ref(self).addr();
            let name = format!("mainstay-http-{}-{address}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            if self.bytes < 10 << 20 {
                std::fs::write(&path, content(self.bytes)).expect("writes");
            } else {
                // Only its size matters.
                let file = std::fs::File::create(&path).expect("makes it");
                file.set_len(self.bytes as u64).expect("makes it large");
            }
            let file = std::fs::File::open(&path).expect("opens");
            std::fs::remove_file(&path).expect("removes");
            Ok(BackupFile { file, bytes: self.bytes as u64, name: "shop-1.db".to_owned() })
        })
    }
}

fn copies(bytes: usize, at_once: usize) -> (Server, Arc<Copies>) {
    let copies = Arc::new(Copies {
        gate: Semaphore::new(at_once),
        bytes,
        asked: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
    });
    let server = serve_with(settings(), Some(Arc::clone(&copies) as Arc<dyn Backups>), |_| {
        Err(Problem::internal("nobody asks for rows"))
    });
    (server, copies)
}

const SERVICE: [(&str, &str); 1] = [("authorization", "Bearer service")];
const ASK: &str = "GET /admin/v1/backup HTTP/1.1\r\nhost: a\r\nauthorization: Bearer service\r\n\r\n";

fn until(condition: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed().as_secs() < 20, "it does not happen");
        std::thread::yield_now();
    }
}

#[test]
fn only_the_service_role_gets_a_copy() {
    let (server, copies) = copies(10, 100);
    let status = |headers: &[(&str, &str)]| server.send("GET", "/admin/v1/backup", headers, "").status;
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[("apikey", "public")]), 401);
    assert_eq!(status(&[("authorization", "Bearer nonsense")]), 401);
    assert_eq!(status(&[("authorization", "Bearer good")]), 403);
    let refused = server.send("GET", "/admin/v1/backup", &[("authorization", "Bearer good")], "");
    assert!(refused.body.starts_with(r#"{"code":"42501","details":null,"hint":"use the key"#), "{refused:?}");
    assert_eq!(server.send("POST", "/admin/v1/backup", &SERVICE, "").status, 405);
    assert_eq!(server.send("GET", "/admin/v1/other", &SERVICE, "").status, 404);
    assert_eq!(copies.asked.load(Ordering::SeqCst), 0, "nothing was made for any of them");
    assert_eq!(status(&[("apikey", "service")]), 200);
}

#[test]
fn a_copy_has_its_length_its_type_and_a_name() {
    // More than one piece, and not a whole number of them.
    let bytes = 1_000_003;
    let (server, _copies) = copies(bytes, 1);
    let mut stream = server.connect();
    stream.write_all(ASK.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).expect("writes");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("reads");
    let answer = answer(&all);
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.header("content-length"), Some("1000003"));
    assert_eq!(answer.header("content-type"), Some("application/vnd.sqlite3"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"shop-1.db\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = all.get(all.len() - bytes..).expect("a body");
    assert!(body == content(bytes), "every byte is in its place");
}

#[test]
fn one_copy_is_made_at_a_time() {
    let (server, copies) = copies(10, 0);
    let mut first = server.connect();
    first.write_all(ASK.as_bytes()).expect("writes");
    until(|| copies.asked.load(Ordering::SeqCst) == 1);
    let second = server.send("GET", "/admin/v1/backup", &SERVICE, "");
    assert_eq!((second.status, second.header("retry-after")), (503, Some("5")));
    assert!(second.body.contains("55006"), "{}", second.body);
    copies.gate.add_permits(2);
    let mut start = [0; 12];
    first.read_exact(&mut start).expect("the first is answered");
    assert_eq!(&start, b"HTTP/1.1 200");
    until(|| server.send("GET", "/admin/v1/backup", &SERVICE, "").status == 200);
}

#[test]
fn a_client_that_goes_away_gives_its_turn_back() {
    // While the copy is made.
    let (server, copies) = copies(64 << 20, 0);
    let mut gone = server.connect();
    gone.write_all(ASK.as_bytes()).expect("writes");
    until(|| copies.asked.load(Ordering::SeqCst) == 1);
    drop(gone);
    until(|| copies.dropped.load(Ordering::SeqCst) == 1);
    // While it is sent: more than sockets hold.
    copies.gate.add_permits(2);
    let mut gone = server.connect();
    gone.write_all(ASK.as_bytes()).expect("writes");
    let mut start = [0; 12];
    gone.read_exact(&mut start).expect("it begins");
    assert_eq!(&start, b"HTTP/1.1 200");
    assert_eq!(server.send("GET", "/admin/v1/backup", &SERVICE, "").status, 503);
    drop(gone);
    until(|| server.send("GET", "/admin/v1/backup", &SERVICE, "").status == 200);
}

#[test]
fn what_prevents_a_copy_is_told() {
    let (server, _copies) = copies(0, 1);
    let answer = server.send("GET", "/admin/v1/backup", &SERVICE, "");
    assert_eq!(answer.status, 507, "{}", answer.body);
    assert_eq!(server.get("/admin/v1/backup").status, 401);
}

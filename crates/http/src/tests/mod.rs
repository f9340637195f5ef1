//! The faces over real sockets, with a service that answers what a test tells it to.

mod admin;
mod edge;
mod fetch;
mod keys;
mod pages;
mod rest;

use crate::admin::Backups;
use crate::edge::{BoxFuture, EdgeSettings, Face};
use crate::rest::{Authenticate, RestService, RestSettings};
use crate::{Actor, HttpParts, HttpSettings, Running, build};
use mainstay_base::{Problem, Result};
use mainstay_records::query;
use mainstay_sql::Catalog;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Respond = dyn Fn(&query::Request) -> Result<query::Response> + Send + Sync;

/// Answers as told, remembers what it was asked.
struct Fake {
    catalog: Arc<Catalog>,
    respond: Box<Respond>,
    asked: Mutex<Vec<query::Request>>,
    gate: tokio::sync::Semaphore,
}

impl RestService for Fake {
    fn run(&self, request: query::Request) -> BoxFuture<'_, Result<query::Response>> {
        Box::pin(async move {
            assert_ne!(request.target, "boom", "a test asked for a panic");
            if request.target == "slow" {
                self.asked.lock().expect("lock").push(request.clone());
                let _pass = self.gate.acquire().await;
                return (self.respond)(&request);
            }
            let answer = (self.respond)(&request);
            self.asked.lock().expect("lock").push(request);
            answer
        })
    }
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }
    fn stream(&self, request: query::Request) -> BoxFuture<'_, Result<crate::rest::Streamed>> {
        Box::pin(async move {
            let answer = self.run(request).await?;
            let piece = mainstay_engine::Piece { bytes: answer.body, rows: answer.rows };
            let whole: Box<dyn mainstay_engine::RowStream> = Box::new(mainstay_engine::Whole(Some(piece)));
            Ok((whole, answer.settings))
        })
    }
    fn transact(
        &self,
        _together: Arc<dyn mainstay_records::Together>,
        _session: Arc<mainstay_types::Session>,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Err(Problem::internal("this service has no transactions")) })
    }
}

/// `good` is a user, `service` the service role, nothing is `anon`. The keys for `foreign` have to be waited for, those for
/// `stranger` never come.
#[derive(Default)]
struct Doorman {
    has_keys: AtomicBool,
}

impl Authenticate for Doorman {
    fn authenticate(&self, token: Option<&str>) -> Result<Arc<Actor>> {
        let actor = |role: &str, anonymous| {
            let claims = format!("{{\"role\":\"{role}\"}}");
            Ok(Arc::new(Actor { role: role.to_owned(), claims_json: claims.into(), anonymous }))
        };
        match token {
            None => actor("anon", true),
            Some("good") => actor("authenticated", false),
            Some("public") => actor("anon", false),
            Some("service") => actor("service_role", false),
            Some("foreign") if self.has_keys.load(Ordering::Relaxed) => actor("authenticated", false),
            Some("old") => Err(Problem::new("PGRST303", "JWT expired")),
            Some(_) => Err(Problem::new("PGRST301", "No suitable key or wrong key type")),
        }
    }

    fn before_refusal(&self, token: Option<&str>) -> Option<BoxFuture<'_, ()>> {
        let token = token.filter(|token| ["foreign", "stranger"].contains(token))?.to_owned();
        Some(Box::pin(async move {
            tokio::task::yield_now().await;
            self.has_keys.store(token == "foreign", Ordering::Relaxed);
        }))
    }
}

struct Server {
    running: Option<Running>,
    address: SocketAddr,
    fake: Arc<Fake>,
}

fn settings() -> HttpSettings {
    HttpSettings {
        edge: EdgeSettings { threads: 1, ..EdgeSettings::default() },
        rest: RestSettings { tx_override: true, ..RestSettings::default() },
        ..HttpSettings::default()
    }
}

fn serve(
    settings: HttpSettings,
    respond: impl Fn(&query::Request) -> Result<query::Response> + Send + Sync + 'static,
) -> Server {
    serve_with(settings, None, respond)
}

fn serve_with(
    settings: HttpSettings,
    backups: Option<Arc<dyn Backups>>,
    respond: impl Fn(&query::Request) -> Result<query::Response> + Send + Sync + 'static,
) -> Server {
    serve_faces(settings, backups, Vec::new(), respond)
}

fn serve_faces(
    settings: HttpSettings,
    backups: Option<Arc<dyn Backups>>,
    faces: Vec<(String, Arc<dyn Face>)>,
    respond: impl Fn(&query::Request) -> Result<query::Response> + Send + Sync + 'static,
) -> Server {
    let fake = Arc::new(Fake {
        catalog: Arc::new(crate::openapi::tests::catalog()),
        respond: Box::new(respond),
        asked: Mutex::default(),
        gate: tokio::sync::Semaphore::new(0),
    });
    let parts = HttpParts {
        service: Arc::clone(&fake) as Arc<dyn RestService>,
        authenticate: Arc::new(Doorman::default()),
        health: None,
        backups,
        faces,
    };
    let listeners = crate::edge::bind(([127, 0, 0, 1], 0).into(), 1).expect("binds");
    let running = build(settings, parts).serve(listeners).expect("serves");
    let address = running.addresses()[0];
    Server { running: Some(running), address, fake }
}

/// A server whose service answers `body` with `rows` rows.
fn rows(body: &'static str, rows: u64) -> Server {
    serve(settings(), move |request| {
        let total = request.shape.count.map(|_| 100);
        let body = if request.shape.answer == query::Answer::Nothing { Vec::new() } else { body.into() };
        Ok(query::Response { body, rows, total, created: true, ..query::Response::default() })
    })
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sets a timeout");
        stream
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).expect("writes");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("reads");
        answer(&bytes)
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    fn asked(&self) -> query::Request {
        self.fake.asked.lock().expect("lock").pop().expect("the service was asked")
    }

    fn drain(&mut self, within: Duration) {
        let running = self.running.take().expect("running");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(running.drain(within));
    }
}

fn answer(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

use super::*;
use crate::edge::{Answering, Edge, Face, Request, Response, Routes};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Instant;

fn read_all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // a reset is an end too
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn one_connection_carries_many_requests() {
    let server = rows("[]", 0);
    let mut stream = server.connect();
    let one = b"GET /rest/v1/orders HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(&[&one[..], &one[..], &last[..]].concat()).expect("writes");
    let text = String::from_utf8(read_all(stream)).expect("text");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3);
}

#[test]
fn http_2_is_found_by_its_preface() {
    let server = rows("[{\"id\":1}]", 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.expect("connects");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("h2");
        tokio::spawn(connection);
        let answers = (0..20).map(|_| {
            let request = hyper::Request::get(format!("http://{}/rest/v1/orders", server.address));
            sender.send_request(request.body(Full::<Bytes>::default()).expect("request"))
        });
        for answer in answers.collect::<Vec<_>>() {
            let answer = answer.await.expect("answer");
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.into_body().collect().await.expect("body").to_bytes(), "[{\"id\":1}]");
        }
    });
}

#[test]
fn a_panic_is_an_answer_and_the_connection_goes_on() {
    let server = rows("[]", 0);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /rest/v1/boom HTTP/1.1\r\nhost: a\r\n\r\nGET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .expect("writes");
    let text = String::from_utf8(read_all(stream)).expect("text");
    assert!(
        text.starts_with("HTTP/1.1 500") && text.contains("XX000") && text.contains("HTTP/1.1 200 OK"),
        "{text}"
    );
}

#[test]
fn bodies_and_heads_are_bounded() {
    let mut settings = settings();
    settings.edge.body_bytes_max = 100;
    settings.edge.head_bytes_max = 16 * 1024;
    let server = serve(settings, |_| Ok(query::Response { created: true, ..Default::default() }));
    assert_eq!(server.send("POST", "/rest/v1/orders", &[], &"x".repeat(100)).status, 201);
    let mut stream = server.connect();
    stream
        .write_all(b"POST /rest/v1/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n")
        .expect("writes");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("reads");
    assert_eq!(&start, b"HTTP/1.1 413");
    let chunked = "POST /rest/v1/orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n40\r\n";
    let chunk = "x".repeat(64);
    let mut stream = server.connect();
    stream.write_all(format!("{chunked}{chunk}\r\n40\r\n{chunk}\r\n0\r\n\r\n").as_bytes()).expect("writes");
    assert_eq!(answer(&read_all(stream)).status, 413);
    let long = "y".repeat(20 * 1024);
    let mut stream = server.connect();
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n").as_bytes());
    assert_eq!(answer(&read_all(stream)).status, 431);
    let many: String = (0..200).map(|index| format!("h{index}: 1\r\n")).collect();
    let mut stream = server.connect();
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes());
    assert_eq!(answer(&read_all(stream)).status, 431);
}

#[test]
fn urls_are_bounded() {
    let server = rows("[]", 0);
    let mut stream = server.connect();
    let long = "y".repeat(66_000);
    let _ = stream.write_all(format!("GET /?{long} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
    assert_eq!(answer(&read_all(stream)).status, 414);
}

#[test]
fn slow_heads_and_idle_connections_are_closed() {
    let mut settings = settings();
    settings.edge.head_timeout = Duration::from_millis(60);
    settings.edge.idle_timeout = Duration::from_millis(120);
    let server = serve(settings, |_| Ok(query::Response::default()));
    // nothing at all, a part of a head, a part of a head after a request, and nothing after a request
    for first in [
        "",
        "GET / HT",
        "GET /health HTTP/1.1\r\nhost: a\r\n\r\nGET /",
        "GET /health HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let began = Instant::now();
        let mut stream = server.connect();
        stream.write_all(first.as_bytes()).expect("writes");
        read_all(stream);
        assert!(began.elapsed() < Duration::from_secs(5), "{first:?} was left open");
    }
}

#[test]
fn slow_bodies_are_given_up() {
    let mut settings = settings();
    settings.edge.body_timeout = Duration::from_millis(50);
    let server = serve(settings, |_| Ok(query::Response::default()));
    let mut stream = server.connect();
    stream
        .write_all(b"POST /rest/v1/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n{")
        .expect("writes");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("reads");
    assert_eq!(&start, b"HTTP/1.1 408");
}

#[test]
fn too_many_connections_are_told_so() {
    let mut settings = settings();
    settings.edge.connections_max = 1;
    let server = serve(settings, |_| Ok(query::Response::default()));
    let mut first = server.connect();
    first.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("writes");
    let mut start = [0; 12];
    first.read_exact(&mut start).expect("the first one is served");
    let second = answer(&read_all(server.connect()));
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    assert_eq!(second.header("content-length"), Some(second.body.len().to_string().as_str()));
}

#[test]
fn draining_finishes_requests_and_closes_the_rest() {
    let mut server = rows("[7]", 1);
    let mut idle = server.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("writes");
    let mut start = [0; 12];
    idle.read_exact(&mut start).expect("served");
    let mut busy = server.connect();
    busy.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: a\r\n\r\n").expect("writes");
    while server.fake.asked.lock().expect("lock").is_empty() {
        std::thread::yield_now();
    }
    let fake = Arc::clone(&server.fake);
    let release = std::thread::spawn(move || {
        // the idle connection is closed while the other one is still being answered
        read_all(idle);
        fake.gate.add_permits(1);
        read_all(busy)
    });
    server.drain(Duration::from_secs(20));
    let text = String::from_utf8(release.join().expect("joins")).expect("text");
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("[7]"), "{text}");
    assert!(TcpStream::connect(server.address).is_err(), "nobody listens any more");
}

#[test]
fn draining_ends_at_its_deadline() {
    let mut server = rows("[]", 0);
    let mut stuck = server.connect();
    stuck.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: a\r\n\r\n").expect("writes");
    while server.fake.asked.lock().expect("lock").is_empty() {
        std::thread::yield_now();
    }
    let began = Instant::now();
    server.drain(Duration::from_millis(50));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn threads_share_a_port() {
    struct Hello;
    impl Face for Hello {
        fn answer(&self, _: Request) -> Answering<'_> {
            Answering::Now(Response::new("hello".into()))
        }
    }
    let listeners = crate::edge::bind(([127, 0, 0, 1], 0).into(), 2).expect("binds");
    let settings = EdgeSettings { threads: 2, ..EdgeSettings::default() };
    let edge = Edge::serve(listeners, settings, Routes::new(Arc::new(Hello))).expect("serves");
    assert_eq!(edge.addresses().len(), 1);
    for _ in 0..8 {
        let mut stream = TcpStream::connect(edge.addresses()[0]).expect("connects");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("writes");
        assert_eq!(answer(&read_all(stream)).body, "hello");
    }
}

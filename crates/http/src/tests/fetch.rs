//! The client for other servers, against servers on this machine.

use crate::client::{FetchSettings, HttpsFetch};
use mainstay_base::Result;
use mainstay_identity::fetch::{Fetch, FetchRequest, Fetched};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

// A certificate for `localhost`, its key, and the authority that signed it, all made for these tests; good until 2126.
const LEAF: &[u8] = include_bytes!("tls/leaf.der");
const LEAF_KEY: &[u8] = include_bytes!("tls/leaf.key.der");
const AUTHORITY: &[u8] = include_bytes!("tls/authority.der");

/// A server that answers each connection with the same bytes and says what it was asked.
fn server(answer: &'static [u8], tls: bool) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("an address").port();
    let (told, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = if tls {
                let session = rustls::ServerConnection::new(tls_settings()).expect("a session");
                serve(rustls::StreamOwned::new(session, stream), answer, &told)
            } else {
                serve(stream, answer, &told)
            };
        }
    });
    (port, asked)
}

fn tls_settings() -> Arc<rustls::ServerConfig> {
    let key = PrivateKeyDer::try_from(LEAF_KEY.to_vec()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(LEAF.to_vec())], key);
    Arc::new(settings.expect("a certificate and its key"))
}

fn serve(
    mut stream: impl Read + Write,
    answer: &[u8],
    told: &std::sync::mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut piece = [0; 4_096];
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&piece[..count]);
    }
    let _ = told.send(String::from_utf8_lossy(&asked).into_owned());
    stream.write_all(answer)?;
    stream.flush()
}

fn ask(settings: FetchSettings, request: FetchRequest) -> Result<Fetched> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fetch = HttpsFetch::new(settings).expect("TLS");
    runtime.block_on(fetch.fetch(request))
}

fn private() -> FetchSettings {
    FetchSettings { private_allowed: true, ..FetchSettings::default() }
}

#[track_caller]
fn refused(settings: FetchSettings, request: FetchRequest, why: &str) {
    let problem = ask(settings, request).expect_err("refused");
    assert!(problem.code() == "08001" && problem.message().contains(why), "{problem}");
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-Some: thing\r\n\r\nhello";

#[test]
fn an_answer_comes_back_as_it_is() {
    let (port, asked) = server(HELLO, false);
    let answer =
        ask(private(), FetchRequest::get(format!("http://127.0.0.1:{port}/a/b?c=d"))).expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    assert!(answer.headers.contains(&("x-some".to_owned(), "thing".to_owned())));
    let asked = asked.recv().expect("it was asked");
    assert!(asked.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{asked}");
}

#[test]
fn what_is_beside_the_server_is_not_asked() {
    let (port, asked) = server(HELLO, true);
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"]
    {
        let request = FetchRequest::get(format!("https://{host}:{port}/"));
        refused(FetchSettings::default(), request, "not on the public Internet");
    }
    assert!(asked.try_recv().is_err());
}

#[test]
fn only_https_and_no_user_in_the_url() {
    for url in
        ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "//example.com/", "", "https://"]
    {
        assert!(ask(FetchSettings::default(), FetchRequest::get(url)).is_err(), "{url}");
    }
    refused(FetchSettings::default(), FetchRequest::get("https://example.com@127.0.0.1/"), "user");
}

#[test]
fn a_certificate_has_to_be_trusted_and_for_the_host() {
    let (port, _asked) = server(HELLO, true);
    let url = |host: &str| FetchRequest::get(format!("https://{host}:{port}/"));
    let trusting = || FetchSettings { extra_roots: vec![AUTHORITY.to_vec()], ..private() };
    assert_eq!(ask(trusting(), url("localhost")).map(|answer| answer.status).ok(), Some(200));
    refused(private(), url("localhost"), "TLS");
    refused(trusting(), url("127.0.0.1"), "TLS");
}

#[test]
fn redirects_are_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (port, _asked) = server(answer, false);
    let answer = ask(private(), FetchRequest::get(format!("http://127.0.0.1:{port}/"))).expect("an answer");
    assert_eq!(answer.status, 302);
}

#[test]
fn size_and_time_end() {
    let (port, _asked) = server(HELLO, false);
    let small =
        FetchRequest { answer_bytes_max: 4, ..FetchRequest::get(format!("http://127.0.0.1:{port}/")) };
    refused(private(), small, "limit");
    let (port, _asked) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", false);
    let url = format!("http://127.0.0.1:{port}/");
    // The server closes before it said all.
    assert!(ask(private(), FetchRequest::get(url)).is_err());
    let silent = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://127.0.0.1:{}/", silent.local_addr().expect("an address").port());
    let hasty = FetchRequest { timeout: Duration::from_millis(100), ..FetchRequest::get(url) };
    refused(private(), hasty, "in time");
}

//! The adapter of `identity`'s port to other servers: one request over HTTPS, bounded in time and size.

use super::public::is_public;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use mainstay_base::{Problem, Result};
use mainstay_engine::BoxFuture;
use mainstay_identity::fetch::{Fetch, FetchRequest, Fetched};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[derive(Clone, Debug, Default)]
pub struct FetchSettings {
    /// Whether addresses that are not public may be asked, and HTTP without TLS spoken: for development and tests.
    pub private_allowed: bool,
    /// Certificates (DER) to trust besides those that browsers trust.
    pub extra_roots: Vec<Vec<u8>>,
}

/// Asks other servers. A connection for each request: they are few.
pub struct HttpsFetch {
    settings: FetchSettings,
    tls: TlsConnector,
}

impl HttpsFetch {
    pub fn new(settings: FetchSettings) -> Result<Self> {
        let wrong = |error: rustls::Error| Problem::internal(format!("TLS cannot be set up: {error}"));
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &settings.extra_roots {
            roots.add(CertificateDer::from(root.clone())).map_err(wrong)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpsFetch { settings, tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn carry_out(&self, request: FetchRequest) -> Result<Fetched> {
        let url: Uri = request.url.parse().map_err(|_| failed("the URL is malformed"))?;
        let authority = url.authority().ok_or_else(|| failed("the URL names no host"))?.clone();
        if authority.as_str().contains('@') {
            return Err(failed("the URL holds a user's name"));
        }
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") if self.settings.private_allowed => false,
            _ => return Err(failed("the URL is not of https")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let stream =
            self.connect(&host, authority.port_u16().unwrap_or(if secure { 443 } else { 80 })).await?;
        if !secure {
            return exchange(stream, &url, request).await;
        }
        let name = ServerName::try_from(host).map_err(|_| failed("the host has no valid name"))?;
        let stream =
            self.tls.connect(name, stream).await.map_err(|error| failed(&format!("TLS: {error}")))?;
        exchange(stream, &url, request).await
    }

    /// Resolves once and connects to what was resolved: no second answer can lead elsewhere.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|error| failed(&error.to_string()))?.collect();
        let open = |address: &SocketAddr| self.settings.private_allowed || is_public(address.ip());
        let mut last = failed(if found.is_empty() {
            "the host has no address"
        } else {
            "the host's address is not on the public Internet"
        });
        for address in found.into_iter().filter(open) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = failed(&error.to_string()),
            }
        }
        Err(last)
    }
}

impl Fetch for HttpsFetch {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<Fetched>> {
        let timeout = request.timeout;
        Box::pin(async move {
            let outcome = tokio::time::timeout(timeout, self.carry_out(request)).await;
            outcome.unwrap_or_else(|_| Err(failed("no answer came in time")))
        })
    }
}

impl std::fmt::Debug for HttpsFetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpsFetch(private_allowed: {})", self.settings.private_allowed)
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    url: &Uri,
    request: FetchRequest,
) -> Result<Fetched> {
    let wrong = |error: hyper::Error| failed(&error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(wrong)?;
    // What goes wrong with the connection, the answer tells.
    tokio::spawn(connection);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut asked = Request::builder().method(request.method).uri(path);
    if let Some(authority) = url.authority() {
        asked = asked.header(HOST, authority.as_str());
    }
    asked = asked.header(USER_AGENT, HeaderValue::from_static("mainstay"));
    for (name, value) in &request.headers {
        asked = asked.header(name, value);
    }
    let asked = asked
        .body(Full::new(Bytes::from(request.body)))
        .map_err(|_| failed("the request cannot be written"))?;
    let answer = sender.send_request(asked).await.map_err(wrong)?;
    let status = answer.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = Limited::new(answer.into_body(), request.answer_bytes_max).collect().await;
    let body = body.map_err(|error| failed(&error.to_string()))?.to_bytes().to_vec();
    Ok(Fetched { status, headers, body })
}

fn failed(why: &str) -> Problem {
    Problem::new("08001", why)
}

//! What identity asks of other servers: key sets, sign-in with somebody else, a webhook for text messages. The adapter
//! is brought by whoever assembles the process.

use mainstay_base::Result;
use mainstay_engine::BoxFuture;
use std::time::Duration;

/// One request over HTTPS.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// A longer answer is an error.
    pub answer_bytes_max: usize,
    /// For everything, from the name of the host to the last byte.
    pub timeout: Duration,
}

impl FetchRequest {
    pub fn get(url: impl Into<String>) -> Self {
        FetchRequest {
            method: "GET",
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            answer_bytes_max: 256 * 1024,
            timeout: Duration::from_secs(5),
        }
    }

    /// A form, as token endpoints take it.
    pub fn post_form(url: impl Into<String>, body: String) -> Self {
        let form = "application/x-www-form-urlencoded".to_owned();
        FetchRequest {
            method: "POST",
            headers: vec![("content-type".to_owned(), form)],
            body: body.into_bytes(),
            ..FetchRequest::get(url)
        }
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reaches other servers. It follows no redirects, checks certificates, and refuses addresses that are not public unless
/// it was told otherwise: the URLs come from settings and from documents of other servers.
pub trait Fetch: Send + Sync {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<Fetched>>;
}

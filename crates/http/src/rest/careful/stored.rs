//! An answer as data, so that it can be kept beside the rows and given again.

use crate::edge::{Body, Response};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use mainstay_base::{Problem, Result};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rest) struct Stored {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What stands before the body, on a line of its own.
#[derive(Serialize, Deserialize)]
struct Head {
    fingerprint: String,
    status: u16,
    headers: Vec<(String, String)>,
}

impl Stored {
    pub fn of(response: &Response) -> Stored {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Stored {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: response.body().whole().to_vec(),
        }
    }

    pub fn into_response(self) -> Result<Response> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(|_| damaged())?;
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| damaged())?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| damaged())?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }

    /// The bytes to keep, with the fingerprint of the request that was answered.
    pub fn encode(&self, fingerprint: &str) -> Result<Vec<u8>> {
        let head =
            Head { fingerprint: fingerprint.to_owned(), status: self.status, headers: self.headers.clone() };
        let mut bytes = serde_json::to_vec(&head)
            .map_err(|error| Problem::internal(format!("an answer cannot be kept: {error}")))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }

    pub fn decode(bytes: &[u8]) -> Result<(String, Stored)> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let (head, body) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let body = body.get(1..).unwrap_or_default().to_vec();
        Ok((head.fingerprint, Stored { status: head.status, headers: head.headers, body }))
    }
}

fn damaged() -> Problem {
    Problem::new("XX001", "an answer that was kept is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let stored = Stored {
            status: 201,
            headers: vec![("location".to_owned(), "/a?id=eq.1".to_owned())],
            body: b"{\"a\":\n1}".to_vec(),
        };
        let bytes = stored.encode("f").expect("encodes");
        assert_eq!(Stored::decode(&bytes), Ok(("f".to_owned(), stored.clone())));
        assert_eq!(Stored::of(&stored.clone().into_response().expect("a response")), stored);
        assert_eq!(Stored::decode(b"x").expect_err("no head").code(), "XX001");
    }
}

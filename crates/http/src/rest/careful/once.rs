//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a write that is sent again is answered again and
//! done once.

use super::super::etag::hex;
use super::stored::Stored;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;
use mainstay_base::{Problem, Result};
use mainstay_identity::Actor;
use mainstay_records::Within;
use mainstay_records::query::Payload;
use sha2::{Digest, Sha256};
use std::time::Duration;

pub(in crate::rest) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");
/// Characters of a key.
const KEY_LENGTH_MAX: usize = 255;

/// One request that shall be done once.
#[derive(Clone, Debug)]
pub(in crate::rest) struct Once {
    /// Under what its answer is kept: the actor's and the key's hash.
    key: String,
    fingerprint: String,
    age: Duration,
    bytes_max: usize,
}

impl Once {
    /// `None` where the request has no key.
    pub fn read(head: &Parts, actor: &Actor, age: Duration, bytes_max: usize) -> Result<Option<Once>> {
        let Some(value) = head.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim();
        // A structured string in the draft; most clients send the bare key.
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if key.is_empty() || key.len() > KEY_LENGTH_MAX {
            return Err(Problem::new("22023", "the header Idempotency-Key has no key in it")
                .with_details(format!("a key has 1 to {KEY_LENGTH_MAX} characters"))
                .with_hint("send a random UUID, the same one each time the request is sent again"));
        }
        let mut hash = Sha256::new();
        feed(&mut hash, actor.role.as_bytes());
        feed(&mut hash, subject(actor).as_bytes());
        feed(&mut hash, key.as_bytes());
        let key = format!("idempotency:{}", hex(&hash.finalize(), 32));
        Ok(Some(Once { key, fingerprint: String::new(), age, bytes_max }))
    }

    /// Takes in what the request is, so that another one with the same key is told from it.
    pub fn of_request(mut self, head: &Parts, payload: &Payload) -> Once {
        let mut hash = Sha256::new();
        feed(&mut hash, head.method.as_str().as_bytes());
        feed(&mut hash, head.uri.path_and_query().map_or("", |path| path.as_str()).as_bytes());
        for name in [CONTENT_PROFILE, CONTENT_TYPE, ACCEPT, PREFER] {
            for value in head.headers.get_all(&name) {
                feed(&mut hash, value.as_bytes());
            }
            feed(&mut hash, b"");
        }
        match payload {
            Payload::None => {}
            Payload::Json(bytes) | Payload::Csv(bytes) | Payload::Raw(bytes) | Payload::Xml(bytes) => {
                feed(&mut hash, bytes)
            }
            Payload::Form(pairs) => {
                for (name, value) in pairs {
                    feed(&mut hash, name.as_bytes());
                    feed(&mut hash, value.as_bytes());
                }
            }
        }
        self.fingerprint = hex(&hash.finalize(), 32);
        self
    }

    /// The answer of an earlier run of this request.
    pub async fn earlier(&self, within: &dyn Within) -> Result<Option<Stored>> {
        let Some(bytes) = within.kept(&self.key).await? else { return Ok(None) };
        let (fingerprint, stored) = Stored::decode(&bytes)?;
        if fingerprint != self.fingerprint {
            return Err(Problem::new("MS041", "the key was used for another request")
                .with_details("Idempotency-Key stands for one method, URL, body and form of answer")
                .with_hint("make a new key for each new request; keep it only to send the same request again")
                .with_status(422));
        }
        Ok(Some(stored))
    }

    pub async fn keep(&self, within: &dyn Within, stored: &Stored) -> Result<()> {
        let bytes = stored.encode(&self.fingerprint)?;
        if bytes.len() > self.bytes_max {
            return Err(Problem::new(
                "54000",
                format!(
                    "the answer is too large to be kept: {} bytes, at most {}",
                    bytes.len(),
                    self.bytes_max
                ),
            )
            .with_hint("ask for less with `Prefer: return=minimal` or `select`"));
        }
        within.keep(self.key.clone(), bytes, self.age).await
    }
}

/// Lengths stand before parts, so that no two requests give one text.
fn feed(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

/// Who the actor is across its tokens: the subject of the claims.
fn subject(actor: &Actor) -> String {
    #[derive(serde::Deserialize)]
    struct Claims {
        sub: Option<String>,
    }
    serde_json::from_str::<Claims>(&actor.claims_json).ok().and_then(|claims| claims.sub).unwrap_or_default()
}

/// Whether a refusal is an answer that stays: the caller's own fault, and the same however often it is tried.
pub(in crate::rest) fn is_final(status: hyper::StatusCode, retry: mainstay_base::Retry) -> bool {
    status.is_client_error()
        && retry == mainstay_base::Retry::Never
        && !matches!(status.as_u16(), 401 | 403 | 408 | 412 | 422 | 429)
}

//! Validators: the strong `ETag` of a single row, and what `If-Match` and `If-None-Match` say of it (RFC 9110).

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use mainstay_base::{Problem, Result};
use sha2::{Digest, Sha256};

/// Marks that a compressed form of a row adds to its validator.
const ENCODINGS: [&str; 3] = ["-gzip", "-br", "-zstd"];

/// The validator of these bytes: a hash, because two rows that look the same are the same to everybody who looks.
pub(super) fn of(body: &[u8]) -> HeaderValue {
    HeaderValue::from_str(&text(body)).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

pub(super) fn text(body: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(body), 16))
}

/// The first `bytes` bytes as hexadecimal digits.
pub(super) fn hex(hash: &[u8], bytes: usize) -> String {
    hash.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// What a conditional header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`
    Any,
    Listed(Vec<Tag>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    weak: bool,
    /// With its quotes, without the mark of an encoding.
    text: String,
}

impl Tags {
    pub fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
        let mut tags = Vec::new();
        let mut present = false;
        for value in headers.get_all(name) {
            present = true;
            let text = value.to_str().unwrap_or_default().trim();
            if text == "*" {
                return Ok(Some(Tags::Any));
            }
            let wrong = || {
                Problem::new("22023", format!("the header {name} has no list of entity tags"))
                    .with_details(text.to_owned())
                    .with_hint("send back the ETag as it came, quotes included, or *")
            };
            let mut rest = text;
            while !rest.is_empty() {
                let (tag, after) = tag(rest).ok_or_else(wrong)?;
                tags.push(tag);
                rest = after.trim_start();
                if !rest.is_empty() {
                    rest = rest.strip_prefix(',').ok_or_else(wrong)?.trim_start();
                }
            }
        }
        Ok(present.then_some(Tags::Listed(tags)))
    }

    /// Strong comparison: what guards a write must be the same bytes.
    pub fn name_strongly(&self, validator: &str) -> bool {
        match self {
            Tags::Any => true,
            Tags::Listed(tags) => tags.iter().any(|tag| !tag.weak && tag.text == validator),
        }
    }

    pub fn name(&self, validator: &str) -> bool {
        match self {
            Tags::Any => true,
            Tags::Listed(tags) => tags.iter().any(|tag| tag.text == validator),
        }
    }
}

/// One tag and what stands behind it.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let (weak, quoted) = match text.strip_prefix("W/") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let inside = quoted.strip_prefix('"')?;
    let (opaque, rest) = inside.split_once('"')?;
    let plain = ENCODINGS.iter().find_map(|encoding| opaque.strip_suffix(encoding)).unwrap_or(opaque);
    Some((Tag { weak, text: format!("\"{plain}\"") }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::IF_MATCH;

    fn tags(text: &str) -> Result<Option<Tags>> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_str(text).expect("a header"));
        Tags::read(&headers, &IF_MATCH)
    }

    #[test]
    fn a_list_names_its_tags() {
        let found = tags("\"a\", W/\"b\",\"c-gzip\"").expect("a list").expect("is there");
        assert!(
            found.name_strongly("\"a\"") && !found.name_strongly("\"b\"") && found.name_strongly("\"c\"")
        );
        assert!(found.name("\"b\"") && !found.name("\"d\""));
        assert_eq!(tags("*"), Ok(Some(Tags::Any)));
        for wrong in ["a", "\"a", "\"a\" \"b\""] {
            assert_eq!(tags(wrong).expect_err(wrong).http_status(true), 400, "{wrong}");
        }
    }

    #[test]
    fn a_validator_is_that_of_the_bytes() {
        assert_eq!(text(b"{}"), text(b"{}"));
        assert_ne!(text(b"{}"), text(b"{ }"));
        assert_eq!(text(b"").len(), 34);
    }
}

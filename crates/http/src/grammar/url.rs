//! Percent encoding: pairs of a query string, segments of a path.

use mainstay_base::Problem;
use std::borrow::Cow;

/// A key and its value.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of a query string, decoded. Keys without `=` have no value and are left out, as PostgREST does.
pub fn pairs(query: &str) -> Result<Vec<Pair<'_>>, Problem> {
    let mut found = Vec::with_capacity(8);
    for pair in query.split('&') {
        if let Some((key, value)) = pair.split_once('=') {
            found.push((decode(key, true)?, decode(value, true)?));
        }
    }
    Ok(found)
}

/// One segment of a path, decoded; `+` stands for itself there.
pub fn decode_path(segment: &str) -> Result<Cow<'_, str>, Problem> {
    decode(segment, false)
}

/// One value of a form, decoded.
pub fn decode_form(text: &str) -> Result<Cow<'_, str>, Problem> {
    decode(text, true)
}

fn decode(text: &str, plus_is_blank: bool) -> Result<Cow<'_, str>, Problem> {
    let bytes = text.as_bytes();
    let special = |byte: u8| byte == b'%' || byte == 0 || (plus_is_blank && byte == b'+');
    let Some(first) = bytes.iter().position(|byte| special(*byte)) else { return Ok(Cow::Borrowed(text)) };
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(bytes.get(..first).unwrap_or_default());
    let mut rest = bytes.get(first..).unwrap_or_default();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => match tail {
                [high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                    out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                    rest = after;
                }
                // a stray percent sign stands for itself: `like.50%` is what people type
                _ => out.push(b'%'),
            },
            b'+' if plus_is_blank => out.push(b' '),
            other => out.push(*other),
        }
    }
    if out.contains(&0) {
        return Err(Problem::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            Err(Problem::new("22021", format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}")))
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Text as one segment of a path or one value of a query: what is not unreserved (RFC 3986) is percent-encoded.
pub fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // writing to a string cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

//! Walks JSON text that is known to be JSON, without building anything: what `->` and the array forms use.
//! On text that is no JSON after all it stops early; it never panics.

use std::borrow::Cow;

/// What a raw JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl Shape {
    /// As `json_typeof` names it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Object => "object",
            Shape::Array => "array",
            Shape::String => "string",
            Shape::Number => "number",
            Shape::Bool => "boolean",
            Shape::Null => "null",
        }
    }
}

pub(crate) fn shape(json: &str) -> Shape {
    match json.trim_start_matches(is_space).as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'"') => Shape::String,
        Some(b't' | b'f') => Shape::Bool,
        Some(b'n') | None => Shape::Null,
        Some(_) => Shape::Number,
    }
}

pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The text of a scalar: strings decoded, other values as they stand.
pub(crate) fn text_of(json: &str) -> Cow<'_, str> {
    let json = json.trim_matches(is_space);
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => match super::lexer::decode(inner) {
            Ok(text) => text,
            Err(_) => Cow::Borrowed(inner),
        },
        None => Cow::Borrowed(json),
    }
}

/// The elements of an array as raw texts; nothing for any other value.
pub(crate) fn elements(json: &str) -> Elements<'_> {
    Elements { cursor: Cursor::within(json, b'[') }
}

/// The keys (with quotes) and values of an object as raw texts; nothing for any other value.
pub(crate) fn members(json: &str) -> Members<'_> {
    Members { cursor: Cursor::within(json, b'{') }
}

/// The value of a key: the last one where a `json` has it more than once.
pub(crate) fn member<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    members(json).filter(|(name, _)| key_is(name, key)).last().map(|(_, value)| value)
}

/// The element at an index; negative ones count from the end.
pub(crate) fn element(json: &str, index: i64) -> Option<&str> {
    if index >= 0 {
        return elements(json).nth(usize::try_from(index).ok()?);
    }
    let count = i64::try_from(elements(json).count()).ok()?;
    elements(json).nth(usize::try_from(count.checked_add(index)?).ok()?)
}

fn key_is(raw: &str, key: &str) -> bool {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => inner == key,
        _ => text_of(raw) == key,
    }
}

pub(crate) struct Elements<'a> {
    cursor: Option<Cursor<'a>>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        self.cursor.as_mut()?.value()
    }
}

pub(crate) struct Members<'a> {
    cursor: Option<Cursor<'a>>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let cursor = self.cursor.as_mut()?;
        let key = cursor.value()?;
        Some((key, cursor.value()?))
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn within(json: &'a str, open: u8) -> Option<Self> {
        let text = json.trim_start_matches(is_space);
        (text.as_bytes().first() == Some(&open)).then_some(Cursor { text, at: 1 })
    }

    /// The next value, behind blanks, commas and colons; none at a closing bracket or the end.
    fn value(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') {
            self.at += 1;
        }
        let start = self.at;
        match bytes.get(start)? {
            b']' | b'}' => return None,
            b'"' => self.at = skip_string(bytes, start),
            b'[' | b'{' => self.at = skip_nested(bytes, start),
            _ => {
                while bytes.get(self.at).is_some_and(|byte| {
                    !matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\n' | b'\r')
                }) {
                    self.at += 1;
                }
            }
        }
        self.text.get(start..self.at)
    }
}

/// The place behind the string that starts at `start`.
fn skip_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The place behind the array or object that starts at `start`.
fn skip_nested(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Deeper nesting than any row that we wrote; nothing recurses into it.
const DEPTH_MAX: usize = 100;

/// Whether brackets nest deeper than [`DEPTH_MAX`].
pub(crate) fn is_deep(json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
        at += 1;
    }
    false
}

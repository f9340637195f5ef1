//! Splits JSON text into tokens, with PostgreSQL's words for what is wrong.

use mainstay_base::{Problem, Result};
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
    End,
}

/// A token and its place in the text; a string's place includes its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

pub(crate) struct Lexer<'a> {
    pub text: &'a str,
    pub position: usize,
}

/// `22P02 invalid input syntax for type json` with a detail.
pub(crate) fn invalid(details: impl Into<String>) -> Problem {
    Problem::new("22P02", "invalid input syntax for type json").with_details(details)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { text, position: 0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub fn slice(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    pub fn next(&mut self) -> Result<Token> {
        while matches!(self.byte(self.position), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
        let start = self.position;
        let single = |kind| Ok((kind, start + 1));
        let (kind, end) = match self.byte(start) {
            None => Ok((Kind::End, start)),
            Some(b'{') => single(Kind::ObjectStart),
            Some(b'}') => single(Kind::ObjectEnd),
            Some(b'[') => single(Kind::ArrayStart),
            Some(b']') => single(Kind::ArrayEnd),
            Some(b',') => single(Kind::Comma),
            Some(b':') => single(Kind::Colon),
            Some(b'"') => self.string(start),
            Some(b'-' | b'0'..=b'9') => self.number(start),
            Some(_) => self.word(start),
        }?;
        self.position = end;
        Ok(Token { kind, start, end })
    }

    fn word_end(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(is_word) {
            at += 1;
        }
        at
    }

    fn bad_token(&self, start: usize, end: usize) -> Problem {
        invalid(format!("Token \"{}\" is invalid.", self.text.get(start..end).unwrap_or_default()))
    }

    fn word(&self, start: usize) -> Result<(Kind, usize)> {
        let end = self.word_end(start).max(start + 1);
        match self.text.get(start..end) {
            Some("true") => Ok((Kind::True, end)),
            Some("false") => Ok((Kind::False, end)),
            Some("null") => Ok((Kind::Null, end)),
            _ => Err(self.bad_token(start, end)),
        }
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            at += 1;
        }
        at
    }

    fn number(&self, start: usize) -> Result<(Kind, usize)> {
        let mut good = true;
        let whole = start + usize::from(self.byte(start) == Some(b'-'));
        let mut at = if self.byte(whole) == Some(b'0') { whole + 1 } else { self.digits(whole) };
        good &= at > whole;
        if good && self.byte(at) == Some(b'.') {
            let end = self.digits(at + 1);
            good = end > at + 1;
            at = end;
        }
        if good && matches!(self.byte(at), Some(b'e' | b'E')) {
            let sign = at + 1 + usize::from(matches!(self.byte(at + 1), Some(b'+' | b'-')));
            let end = self.digits(sign);
            good = end > sign;
            at = end;
        }
        let end = self.word_end(at);
        if good && end == at { Ok((Kind::Number, at)) } else { Err(self.bad_token(start, end)) }
    }

    fn string(&self, start: usize) -> Result<(Kind, usize)> {
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                None => return Err(self.bad_token(start, at)),
                Some(b'"') => return Ok((Kind::String, at + 1)),
                Some(b'\\') => at = self.escape(start, at + 1)?,
                Some(byte) if byte < 0x20 => {
                    return Err(invalid(format!("Character with value 0x{byte:02x} must be escaped.")));
                }
                Some(_) => at += 1,
            }
        }
    }

    /// Checks the escape whose letter stands at `at` and returns where the next character starts.
    fn escape(&self, start: usize, at: usize) -> Result<usize> {
        match self.byte(at) {
            None => Err(self.bad_token(start, at)),
            Some(b'u') => {
                let digits = self.text.as_bytes().get(at + 1..at + 5).unwrap_or_default();
                if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) {
                    Ok(at + 5)
                } else if self.text.len() < at + 5
                    && self
                        .text
                        .as_bytes()
                        .get(at + 1..)
                        .is_some_and(|rest| rest.iter().all(u8::is_ascii_hexdigit))
                {
                    Err(self.bad_token(start, self.text.len()))
                } else {
                    Err(invalid("\"\\u\" must be followed by four hexadecimal digits."))
                }
            }
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
            Some(_) => {
                let wrong = self.text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
                Err(invalid(format!("Escape sequence \"\\{wrong}\" is invalid.")))
            }
        }
    }
}

/// The text that a JSON string stands for. `inner` is what is between the quotes, lexically right.
/// Fails for `\u0000`, which no text can hold, and for halves of surrogate pairs.
pub(crate) fn decode(inner: &str) -> Result<Cow<'_, str>> {
    let Some(first) = inner.find('\\') else { return Ok(Cow::Borrowed(inner)) };
    let mut out = String::with_capacity(inner.len());
    out.push_str(inner.get(..first).unwrap_or_default());
    let mut high: Option<u32> = None;
    let mut chars = inner.get(first..).unwrap_or_default().chars();
    while let Some(c) = chars.next() {
        let mut unit = None;
        let plain = if c != '\\' {
            c
        } else {
            match chars.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let code = chars
                        .by_ref()
                        .take(4)
                        .fold(0, |code, digit| code * 16 + digit.to_digit(16).unwrap_or(0));
                    unit = Some(code);
                    '\0'
                }
                Some(other) => other,
                None => return Err(invalid("The input string ended unexpectedly.")),
            }
        };
        match (high.take(), unit) {
            (None, None) => out.push(plain),
            (None, Some(code @ 0xD800..=0xDBFF)) => high = Some(code),
            (Some(_), Some(0xD800..=0xDBFF)) => {
                return Err(invalid("Unicode high surrogate must not follow a high surrogate."));
            }
            (Some(high), Some(low @ 0xDC00..=0xDFFF)) => {
                out.extend(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)));
            }
            (Some(_), _) | (None, Some(0xDC00..=0xDFFF)) => return Err(lone_surrogate()),
            (None, Some(0)) => {
                return Err(Problem::new("22P05", "unsupported Unicode escape sequence")
                    .with_details("\\u0000 cannot be converted to text."));
            }
            (None, Some(code)) => out.extend(char::from_u32(code)),
        }
    }
    if high.is_some() { Err(lone_surrogate()) } else { Ok(Cow::Owned(out)) }
}

fn lone_surrogate() -> Problem {
    invalid("Unicode low surrogate must follow a high surrogate.")
}

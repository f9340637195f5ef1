//! Splits the text of a date, time or interval into fields, by PostgreSQL's rules (`ParseDateTime`).

use super::Malformed;
use super::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    /// Letters alone, in lower case.
    Word,
    /// Has `-`, `/` or `.` inside: a date, or a time zone's name.
    Date,
    Time,
    /// A sign and digits: a zone's offset, or a signed number of an interval.
    Signed,
    /// A sign and letters: `-infinity`.
    SignedWord,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

const TOKENS_MAX: usize = 25;
/// PostgreSQL's buffer for one input: longer text is refused.
const TEXT_MAX: usize = 153;

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Malformed> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    let mut tokens = Vec::new();
    if text.len() > TEXT_MAX * 2 {
        return Err(Malformed::Format);
    }
    while let Some(first) = scanner.peek() {
        if first.is_ascii_whitespace() || first == 0x0b {
            scanner.at += 1;
            continue;
        }
        let start = scanner.at;
        let (kind, prefix) = if first.is_ascii_digit() {
            (scanner.number(), "")
        } else if first == b'.' {
            scanner.at += 1;
            scanner.skip(|byte| byte.is_ascii_digit());
            (Kind::Number, "")
        } else if first.is_ascii_alphabetic() {
            (scanner.word(), "")
        } else if first == b'+' || first == b'-' {
            scanner.at += 1;
            scanner.skip(|byte| byte.is_ascii_whitespace());
            let sign = if first == b'+' { "+" } else { "-" };
            tokens.push(scanner.signed(sign)?);
            continue;
        } else if first.is_ascii_punctuation() {
            scanner.at += 1;
            continue;
        } else {
            return Err(Malformed::Format);
        };
        tokens.push(scanner.token(kind, prefix, start));
        if tokens.len() > TOKENS_MAX {
            return Err(Malformed::Format);
        }
    }
    Ok(tokens)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next_is(&self, wanted: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(wanted)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.next_is(&wanted) {
            self.at += 1;
        }
    }

    fn token(&self, kind: Kind, prefix: &str, start: usize) -> Token {
        let bytes = self.bytes.get(start..self.at).unwrap_or_default();
        let mut text = prefix.to_owned();
        text.extend(bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        Token { kind, text }
    }

    /// A field that begins with a digit.
    fn number(&mut self) -> Kind {
        self.skip(|byte| byte.is_ascii_digit());
        match self.peek() {
            Some(b':') => {
                self.skip(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
                Kind::Time
            }
            Some(delimiter @ (b'-' | b'/' | b'.')) => {
                self.at += 1;
                if !self.next_is(|byte| byte.is_ascii_digit()) {
                    self.skip(|byte| byte.is_ascii_alphanumeric() || byte == delimiter);
                    return Kind::Date;
                }
                self.skip(|byte| byte.is_ascii_digit());
                if self.next_is(|byte| byte == delimiter) {
                    self.skip(|byte| byte.is_ascii_digit() || byte == delimiter);
                    return Kind::Date;
                }
                if delimiter == b'.' { Kind::Number } else { Kind::Date }
            }
            _ => Kind::Number,
        }
    }

    /// A field that begins with a letter.
    fn word(&mut self) -> Kind {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_alphabetic());
        let is_date = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(byte) if byte == b'+' || byte.is_ascii_digit() => {
                words::word(&self.token(Kind::Word, "", start).text).is_none()
            }
            _ => false,
        };
        if !is_date {
            return Kind::Word;
        }
        self.skip(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
        });
        Kind::Date
    }

    /// What follows a sign.
    fn signed(&mut self, sign: &str) -> Result<Token, Malformed> {
        let start = self.at;
        if self.next_is(|byte| byte.is_ascii_digit()) {
            self.skip(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-'));
            Ok(self.token(Kind::Signed, sign, start))
        } else if self.next_is(|byte| byte.is_ascii_alphabetic()) {
            self.skip(|byte| byte.is_ascii_alphabetic());
            Ok(self.token(Kind::SignedWord, sign, start))
        } else {
            Err(Malformed::Format)
        }
    }
}

//! The cursor and the words that every part of the grammar shares: names, quoted values, JSON paths.

use super::Fail;
use mainstay_records::query::{Field, PathKey, PathStep};

pub(super) struct Cursor<'a> {
    pub text: &'a str,
    pub at: usize,
}

/// Letters, digits, `_`, blank, `$` and everything beyond ASCII.
const fn in_identifier(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b' ' | b'$' | 0x80..)
}

/// What a JSON key written without quotes may not hold.
const fn ends_json_key(byte: u8) -> bool {
    matches!(byte, b'(' | b'-' | b':' | b'.' | b',' | b'>' | b')')
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Steps over `word` if it stands here.
    pub fn eat(&mut self, word: &str) -> bool {
        let here = self.text.as_bytes().get(self.at..).unwrap_or_default().starts_with(word.as_bytes());
        if here {
            self.at += word.len();
        }
        here
    }

    pub fn expect(&mut self, word: &str) -> Result<(), Fail> {
        if self.eat(word) { Ok(()) } else { Err(Fail::Syntax) }
    }

    pub fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// `word` with blanks around it.
    pub fn eat_spaced(&mut self, word: &str) -> bool {
        let start = self.at;
        self.blanks();
        if self.eat(word) {
            self.blanks();
            true
        } else {
            self.at = start;
            false
        }
    }

    pub fn expect_spaced(&mut self, word: &str) -> Result<(), Fail> {
        if self.eat_spaced(word) { Ok(()) } else { Err(Fail::Syntax) }
    }

    /// Everything up to a byte that `stop` names.
    pub fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|byte| !stop(byte)) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A name: `"quoted"`, or identifiers joined by dashes; blanks around it do not count.
    pub fn name(&mut self) -> Result<String, Fail> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        self.joined(|cursor| cursor.until(|byte| !in_identifier(byte)))
    }

    /// A cast's type or a text search configuration.
    pub fn identifier(&mut self) -> Result<String, Fail> {
        match self.until(|byte| !in_identifier(byte)) {
            "" => Err(Fail::Syntax),
            found => Ok(found.trim().to_owned()),
        }
    }

    fn json_key(&mut self) -> Result<String, Fail> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        self.joined(|cursor| cursor.until(ends_json_key))
    }

    fn joined(&mut self, piece: impl Fn(&mut Self) -> &'a str) -> Result<String, Fail> {
        let start = self.at;
        let mut dashed = false;
        loop {
            if piece(self).is_empty() {
                return Err(Fail::Syntax);
            }
            if self.peek() != Some(b'-') || self.peek_at(1) == Some(b'>') {
                break;
            }
            self.at += 1;
            dashed = true;
        }
        let found = self.text.get(start..self.at).unwrap_or_default();
        if dashed {
            Ok(found.split('-').map(str::trim).collect::<Vec<_>>().join("-"))
        } else {
            Ok(found.trim().to_owned())
        }
    }

    /// `"…"` where a backslash takes the next character as it is.
    pub fn quoted(&mut self) -> Result<String, Fail> {
        self.expect("\"")?;
        let mut value = String::new();
        loop {
            value.push_str(self.until(|byte| byte == b'"' || byte == b'\\'));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(_) => {
                    self.at += 1;
                    let escaped = self.rest().chars().next().ok_or(Fail::Syntax)?;
                    self.at += escaped.len_utf8();
                    value.push(escaped);
                }
                None => return Err(Fail::Syntax),
            }
        }
    }

    /// A quoted value that a comma, a bracket or the end follows; anything else is not one.
    pub fn quoted_alone(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at;
        match self.quoted() {
            Ok(value) if matches!(self.peek(), None | Some(b',' | b')')) => Some(value),
            _ => {
                self.at = start;
                None
            }
        }
    }

    /// `name->key->>0`, with blanks around.
    pub fn field(&mut self) -> Result<Field, Fail> {
        self.blanks();
        let name = self.name()?;
        if name.is_empty() {
            return Err(Fail::Syntax);
        }
        let path = self.path()?;
        self.blanks();
        Ok(Field { name, path })
    }

    pub fn path(&mut self) -> Result<Vec<PathStep>, Fail> {
        let mut path = Vec::new();
        loop {
            let as_text = self.eat("->>");
            if !as_text && !self.eat("->") {
                return Ok(path);
            }
            if path.len() >= super::DEPTH_MAX {
                return Err(Fail::Limit("steps in a JSON path"));
            }
            let key = match self.index() {
                Some(index) => PathKey::Index(index),
                None => PathKey::Name(self.json_key()?),
            };
            path.push(PathStep { key, as_text });
        }
    }

    /// A number that ends the step; otherwise the digits belong to a name.
    fn index(&mut self) -> Option<i32> {
        let start = self.at;
        self.eat("-");
        let digits = self.until(|byte| !byte.is_ascii_digit());
        let ends = match self.peek() {
            None | Some(b'.' | b',' | b')') => true,
            Some(b'-') => self.peek_at(1) == Some(b'>'),
            Some(b':') => self.peek_at(1) == Some(b':'),
            Some(_) => false,
        };
        let number = self.text.get(start..self.at).and_then(|text| text.parse().ok());
        if digits.is_empty() || !ends || number.is_none() {
            self.at = start;
            return None;
        }
        number
    }
}

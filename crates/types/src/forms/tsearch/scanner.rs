//! Reads one lexeme of a tsvector or tsquery: bare with backslash escapes, or in quotes.

use mainstay_base::{Problem, Result};

pub(super) struct Scanner<'a> {
    /// The whole text, for messages.
    pub(super) text: &'a str,
    pub(super) rest: &'a str,
    /// `tsvector` or `tsquery`.
    pub(super) type_name: &'static str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, type_name: &'static str) -> Self {
        Scanner { text, rest: text, type_name }
    }

    pub(super) fn syntax_error(&self) -> Problem {
        Problem::new("42601", format!("syntax error in {}: \"{}\"", self.type_name, self.text))
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    pub(super) fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(char::is_whitespace);
    }

    /// The run of decimal digits here.
    pub(super) fn digits(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn escaped(&mut self) -> Result<char> {
        self.next()
            .ok_or_else(|| Problem::new("42601", format!("there is no escaped character: \"{}\"", self.text)))
    }

    /// The lexeme that starts here (not a blank, not the end). In a query operators end a bare lexeme.
    pub(super) fn lexeme(&mut self) -> Result<String> {
        if self.eat('\'') { self.quoted() } else { self.bare() }
    }

    fn bare(&mut self) -> Result<String> {
        let operators = self.type_name == "tsquery";
        let mut word = String::new();
        while let Some(c) = self.peek() {
            let operator = operators && matches!(c, '!' | '&' | '|' | '(' | ')' | '<');
            if c.is_whitespace() || operator || (c == ':' && !word.is_empty()) {
                break;
            }
            self.next();
            word.push(if c == '\\' { self.escaped()? } else { c });
        }
        if word.is_empty() { Err(self.syntax_error()) } else { Ok(word) }
    }

    fn quoted(&mut self) -> Result<String> {
        let mut word = String::new();
        loop {
            match self.next().ok_or_else(|| self.syntax_error())? {
                '\'' if self.eat('\'') => word.push('\''),
                '\'' => break,
                '\\' => word.push(self.escaped()?),
                c => word.push(c),
            }
        }
        if word.is_empty() { Err(self.syntax_error()) } else { Ok(word) }
    }
}

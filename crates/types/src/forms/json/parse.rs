//! Checks JSON text and builds trees of it.

use super::lexer::{Kind, Lexer, Token, decode, invalid};
use crate::forms::jsonb::normal_number;
use mainstay_base::{Problem, Result};
use std::borrow::Cow;

/// Deeper nesting fails, so that no input can exhaust the stack.
const DEPTH_MAX: u32 = 400;

/// A JSON value as `jsonb` has it: keys sorted and unique, numbers as numeric text, strings decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Json::Array(_) | Json::Object(_))
    }

    pub fn string(text: impl Into<Cow<'a, str>>) -> Self {
        Json::String(text.into())
    }

    /// Sorts the keys as jsonb does and keeps the last of equal ones.
    pub fn object(mut pairs: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        let before = |a: &str, b: &str| key_order(a, b).is_lt();
        if !pairs.is_sorted_by(|a, b| before(&a.0, &b.0)) {
            pairs.reverse();
            pairs.sort_by(|a, b| key_order(&a.0, &b.0));
            pairs.dedup_by(|later, kept| later.0 == kept.0);
        }
        Json::Object(pairs)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(pairs) => pairs
                .binary_search_by(|pair| key_order(&pair.0, key))
                .ok()
                .and_then(|at| pairs.get(at))
                .map(|pair| &pair.1),
            _ => None,
        }
    }
}

/// jsonb's order of keys: shorter first, then by bytes.
pub(crate) fn key_order(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether the text is JSON, with PostgreSQL's complaint where it is not.
pub(crate) fn validate(text: &str) -> Result<()> {
    let mut parser = Parser::new(text);
    let token = parser.lexer.next()?;
    parser.skip(token)?;
    parser.end()
}

/// The tree of a JSON text.
pub(crate) fn parse(text: &str) -> Result<Json<'_>> {
    let mut parser = Parser::new(text);
    let token = parser.lexer.next()?;
    let value = parser.value(token)?;
    parser.end()?;
    Ok(value)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Parser { lexer: Lexer::new(text), depth: 0 }
    }

    fn expected(&self, what: &str, token: Token) -> Problem {
        if token.kind == Kind::End {
            return invalid("The input string ended unexpectedly.");
        }
        invalid(format!("Expected {what}, but found \"{}\".", self.lexer.slice(token)))
    }

    fn end(&mut self) -> Result<()> {
        let token = self.lexer.next()?;
        if token.kind == Kind::End { Ok(()) } else { Err(self.expected("end of input", token)) }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::new("54001", "stack depth limit exceeded")
                .with_hint(format!("JSON may be nested {DEPTH_MAX} levels deep"))
                // What PostgREST says of the other texts that are too complex (54000).
                .with_status(413));
        }
        Ok(())
    }

    /// Reads the key and the colon that follow; `token` is what must be the key.
    fn key(&mut self, token: Token, what: &str) -> Result<()> {
        if token.kind != Kind::String {
            return Err(self.expected(what, token));
        }
        let colon = self.lexer.next()?;
        if colon.kind == Kind::Colon { Ok(()) } else { Err(self.expected("\":\"", colon)) }
    }

    fn skip(&mut self, token: Token) -> Result<()> {
        match token.kind {
            Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => Ok(()),
            Kind::ArrayStart => self.elements(|parser, token| parser.skip(token)),
            Kind::ObjectStart => self.members(|parser, _, token| parser.skip(token)),
            _ => Err(self.expected("JSON value", token)),
        }
    }

    fn value(&mut self, token: Token) -> Result<Json<'a>> {
        Ok(match token.kind {
            Kind::Null => Json::Null,
            Kind::True => Json::Bool(true),
            Kind::False => Json::Bool(false),
            Kind::Number => Json::Number(normal_number(self.lexer.slice(token))?),
            Kind::String => Json::String(self.string(token)?),
            Kind::ArrayStart => {
                let mut values = Vec::new();
                self.elements(|parser, token| {
                    values.push(parser.value(token)?);
                    Ok(())
                })?;
                Json::Array(values)
            }
            Kind::ObjectStart => {
                let mut pairs = Vec::new();
                self.members(|parser, key, token| {
                    let key = parser.string(key)?;
                    pairs.push((key, parser.value(token)?));
                    Ok(())
                })?;
                Json::object(pairs)
            }
            _ => return Err(self.expected("JSON value", token)),
        })
    }

    fn string(&self, token: Token) -> Result<Cow<'a, str>> {
        decode(self.lexer.text.get(token.start + 1..token.end.saturating_sub(1)).unwrap_or_default())
    }

    fn elements(&mut self, mut each: impl FnMut(&mut Self, Token) -> Result<()>) -> Result<()> {
        self.deeper()?;
        let mut token = self.lexer.next()?;
        if token.kind != Kind::ArrayEnd {
            loop {
                each(self, token)?;
                token = self.lexer.next()?;
                match token.kind {
                    Kind::ArrayEnd => break,
                    Kind::Comma => token = self.lexer.next()?,
                    _ => return Err(self.expected("\",\" or \"]\"", token)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self, mut each: impl FnMut(&mut Self, Token, Token) -> Result<()>) -> Result<()> {
        self.deeper()?;
        let mut token = self.lexer.next()?;
        if token.kind != Kind::ObjectEnd {
            let mut what = "string or \"}\"";
            loop {
                self.key(token, what)?;
                let value = self.lexer.next()?;
                each(self, token, value)?;
                token = self.lexer.next()?;
                match token.kind {
                    Kind::ObjectEnd => break,
                    Kind::Comma => token = self.lexer.next()?,
                    _ => return Err(self.expected("\",\" or \"}\"", token)),
                }
                what = "string";
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

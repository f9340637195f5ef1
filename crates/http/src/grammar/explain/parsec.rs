//! Parsec's combinators and its error algebra: the furthest error wins, errors at one place add up.

use std::cell::Cell;
use std::rc::Rc;

/// How deep a grammar may nest in itself.
const DEPTH_MAX: usize = 64;

pub(super) struct Input {
    pub characters: Vec<char>,
    depth: Cell<usize>,
}

impl Input {
    pub fn new(text: &str) -> Self {
        Input { characters: text.chars().collect(), depth: Cell::new(0) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// What stands at the place; empty at the end of the text.
    Found(String),
    Unexpected(String),
    Expected(String),
}

impl Message {
    fn kind(&self) -> u8 {
        match self {
            Message::Found(_) => 0,
            Message::Unexpected(_) => 1,
            Message::Expected(_) => 2,
        }
    }
    fn text(&self) -> &str {
        match self {
            Message::Found(text) | Message::Unexpected(text) | Message::Expected(text) => text,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub at: usize,
    messages: Vec<Message>,
}

impl Trouble {
    fn none(at: usize) -> Self {
        Trouble { at, messages: Vec::new() }
    }

    /// The error that is further on wins; at one place they add up.
    fn merge(mut self, other: Trouble) -> Trouble {
        if other.messages.is_empty() && !self.messages.is_empty() {
            return self;
        }
        if self.messages.is_empty() && !other.messages.is_empty() {
            return other;
        }
        match self.at.cmp(&other.at) {
            std::cmp::Ordering::Equal => {
                self.messages.extend(other.messages);
                self
            }
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
        }
    }

    fn labelled(mut self, label: &str) -> Trouble {
        self.messages.retain(|message| message.kind() != 2);
        self.messages.push(Message::Expected(label.to_owned()));
        self
    }

    pub fn text(&self) -> String {
        let of = |kind: u8| {
            let mut texts: Vec<&str> = Vec::new();
            for message in self.messages.iter().filter(|message| message.kind() == kind) {
                if !message.text().is_empty() && !texts.contains(&message.text()) {
                    texts.push(message.text());
                }
            }
            texts
        };
        let (unexpected, expected) = (of(1), of(2));
        let mut parts = Vec::new();
        if unexpected.is_empty() {
            match self.messages.iter().find(|message| message.kind() == 0).map(Message::text) {
                Some("") => parts.push("unexpected end of input".to_owned()),
                Some(found) => parts.push(format!("unexpected {found}")),
                None => {}
            }
        } else {
            parts.push(format!("unexpected {}", commas_or(&unexpected)));
        }
        if !expected.is_empty() {
            parts.push(format!("expecting {}", commas_or(&expected)));
        }
        if parts.is_empty() { "unknown parse error".to_owned() } else { parts.join(" ") }
    }
}

pub(super) fn commas_or(texts: &[&str]) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

pub(super) struct Reply {
    /// The place behind what was read; `None` when it failed.
    pub end: Option<usize>,
    consumed: bool,
    pub error: Trouble,
}

pub(super) type Parser = Rc<dyn Fn(&Input, usize) -> Reply>;

pub(super) fn failed(at: usize, messages: Vec<Message>) -> Reply {
    Reply { end: None, consumed: false, error: Trouble { at, messages } }
}

pub(super) fn shown(character: char) -> String {
    match character {
        '"' | '\\' => format!("\"\\{character}\""),
        '\n' => "\"\\n\"".to_owned(),
        '\t' => "\"\\t\"".to_owned(),
        other if other.is_ascii_graphic() || other == ' ' => format!("\"{other}\""),
        other => format!("\"\\{}\"", u32::from(other)),
    }
}

pub(super) fn satisfy(test: impl Fn(char) -> bool + 'static) -> Parser {
    Rc::new(move |input, at| match input.characters.get(at) {
        Some(character) if test(*character) => {
            Reply { end: Some(at + 1), consumed: true, error: Trouble::none(at + 1) }
        }
        Some(character) => failed(at, vec![Message::Found(shown(*character))]),
        None => failed(at, vec![Message::Found(String::new())]),
    })
}

pub(super) fn any_char() -> Parser {
    satisfy(|_| true)
}
pub(super) fn char(wanted: char) -> Parser {
    label(satisfy(move |character| character == wanted), shown(wanted))
}
pub(super) fn one_of(set: &'static str) -> Parser {
    satisfy(move |character| set.contains(character))
}
pub(super) fn none_of(set: &'static str) -> Parser {
    satisfy(move |character| !set.contains(character))
}
pub(super) fn letter() -> Parser {
    label(satisfy(char::is_alphabetic), "letter")
}
pub(super) fn digit() -> Parser {
    label(satisfy(|character| character.is_ascii_digit()), "digit")
}

pub(super) fn string(word: &'static str) -> Parser {
    Rc::new(move |input, at| {
        for (ahead, wanted) in word.chars().enumerate() {
            let found = input.characters.get(at + ahead).copied();
            if found != Some(wanted) {
                let shown = found.map(shown).unwrap_or_default();
                let messages = vec![Message::Found(shown), Message::Expected(format!("\"{word}\""))];
                return Reply { consumed: ahead > 0, ..failed(at, messages) };
            }
        }
        let end = at + word.chars().count();
        Reply { end: Some(end), consumed: true, error: Trouble::none(end) }
    })
}

pub(super) fn string_any_case(word: &'static str) -> Parser {
    let letters = word.chars().map(|wanted| or(vec![char(wanted), char(wanted.to_ascii_uppercase())]));
    seq(letters.collect())
}

pub(super) fn pure() -> Parser {
    Rc::new(|_, at| Reply { end: Some(at), consumed: false, error: Trouble::none(at) })
}

pub(super) fn seq(parsers: Vec<Parser>) -> Parser {
    Rc::new(move |input, start| {
        let mut so_far = Reply { end: Some(start), consumed: false, error: Trouble::none(start) };
        for parser in &parsers {
            let Some(at) = so_far.end else { break };
            let next = parser(input, at);
            so_far = Reply {
                end: next.end,
                consumed: so_far.consumed || next.consumed,
                error: if next.consumed { next.error } else { so_far.error.merge(next.error) },
            };
        }
        so_far
    })
}

pub(super) fn or(parsers: Vec<Parser>) -> Parser {
    Rc::new(move |input, at| {
        let mut trouble = Trouble::none(at);
        for parser in &parsers {
            let reply = parser(input, at);
            if reply.consumed {
                return reply;
            }
            trouble = trouble.merge(reply.error);
            if reply.end.is_some() {
                return Reply { error: trouble, ..reply };
            }
        }
        Reply { end: None, consumed: false, error: trouble }
    })
}

pub(super) fn option(parser: Parser) -> Parser {
    or(vec![parser, pure()])
}

/// Parsec's `try`.
pub(super) fn attempt(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.end.is_none() { Reply { consumed: false, ..reply } } else { reply }
    })
}

pub(super) fn look_ahead(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.end.is_some() {
            Reply { end: Some(at), consumed: false, error: Trouble::none(at) }
        } else {
            reply
        }
    })
}

pub(super) fn many(parser: Parser) -> Parser {
    Rc::new(move |input, start| {
        let mut at = start;
        loop {
            let reply = parser(input, at);
            match reply.end {
                Some(end) if end > at => at = end,
                Some(_) => return Reply { end: Some(at), consumed: at > start, error: reply.error },
                None if reply.consumed => return reply,
                None => return Reply { end: Some(at), consumed: at > start, error: reply.error },
            }
        }
    })
}

pub(super) fn many1(parser: Parser) -> Parser {
    seq(vec![parser.clone(), many(parser)])
}

pub(super) fn sep_by1(parser: Parser, separator: Parser) -> Parser {
    seq(vec![parser.clone(), many(seq(vec![separator, parser]))])
}

pub(super) fn sep_by(parser: Parser, separator: Parser) -> Parser {
    option(sep_by1(parser, separator))
}

pub(super) fn between(open: char, parser: Parser, close: char) -> Parser {
    seq(vec![char(open), parser, char(close)])
}

pub(super) fn lexeme(parser: Parser) -> Parser {
    let blanks = || many(one_of(" \t"));
    seq(vec![blanks(), parser, blanks()])
}

pub(super) fn not_followed_by(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        match (reply.end, input.characters.get(at)) {
            (Some(end), Some(character)) => failed(end, vec![Message::Unexpected(format!("'{character}'"))]),
            _ => Reply { end: Some(at), consumed: false, error: Trouble::none(at) },
        }
    })
}

/// Parsec's `eof` looks at a token without stepping over it, so its error stands at the token.
pub(super) fn eof() -> Parser {
    let end: Parser = Rc::new(|input, at| match input.characters.get(at) {
        Some(character) => failed(at, vec![Message::Unexpected(format!("'{character}'"))]),
        None => Reply { end: Some(at), consumed: false, error: Trouble::none(at) },
    });
    label(end, "end of input")
}

pub(super) fn label(parser: Parser, name: impl Into<String>) -> Parser {
    let name = name.into();
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.consumed || (reply.end.is_some() && reply.error.messages.is_empty()) {
            return reply;
        }
        Reply { error: reply.error.labelled(&name), ..reply }
    })
}

/// Fails without words when the parser read just `word`.
pub(super) fn but_not(word: &'static str, parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        match reply.end {
            Some(end) => {
                let text: String = input.characters.get(at..end).unwrap_or_default().iter().collect();
                if text.trim() == word {
                    Reply { end: None, consumed: true, error: reply.error }
                } else {
                    reply
                }
            }
            None => reply,
        }
    })
}

/// A parser that is made when it is used: how the grammar nests in itself.
pub(super) fn lazy(make: impl Fn() -> Parser + 'static) -> Parser {
    Rc::new(move |input, at| {
        if input.depth.get() >= DEPTH_MAX {
            return failed(at, Vec::new());
        }
        input.depth.set(input.depth.get() + 1);
        let reply = make()(input, at);
        input.depth.set(input.depth.get() - 1);
        reply
    })
}

//! Cuts a text into tokens of the classes that PostgreSQL's default parser knows.
//!
//! At each place the longer readings (address, URL, host, path, hyphenated word) are tried before the shorter ones.
//! Compound tokens (URLs, hyphenated words) are followed by their parts.

mod chars;
mod web;

use chars::{is_ascii_letter, is_digit, is_letter, is_mark, is_word_char};
use std::collections::VecDeque;

/// A token's class, by PostgreSQL's alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    AsciiWord,
    Word,
    NumWord,
    Email,
    Url,
    Host,
    Sfloat,
    Version,
    HwordNumPart,
    HwordPart,
    HwordAsciiPart,
    Blank,
    Tag,
    Protocol,
    NumHword,
    AsciiHword,
    Hword,
    UrlPath,
    File,
    Float,
    Int,
    Uint,
    Entity,
}

impl Class {
    /// Whether tokens of the class are looked up in a dictionary.
    pub(super) fn is_indexed(self) -> bool {
        !matches!(self, Class::Blank | Class::Tag | Class::Protocol | Class::Entity)
    }

    /// A token that is followed by its parts.
    pub(super) fn is_compound(self) -> bool {
        matches!(self, Class::Url | Class::NumHword | Class::AsciiHword | Class::Hword)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Class::Sfloat | Class::Version | Class::Float | Class::Int | Class::Uint)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) class: Class,
    pub(super) text: &'a str,
}

/// A class and where the token ends.
type Found = (Class, usize);

pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Parts of a compound token, waiting.
    waiting: VecDeque<Token<'a>>,
    /// Behind `<script` or `<style`: everything up to the next tag is blank.
    ignoring: bool,
    /// Directly behind a hyphenated word: a hyphen here is a blank and never a sign.
    after_compound: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Tokens { text, at: 0, waiting: VecDeque::new(), ignoring: false, after_compound: false }
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    fn byte_at(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The end of the run of characters that satisfy `test`.
    fn run(&self, from: usize, test: impl Fn(char) -> bool) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        rest.find(|c| !test(c)).map_or(self.text.len(), |length| from + length)
    }

    fn run_bytes(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !test(*byte)).unwrap_or(rest.len())
    }

    fn digits(&self, from: usize) -> usize {
        self.run_bytes(from, |byte| byte.is_ascii_digit())
    }

    fn token_at(&mut self, at: usize) -> Found {
        let Some(c) = self.char_at(at) else { return (Class::Blank, at) };
        if c == '<'
            && let Some(end) = self.tag(at)
        {
            return (Class::Tag, end);
        }
        if self.ignoring {
            return (Class::Blank, self.run(at + c.len_utf8(), |c| c != '<'));
        }
        let found = match c {
            c if is_ascii_letter(c) => Some(self.ascii_word(at)),
            c if is_letter(c) => Some(self.word(at)),
            c if is_digit(c) => Some(self.number(at)),
            '-' | '+' if !self.after_compound => self.signed(at),
            '&' => self.entity(at).map(|end| (Class::Entity, end)),
            '~' => self.twiddle_path(at + 1).map(|end| (Class::File, end)),
            '/' => self.path_step(at + 1).map(|end| (Class::File, end)),
            '.' => self.dotted_path(at).map(|end| (Class::File, end)),
            _ => None,
        };
        found.unwrap_or_else(|| (Class::Blank, self.blank(at + c.len_utf8())))
    }

    /// A blank goes on to the next character that could begin a token.
    fn blank(&self, from: usize) -> usize {
        self.run(from, |c| !matches!(c, '<' | '-' | '+' | '&' | '/') && !is_word_char(c))
    }

    /// A word that begins with an ASCII letter may turn out to be anything.
    fn ascii_word(&self, at: usize) -> Found {
        if let Some(found) = self.web_address(at) {
            return found;
        }
        let end = self.run(at, is_ascii_letter);
        match self.char_at(end) {
            Some('.') => self.file_from(end).map_or((Class::AsciiWord, end), |end| (Class::File, end)),
            Some('-') => self.hyphenated(at, end).unwrap_or((Class::AsciiWord, end)),
            Some(':') if self.slice(end, end + 3) == "://" => (Class::Protocol, end + 3),
            Some('/') => self.path_step(end + 1).map_or((Class::AsciiWord, end), |end| (Class::File, end)),
            Some(c) if is_digit(c) => self.num_word(at, end),
            Some(c) if is_letter(c) || is_mark(c) => self.word(at),
            _ => (Class::AsciiWord, end),
        }
    }

    fn word(&self, at: usize) -> Found {
        let end = self.run(at, |c| is_letter(c) || is_mark(c));
        match self.char_at(end) {
            Some(c) if is_digit(c) => self.num_word(at, end),
            Some('-') => self.hyphenated(at, end).unwrap_or((Class::Word, end)),
            _ => (Class::Word, end),
        }
    }

    /// A word with digits in it; `from` is where it goes on.
    fn num_word(&self, at: usize, from: usize) -> Found {
        let end = self.run(from, |c| is_word_char(c) || is_mark(c));
        let plain = (Class::NumWord, end);
        match self.char_at(end) {
            Some('@') => self.host(end + 1, true).map_or(plain, |end| (Class::Email, end)),
            Some('/') => self.path_step(end + 1).map_or(plain, |end| (Class::File, end)),
            Some('.') => self.file_from(end).map_or(plain, |end| (Class::File, end)),
            Some('-') => self.hyphenated(at, end).unwrap_or(plain),
            _ => plain,
        }
    }

    fn number(&self, at: usize) -> Found {
        if let Some(found) = self.web_address(at) {
            return found;
        }
        let end = self.digits(at);
        match self.char_at(end) {
            Some('.') if self.byte_at(end + 1).is_ascii_digit() => self.fraction(end + 1, true),
            Some('e' | 'E') if self.exponent(end).is_some() => {
                (Class::Sfloat, self.exponent(end).unwrap_or(end))
            }
            Some('/') => self.path_step(end + 1).map_or((Class::Uint, end), |end| (Class::File, end)),
            Some(c) if is_letter(c) || is_mark(c) => self.num_word(at, end),
            _ => (Class::Uint, end),
        }
    }

    /// What follows the point of a number: a fraction, an exponent, or more points of a version.
    fn fraction(&self, from: usize, may_be_version: bool) -> Found {
        let mut end = self.digits(from);
        let mut class = Class::Float;
        while may_be_version && self.byte_at(end) == b'.' && self.byte_at(end + 1).is_ascii_digit() {
            end = self.digits(end + 1);
            class = Class::Version;
        }
        match self.exponent(end).filter(|_| class == Class::Float) {
            Some(end) => (Class::Sfloat, end),
            None => (class, end),
        }
    }

    fn exponent(&self, at: usize) -> Option<usize> {
        if !matches!(self.byte_at(at), b'e' | b'E') {
            return None;
        }
        let from = if matches!(self.byte_at(at + 1), b'+' | b'-') { at + 2 } else { at + 1 };
        let end = self.digits(from);
        (end > from).then_some(end)
    }

    fn signed(&self, at: usize) -> Option<Found> {
        let end = self.digits(at + 1);
        if end == at + 1 {
            return None;
        }
        if self.byte_at(end) == b'.' && self.byte_at(end + 1).is_ascii_digit() {
            let (class, fraction_end) = self.fraction(end + 1, false);
            // A second point makes it a version, which has no sign: the sign is a blank.
            let version = class == Class::Float
                && self.byte_at(fraction_end) == b'.'
                && self.byte_at(fraction_end + 1).is_ascii_digit();
            return Some(if version { (Class::Blank, at + 1) } else { (class, fraction_end) });
        }
        Some(self.exponent(end).map_or((Class::Int, end), |end| (Class::Sfloat, end)))
    }

    /// A word with hyphens, whose first part ends at `end`; each further part has a letter in it.
    fn hyphenated(&self, at: usize, end: usize) -> Option<Found> {
        let mut compound_end = end;
        while self.byte_at(compound_end) == b'-'
            && let Some(part_end) = self.part(compound_end + 1)
        {
            compound_end = part_end;
        }
        if compound_end == end {
            return None;
        }
        let text = self.slice(at, compound_end);
        let class = if text.chars().any(is_digit) {
            Class::NumHword
        } else if text.is_ascii() {
            Class::AsciiHword
        } else {
            Class::Hword
        };
        Some((class, compound_end))
    }

    /// The end of a part behind a hyphen: it begins with a letter, or with digits and then a letter.
    fn part(&self, from: usize) -> Option<usize> {
        let digits_end = self.digits(from);
        let first = self.char_at(digits_end)?;
        let word = is_letter(first) || (digits_end > from && is_mark(first));
        word.then(|| self.run(digits_end, |c| is_word_char(c) || is_mark(c)))
    }

    fn push_hyphenated_parts(&mut self, compound: &'a str) {
        for (index, part) in compound.split('-').enumerate() {
            if index > 0 {
                self.waiting.push_back(Token { class: Class::Blank, text: "-" });
            }
            let class = if part.chars().any(is_digit) {
                Class::HwordNumPart
            } else if part.is_ascii() {
                Class::HwordAsciiPart
            } else {
                Class::HwordPart
            };
            self.waiting.push_back(Token { class, text: part });
        }
    }

    fn push_url_parts(&mut self, url: &'a str) {
        let (host, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        self.waiting.push_back(Token { class: Class::Host, text: host });
        self.waiting.push_back(Token { class: Class::UrlPath, text: path });
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(part) = self.waiting.pop_front() {
            return Some(part);
        }
        if self.at >= self.text.len() {
            return None;
        }
        // The hyphen behind a hyphenated word stands alone where a word or number follows.
        if self.after_compound
            && self.byte_at(self.at) == b'-'
            && self.char_at(self.at + 1).is_some_and(|c| is_word_char(c) || is_mark(c))
        {
            self.at += 1;
            self.after_compound = false;
            return Some(Token { class: Class::Blank, text: "-" });
        }
        self.after_compound = false;
        let (class, end) = self.token_at(self.at);
        let text = self.slice(self.at, end);
        self.at = end;
        match class {
            Class::Url => self.push_url_parts(text),
            Class::NumHword | Class::AsciiHword | Class::Hword => {
                self.push_hyphenated_parts(text);
                self.after_compound = true;
            }
            Class::Tag => self.note_tag(text),
            _ => {}
        }
        Some(Token { class, text })
    }
}

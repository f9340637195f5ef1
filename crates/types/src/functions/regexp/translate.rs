//! Translates PostgreSQL's advanced regular expressions to the syntax of Rust's engines.

mod bracket;

use super::class::push_literal;
use mainstay_base::{Problem, Result};
use std::iter::Peekable;
use std::str::Chars;

/// How deep brackets may nest: they are read by recursion.
const DEPTH_MAX: usize = 100;
const REPEAT_MAX: u32 = 255;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    ignore_case: bool,
    /// `.` and `[^…]` do not match a newline.
    dot_stops: bool,
    /// `^` and `$` match at newlines.
    line_anchors: bool,
    expanded: bool,
    literal: bool,
}

impl Flags {
    pub(super) fn new(ignore_case: bool) -> Flags {
        Flags { ignore_case, ..Flags::default() }
    }

    /// Applies the letters of a flags argument; returns whether `g` is among them.
    pub(super) fn apply(&mut self, letters: &str) -> Result<bool> {
        let mut global = false;
        for letter in letters.chars() {
            if letter == 'g' {
                global = true;
            } else if !self.set(letter) {
                return Err(Problem::new(
                    "22023",
                    format!("invalid regular expression option: \"{letter}\""),
                ));
            }
        }
        Ok(global)
    }

    fn set(&mut self, letter: char) -> bool {
        match letter {
            'i' => self.ignore_case = true,
            'c' => self.ignore_case = false,
            'n' | 'm' => (self.dot_stops, self.line_anchors) = (true, true),
            's' => (self.dot_stops, self.line_anchors) = (false, false),
            'p' => (self.dot_stops, self.line_anchors) = (true, false),
            'w' => (self.dot_stops, self.line_anchors) = (false, true),
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.literal = true,
            // Basic and extended expressions are read as advanced ones.
            'e' | 'b' => {}
            _ => return false,
        }
        true
    }
}

pub(super) struct Translation {
    pub(super) pattern: String,
    pub(super) groups: usize,
    /// Has lookaround or back-references.
    pub(super) backtracks: bool,
    /// The preferred span can differ from that of the first alternative that matches.
    pub(super) exact: bool,
    /// The expression as a whole is non-greedy.
    pub(super) shortest: bool,
}

pub(super) fn invalid(reason: &str) -> Problem {
    Problem::new("2201B", format!("invalid regular expression: {reason}"))
}

/// Whether an expression prefers long or short matches; plain characters have no preference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Greed {
    Long,
    Short,
}

struct Translator<'a> {
    input: Peekable<Chars<'a>>,
    flags: Flags,
    out: String,
    groups: usize,
    /// Which groups are closed: only those can be referred to.
    closed: Vec<bool>,
    backtracks: bool,
    alternatives: bool,
    long: bool,
    short: bool,
}

pub(super) fn translate(pattern: &str, mut flags: Flags) -> Result<Translation> {
    let mut rest = pattern;
    if let Some(tail) = rest.strip_prefix("***=") {
        rest = tail;
        flags.literal = true;
    } else if let Some(tail) = rest.strip_prefix("***:") {
        rest = tail;
    } else if rest.starts_with("***") {
        return Err(invalid("quantifier operand invalid"));
    }
    if !flags.literal {
        rest = embedded_options(rest, &mut flags)?;
    }
    let mut translator = Translator {
        input: rest.chars().peekable(),
        flags,
        out: String::new(),
        groups: 0,
        closed: vec![false],
        backtracks: false,
        alternatives: false,
        long: false,
        short: false,
    };
    if flags.ignore_case {
        translator.out.push_str("(?i)");
    }
    if flags.literal {
        for c in rest.chars() {
            push_literal(&mut translator.out, c);
        }
        return Ok(translator.finish(None));
    }
    let greed = translator.expression(0, false)?;
    if translator.input.peek().is_some() {
        return Err(invalid("parentheses () not balanced"));
    }
    Ok(translator.finish(greed))
}

/// `(?flags)` at the very start.
fn embedded_options<'a>(rest: &'a str, flags: &mut Flags) -> Result<&'a str> {
    let Some(tail) = rest.strip_prefix("(?") else { return Ok(rest) };
    if !tail.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(rest);
    }
    let (letters, tail) = tail.split_once(')').ok_or_else(|| invalid("invalid embedded option"))?;
    for letter in letters.chars() {
        if !flags.set(letter) {
            return Err(invalid("invalid embedded option"));
        }
    }
    Ok(tail)
}

impl Translator<'_> {
    fn finish(self, greed: Option<Greed>) -> Translation {
        let shortest = greed == Some(Greed::Short);
        let mixed = self.alternatives || (self.short && self.long);
        Translation {
            pattern: self.out,
            groups: self.groups,
            backtracks: self.backtracks,
            exact: mixed || (self.short && !shortest),
            shortest,
        }
    }

    fn next(&mut self) -> Option<char> {
        self.input.next()
    }

    fn eat(&mut self, expected: char) -> bool {
        self.input.next_if_eq(&expected).is_some()
    }

    /// The text that is still to come starts with `prefix`.
    fn ahead(&self, prefix: &str) -> bool {
        let mut rest = self.input.clone();
        prefix.chars().all(|c| rest.next() == Some(c))
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.input.next();
        }
    }

    /// Skips comments, and blanks in expanded syntax.
    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            if self.ahead("(?#") {
                while self.input.next_if(|c| *c != ')').is_some() {}
                if !self.eat(')') {
                    return Err(invalid("parentheses () not balanced"));
                }
            } else if self.flags.expanded && self.input.peek().is_some_and(|c| c.is_whitespace()) {
                self.next();
            } else if self.flags.expanded && self.input.peek() == Some(&'#') {
                while self.input.next_if(|c| *c != '\n').is_some() {}
            } else {
                return Ok(());
            }
        }
    }

    fn expression(&mut self, depth: usize, in_look: bool) -> Result<Option<Greed>> {
        if depth > DEPTH_MAX {
            return Err(invalid("regular expression is too complex"));
        }
        let mut greed = self.branch(depth, in_look)?;
        while self.eat('|') {
            self.out.push('|');
            self.alternatives = true;
            self.branch(depth, in_look)?;
            greed = Some(Greed::Long);
        }
        Ok(greed)
    }

    fn branch(&mut self, depth: usize, in_look: bool) -> Result<Option<Greed>> {
        let mut greed = None;
        loop {
            self.skip_blanks()?;
            match self.input.peek() {
                None | Some('|' | ')') => return Ok(greed),
                Some(_) => {}
            }
            // An alternation inside this piece must not reach beyond it: it stands in brackets of its own.
            let atom = self.atom(depth, in_look)?;
            let piece = if atom.quantifiable { self.quantifier(atom.greed)? } else { atom.greed };
            greed = greed.or(piece);
        }
    }

    fn atom(&mut self, depth: usize, in_look: bool) -> Result<Atom> {
        let Some(c) = self.next() else { return Ok(Atom::constraint()) };
        match c {
            '^' => self.push_constraint(if self.flags.line_anchors { "(?m:^)" } else { r"\A" }),
            '$' => self.push_constraint(if self.flags.line_anchors { "(?m:$)" } else { r"\z" }),
            '.' => self.push_atom(if self.flags.dot_stops { r"[^\n]" } else { "(?s:.)" }),
            '*' | '+' | '?' => Err(invalid("quantifier operand invalid")),
            '{' if self.input.peek().is_some_and(char::is_ascii_digit) => {
                Err(invalid("quantifier operand invalid"))
            }
            '(' => self.group(depth, in_look),
            '[' => self.bracket(),
            '\\' => self.escape(),
            c => {
                push_literal(&mut self.out, c);
                Ok(Atom::plain())
            }
        }
    }

    fn push_atom(&mut self, text: &str) -> Result<Atom> {
        self.out.push_str(text);
        Ok(Atom::plain())
    }

    fn push_constraint(&mut self, text: &str) -> Result<Atom> {
        self.out.push_str(text);
        Ok(Atom::constraint())
    }

    fn group(&mut self, depth: usize, in_look: bool) -> Result<Atom> {
        let looks = ["?=", "?!", "?<=", "?<!"];
        if let Some(look) = looks.into_iter().find(|look| self.ahead(look)) {
            self.skip(look.len());
            self.backtracks = true;
            self.out.push('(');
            self.out.push_str(look);
            self.expression(depth + 1, true)?;
            self.close()?;
            return Ok(Atom::constraint());
        }
        let captures = !self.ahead("?:");
        if !captures {
            self.skip(2);
        } else if self.input.peek() == Some(&'?') {
            return Err(invalid("quantifier operand invalid"));
        }
        let number = if captures && !in_look {
            self.groups += 1;
            self.closed.push(false);
            self.out.push('(');
            Some(self.groups)
        } else {
            self.out.push_str("(?:");
            None
        };
        let greed = self.expression(depth + 1, in_look)?;
        self.close()?;
        if let Some(closed) = number.and_then(|number| self.closed.get_mut(number)) {
            *closed = true;
        }
        Ok(Atom { quantifiable: true, greed })
    }

    fn close(&mut self) -> Result<()> {
        if !self.eat(')') {
            return Err(invalid("parentheses () not balanced"));
        }
        self.out.push(')');
        Ok(())
    }

    /// The quantifier behind an atom, if there is one; returns the preference of both together.
    fn quantifier(&mut self, atom: Option<Greed>) -> Result<Option<Greed>> {
        self.skip_blanks()?;
        let fixed = match self.input.peek().copied() {
            Some(c @ ('*' | '+' | '?')) => {
                self.out.push(c);
                self.next();
                false
            }
            Some('{') if self.bound_ahead() => self.bound()?,
            _ => return Ok(atom),
        };
        let short = self.eat('?');
        if short {
            self.out.push('?');
        }
        self.skip_blanks()?;
        let again = matches!(self.input.peek(), Some('*' | '+' | '?')) || self.bound_ahead();
        if again {
            return Err(invalid("quantifier operand invalid"));
        }
        if fixed {
            return Ok(atom);
        }
        (self.short, self.long) = (self.short || short, self.long || !short);
        Ok(Some(if short { Greed::Short } else { Greed::Long }))
    }

    fn bound_ahead(&self) -> bool {
        let mut rest = self.input.clone();
        rest.next() == Some('{') && rest.next().is_some_and(|c| c.is_ascii_digit())
    }

    /// `{m}`, `{m,}` or `{m,n}`; returns whether it is the first.
    fn bound(&mut self) -> Result<bool> {
        self.next();
        let bad = || invalid("invalid repetition count(s)");
        let low = self.count()?.ok_or_else(bad)?;
        let ranged = self.eat(',');
        let high = if ranged { self.count()? } else { Some(low) };
        match self.next() {
            Some('}') => {}
            None => return Err(invalid("braces {} not balanced")),
            Some(_) => return Err(bad()),
        }
        if high.is_some_and(|high| high < low) {
            return Err(bad());
        }
        match (ranged, high) {
            (false, _) => self.out.push_str(&format!("{{{low}}}")),
            (true, None) => self.out.push_str(&format!("{{{low},}}")),
            (true, Some(high)) => self.out.push_str(&format!("{{{low},{high}}}")),
        }
        Ok(!ranged)
    }

    fn count(&mut self) -> Result<Option<u32>> {
        let mut count = None;
        while let Some(digit) = self.input.peek().and_then(|c| c.to_digit(10)) {
            self.next();
            let value = count.unwrap_or(0) * 10 + digit;
            if value > REPEAT_MAX {
                return Err(invalid("invalid repetition count(s)"));
            }
            count = Some(value);
        }
        Ok(count)
    }

    fn escape(&mut self) -> Result<Atom> {
        let bad = || invalid(r"invalid escape \ sequence");
        let c = self.next().ok_or_else(bad)?;
        match c {
            'A' => self.push_constraint(r"\A"),
            'Z' => self.push_constraint(r"\z"),
            'm' => self.push_constraint(r"\b{start}"),
            'M' => self.push_constraint(r"\b{end}"),
            'y' => self.push_constraint(r"\b"),
            'Y' => self.push_constraint(r"\B"),
            'd' => self.push_atom("[0-9]"),
            'D' => self.push_atom("[^0-9]"),
            's' | 'S' | 'w' | 'W' => self.push_atom(match c {
                's' => r"\s",
                'S' => r"\S",
                'w' => r"\w",
                _ => r"\W",
            }),
            '1'..='9' => self.back_reference(c),
            c => {
                let literal = self.character_escape(c)?.ok_or_else(bad)?;
                push_literal(&mut self.out, literal);
                Ok(Atom::plain())
            }
        }
    }

    fn back_reference(&mut self, first: char) -> Result<Atom> {
        let mut number = first.to_digit(10).unwrap_or(0) as usize;
        let mut digits = self.input.clone();
        let mut extra = 0;
        while let Some(digit) = digits.next().and_then(|c| c.to_digit(10)) {
            let longer = number.saturating_mul(10).saturating_add(digit as usize);
            if longer > self.groups {
                break;
            }
            number = longer;
            extra += 1;
        }
        self.skip(extra);
        if !self.closed.get(number).copied().unwrap_or(false) {
            return Err(invalid("invalid backreference number"));
        }
        self.backtracks = true;
        self.out.push_str(&format!("(?:\\{number})"));
        Ok(Atom::plain())
    }

    /// The character that an escape stands for; `None` is a bad escape.
    fn character_escape(&mut self, c: char) -> Result<Option<char>> {
        Ok(Some(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'c' => match self.next() {
                Some(c) => char::from_u32(u32::from(c) & 0x1f).unwrap_or('\0'),
                None => return Ok(None),
            },
            'u' => return Ok(self.coded(16, 4, 4)),
            'U' => return Ok(self.coded(16, 8, 8)),
            'x' => return Ok(self.coded(16, 1, 255)),
            '0' => return Ok(self.coded(8, 0, 2)),
            c if c.is_alphanumeric() => return Ok(None),
            c => c,
        }))
    }

    /// A character by its number, of `least` to `most` digits.
    fn coded(&mut self, radix: u32, least: usize, most: usize) -> Option<char> {
        let (mut code, mut count) = (0u32, 0);
        while count < most
            && let Some(digit) = self.input.peek().and_then(|c| c.to_digit(radix))
        {
            self.next();
            code = code.saturating_mul(radix).saturating_add(digit);
            count += 1;
        }
        if count < least { None } else { char::from_u32(code) }
    }
}

struct Atom {
    quantifiable: bool,
    greed: Option<Greed>,
}

impl Atom {
    fn plain() -> Atom {
        Atom { quantifiable: true, greed: None }
    }

    /// An assertion: it matches no character and takes no quantifier.
    fn constraint() -> Atom {
        Atom { quantifiable: false, greed: None }
    }
}

//! `LIKE` and its relatives.
//!
//! A pattern is cut at its `%` into pieces of fixed length. The first and last piece are anchored, the others are
//! searched from left to right: no backtracking, so no pattern is slow.

use super::define::{Args, function, operator, truth};
use super::string::case::lower;
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::cell::RefCell;
use std::rc::Rc;

const SECTION: &str = "Pattern matching";
const CITEXT: &str = "Case-insensitive text (citext)";

const TT: &[Ty] = &[Ty::Text, Ty::Text];
const CC: &[Ty] = &[Ty::Citext, Ty::Citext];
const CT: &[Ty] = &[Ty::Citext, Ty::Text];
const BB: &[Ty] = &[Ty::Bytea, Ty::Bytea];

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "~~", TT, Ty::Bool, like),
    operator(SECTION, "!~~", TT, Ty::Bool, not_like),
    operator(SECTION, "~~*", TT, Ty::Bool, ilike),
    operator(SECTION, "!~~*", TT, Ty::Bool, not_ilike),
    operator(SECTION, "~~", BB, Ty::Bool, like_bytes),
    operator(SECTION, "!~~", BB, Ty::Bool, not_like_bytes),
    operator(CITEXT, "~~", CC, Ty::Bool, ilike),
    operator(CITEXT, "!~~", CC, Ty::Bool, not_ilike),
    operator(CITEXT, "~~*", CC, Ty::Bool, ilike),
    operator(CITEXT, "!~~*", CC, Ty::Bool, not_ilike),
    operator(CITEXT, "~~", CT, Ty::Bool, ilike),
    operator(CITEXT, "!~~", CT, Ty::Bool, not_ilike),
    operator(CITEXT, "~~*", CT, Ty::Bool, ilike),
    operator(CITEXT, "!~~*", CT, Ty::Bool, not_ilike),
    function(SECTION, "like", TT, Ty::Bool, like),
    function(SECTION, "notlike", TT, Ty::Bool, not_like),
    function(SECTION, "like_escape", TT, Ty::Text, like_escape),
    function(SECTION, "similar_to_escape", &[Ty::Text], Ty::Text, similar_to_escape),
    function(SECTION, "similar_to_escape", TT, Ty::Text, similar_to_escape),
    function(SECTION, "similar_escape", TT, Ty::Text, similar_escape).called_on_null(),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Byte(u8),
    /// `_`: one character, or one byte of a bytea.
    Any,
}

/// What stands between two `%`.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Mixed(Vec<Item>),
}

/// A pattern, ready to match. `pieces.len() - 1` is the number of `%` (runs count once).
#[derive(Debug)]
struct Pattern {
    pieces: Vec<Piece>,
    /// The pattern ends in a lone escape character: an error as soon as a text gets there.
    open_escape: bool,
}

impl Pattern {
    fn compile(pattern: &[u8]) -> Pattern {
        let mut pieces = Vec::new();
        let mut items = Vec::new();
        let mut bytes = pattern.iter();
        let mut open_escape = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => pieces.push(Piece::new(std::mem::take(&mut items))),
                b'_' => items.push(Item::Any),
                b'\\' => match bytes.next() {
                    Some(escaped) => items.push(Item::Byte(*escaped)),
                    None => open_escape = true,
                },
                byte => items.push(Item::Byte(*byte)),
            }
        }
        pieces.push(Piece::new(items));
        Pattern { pieces, open_escape }
    }

    fn matches(&self, text: &[u8], unit: Unit) -> Result<bool> {
        if self.open_escape {
            return self.matches_open(text, unit);
        }
        Ok(self.matches_closed(text, unit))
    }

    fn matches_closed(&self, text: &[u8], unit: Unit) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return text.is_empty() };
        let Some(after) = first.prefix(text, unit) else { return false };
        let Some((last, middle)) = rest.split_last() else { return after.is_empty() };
        let mut text = after;
        for piece in middle {
            match piece.find(text, unit) {
                Some(after) => text = after,
                None => return false,
            }
        }
        last.suffix(text, unit)
    }

    /// PostgreSQL notices the missing character only where the text has one in its place.
    fn matches_open(&self, text: &[u8], unit: Unit) -> Result<bool> {
        let Some((last, pieces)) = self.pieces.split_last() else { return Ok(false) };
        let mut rest = text;
        for (index, piece) in pieces.iter().enumerate() {
            let after = if index == 0 { piece.prefix(rest, unit) } else { piece.find(rest, unit) };
            match after {
                Some(after) => rest = after,
                None => return Ok(false),
            }
        }
        let after = if pieces.is_empty() { last.prefix(rest, unit) } else { last.find(rest, unit) };
        match after {
            Some(after) if !after.is_empty() => {
                Err(Problem::new("22025", "LIKE pattern must not end with escape character"))
            }
            _ => Ok(false),
        }
    }
}

/// What `_` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Character,
    Byte,
}

impl Unit {
    /// The length of the unit that starts with `byte`.
    fn width(self, byte: u8) -> usize {
        match (self, byte) {
            (Unit::Byte, _) | (_, 0..=0xbf) => 1,
            (_, 0xc0..=0xdf) => 2,
            (_, 0xe0..=0xef) => 3,
            _ => 4,
        }
    }
}

impl Piece {
    fn new(items: Vec<Item>) -> Piece {
        let bytes: Option<Vec<u8>> = items
            .iter()
            .map(|item| match item {
                Item::Byte(byte) => Some(*byte),
                Item::Any => None,
            })
            .collect();
        bytes.map_or(Piece::Mixed(items), Piece::Literal)
    }

    /// What follows the piece where `text` starts with it.
    fn prefix<'a>(&self, text: &'a [u8], unit: Unit) -> Option<&'a [u8]> {
        let items = match self {
            Piece::Literal(bytes) => return text.strip_prefix(bytes.as_slice()),
            Piece::Mixed(items) => items,
        };
        let mut rest = text;
        for item in items {
            let (first, after) = rest.split_first()?;
            rest = match item {
                Item::Byte(byte) if byte == first => after,
                Item::Byte(_) => return None,
                Item::Any => rest.get(unit.width(*first)..)?,
            };
        }
        Some(rest)
    }

    /// What follows the first place of the piece in `text`.
    fn find<'a>(&self, text: &'a [u8], unit: Unit) -> Option<&'a [u8]> {
        match self {
            Piece::Literal(bytes) => {
                let at = find_bytes(text, bytes)?;
                text.get(at + bytes.len()..)
            }
            Piece::Mixed(_) => {
                let mut rest = text;
                loop {
                    if let Some(after) = self.prefix(rest, unit) {
                        return Some(after);
                    }
                    rest = rest.get(unit.width(*rest.first()?)..)?;
                }
            }
        }
    }

    /// Whether `text` ends with the piece.
    fn suffix(&self, text: &[u8], unit: Unit) -> bool {
        let items = match self {
            Piece::Literal(bytes) => return text.ends_with(bytes),
            Piece::Mixed(items) => items,
        };
        let mut rest = text;
        for item in items.iter().rev() {
            let Some((last, before)) = rest.split_last() else { return false };
            rest = match item {
                Item::Byte(byte) if byte == last => before,
                Item::Byte(_) => return false,
                Item::Any => {
                    let mut before = before;
                    let mut last = *last;
                    // Bytes 10xxxxxx continue a character that began before them.
                    while unit == Unit::Character && last & 0xc0 == 0x80 {
                        match before.split_last() {
                            Some((byte, head)) => (last, before) = (*byte, head),
                            None => break,
                        }
                    }
                    before
                }
            };
        }
        true
    }
}

fn find_bytes(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some((first, rest)) = part.split_first() else { return Some(0) };
    let mut from = 0;
    loop {
        let tail = text.get(from..)?;
        let at = tail.iter().position(|byte| byte == first)?;
        if tail.get(at + 1..)?.starts_with(rest) {
            return Some(from + at);
        }
        from += at + 1;
    }
}

thread_local! {
    /// The last patterns: a statement has few and asks for them once a row.
    static RECENT: RefCell<Vec<(Key, Rc<Pattern>)>> = const { RefCell::new(Vec::new()) };
}

/// The pattern as written, and whether case is ignored.
type Key = (Vec<u8>, bool);
const RECENT_MAX: usize = 8;

fn compiled(pattern: &[u8], ignore_case: bool) -> Rc<Pattern> {
    RECENT.with_borrow_mut(|recent| {
        if let Some((_, found)) = recent.iter().find(|(key, _)| key.1 == ignore_case && key.0 == pattern) {
            return Rc::clone(found);
        }
        let lowered = std::str::from_utf8(pattern).ok().filter(|_| ignore_case).map(lower);
        let made = Rc::new(Pattern::compile(lowered.as_ref().map_or(pattern, |text| text.as_bytes())));
        if recent.len() >= RECENT_MAX {
            recent.remove(0);
        }
        recent.push(((pattern.to_vec(), ignore_case), Rc::clone(&made)));
        made
    })
}

fn match_text(call: &Call<'_>) -> Result<bool> {
    compiled(call.text(1).as_bytes(), false).matches(call.text(0).as_bytes(), Unit::Character)
}

fn match_ignoring_case(call: &Call<'_>) -> Result<bool> {
    let text = lower(call.text(0));
    compiled(call.text(1).as_bytes(), true).matches(text.as_bytes(), Unit::Character)
}

fn match_bytes(call: &Call<'_>) -> Result<bool> {
    compiled(call.bytes(1), false).matches(call.bytes(0), Unit::Byte)
}

fn like(call: &Call<'_>) -> Result<Value> {
    match_text(call).map(truth)
}

fn not_like(call: &Call<'_>) -> Result<Value> {
    match_text(call).map(|matches| truth(!matches))
}

fn ilike(call: &Call<'_>) -> Result<Value> {
    match_ignoring_case(call).map(truth)
}

fn not_ilike(call: &Call<'_>) -> Result<Value> {
    match_ignoring_case(call).map(|matches| truth(!matches))
}

fn like_bytes(call: &Call<'_>) -> Result<Value> {
    match_bytes(call).map(truth)
}

fn not_like_bytes(call: &Call<'_>) -> Result<Value> {
    match_bytes(call).map(|matches| truth(!matches))
}

fn invalid_escape() -> Problem {
    Problem::new("22025", "invalid escape string").with_hint("Escape string must be empty or one character.")
}

/// The escape character of an `ESCAPE` clause; the empty string is none.
fn escape_character(text: &str) -> Result<Option<char>> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (escape, None) => Ok(escape),
        _ => Err(invalid_escape()),
    }
}

/// Rewrites a pattern with its own escape character into one with a backslash.
fn like_escape(call: &Call<'_>) -> Result<Value> {
    let escape = escape_character(call.text(1))?;
    if escape == Some('\\') {
        return Ok(Value::text(call.text(0)));
    }
    let mut out = String::new();
    let mut after_escape = false;
    for c in call.text(0).chars() {
        if Some(c) == escape && !after_escape {
            out.push('\\');
            after_escape = true;
        } else if c == '\\' && !after_escape {
            out.push_str("\\\\");
        } else {
            out.push(c);
            after_escape = false;
        }
    }
    Ok(Value::Text(out))
}

fn similar_to_escape(call: &Call<'_>) -> Result<Value> {
    let escape = if call.has(1) { escape_character(call.text(1))? } else { Some('\\') };
    similar_to_regexp(call.text(0), escape).map(Value::Text)
}

/// The old form of the function: a NULL escape stands for the backslash.
fn similar_escape(call: &Call<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let escape = if call.value(1).is_null() { Some('\\') } else { escape_character(call.text(1))? };
    similar_to_regexp(call.text(0), escape).map(Value::Text)
}

/// PostgreSQL's `similar_escape_internal`: a SIMILAR TO pattern as an advanced regular expression.
/// `escape "` twice marks the part that `substring(… similar …)` returns.
pub(super) fn similar_to_regexp(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::from("^(?:");
    let (mut after_escape, mut in_class, mut separators) = (false, false, 0);
    for c in pattern.chars() {
        if after_escape {
            if c == '"' && !in_class {
                match separators {
                    0 => out.push_str("){1,1}?("),
                    1 => out.push_str("){1,1}(?:"),
                    _ => {
                        return Err(Problem::new(
                            "2200C",
                            "SQL regular expression may not contain more than two escape-double-quote separators",
                        ));
                    }
                }
                separators += 1;
            } else {
                // The character stands for itself; a bracket has no escapes to give it.
                out.push('\\');
                out.push(c);
            }
            after_escape = false;
        } else if Some(c) == escape {
            after_escape = true;
        } else if in_class {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            in_class = c != ']';
        } else {
            match c {
                '[' => {
                    out.push('[');
                    in_class = true;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

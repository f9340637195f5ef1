//! What `psql` and `pg_dump` write around SQL: lines that begin with a backslash, and data after `COPY … FROM stdin`.

use super::lex::{Kind, Token, Tokens};
use super::{Statement, statements};
use mainstay_base::Result;

/// A text as `psql` would read it.
#[derive(Debug)]
pub struct Script {
    pub statements: Vec<Statement>,
    /// In the order of their statements.
    pub copies: Vec<CopyData>,
    /// psql's own commands that were passed over: place and the line.
    pub ignored: Vec<(usize, String)>,
}

/// The rows that stand after a `COPY … FROM stdin;`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyData {
    /// Where the statement that they belong to ends (its `;`).
    pub statement_end: usize,
    /// The lines, without the `\.` that ends them.
    pub start: usize,
    pub end: usize,
}

/// Splits a script. Places in the statements are places in `text`.
pub fn script(text: &str) -> Result<Script> {
    let mut blanked = text.as_bytes().to_vec();
    let mut copies = Vec::new();
    let mut ignored = Vec::new();
    let mut statement: Vec<Token> = Vec::new();
    let mut tokens = Tokens::new(text, 0);
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Mark(b'\\') if statement.is_empty() => {
                let end = line_end(text, token.start);
                blank(&mut blanked, token.start, end);
                ignored.push((token.start, text.get(token.start..end).unwrap_or_default().trim().to_owned()));
                tokens = Tokens::new(text, end);
            }
            Kind::Mark(b';') => {
                if is_copy_from_stdin(text, &statement) {
                    let start = after_line(text, token.end);
                    let (end, next) = data_end(text, start);
                    blank(&mut blanked, start, next);
                    copies.push(CopyData { statement_end: token.start, start, end });
                    tokens = Tokens::new(text, next);
                }
                statement.clear();
            }
            // Only the beginning and the end of a statement are looked at.
            _ if statement.len() < 4096 => statement.push(token),
            _ => {}
        }
    }
    let statements = match (ignored.is_empty(), copies.is_empty(), String::from_utf8(blanked)) {
        (true, true, _) | (_, _, Err(_)) => statements(text)?,
        (_, _, Ok(sql)) => statements(&sql)?,
    };
    Ok(Script { statements, copies, ignored })
}

fn is_copy_from_stdin(text: &str, statement: &[Token]) -> bool {
    let word = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
    let mut words = statement.iter().filter(|token| token.kind == Kind::Word);
    words.next().is_some_and(|first| word(first).eq_ignore_ascii_case("copy"))
        && statement.windows(2).any(|pair| {
            word(&pair[0]).eq_ignore_ascii_case("from") && word(&pair[1]).eq_ignore_ascii_case("stdin")
        })
}

fn line_end(text: &str, from: usize) -> usize {
    text.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at)
}

fn after_line(text: &str, from: usize) -> usize {
    (line_end(text, from) + 1).min(text.len())
}

/// Where the data ends, and where SQL goes on.
fn data_end(text: &str, start: usize) -> (usize, usize) {
    let mut at = start;
    while at < text.len() {
        let end = line_end(text, at);
        if text.get(at..end).is_some_and(|line| line.trim_end_matches('\r') == "\\.") {
            return (at, end);
        }
        at = end + 1;
    }
    (text.len(), text.len())
}

/// Overwrites with blanks, so that places stay. Line feeds stay too.
fn blank(bytes: &mut [u8], start: usize, end: usize) {
    for byte in bytes.iter_mut().take(end).skip(start).filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

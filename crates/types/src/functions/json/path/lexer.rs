//! Splits the text of a path into tokens.

use mainstay_base::{Problem, Result};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// An unquoted name or keyword.
    Name(String),
    /// A quoted string.
    String(String),
    Number(String),
    /// `$name` or `$"name"`; plain `$` has no name.
    Dollar(Option<String>),
    /// Punctuation: `==`, `.`, `**`, `(` …
    Sign(&'static str),
}

const SIGNS: [&str; 28] = [
    "**", "==", "!=", "<>", "<=", ">=", "&&", "||", "=", "<", ">", "!", "@", ".", "*", "[", "]", "(", ")",
    "{", "}", ",", "?", "+", "-", "/", "%", ":",
];

pub(super) fn syntax_error(near: &str) -> Problem {
    let message = if near.is_empty() {
        "syntax error at end of jsonpath input".to_owned()
    } else {
        format!("syntax error at or near \"{near}\" of jsonpath input")
    };
    Problem::new("42601", message)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || (!c.is_ascii() && !c.is_whitespace())
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '"' => quoted(rest).map(|(string, after)| (Token::String(string), after))?,
            '$' => {
                let name = rest.get(1..).unwrap_or_default();
                if name.starts_with('"') {
                    quoted(name).map(|(string, after)| (Token::Dollar(Some(string)), after))?
                } else {
                    let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
                    let (name, after) = name.split_at(end);
                    (Token::Dollar((!name.is_empty()).then(|| name.to_owned())), after)
                }
            }
            '/' if rest.starts_with("/*") => {
                let end = rest
                    .find("*/")
                    .ok_or_else(|| Problem::new("42601", "unexpected end of comment of jsonpath input"))?;
                rest = rest.get(end + 2..).unwrap_or_default().trim_start();
                continue;
            }
            '0'..='9' => number(rest)?,
            '.' if rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) && starts_value(tokens.last()) => {
                number(rest)?
            }
            c if is_name(c) || c == '\\' => name(rest)?,
            _ => {
                let sign = SIGNS
                    .iter()
                    .find(|sign| rest.starts_with(**sign))
                    .ok_or_else(|| syntax_error(&first.to_string()))?;
                (Token::Sign(sign), rest.get(sign.len()..).unwrap_or_default())
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Whether a value may follow the token, so that `.5` is a number and no accessor.
fn starts_value(before: Option<&Token>) -> bool {
    match before {
        None => true,
        Some(Token::Sign(sign)) => !matches!(*sign, "]" | ")" | "}" | "@" | "*" | "**"),
        Some(_) => false,
    }
}

fn number(text: &str) -> Result<(Token, &str)> {
    let mut end = 0;
    let digits = |from: usize| {
        text.get(from..)
            .unwrap_or_default()
            .find(|c: char| !c.is_ascii_digit())
            .map_or(text.len(), |at| from + at)
    };
    end = digits(end);
    if text.get(end..).is_some_and(|rest| rest.starts_with('.')) {
        end = digits(end + 1);
    }
    if text.get(end..).is_some_and(|rest| rest.starts_with(['e', 'E'])) {
        let sign = usize::from(text.get(end + 1..).is_some_and(|rest| rest.starts_with(['+', '-'])));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return Err(Problem::new(
                "42601",
                format!(
                    "invalid numeric literal at or near \"{}\" of jsonpath input",
                    text.get(..exponent).unwrap_or_default()
                ),
            ));
        }
        end = exponent;
    }
    let (digits, after) = text.split_at(end);
    if after.starts_with(is_name) {
        let junk = after.chars().next().unwrap_or_default();
        return Err(Problem::new(
            "42601",
            format!("trailing junk after numeric literal at or near \"{digits}{junk}\" of jsonpath input"),
        ));
    }
    // JSON wants a digit on both sides of the point.
    let mut plain = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    plain = plain.replace(".e", ".0e").replace(".E", ".0e");
    if plain.ends_with('.') {
        plain.pop();
    }
    Ok((Token::Number(plain), after))
}

fn name(text: &str) -> Result<(Token, &str)> {
    let end = text.find(|c| !is_name(c) && c != '\\').unwrap_or(text.len());
    let (raw, after) = text.split_at(end);
    let name = if raw.contains('\\') { unescape(raw)? } else { raw.to_owned() };
    Ok((Token::Name(name), after))
}

fn quoted(text: &str) -> Result<(String, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                return Ok((
                    unescape(text.get(1..at).unwrap_or_default())?,
                    text.get(at + 1..).unwrap_or_default(),
                ));
            }
            _ => {}
        }
    }
    Err(Problem::new("42601", "unterminated quoted string at end of jsonpath input"))
}

/// JavaScript's escapes, among them `\x41` and `\u{41}`.
fn unescape(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut high = None;
    let invalid = || Problem::new("22P02", "invalid Unicode escape sequence of jsonpath input");
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let code = match chars.next() {
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => 0x0a,
            Some('r') => 0x0d,
            Some('t') => 0x09,
            Some('v') => 0x0b,
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u32::from_str_radix(&digits, 16).map_err(|_| invalid())?
            }
            Some('u') => {
                let digits: String = if chars.as_str().starts_with('{') {
                    chars.by_ref().skip(1).take_while(|c| *c != '}').collect()
                } else {
                    chars.by_ref().take(4).collect()
                };
                u32::from_str_radix(&digits, 16).map_err(|_| invalid())?
            }
            Some(other) => u32::from(other),
            None => return Err(invalid()),
        };
        match (high.take(), code) {
            (None, 0xD800..=0xDBFF) => high = Some(code),
            (Some(high), 0xDC00..=0xDFFF) => {
                out.extend(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)));
            }
            (None, 0) => {
                return Err(Problem::new("22P05", "unsupported Unicode escape sequence")
                    .with_details("\\u0000 cannot be converted to text."));
            }
            (None, code) => out.push(char::from_u32(code).ok_or_else(invalid)?),
            (Some(_), _) => return Err(invalid()),
        }
    }
    Ok(out)
}

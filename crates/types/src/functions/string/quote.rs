//! Quoting and unquoting: identifiers, literals, Unicode escapes.

use super::super::define::{Args, function, text_array};
use crate::registry::{Call, Native, Ty};
use crate::value::{self, Value};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;

const SECTION: &str = super::SECTION;

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "quote_ident", &[Ty::Text], Ty::Text, |call| {
        Ok(Value::text(quote_identifier(call.text(0))))
    }),
    function(SECTION, "quote_literal", &[Ty::Text], Ty::Text, |call| {
        Ok(Value::Text(quote_literal(call.text(0))))
    }),
    function(SECTION, "quote_literal", &[Ty::AnyElement], Ty::Text, literal_of_any).stable(),
    function(SECTION, "quote_nullable", &[Ty::Text], Ty::Text, nullable).called_on_null(),
    function(SECTION, "quote_nullable", &[Ty::AnyElement], Ty::Text, nullable).called_on_null().stable(),
    function(SECTION, "parse_ident", &[Ty::Text], Ty::ArrayOf(&Ty::Text), parse_ident),
    function(SECTION, "parse_ident", &[Ty::Text, Ty::Bool], Ty::ArrayOf(&Ty::Text), parse_ident),
    function(SECTION, "unistr", &[Ty::Text], Ty::Text, unistr),
];

/// PostgreSQL's key words that cannot stand as a bare column name everywhere.
const KEY_WORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit \
boolean both case cast char character check coalesce collate collation column concurrently constraint create cross \
current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal \
default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full \
grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull \
join lateral leading least left like limit localtime localtimestamp national natural nchar none normalize not \
notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary \
real references returning right row select session_user setof similar smallint some substring symmetric table \
tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic verbose \
when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot \
xmlserialize xmltable ";

pub(crate) fn quote_identifier(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && !KEY_WORDS.contains(&format!(" {name} ")) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

pub(crate) fn quote_literal(text: &str) -> String {
    let prefix = if text.contains('\\') { "E" } else { "" };
    format!("{prefix}'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The argument cast to text: a boolean is `true`, not `t`.
fn as_text(call: &Call<'_>) -> Result<String> {
    let Some(from) = call.types.first() else { return Ok(call.text(0).to_owned()) };
    match value::cast(call.value(0), from, &crate::Type::Text.into(), true, call.context)? {
        Value::Text(text) => Ok(text),
        _ => Ok(call.shown(0)),
    }
}

fn literal_of_any(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text(quote_literal(&as_text(call)?)))
}

fn nullable(call: &Call<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::text("NULL"));
    }
    literal_of_any(call)
}

fn parse_ident(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0);
    let strict = !call.has(1) || call.int(1) != 0;
    let invalid = || Problem::new("22023", format!("string is not a valid identifier: \"{text}\""));
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    let mut after_dot = false;
    loop {
        let name;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (read, tail) = quoted_name(quoted)
                .ok_or_else(|| invalid().with_details("String has unclosed double quotes."))?;
            if read.is_empty() {
                return Err(invalid().with_details("Quoted identifier must not be empty."));
            }
            (name, rest) = (read, tail);
        } else {
            let start = |c: char| c == '_' || c.is_ascii_alphabetic() || !c.is_ascii();
            let part = |c: char| start(c) || c.is_ascii_digit() || c == '$';
            if !rest.starts_with(start) {
                return Err(if rest.starts_with('.') {
                    invalid().with_details("No valid identifier before \".\".")
                } else if after_dot {
                    invalid().with_details("No valid identifier after \".\".")
                } else {
                    invalid()
                });
            }
            let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
            let (read, tail) = rest.split_at(end);
            (name, rest) = (read.to_ascii_lowercase(), tail);
        }
        names.push(name);
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(tail) => rest = tail.trim_start(),
            None if rest.is_empty() || !strict => return Ok(text_array(names.into_iter().map(Some))),
            None => return Err(invalid()),
        }
        after_dot = true;
    }
}

/// A name up to its closing quote, and what follows.
fn quoted_name(rest: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' if chars.as_str().starts_with('"') => {
                chars.next();
                name.push('"');
            }
            '"' => return Some((name, chars.as_str())),
            c => name.push(c),
        }
    }
}

/// `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` and `\\`.
fn unistr(call: &Call<'_>) -> Result<Value> {
    let invalid = || {
        Problem::new("42601", "invalid Unicode escape")
            .with_hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
    };
    let mut out = String::new();
    let mut rest = call.text(0);
    let mut pair: Option<u32> = None;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        if c != '\\' || tail.starts_with('\\') {
            if pair.is_some() {
                return Err(Problem::new("42601", "invalid Unicode surrogate pair"));
            }
            out.push(c);
            rest = if c == '\\' { tail.get(1..).unwrap_or_default() } else { tail };
            continue;
        }
        let (skip, width) = match tail.as_bytes().first() {
            Some(b'+') => (1, 6),
            Some(b'u') => (1, 4),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let digits = tail.get(skip..skip + width).ok_or_else(invalid)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let code = u32::from_str_radix(digits, 16).map_err(|_| invalid())?;
        rest = tail.get(skip + width..).unwrap_or_default();
        match (pair.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                out.extend(char::from_u32(code));
            }
            (None, 0xd800..=0xdbff) => pair = Some(code),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => {
                return Err(Problem::new("42601", "invalid Unicode surrogate pair"));
            }
            (None, code) => {
                let c = char::from_u32(code).filter(|c| *c != '\0');
                out.push(c.ok_or_else(|| {
                    Problem::new("22023", format!("invalid Unicode code point: {code:04X}"))
                })?);
            }
        }
    }
    if pair.is_some() {
        return Err(Problem::new("42601", "invalid Unicode surrogate pair"));
    }
    Ok(Value::Text(out))
}

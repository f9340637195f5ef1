//! `tsvector` and `tsquery`: the text forms, and the trees that text search works with.

mod query;
mod scanner;
mod vector;

pub(crate) use query::{Draft, Query, TsQuery};
pub(crate) use vector::{Lexeme, Position, TsVector, Weight};

use crate::context::Context;
use crate::ty::{Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::Result;
use std::cmp::Ordering;

/// The longest lexeme in bytes.
pub(crate) const LEXEME_BYTES_MAX: usize = 2046;
/// The largest position of a lexeme; later ones are counted as this one.
pub(crate) const POSITION_MAX: u16 = 16383;
/// How many positions of one lexeme are kept.
pub(crate) const POSITIONS_MAX: usize = 255;

pub(crate) fn input(ty: &Type, text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    Ok(match ty {
        Type::TsQuery => Value::Text(TsQuery::parse(text)?.to_text()),
        _ => Value::Text(TsVector::parse(text)?.to_text()),
    })
}

pub(crate) fn output(_ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Text(text) = value {
        out.push_str(text);
    }
}

pub(crate) fn write_json(_ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    if let ValueRef::Text(text) = value {
        // A lexeme may hold anything; writing a string cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}

/// PostgreSQL orders these by their internal form, which no query relies on: any total order will do.
pub(crate) fn compare_text(_ty: &Type, left: &str, right: &str) -> Ordering {
    left.cmp(right)
}

/// Appends a lexeme in its quotes.
fn write_quoted(word: &str, out: &mut String) {
    out.push('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

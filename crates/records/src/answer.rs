//! Makes an answer's body of the rows that steps gave.

use crate::problems;
use crate::query::{Answer, Shape};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Rows};
use mainstay_types::Value;
use std::ops::RangeInclusive;

/// The format to ask the store for.
pub(crate) fn format(shape: &Shape) -> Format {
    match shape.answer {
        Answer::Nothing => Format::Nothing,
        Answer::Csv => Format::Csv,
        Answer::Lines => Format::JsonLines,
        Answer::Raw => Format::Raw,
        Answer::Array | Answer::Object if shape.nulls_stripped => Format::JsonArrayNoNulls,
        Answer::Array | Answer::Object => Format::JsonArray,
    }
}

/// The body for a shape, of all rows in their format.
pub(crate) fn body(shape: &Shape, rows: u64, body: Vec<u8>) -> Result<Vec<u8>> {
    if shape.answer != Answer::Object {
        return Ok(body);
    }
    if rows == 1 { Ok(only_element(body)) } else { Err(problems::not_singular(rows)) }
}

/// The number of rows that a single object may come from, with what is wrong otherwise.
pub(crate) fn expect_one(shape: &Shape) -> Option<(RangeInclusive<u64>, Problem)> {
    (shape.answer == Answer::Object).then(|| (1..=1, problems::not_singular(problems::ROWS_UNKNOWN)))
}

/// What stands between the brackets of a JSON array; `null` where nothing does.
pub(crate) fn only_element(mut body: Vec<u8>) -> Vec<u8> {
    if body.first() == Some(&b'[') && body.last() == Some(&b']') {
        body.pop();
        body.remove(0);
        while body.last().is_some_and(u8::is_ascii_whitespace) {
            body.pop();
        }
    }
    if body.is_empty() { b"null".to_vec() } else { body }
}

/// The bodies of several steps as one.
pub(crate) fn joined(format: Format, bodies: Vec<Rows>) -> Vec<u8> {
    let mut bodies = bodies.into_iter().map(|rows| rows.body);
    let mut all = bodies.next().unwrap_or_default();
    for next in bodies {
        match format {
            Format::JsonArray | Format::JsonArrayNoNulls | Format::JsonValues => {
                append_array(&mut all, &next)
            }
            Format::Csv => {
                let after_header = next.iter().position(|byte| *byte == b'\n').map_or(next.len(), |at| at);
                all.extend(next.get(after_header..).unwrap_or_default());
            }
            _ => all.extend(next),
        }
    }
    if all.is_empty() && matches!(format, Format::JsonArray | Format::JsonArrayNoNulls | Format::JsonValues) {
        all = b"[]".to_vec();
    }
    all
}

fn append_array(all: &mut Vec<u8>, next: &[u8]) {
    let Some(inside) = next.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) else { return };
    if inside.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    if all.last() == Some(&b']') {
        all.pop();
    }
    if all.len() > 1 {
        all.push(b',');
    } else if all.is_empty() {
        all.push(b'[');
    }
    all.extend(inside);
    all.push(b']');
}

/// The number that a `SELECT count(*)` gave.
pub(crate) fn number(rows: &Rows) -> Option<u64> {
    match rows.values.first().and_then(|row| row.first()) {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(body: &str) -> Rows {
        Rows { body: body.as_bytes().to_vec(), ..Rows::default() }
    }

    #[test]
    fn arrays_of_several_steps_are_one_array() {
        let all =
            joined(Format::JsonArray, vec![rows("[]"), rows("[{\"a\":1}]"), rows("[]"), rows("[{\"a\":2}]")]);
        assert_eq!(all, b"[{\"a\":1},{\"a\":2}]");
        assert_eq!(joined(Format::JsonArray, vec![]), b"[]");
    }

    #[test]
    fn csv_keeps_one_header() {
        assert_eq!(joined(Format::Csv, vec![rows("a\n1"), rows("a\n2")]), b"a\n1\n2");
    }

    #[test]
    fn the_only_element_loses_its_brackets() {
        assert_eq!(only_element(b"[{\"a\":[1]}]".to_vec()), b"{\"a\":[1]}");
        assert_eq!(only_element(b"[]".to_vec()), b"null");
    }
}

//! String functions and operators.

pub(super) mod bytes;
pub(crate) mod case;
pub(super) mod cut;
pub(super) mod encode;
mod format;
pub(super) mod fuzzy;
pub(super) mod quote;
pub(super) mod unaccent;

use super::define::{Args, function, integer, operator, rows, truth};
use crate::registry::{Call, Native, Ty};
use crate::ty::{ColumnType, Type};
use crate::value::{self, Value};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

const SECTION: &str = "String functions";
/// PostgreSQL's limit of one value.
const VALUE_BYTES_MAX: usize = 0x3fff_ffff;

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "||", &[Ty::Text, Ty::Text], Ty::Text, concat_texts).by_sqlite("($1 || $2)"),
    operator(SECTION, "||", &[Ty::Text, Ty::AnyNonArray], Ty::Text, concat_text_any).stable(),
    operator(SECTION, "||", &[Ty::AnyNonArray, Ty::Text], Ty::Text, concat_any_text).stable(),
    operator(SECTION, "^@", &[Ty::Text, Ty::Text], Ty::Bool, starts_with),
    function(SECTION, "starts_with", &[Ty::Text, Ty::Text], Ty::Bool, starts_with),
    function(SECTION, "concat", &[Ty::Any], Ty::Text, concat).with_variadic().called_on_null().stable(),
    function(SECTION, "concat_ws", &[Ty::Text, Ty::Any], Ty::Text, concat_ws)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "format", &[Ty::Text], Ty::Text, format::format).called_on_null().stable(),
    function(SECTION, "format", &[Ty::Text, Ty::Any], Ty::Text, format::format)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "length", &[Ty::Text], Ty::Int4, length),
    function(SECTION, "char_length", &[Ty::Text], Ty::Int4, length),
    function(SECTION, "character_length", &[Ty::Text], Ty::Int4, length),
    function(SECTION, "octet_length", &[Ty::Text], Ty::Int4, octet_length),
    function(SECTION, "bit_length", &[Ty::Text], Ty::Int4, bit_length),
    function(SECTION, "lower", &[Ty::Text], Ty::Text, |call| Ok(Value::text(case::lower(call.text(0))))),
    function(SECTION, "upper", &[Ty::Text], Ty::Text, |call| Ok(Value::text(case::upper(call.text(0))))),
    function(SECTION, "initcap", &[Ty::Text], Ty::Text, |call| Ok(Value::text(case::initcap(call.text(0))))),
    function(SECTION, "position", &[Ty::Text, Ty::Text], Ty::Int4, strpos),
    function(SECTION, "strpos", &[Ty::Text, Ty::Text], Ty::Int4, strpos),
    function(SECTION, "replace", &[Ty::Text, Ty::Text, Ty::Text], Ty::Text, replace),
    function(SECTION, "translate", &[Ty::Text, Ty::Text, Ty::Text], Ty::Text, translate),
    function(SECTION, "reverse", &[Ty::Text], Ty::Text, reverse),
    function(SECTION, "repeat", &[Ty::Text, Ty::Int4], Ty::Text, repeat),
    function(SECTION, "split_part", &[Ty::Text, Ty::Text, Ty::Int4], Ty::Text, split_part),
    function(SECTION, "ascii", &[Ty::Text], Ty::Int4, ascii),
    function(SECTION, "chr", &[Ty::Int4], Ty::Text, chr),
    function(SECTION, "to_hex", &[Ty::Int4], Ty::Text, |call| {
        Ok(Value::Text(format!("{:x}", call.int(0) as i32)))
    }),
    function(SECTION, "to_hex", &[Ty::Int8], Ty::Text, |call| Ok(Value::Text(format!("{:x}", call.int(0))))),
    rows(SECTION, "string_to_table", &[Ty::Text, Ty::Text], Ty::Text, PARTS, string_to_table)
        .called_on_null(),
    rows(SECTION, "string_to_table", &[Ty::Text, Ty::Text, Ty::Text], Ty::Text, PARTS, string_to_table)
        .called_on_null(),
    function(SECTION, "normalize", &[Ty::Text], Ty::Text, normalize),
    function(SECTION, "normalize", &[Ty::Text, Ty::Text], Ty::Text, normalize),
    function(SECTION, "is_normalized", &[Ty::Text], Ty::Bool, is_normalized),
    function(SECTION, "is_normalized", &[Ty::Text, Ty::Text], Ty::Bool, is_normalized),
    function(CITEXT, "replace", &[Ty::Citext, Ty::Citext, Ty::Citext], Ty::Text, replace_ignoring_case),
    function(CITEXT, "strpos", &[Ty::Citext, Ty::Citext], Ty::Int4, strpos_ignoring_case),
    function(CITEXT, "split_part", &[Ty::Citext, Ty::Citext, Ty::Int4], Ty::Text, split_part_ignoring_case),
];

const CITEXT: &str = "Case-insensitive text (citext)";
const PARTS: &[(&str, Ty)] = &[("string_to_table", Ty::Text)];

pub(super) fn too_large() -> Problem {
    Problem::new("54000", "requested length too large")
}

fn concat_texts(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text([call.text(0), call.text(1)].concat()))
}

/// `||` casts what is not text, so that a boolean becomes `true` and not `t`.
fn cast_to_text<'a>(call: &'a Call<'_>, index: usize) -> Result<Cow<'a, str>> {
    let from = call.types.get(index).unwrap_or(&Type::Text);
    if matches!(from, Type::Text | Type::Varchar | Type::Citext | Type::Name | Type::Unknown) {
        return Ok(Cow::Borrowed(call.text(index)));
    }
    match value::cast(call.value(index), from, &ColumnType::from(Type::Text), true, call.context)? {
        Value::Text(text) => Ok(Cow::Owned(text)),
        _ => Ok(Cow::Owned(call.shown(index))),
    }
}

fn concat_text_any(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text([call.text(0), &cast_to_text(call, 1)?].concat()))
}

fn concat_any_text(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text([&cast_to_text(call, 0)?, call.text(1)].concat()))
}

fn starts_with(call: &Call<'_>) -> Result<Value> {
    Ok(truth(call.text(0).starts_with(call.text(1))))
}

fn concat(call: &Call<'_>) -> Result<Value> {
    let mut out = String::new();
    for index in 0..call.args.len() {
        if !call.value(index).is_null() {
            out.push_str(&call.shown(index));
        }
    }
    Ok(Value::Text(out))
}

fn concat_ws(call: &Call<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let parts: Vec<String> = (1..call.args.len())
        .filter(|index| !call.value(*index).is_null())
        .map(|index| call.shown(index))
        .collect();
    Ok(Value::Text(parts.join(call.text(0))))
}

fn length(call: &Call<'_>) -> Result<Value> {
    Ok(integer(call.text(0).chars().count()))
}

fn octet_length(call: &Call<'_>) -> Result<Value> {
    Ok(integer(call.text(0).len()))
}

fn bit_length(call: &Call<'_>) -> Result<Value> {
    Ok(integer(call.text(0).len().saturating_mul(8)))
}

/// Where `part` first stands in `text`, counted in characters from 1; 0 is nowhere.
fn position(text: &str, part: &str) -> usize {
    text.find(part).map_or(0, |at| text.get(..at).unwrap_or_default().chars().count() + 1)
}

fn strpos(call: &Call<'_>) -> Result<Value> {
    Ok(integer(position(call.text(0), call.text(1))))
}

fn strpos_ignoring_case(call: &Call<'_>) -> Result<Value> {
    Ok(integer(position(&case::lower(call.text(0)), &case::lower(call.text(1)))))
}

fn replace(call: &Call<'_>) -> Result<Value> {
    let (text, from, to) = (call.text(0), call.text(1), call.text(2));
    if from.is_empty() {
        return Ok(Value::text(text));
    }
    if to.len() > from.len() {
        let grown = text.matches(from).count().saturating_mul(to.len() - from.len());
        if grown > VALUE_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(Value::Text(text.replace(from, to)))
}

/// The places of `part` in `text` without regard to case, as byte ranges of `text`.
fn find_ignoring_case(text: &str, part: &str) -> Vec<(usize, usize)> {
    let part: Vec<char> = part.chars().map(case::lower_char).collect();
    let chars: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, case::lower_char(c))).collect();
    let mut found = Vec::new();
    let mut index = 0;
    while !part.is_empty() && index + part.len() <= chars.len() {
        let window = chars.get(index..index + part.len()).unwrap_or_default();
        if window.iter().map(|(_, c)| c).eq(part.iter()) {
            let start = window.first().map_or(0, |(at, _)| *at);
            let end = chars.get(index + part.len()).map_or(text.len(), |(at, _)| *at);
            found.push((start, end));
            index += part.len();
        } else {
            index += 1;
        }
    }
    found
}

fn pieces_ignoring_case<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut rest = 0;
    for (start, end) in find_ignoring_case(text, separator) {
        pieces.push(text.get(rest..start).unwrap_or_default());
        rest = end;
    }
    pieces.push(text.get(rest..).unwrap_or_default());
    pieces
}

fn replace_ignoring_case(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text(pieces_ignoring_case(call.text(0), call.text(1)).join(call.text(2))))
}

fn split_part_ignoring_case(call: &Call<'_>) -> Result<Value> {
    nth_part(pieces_ignoring_case(call.text(0), call.text(1)), call.int(2))
}

fn translate(call: &Call<'_>) -> Result<Value> {
    let from: Vec<char> = call.text(1).chars().collect();
    let to: Vec<char> = call.text(2).chars().collect();
    let mapped = call.text(0).chars().filter_map(|c| match from.iter().position(|f| *f == c) {
        Some(index) => to.get(index).copied(),
        None => Some(c),
    });
    Ok(Value::Text(mapped.collect()))
}

fn reverse(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text(call.text(0).chars().rev().collect()))
}

fn repeat(call: &Call<'_>) -> Result<Value> {
    let count = usize::try_from(call.int(1)).unwrap_or(0);
    let text = call.text(0);
    match text.len().checked_mul(count) {
        Some(bytes) if bytes <= VALUE_BYTES_MAX => Ok(Value::Text(text.repeat(count))),
        _ => Err(too_large()),
    }
}

fn nth_part(parts: Vec<&str>, field: i64) -> Result<Value> {
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let index = match field {
        0 => return Err(Problem::new("22023", "field position must not be zero")),
        field if field > 0 => field - 1,
        field => count + field,
    };
    let part = usize::try_from(index).ok().and_then(|index| parts.get(index));
    Ok(Value::text(part.copied().unwrap_or_default()))
}

fn split_part(call: &Call<'_>) -> Result<Value> {
    let (text, separator) = (call.text(0), call.text(1));
    let parts =
        if separator.is_empty() || text.is_empty() { vec![text] } else { text.split(separator).collect() };
    nth_part(parts, call.int(2))
}

fn ascii(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(call.text(0).chars().next().map_or(0, |c| i64::from(u32::from(c)))))
}

fn chr(call: &Call<'_>) -> Result<Value> {
    let code = call.int(0);
    if code < 0 {
        return Err(Problem::new("22023", "character number must be positive"));
    }
    if code == 0 {
        return Err(Problem::new("54000", "null character not permitted"));
    }
    if code > 0x10_ffff {
        return Err(Problem::new("54000", format!("requested character too large for encoding: {code}")));
    }
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .map(|c| Value::Text(c.to_string()))
        .ok_or_else(|| Problem::new("54000", format!("requested character not valid for encoding: {code}")))
}

/// No separator splits into characters, an empty one does not split.
fn string_to_table(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    if call.value(0).is_null() {
        return Ok(Vec::new());
    }
    let text = call.text(0);
    let null = (call.has(2) && !call.value(2).is_null()).then(|| call.text(2));
    let row = |part: &str| vec![if null == Some(part) { Value::Null } else { Value::text(part) }];
    let separator = call.text(1);
    Ok(if text.is_empty() {
        Vec::new()
    } else if call.value(1).is_null() {
        text.chars().map(|c| row(c.encode_utf8(&mut [0; 4]))).collect()
    } else if separator.is_empty() {
        vec![row(text)]
    } else {
        text.split(separator).map(row).collect()
    })
}

fn normal_form(call: &Call<'_>) -> Result<String> {
    let text = call.text(0);
    let form = if call.has(1) { call.text(1) } else { "NFC" };
    Ok(match form.to_ascii_uppercase().as_str() {
        "NFC" => text.nfc().collect(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        _ => return Err(Problem::new("22023", format!("invalid normalization form: {form}"))),
    })
}

fn normalize(call: &Call<'_>) -> Result<Value> {
    normal_form(call).map(Value::Text)
}

fn is_normalized(call: &Call<'_>) -> Result<Value> {
    Ok(truth(normal_form(call)? == call.text(0)))
}

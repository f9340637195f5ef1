//! Regular expression functions: PostgreSQL's advanced regular expressions on Rust's engines.

mod cache;
mod class;
mod engine;
mod replace;
mod translate;

use super::define::{Args, function, integer, operator, rows, text_array, truth};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use engine::{Groups, Regexp};
use mainstay_base::{Problem, Result};
use std::rc::Rc;
use translate::Flags;

const SECTION: &str = "Regular expressions";
const CITEXT: &str = "Case-insensitive text (citext)";

const T: Ty = Ty::Text;
const C: Ty = Ty::Citext;
const I: Ty = Ty::Int4;
const ARRAY: Ty = Ty::ArrayOf(&Ty::Text);
const MATCHES: &[(&str, Ty)] = &[("regexp_matches", ARRAY)];
const SPLIT: &[(&str, Ty)] = &[("regexp_split_to_table", T)];

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "~", &[T, T], Ty::Bool, |call| Ok(truth(test(call, false)?))),
    operator(SECTION, "~*", &[T, T], Ty::Bool, |call| Ok(truth(test(call, true)?))),
    operator(SECTION, "!~", &[T, T], Ty::Bool, |call| Ok(truth(!test(call, false)?))),
    operator(SECTION, "!~*", &[T, T], Ty::Bool, |call| Ok(truth(!test(call, true)?))),
    operator(CITEXT, "~", &[C, C], Ty::Bool, |call| Ok(truth(test(call, true)?))),
    operator(CITEXT, "~*", &[C, C], Ty::Bool, |call| Ok(truth(test(call, true)?))),
    operator(CITEXT, "!~", &[C, C], Ty::Bool, |call| Ok(truth(!test(call, true)?))),
    operator(CITEXT, "!~*", &[C, C], Ty::Bool, |call| Ok(truth(!test(call, true)?))),
    operator(CITEXT, "~", &[C, T], Ty::Bool, |call| Ok(truth(test(call, true)?))),
    operator(CITEXT, "~*", &[C, T], Ty::Bool, |call| Ok(truth(test(call, true)?))),
    operator(CITEXT, "!~", &[C, T], Ty::Bool, |call| Ok(truth(!test(call, true)?))),
    operator(CITEXT, "!~*", &[C, T], Ty::Bool, |call| Ok(truth(!test(call, true)?))),
    function(SECTION, "substring", &[T, T], T, substring),
    function(SECTION, "substring", &[T, T, T], T, substring_similar),
    function(SECTION, "regexp_like", &[T, T], Ty::Bool, like),
    function(SECTION, "regexp_like", &[T, T, T], Ty::Bool, like),
    function(SECTION, "regexp_match", &[T, T], ARRAY, first_match),
    function(SECTION, "regexp_match", &[T, T, T], ARRAY, first_match),
    function(CITEXT, "regexp_match", &[C, C], ARRAY, first_match),
    function(CITEXT, "regexp_match", &[C, C, T], ARRAY, first_match),
    rows(SECTION, "regexp_matches", &[T, T], ARRAY, MATCHES, all_matches),
    rows(SECTION, "regexp_matches", &[T, T, T], ARRAY, MATCHES, all_matches),
    rows(CITEXT, "regexp_matches", &[C, C], ARRAY, MATCHES, all_matches),
    rows(CITEXT, "regexp_matches", &[C, C, T], ARRAY, MATCHES, all_matches),
    function(SECTION, "regexp_split_to_array", &[T, T], ARRAY, split_to_array),
    function(SECTION, "regexp_split_to_array", &[T, T, T], ARRAY, split_to_array),
    function(CITEXT, "regexp_split_to_array", &[C, C], ARRAY, split_to_array),
    function(CITEXT, "regexp_split_to_array", &[C, C, T], ARRAY, split_to_array),
    rows(SECTION, "regexp_split_to_table", &[T, T], T, SPLIT, split_to_table),
    rows(SECTION, "regexp_split_to_table", &[T, T, T], T, SPLIT, split_to_table),
    rows(CITEXT, "regexp_split_to_table", &[C, C], T, SPLIT, split_to_table),
    rows(CITEXT, "regexp_split_to_table", &[C, C, T], T, SPLIT, split_to_table),
    function(SECTION, "regexp_replace", &[T, T, T], T, replace::with_flags),
    function(SECTION, "regexp_replace", &[T, T, T, T], T, replace::with_flags),
    function(CITEXT, "regexp_replace", &[C, C, T], T, replace::with_flags),
    function(CITEXT, "regexp_replace", &[C, C, T, T], T, replace::with_flags),
    function(SECTION, "regexp_replace", &[T, T, T, I], T, replace::from_start),
    function(SECTION, "regexp_replace", &[T, T, T, I, I], T, replace::from_start),
    function(SECTION, "regexp_replace", &[T, T, T, I, I, T], T, replace::from_start),
    function(SECTION, "regexp_count", &[T, T], I, count),
    function(SECTION, "regexp_count", &[T, T, I], I, count),
    function(SECTION, "regexp_count", &[T, T, I, T], I, count),
    function(SECTION, "regexp_instr", &[T, T], I, instr),
    function(SECTION, "regexp_instr", &[T, T, I], I, instr),
    function(SECTION, "regexp_instr", &[T, T, I, I], I, instr),
    function(SECTION, "regexp_instr", &[T, T, I, I, I], I, instr),
    function(SECTION, "regexp_instr", &[T, T, I, I, I, T], I, instr),
    function(SECTION, "regexp_instr", &[T, T, I, I, I, T, I], I, instr),
    function(SECTION, "regexp_substr", &[T, T], T, substr),
    function(SECTION, "regexp_substr", &[T, T, I], T, substr),
    function(SECTION, "regexp_substr", &[T, T, I, I], T, substr),
    function(SECTION, "regexp_substr", &[T, T, I, I, T], T, substr),
    function(SECTION, "regexp_substr", &[T, T, I, I, T, I], T, substr),
];

/// The expression in argument 1; `flags` is the index of the flags, which may be missing. Also: is `g` among them.
fn expression(call: &Call<'_>, flags: Option<usize>) -> Result<(Rc<Regexp>, bool)> {
    let mut parsed = Flags::new(call.types.first() == Some(&crate::Type::Citext));
    let mut global = false;
    if let Some(index) = flags.filter(|index| call.has(*index)) {
        global = parsed.apply(call.text(index))?;
    }
    Ok((cache::regexp(call.text(1), parsed)?, global))
}

fn no_global(name: &str, global: bool) -> Result<()> {
    if !global {
        return Ok(());
    }
    let problem = Problem::new("22023", format!("{name}() does not support the \"global\" option"));
    Err(if name == "regexp_match" {
        problem.with_hint("Use the regexp_matches function instead.")
    } else {
        problem
    })
}

/// An integer argument that must be at least `least`; `default` where it is missing.
fn parameter(call: &Call<'_>, index: usize, name: &str, least: i64, default: i64) -> Result<i64> {
    let value = if call.has(index) { call.int(index) } else { default };
    if value < least {
        return Err(Problem::new("22023", format!("invalid value for parameter \"{name}\": {value}")));
    }
    Ok(value)
}

/// The byte offset of a character counted from 1; none beyond the end.
fn offset(text: &str, start: i64) -> Option<usize> {
    let skip = usize::try_from(start - 1).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skip)
}

fn test(call: &Call<'_>, ignore_case: bool) -> Result<bool> {
    cache::regexp(call.text(1), Flags::new(ignore_case))?.is_match(call.text(0))
}

fn like(call: &Call<'_>) -> Result<Value> {
    let (regexp, global) = expression(call, Some(2))?;
    no_global("regexp_like", global)?;
    Ok(truth(regexp.is_match(call.text(0))?))
}

/// The first group where there is one, else the whole match.
fn substring(call: &Call<'_>) -> Result<Value> {
    let (regexp, _) = expression(call, None)?;
    first_group(&regexp, call.text(0))
}

fn first_group(regexp: &Regexp, text: &str) -> Result<Value> {
    let Some(groups) = regexp.captures(text, 0)? else { return Ok(Value::Null) };
    let index = usize::from(regexp.group_count() > 0);
    Ok(groups.text(text, index).map_or(Value::Null, Value::text))
}

/// `substring(text similar pattern escape e)`.
fn substring_similar(call: &Call<'_>) -> Result<Value> {
    let mut escape = call.text(2).chars();
    let (first, rest) = (escape.next(), escape.next());
    if rest.is_some() {
        return Err(Problem::new("22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character."));
    }
    let pattern = super::pattern::similar_to_regexp(call.text(1), first)?;
    first_group(&*cache::regexp(&pattern, Flags::default())?, call.text(0))
}

/// The array that a match becomes: its groups, or the whole where there are none.
fn match_array(regexp: &Regexp, groups: &Groups, text: &str) -> Value {
    if regexp.group_count() == 0 {
        return text_array([groups.text(text, 0)]);
    }
    text_array((1..=regexp.group_count()).map(|index| groups.text(text, index)))
}

fn first_match(call: &Call<'_>) -> Result<Value> {
    let (regexp, global) = expression(call, Some(2))?;
    no_global("regexp_match", global)?;
    let found = regexp.captures(call.text(0), 0)?;
    Ok(found.map_or(Value::Null, |groups| match_array(&regexp, &groups, call.text(0))))
}

/// Visits matches from `start` on until `visit` returns false.
fn each_match(
    regexp: &Regexp,
    text: &str,
    start: usize,
    mut visit: impl FnMut(&Groups) -> bool,
) -> Result<()> {
    let mut from = start;
    while let Some(groups) = regexp.captures(text, from)? {
        if !visit(&groups) {
            break;
        }
        match next_start(text, &groups) {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(())
}

/// Where the search goes on behind a match: an empty one is stepped over.
fn next_start(text: &str, groups: &Groups) -> Option<usize> {
    let (start, end) = groups.whole();
    if start < end {
        return Some(end);
    }
    text.get(end..)?.chars().next().map(|c| end + c.len_utf8())
}

fn all_matches(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let (regexp, global) = expression(call, Some(2))?;
    let mut found = Vec::new();
    each_match(&regexp, call.text(0), 0, |groups| {
        found.push(vec![match_array(&regexp, groups, call.text(0))]);
        global
    })?;
    Ok(found)
}

/// The parts between matches; empty matches at the ends or right behind another do not split.
fn split<'a>(call: &'a Call<'_>, name: &str) -> Result<Vec<&'a str>> {
    let (regexp, global) = expression(call, Some(2))?;
    no_global(name, global)?;
    let text = call.text(0);
    let (mut parts, mut rest, mut previous_end) = (Vec::new(), 0, 0);
    each_match(&regexp, text, 0, |groups| {
        let (start, end) = groups.whole();
        if start < text.len() && end > previous_end {
            parts.push(text.get(rest..start).unwrap_or_default());
            rest = end;
        }
        previous_end = end;
        true
    })?;
    parts.push(text.get(rest..).unwrap_or_default());
    Ok(parts)
}

fn split_to_array(call: &Call<'_>) -> Result<Value> {
    Ok(text_array(split(call, "regexp_split_to_array")?.into_iter().map(Some)))
}

fn split_to_table(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    Ok(split(call, "regexp_split_to_table")?.into_iter().map(|part| vec![Value::text(part)]).collect())
}

fn count(call: &Call<'_>) -> Result<Value> {
    let start = parameter(call, 2, "start", 1, 1)?;
    let (regexp, global) = expression(call, Some(3))?;
    no_global("regexp_count", global)?;
    let Some(from) = offset(call.text(0), start) else { return Ok(Value::Integer(0)) };
    let mut count = 0;
    each_match(&regexp, call.text(0), from, |_| {
        count += 1;
        true
    })?;
    Ok(integer(count))
}

/// The `n`th match from the character `start` on.
fn nth_match(regexp: &Regexp, text: &str, start: i64, n: i64) -> Result<Option<Groups>> {
    let Some(from) = offset(text, start) else { return Ok(None) };
    let (mut seen, mut found) = (0, None);
    each_match(regexp, text, from, |groups| {
        seen += 1;
        if seen == n {
            found = Some(groups.clone());
        }
        seen < n
    })?;
    Ok(found)
}

fn instr(call: &Call<'_>) -> Result<Value> {
    let start = parameter(call, 2, "start", 1, 1)?;
    let n = parameter(call, 3, "n", 1, 1)?;
    let end_option = parameter(call, 4, "endoption", 0, 0)?;
    if end_option > 1 {
        return Err(Problem::new(
            "22023",
            format!("invalid value for parameter \"endoption\": {end_option}"),
        ));
    }
    let group = parameter(call, 6, "subexpr", 0, 0)?;
    let (regexp, global) = expression(call, Some(5))?;
    no_global("regexp_instr", global)?;
    let text = call.text(0);
    let Some(found) = nth_match(&regexp, text, start, n)? else { return Ok(Value::Integer(0)) };
    let group = usize::try_from(group).unwrap_or(usize::MAX);
    let place = found.span(group).map(|(start, end)| if end_option == 1 { end } else { start });
    Ok(place.map_or(Value::Integer(0), |at| integer(text.get(..at).unwrap_or_default().chars().count() + 1)))
}

fn substr(call: &Call<'_>) -> Result<Value> {
    let start = parameter(call, 2, "start", 1, 1)?;
    let n = parameter(call, 3, "n", 1, 1)?;
    let group = parameter(call, 5, "subexpr", 0, 0)?;
    let (regexp, global) = expression(call, Some(4))?;
    no_global("regexp_substr", global)?;
    let text = call.text(0);
    let found = nth_match(&regexp, text, start, n)?;
    let group = usize::try_from(group).unwrap_or(usize::MAX);
    Ok(found.as_ref().and_then(|found| found.text(text, group)).map_or(Value::Null, Value::text))
}

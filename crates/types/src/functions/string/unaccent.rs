//! The extension `unaccent`: letters without their diacritics, by PostgreSQL's own rules.

use super::super::define::{Args, function};
use crate::registry::{Native, Ty};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

const SECTION: &str = "Text without accents (unaccent)";

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "unaccent", &[Ty::Text], Ty::Text, |call| Ok(Value::Text(unaccent(call.text(0)))))
        .stable(),
    // The first argument names a dictionary; there is the one.
    function(SECTION, "unaccent", &[Ty::Text, Ty::Text], Ty::Text, |call| {
        Ok(Value::Text(unaccent(call.text(1))))
    })
    .stable(),
];

/// The rules file of PostgreSQL 15: a character, a blank, and what replaces it (nothing removes it).
static RULES: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    include_str!("unaccent.rules")
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let from = words.next()?;
            let mut chars = from.chars();
            let c = chars.next().filter(|_| chars.as_str().is_empty())?;
            Some((c, words.next().unwrap_or_default()))
        })
        .collect()
});

pub(crate) fn unaccent(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match RULES.get(&c) {
            Some(replacement) => out.push_str(replacement),
            None => out.push(c),
        }
    }
    out
}

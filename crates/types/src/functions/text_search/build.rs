//! Makes tsvectors and tsqueries of texts.

use super::config::Config;
use super::tokens::{Class, Tokens};
use crate::forms::tsearch::{
    Draft, LEXEME_BYTES_MAX, Lexeme, POSITION_MAX, Position, Query, TsQuery, TsVector, Weight,
};
use mainstay_base::Result;

/// A lexeme with its place among the words of a text, stop words counted.
pub(super) struct Placed {
    pub(super) word: String,
    pub(super) at: u32,
}

/// The lexemes of a text. `at` is the last place in use and is moved on.
pub(super) fn lexemes(config: &Config, text: &str, at: &mut u32) -> Vec<Placed> {
    let mut found = Vec::new();
    for token in Tokens::new(text) {
        if !token.class.is_indexed() || token.text.len() > LEXEME_BYTES_MAX {
            continue;
        }
        *at = at.saturating_add(1);
        if let Some(word) = config.lexeme(token.class, token.text) {
            found.push(Placed { word, at: *at });
        }
    }
    found
}

fn vector(placed: Vec<Placed>) -> TsVector {
    let position = |at: u32| Position {
        at: u16::try_from(at).unwrap_or(POSITION_MAX).min(POSITION_MAX),
        weight: Weight::D,
    };
    TsVector::new(
        placed
            .into_iter()
            .map(|placed| Lexeme { word: placed.word, positions: vec![position(placed.at)] })
            .collect(),
    )
}

pub(super) fn text_to_vector(config: &Config, text: &str) -> TsVector {
    vector(lexemes(config, text, &mut 0))
}

/// What of a JSON document is indexed.
#[derive(Clone, Copy, Default)]
pub(super) struct JsonParts {
    pub(super) strings: bool,
    pub(super) numbers: bool,
    pub(super) booleans: bool,
    pub(super) keys: bool,
}

pub(super) fn json_to_vector(config: &Config, document: &serde_json::Value, parts: JsonParts) -> TsVector {
    let (mut placed, mut at) = (Vec::new(), 0);
    collect_json(config, document, parts, &mut placed, &mut at);
    vector(placed)
}

fn collect_json(
    config: &Config,
    value: &serde_json::Value,
    parts: JsonParts,
    placed: &mut Vec<Placed>,
    at: &mut u32,
) {
    let mut add = |text: &str| {
        let found = lexemes(config, text, at);
        // A gap keeps phrases from reaching over two values.
        if !found.is_empty() {
            *at = at.saturating_add(1);
        }
        placed.extend(found);
    };
    match value {
        serde_json::Value::String(text) if parts.strings => add(text),
        serde_json::Value::Number(number) if parts.numbers => add(&number.to_string()),
        serde_json::Value::Bool(value) if parts.booleans => add(if *value { "true" } else { "false" }),
        serde_json::Value::Array(elements) => {
            elements.iter().for_each(|element| collect_json(config, element, parts, placed, at));
        }
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                if parts.keys {
                    let found = lexemes(config, key, at);
                    if !found.is_empty() {
                        *at = at.saturating_add(1);
                    }
                    placed.extend(found);
                }
                collect_json(config, value, parts, placed, at);
            }
        }
        _ => {}
    }
}

/// How the lexemes of one operand are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Phrase,
}

/// The tree of a text: its lexemes joined, with gaps where stop words stood between them.
fn operand(config: &Config, text: &str, join: Join, weights: u8, prefix: bool) -> Draft {
    let mut items = Vec::new();
    let mut last = 0;
    for placed in lexemes(config, text, &mut 0) {
        let gaps = if last == 0 { 0 } else { placed.at - last - 1 };
        items.extend((0..gaps).map(|_| Draft::Gap));
        last = placed.at;
        items.push(Draft::Leaf(Query::Word { word: placed.word, weights, prefix }));
    }
    match join {
        Join::And => Draft::and(items),
        Join::Phrase => Draft::phrase(items),
    }
}

/// `to_tsquery`: PostgreSQL's query syntax, each word normalized.
pub(super) fn to_query(config: &Config, text: &str) -> Result<TsQuery> {
    TsQuery::parse_with(text, &mut |word, weights, prefix| {
        operand(config, &word, Join::Phrase, weights, prefix)
    })
}

pub(super) fn plain_query(config: &Config, text: &str) -> TsQuery {
    operand(config, text, Join::And, 0, false).finish()
}

pub(super) fn phrase_query(config: &Config, text: &str) -> TsQuery {
    operand(config, text, Join::Phrase, 0, false).finish()
}

/// `websearch_to_tsquery`: words, `"phrases"`, `or` and `-`; no text is an error.
pub(super) fn web_query(config: &Config, text: &str) -> TsQuery {
    let mut alternatives = Vec::new();
    let mut terms = Vec::new();
    let mut rest = text;
    let mut negations = 0usize;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        let wants_operator = !terms.is_empty() && negations == 0;
        if wants_operator && let Some(after) = or_operator(rest) {
            alternatives.push(Draft::and(std::mem::take(&mut terms)));
            rest = after;
            // A second `or` right behind is a word again, as it would be at the start.
            continue;
        }
        let draft = match c {
            '-' => {
                negations += 1;
                rest = tail;
                continue;
            }
            '"' => {
                let (quoted, after) = tail.split_once('"').unwrap_or((tail, ""));
                rest = after;
                operand(config, quoted, Join::Phrase, 0, false)
            }
            c if c.is_whitespace() || is_operator(c) => {
                rest = tail;
                continue;
            }
            _ => {
                let end = word_end(rest);
                let (word, after) = rest.split_at(end);
                rest = after;
                operand(config, word, Join::Phrase, 0, false)
            }
        };
        terms.push(negated(draft, std::mem::take(&mut negations)));
    }
    alternatives.push(Draft::and(terms));
    Draft::or(alternatives).finish()
}

/// PostgreSQL keeps each `-`; of very many an even number is dropped, which means the same.
fn negated(draft: Draft, count: usize) -> Draft {
    const KEPT_MAX: usize = 50;
    let count = if count > KEPT_MAX { KEPT_MAX + count % 2 } else { count };
    (0..count).fold(draft, |inner, _| Draft::Not(Box::new(inner)))
}

fn is_operator(c: char) -> bool {
    matches!(c, '!' | '&' | '|' | '(' | ')' | '<')
}

fn word_end(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    chars.next();
    chars
        .find(|(_, c)| c.is_whitespace() || is_operator(*c) || matches!(c, '"' | ':'))
        .map_or(rest.len(), |(at, _)| at)
}

/// `or` as a word of its own with something behind it; returns what follows it.
fn or_operator(rest: &str) -> Option<&str> {
    let word = rest.get(..2)?;
    if !word.eq_ignore_ascii_case("or") {
        return None;
    }
    let after = rest.get(2..)?;
    let next = after.chars().next()?;
    if next == '-' || next == '_' || next.is_alphanumeric() {
        return None;
    }
    let beyond = after.get(next.len_utf8()..)?;
    (!beyond.trim_start().is_empty()).then_some(after)
}

/// Whether a class of token counts as a word of a headline.
pub(super) fn is_word(class: Class) -> bool {
    class != Class::Blank && class != Class::Tag && !class.is_compound()
}

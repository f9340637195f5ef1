//! Defaults of columns, where they are plain values: in the form that the column has in JSON.

use mainstay_base::{Env, World};
use mainstay_types::value::{input, write_json};
use mainstay_types::{ColumnType, Context, Registry, Type};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The default as JSON; `None` for expressions, which are the database's business.
pub(super) fn of_column(types: &Arc<Registry>, ty: &ColumnType, text: &str) -> Option<Value> {
    let literal = literal(text.trim())?;
    if !is_steady(&ty.ty, &literal) {
        return None;
    }
    let context = context(types);
    let value = input(ty, &literal, &context).ok()?;
    let mut json = Vec::new();
    write_json(&ty.ty, value.as_ref(), &context, &mut json);
    serde_json::from_slice(&json).ok()
}

/// Whether the text means the same value always and everywhere: `now` and `today` do not.
fn is_steady(ty: &Type, literal: &str) -> bool {
    match ty {
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            literal.starts_with(|first: char| first.is_ascii_digit())
        }
        Type::Array(element) => literal == "{}" || is_steady(element, ""),
        Type::Range(kind) => is_steady(&kind.subtype(), ""),
        Type::Composite(_) | Type::RegConfig => false,
        _ => !ty.is_pseudo(),
    }
}

/// The text of a literal that nothing but casts follow.
fn literal(text: &str) -> Option<Cow<'_, str>> {
    if let Some((kind, quoted)) = text.split_once(' ')
        && quoted.trim_start().starts_with('\'')
        && Type::from_name(&kind.to_ascii_lowercase()).is_some()
    {
        return literal(quoted.trim_start());
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let end = closing_quote(inner)?;
        let (value, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
        return is_casts(rest).then(|| match value.contains("''") {
            true => Cow::Owned(value.replace("''", "'")),
            false => Cow::Borrowed(value),
        });
    }
    let (value, casts) = text.find("::").map_or((text, ""), |at| text.split_at(at));
    let value = value.trim();
    let word = matches!(value.to_ascii_lowercase().as_str(), "true" | "false");
    (is_casts(casts) && (word || is_number(value))).then_some(Cow::Borrowed(value))
}

/// Where the text that began with a quote ends; doubled quotes are part of it.
fn closing_quote(inner: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + inner.get(from..)?.find('\'')?;
        if !inner.get(at + 1..)?.starts_with('\'') {
            return Some(at);
        }
        from = at + 2;
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Nothing, or `::type` any number of times.
fn is_casts(rest: &str) -> bool {
    let rest = rest.trim();
    let Some(casts) = rest.strip_prefix("::") else { return rest.is_empty() };
    casts.split("::").all(|name| {
        let mut words = name.split_whitespace();
        let plain = |word: &str| {
            !word.is_empty()
                && word.chars().all(|c| {
                    c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '[' | ']' | '(' | ')' | ',')
                })
        };
        words.next().is_some_and(plain)
            && words.all(|word| {
                let word = word.split('(').next().unwrap_or_default().to_ascii_lowercase();
                matches!(word.as_str(), "precision" | "varying" | "with" | "without" | "time" | "zone" | "")
                    || word.chars().all(|c| c.is_ascii_digit() || c == ')')
            })
    })
}

/// Values that do not depend on time or session need no more than the types.
fn context(types: &Arc<Registry>) -> Context {
    Context {
        env: Env::new(Nowhere),
        registry: types.clone(),
        session: Arc::default(),
        overrides: Arc::default(),
        transaction_time: 0,
        statement_time: 0,
    }
}

/// A world in which no time passes and nothing is random.
struct Nowhere;

impl World for Nowhere {
    fn unix_micros(&self) -> i64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

//! `regexp_replace`.

use super::super::define::Args;
use super::engine::Regexp;
use super::{each_match, expression, offset, parameter};
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::{Problem, Result};

/// `regexp_replace(text, pattern, replacement [, flags])`.
pub(super) fn with_flags(call: &Call<'_>) -> Result<Value> {
    if call.has(3)
        && let Some(digit) = call.text(3).chars().next().filter(char::is_ascii_digit)
    {
        return Err(Problem::new("22023", format!("invalid regular expression option: \"{digit}\"")).with_hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
        ));
    }
    let (regexp, global) = expression(call, Some(3))?;
    replaced(call, &regexp, 0, i64::from(!global))
}

/// `regexp_replace(text, pattern, replacement, start [, n [, flags]])`; `n` 0 is all.
pub(super) fn from_start(call: &Call<'_>) -> Result<Value> {
    let start = parameter(call, 3, "start", 1, 1)?;
    let n = parameter(call, 4, "n", 0, 1)?;
    let (regexp, _) = expression(call, Some(5))?;
    match offset(call.text(0), start) {
        Some(from) => replaced(call, &regexp, from, n),
        None => Ok(Value::text(call.text(0))),
    }
}

fn replaced(call: &Call<'_>, regexp: &Regexp, from: usize, n: i64) -> Result<Value> {
    let (text, template) = (call.text(0), Template::parse(call.text(2)));
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut seen) = (0, 0);
    each_match(regexp, text, from, |groups| {
        seen += 1;
        if n > 0 && seen != n {
            return seen < n;
        }
        let (start, end) = groups.whole();
        out.push_str(text.get(copied..start).unwrap_or_default());
        for part in &template.0 {
            match part {
                Part::Text(literal) => out.push_str(literal),
                Part::Group(index) => out.push_str(groups.text(text, *index).unwrap_or_default()),
            }
        }
        copied = end;
        n == 0
    })?;
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(Value::Text(out))
}

enum Part {
    Text(String),
    Group(usize),
}

/// A replacement: `\1` to `\9` are groups, `\&` is the match, `\\` a backslash; other backslashes stay.
struct Template(Vec<Part>);

impl Template {
    fn parse(text: &str) -> Template {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied().filter(|_| c == '\\');
            let group = match next {
                Some('&') => Some(0),
                Some(digit @ '1'..='9') => digit.to_digit(10).map(|digit| digit as usize),
                _ => None,
            };
            if let Some(group) = group {
                chars.next();
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Group(group));
                continue;
            }
            if next == Some('\\') {
                chars.next();
            }
            literal.push(c);
        }
        parts.push(Part::Text(literal));
        Template(parts)
    }
}

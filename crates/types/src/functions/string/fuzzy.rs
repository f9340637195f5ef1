//! The extension `fuzzystrmatch`: how alike two words sound or are spelled.

use super::super::define::{Args, function, integer};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Fuzzy string matching (fuzzystrmatch)";
const LEVENSHTEIN_BYTES_MAX: usize = 255;

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "soundex", &[Ty::Text], Ty::Text, |call| Ok(Value::Text(soundex(call.text(0))))),
    function(SECTION, "text_soundex", &[Ty::Text], Ty::Text, |call| Ok(Value::Text(soundex(call.text(0))))),
    function(SECTION, "difference", &[Ty::Text, Ty::Text], Ty::Int4, difference),
    function(SECTION, "levenshtein", &[Ty::Text, Ty::Text], Ty::Int4, |call| {
        levenshtein(call.text(0), call.text(1), (1, 1, 1)).map(Value::Integer)
    }),
    function(SECTION, "levenshtein", &[Ty::Text, Ty::Text, Ty::Int4, Ty::Int4, Ty::Int4], Ty::Int4, |call| {
        let costs = (call.int(2), call.int(3), call.int(4));
        levenshtein(call.text(0), call.text(1), costs).map(Value::Integer)
    }),
    function(SECTION, "levenshtein_less_equal", &[Ty::Text, Ty::Text, Ty::Int4], Ty::Int4, |call| {
        let distance = levenshtein(call.text(0), call.text(1), (1, 1, 1))?;
        // Above the bound any larger number is a right answer; PostgreSQL gives the next one.
        Ok(Value::Integer(if call.int(2) >= 0 { distance.min(call.int(2) + 1) } else { distance }))
    }),
];

/// The code of a consonant; letters that sound alike share one.
fn code(c: char) -> Option<char> {
    Some(match c.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        'A' | 'E' | 'H' | 'I' | 'O' | 'U' | 'W' | 'Y' => '0',
        _ => return None,
    })
}

fn soundex(text: &str) -> String {
    let mut letters = text.chars().skip_while(|c| !c.is_ascii_alphabetic());
    let Some(first) = letters.next() else { return String::new() };
    let mut out = String::from(first.to_ascii_uppercase());
    let mut previous = code(first);
    for c in letters.filter(char::is_ascii_alphabetic) {
        let current = code(c);
        if current != previous && current != Some('0') {
            out.extend(current);
        }
        if out.len() == 4 {
            break;
        }
        previous = current;
    }
    while out.len() < 4 {
        out.push('0');
    }
    out
}

fn difference(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (soundex(call.text(0)), soundex(call.text(1)));
    Ok(integer(left.chars().zip(right.chars()).filter(|(left, right)| left == right).count()))
}

fn levenshtein(source: &str, target: &str, (insert, delete, replace): (i64, i64, i64)) -> Result<i64> {
    let source: Vec<char> = source.chars().collect();
    let target: Vec<char> = target.chars().collect();
    if source.len() > LEVENSHTEIN_BYTES_MAX || target.len() > LEVENSHTEIN_BYTES_MAX {
        return Err(Problem::new(
            "22023",
            format!("levenshtein argument exceeds maximum length of {LEVENSHTEIN_BYTES_MAX} characters"),
        ));
    }
    let mut row: Vec<i64> = (0..=target.len() as i64).map(|count| count.saturating_mul(insert)).collect();
    for c in source {
        let mut diagonal = row.first().copied().unwrap_or(0);
        let mut before = diagonal.saturating_add(delete);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, t) in row.iter_mut().skip(1).zip(&target) {
            let same = diagonal.saturating_add(if c == *t { 0 } else { replace });
            diagonal = *cell;
            before = same.min(cell.saturating_add(delete)).min(before.saturating_add(insert));
            *cell = before;
        }
    }
    Ok(row.last().copied().unwrap_or(0))
}

//! The extension `pg_trgm`: how alike two texts are, by the groups of three letters they share.

use super::define::{Args, function, operator, text_array, truth};
use super::string::case::lower;
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::collections::BTreeMap;

const SECTION: &str = "Trigrams (pg_trgm)";
const TT: &[Ty] = &[Ty::Text, Ty::Text];

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "show_trgm", &[Ty::Text], Ty::ArrayOf(&Ty::Text), show_trgm),
    function(SECTION, "similarity", TT, Ty::Float4, |call| Ok(real(similarity(call.text(0), call.text(1))))),
    function(SECTION, "word_similarity", TT, Ty::Float4, |call| {
        Ok(real(extent_similarity(call.text(0), call.text(1), false)))
    }),
    function(SECTION, "strict_word_similarity", TT, Ty::Float4, |call| {
        Ok(real(extent_similarity(call.text(0), call.text(1), true)))
    }),
    operator(SECTION, "%", TT, Ty::Bool, |call| {
        Ok(truth(similarity(call.text(0), call.text(1)) >= limit(call, SIMILARITY)?))
    })
    .stable(),
    operator(SECTION, "<%", TT, Ty::Bool, |call| within(call, 0, 1, WORD)).stable(),
    operator(SECTION, "%>", TT, Ty::Bool, |call| within(call, 1, 0, WORD)).stable(),
    operator(SECTION, "<<%", TT, Ty::Bool, |call| within(call, 0, 1, STRICT)).stable(),
    operator(SECTION, "%>>", TT, Ty::Bool, |call| within(call, 1, 0, STRICT)).stable(),
    operator(SECTION, "<->", TT, Ty::Float4, |call| Ok(real(1.0 - similarity(call.text(0), call.text(1))))),
    operator(SECTION, "<<->", TT, Ty::Float4, |call| distance(call, 0, 1, false)),
    operator(SECTION, "<->>", TT, Ty::Float4, |call| distance(call, 1, 0, false)),
    operator(SECTION, "<<<->", TT, Ty::Float4, |call| distance(call, 0, 1, true)),
    operator(SECTION, "<->>>", TT, Ty::Float4, |call| distance(call, 1, 0, true)),
    function(SECTION, "show_limit", &[], Ty::Float4, |call| Ok(real(limit(call, SIMILARITY)?))).stable(),
    function(SECTION, "set_limit", &[Ty::Float4], Ty::Float4, set_limit).volatile(),
];

/// A setting that holds a threshold, and its value when it is not set.
#[derive(Clone, Copy)]
struct Threshold {
    setting: &'static str,
    default: f32,
    strict: bool,
}

const SIMILARITY: Threshold =
    Threshold { setting: "pg_trgm.similarity_threshold", default: 0.3, strict: false };
const WORD: Threshold =
    Threshold { setting: "pg_trgm.word_similarity_threshold", default: 0.6, strict: false };
const STRICT: Threshold =
    Threshold { setting: "pg_trgm.strict_word_similarity_threshold", default: 0.5, strict: true };

type Trigram = [char; 3];

fn real(value: f32) -> Value {
    Value::Real(f64::from(value))
}

fn limit(call: &Call<'_>, threshold: Threshold) -> Result<f32> {
    let overrides = call
        .context
        .overrides
        .lock()
        .map_err(|_| Problem::internal("the settings of the transaction are poisoned"))?;
    let text =
        overrides.get(threshold.setting).or_else(|| call.context.session.settings.get(threshold.setting));
    Ok(text.and_then(|text| text.trim().parse().ok()).unwrap_or(threshold.default))
}

fn set_limit(call: &Call<'_>) -> Result<Value> {
    let limit = call.real(0) as f32;
    if !(0.0..=1.0).contains(&limit) {
        return Err(Problem::new(
            "22023",
            format!("{limit} is outside the valid range for parameter \"{}\" (0 .. 1)", SIMILARITY.setting),
        ));
    }
    let mut overrides = call
        .context
        .overrides
        .lock()
        .map_err(|_| Problem::internal("the settings of the transaction are poisoned"))?;
    overrides.insert(SIMILARITY.setting.to_owned(), limit.to_string());
    Ok(real(limit))
}

/// The trigrams of each word in order; a word is padded with two blanks before and one behind.
/// The marks tell where a word starts and ends.
fn trigrams(text: &str) -> Vec<(Trigram, bool, bool)> {
    let mut found = Vec::new();
    for word in lower(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
        let count = padded.len() - 2;
        for (index, window) in padded.windows(3).enumerate() {
            if let [a, b, c] = window {
                found.push(([*a, *b, *c], index == 0, index + 1 == count));
            }
        }
    }
    found
}

fn distinct(text: &str) -> Vec<Trigram> {
    let mut found: Vec<Trigram> = trigrams(text).into_iter().map(|(trigram, ..)| trigram).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn similarity(left: &str, right: &str) -> f32 {
    let (left, right) = (distinct(left), distinct(right));
    let shared = left.iter().filter(|trigram| right.binary_search(trigram).is_ok()).count();
    ratio(shared, left.len(), right.len())
}

fn ratio(shared: usize, left: usize, right: usize) -> f32 {
    let all = left + right - shared;
    if left == 0 || right == 0 || all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// The greatest similarity between `words` and a stretch of `text`; a strict stretch begins and ends with words.
fn extent_similarity(words: &str, text: &str, strict: bool) -> f32 {
    let wanted = distinct(words);
    if wanted.is_empty() {
        return 0.0;
    }
    let places = trigrams(text);
    let mut best = 0.0f32;
    // PostgreSQL starts a stretch at the last place of a trigram that `words` has, so that none is longer than
    // it must be; trying every start gives the same greatest value.
    for (start, (first, opens, _)) in places.iter().enumerate() {
        let may_start = if strict { *opens } else { wanted.binary_search(first).is_ok() };
        if may_start {
            best = best.max(best_from(places.get(start..).unwrap_or_default(), &wanted, strict, best));
        }
    }
    best
}

fn best_from(places: &[(Trigram, bool, bool)], wanted: &[Trigram], strict: bool, known: f32) -> f32 {
    let mut best = known;
    let mut seen: BTreeMap<Trigram, ()> = BTreeMap::new();
    let mut shared = 0;
    for (trigram, _, closes) in places {
        let is_wanted = wanted.binary_search(trigram).is_ok();
        if seen.insert(*trigram, ()).is_none() && is_wanted {
            shared += 1;
        }
        if if strict { *closes } else { is_wanted } {
            best = best.max(ratio(shared, wanted.len(), seen.len()));
        }
        // However it goes on, a stretch with more trigrams than this cannot do better.
        if wanted.len() as f32 / (seen.len().max(wanted.len()) as f32) <= best {
            break;
        }
    }
    best
}

fn within(call: &Call<'_>, words: usize, text: usize, threshold: Threshold) -> Result<Value> {
    let similarity = extent_similarity(call.text(words), call.text(text), threshold.strict);
    Ok(truth(similarity >= limit(call, threshold)?))
}

fn distance(call: &Call<'_>, words: usize, text: usize, strict: bool) -> Result<Value> {
    Ok(real(1.0 - extent_similarity(call.text(words), call.text(text), strict)))
}

/// Trigrams with characters outside of ASCII are shown as hashes, as PostgreSQL keeps them.
fn show_trgm(call: &Call<'_>) -> Result<Value> {
    let mut shown: Vec<String> =
        distinct(call.text(0)).iter().map(|trigram| trigram.iter().collect()).collect();
    shown.sort();
    Ok(text_array(shown.into_iter().map(Some)))
}

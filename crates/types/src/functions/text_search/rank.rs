//! `ts_rank` and `ts_rank_cd`.

use super::matching::{Source, matches};
use crate::forms::tsearch::{POSITION_MAX, Position, Query, TsVector, Weight};
use mainstay_base::{Problem, Result};
use std::collections::BTreeMap;

/// The weights of D, C, B and A.
pub(super) type Weights = [f32; 4];
pub(super) const DEFAULT_WEIGHTS: Weights = [0.1, 0.2, 0.4, 1.0];

/// What the rank is divided by, as bits.
const BY_LOG_LENGTH: i64 = 1;
const BY_LENGTH: i64 = 2;
const BY_EXTENT_DISTANCE: i64 = 4;
const BY_UNIQUE: i64 = 8;
const BY_LOG_UNIQUE: i64 = 16;
const BY_ITSELF: i64 = 32;

fn weight(weights: &Weights, position: &Position) -> f32 {
    weights.get(position.weight as usize).copied().unwrap_or(0.0)
}

/// Weights from the elements of an array; a negative one means the default.
pub(super) fn weights(elements: &[f64]) -> Result<Weights> {
    if elements.len() < DEFAULT_WEIGHTS.len() {
        return Err(Problem::new("2202E", "array of weight is too short"));
    }
    let mut weights = DEFAULT_WEIGHTS;
    for (weight, element) in weights.iter_mut().zip(elements) {
        if *element >= 0.0 {
            *weight = *element as f32;
        }
        if *weight > 1.0 {
            return Err(Problem::new("22023", "weight out of range"));
        }
    }
    Ok(weights)
}

/// How many words the text had.
fn length(vector: &TsVector) -> usize {
    vector.lexemes.iter().map(|lexeme| lexeme.positions.len().max(1)).sum()
}

/// The words of a query, each once, with whether it is a prefix.
fn words(query: &Query) -> Vec<(&str, bool)> {
    let mut words = BTreeMap::new();
    query.visit_words(&mut |word, _, prefix| {
        words.entry(word).or_insert(prefix);
    });
    words.into_iter().collect()
}

/// The positions of each lexeme that a word stands for; a stripped lexeme has the last position there is.
fn entries(vector: &TsVector, word: &str, prefix: bool) -> Vec<(Vec<Position>, bool)> {
    let with_default = |positions: &Vec<Position>| {
        if positions.is_empty() {
            (vec![Position { at: POSITION_MAX - 1, weight: Weight::D }], true)
        } else {
            (positions.clone(), false)
        }
    };
    if prefix {
        vector.with_prefix(word).map(|lexeme| with_default(&lexeme.positions)).collect()
    } else {
        vector.find(word).map(|lexeme| with_default(&lexeme.positions)).into_iter().collect()
    }
}

pub(super) fn rank(weights: &Weights, vector: &TsVector, query: Option<&Query>, method: i64) -> f32 {
    let Some(query) = query.filter(|_| !vector.lexemes.is_empty()) else { return 0.0 };
    let words = words(query);
    let joined = matches!(query, Query::And(_) | Query::Phrase(..));
    let mut rank = if joined && words.len() > 1 {
        rank_and(weights, vector, &words)
    } else {
        rank_or(weights, vector, &words)
    };
    if rank < 0.0 {
        rank = 1e-20;
    }
    let (length, unique) = (length(vector), vector.lexemes.len());
    if method & BY_LOG_LENGTH != 0 {
        rank = (f64::from(rank) / (((length + 1) as f64).ln() / 2f64.ln())) as f32;
    }
    if method & BY_LENGTH != 0 && length > 0 {
        rank /= length as f32;
    }
    if method & BY_UNIQUE != 0 {
        rank /= unique as f32;
    }
    if method & BY_LOG_UNIQUE != 0 {
        rank = (f64::from(rank) / (((unique + 1) as f64).ln() / 2f64.ln())) as f32;
    }
    if method & BY_ITSELF != 0 {
        rank /= rank + 1.0;
    }
    rank
}

fn rank_or(weights: &Weights, vector: &TsVector, words: &[(&str, bool)]) -> f32 {
    let mut rank = 0f32;
    for (word, prefix) in words {
        for (positions, _) in entries(vector, word, *prefix) {
            let (mut sum, mut best, mut best_index) = (0f32, -1f32, 0);
            for (index, position) in positions.iter().enumerate() {
                let weight = weight(weights, position);
                let place = index as f32 + 1.0;
                sum += weight / (place * place);
                if weight > best {
                    (best, best_index) = (weight, index);
                }
            }
            let place = best_index as f32 + 1.0;
            // The sum of 1/n² for all n is π²/6.
            let share = f64::from(best + sum - best / (place * place)) / 1.64493406685;
            rank = (f64::from(rank) + share) as f32;
        }
    }
    if words.is_empty() { rank } else { rank / words.len() as f32 }
}

fn word_distance(distance: i32) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * (f64::from(distance as f32) / 1.5 - 2.0).exp())) as f32
}

fn rank_and(weights: &Weights, vector: &TsVector, words: &[(&str, bool)]) -> f32 {
    let mut rank = -1f32;
    let mut seen: Vec<Option<(Vec<Position>, bool)>> = Vec::new();
    for (word, prefix) in words {
        let mut last = None;
        for (positions, stripped) in entries(vector, word, *prefix) {
            for (others, other_stripped) in seen.iter().flatten() {
                for position in &positions {
                    for other in others {
                        let distance = i32::from(position.at.abs_diff(other.at));
                        if distance == 0 && !stripped && !other_stripped {
                            continue;
                        }
                        let distance = if distance == 0 { i32::from(POSITION_MAX) + 1 } else { distance };
                        let product =
                            weight(weights, position) * weight(weights, other) * word_distance(distance);
                        let near = f64::from(product).sqrt() as f32;
                        rank = if rank < 0.0 {
                            near
                        } else {
                            (1.0 - (1.0 - f64::from(rank)) * (1.0 - f64::from(near))) as f32
                        };
                    }
                }
            }
            last = Some((positions, stripped));
        }
        seen.push(last);
    }
    rank
}

/// A word of the query with the weights it asks for and whether it is a prefix.
type Operand<'a> = (&'a str, u8, bool);

/// One place of a text with the query's words that stand there.
struct Place<'a> {
    at: u16,
    weight: Weight,
    operands: Vec<Operand<'a>>,
}

/// The places between two indexes as a source of words.
struct Window<'a, 'b>(&'b [Place<'a>]);

impl Source for Window<'_, '_> {
    fn places(&self, word: &str, weights: u8, prefix: bool) -> Option<Vec<u16>> {
        let operand = (word, weights, prefix);
        let here = |place: &&Place<'_>| place.operands.contains(&operand);
        let found: Vec<u16> = self.0.iter().filter(here).map(|place| place.at).collect();
        (!found.is_empty()).then_some(found)
    }
}

/// The places where words of the query stand, in order.
fn document<'a>(vector: &TsVector, query: &'a Query) -> Vec<Place<'a>> {
    let mut operands: Vec<Operand<'a>> = Vec::new();
    query.visit_words(&mut |word, weights, prefix| {
        if !operands.contains(&(word, weights, prefix)) {
            operands.push((word, weights, prefix));
        }
    });
    let mut places: BTreeMap<(u16, Weight), Vec<Operand<'a>>> = BTreeMap::new();
    for (word, weights, prefix) in operands {
        for (positions, stripped) in entries(vector, word, prefix) {
            let wanted = |position: &&Position| weights == 0 || weights & position.weight.bit() != 0;
            for position in positions.iter().filter(|_| !stripped).filter(wanted) {
                places.entry((position.at, position.weight)).or_default().push((word, weights, prefix));
            }
        }
    }
    places.into_iter().map(|((at, weight), operands)| Place { at, weight, operands }).collect()
}

/// The next cover from `from` on: the first place where the query is satisfied, and the last start before it
/// that still satisfies it.
fn cover(query: &Query, places: &[Place<'_>], from: usize) -> Option<(usize, usize)> {
    let satisfied =
        |first: usize, last: usize| matches(query, &Window(places.get(first..=last).unwrap_or_default()));
    let last = (from..places.len()).find(|last| satisfied(from, *last))?;
    let first = (from..=last).rev().find(|first| satisfied(*first, last))?;
    Some((first, last))
}

/// Cover density: short stretches that satisfy the query count more.
pub(super) fn rank_cd(weights: &Weights, vector: &TsVector, query: Option<&Query>, method: i64) -> f32 {
    let Some(query) = query else { return 0.0 };
    let places = document(vector, query);
    let (mut sum, mut count, mut distances, mut previous) = (0f64, 0f64, 0f64, 0f64);
    let mut from = 0;
    while let Some((first, last)) = cover(query, &places, from) {
        let stretch = places.get(first..=last).unwrap_or_default();
        let (Some(start), Some(end)) = (stretch.first(), stretch.last()) else { break };
        let inverse: f64 = stretch
            .iter()
            .map(|place| 1.0 / f64::from(weights.get(place.weight as usize).copied().unwrap_or(0.0)))
            .sum();
        let members = (last - first) as i64;
        let mut noise = i64::from(end.at) - i64::from(start.at) - members;
        if noise < 0 {
            noise = members / 2;
        }
        sum += ((members + 1) as f64 / inverse) / (1 + noise) as f64;
        let middle = f64::from(u32::from(start.at) + u32::from(end.at)) / 2.0;
        if count > 0.0 && middle > previous {
            distances += 1.0 / (middle - previous);
        }
        previous = middle;
        count += 1.0;
        from = first + 1;
    }
    let (length, unique) = (length(vector), vector.lexemes.len());
    if method & BY_LOG_LENGTH != 0 && unique > 0 {
        sum /= ((length + 1) as f64).ln();
    }
    if method & BY_LENGTH != 0 && length > 0 {
        sum /= length as f64;
    }
    if method & BY_EXTENT_DISTANCE != 0 && count > 0.0 && distances > 0.0 {
        sum /= count / distances;
    }
    if method & BY_UNIQUE != 0 && unique > 0 {
        sum /= unique as f64;
    }
    if method & BY_LOG_UNIQUE != 0 && unique > 0 {
        sum /= ((unique + 1) as f64).ln() / 2f64.ln();
    }
    if method & BY_ITSELF != 0 {
        sum /= sum + 1.0;
    }
    sum as f32
}

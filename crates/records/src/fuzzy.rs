//! Finds the name a caller probably meant, the way PostgREST does (the `fuzzyset` algorithm): candidates share
//! pieces of three, else two, characters with the word; the Levenshtein distance ranks them.

use std::collections::HashMap;

/// The least likeness at which a table or a function is suggested.
pub(crate) const LIKENESS_MIN_NAME: f64 = 0.75;
/// The least likeness for everything else.
pub(crate) const LIKENESS_MIN: f64 = 0.33;

/// How many candidates the (dearer) edit distance looks at.
const CANDIDATES_MAX: usize = 50;

/// The best match with at least this likeness. Of equal ones the first in order wins.
pub(crate) fn best<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
    likeness_min: f64,
) -> Option<&'a str> {
    ranked(word, candidates, likeness_min).into_iter().next().map(|(_, name)| name)
}

/// All matches, best first.
pub(crate) fn ranked<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
    likeness_min: f64,
) -> Vec<(f64, &'a str)> {
    let word = word.to_lowercase();
    if let Some(exact) = candidates.clone().find(|name| name.to_lowercase() == word) {
        return vec![(1.0, exact)];
    }
    for size in [3, 2] {
        let grams = gram_counts(&word, size);
        let mut shared: Vec<(f64, &str)> = candidates
            .clone()
            .filter_map(|name| {
                let cosine = cosine(&grams, &gram_counts(&name.to_lowercase(), size));
                (cosine > 0.0).then_some((cosine, name))
            })
            .collect();
        shared.sort_by(|a, b| b.0.total_cmp(&a.0));
        shared.truncate(CANDIDATES_MAX);
        let mut matches: Vec<(f64, &str)> = shared
            .into_iter()
            .map(|(_, name)| (likeness(&word, &name.to_lowercase()), name))
            .filter(|(score, _)| *score >= likeness_min)
            .collect();
        if !matches.is_empty() {
            matches.sort_by(|a, b| b.0.total_cmp(&a.0));
            return matches;
        }
    }
    Vec::new()
}

fn gram_counts(word: &str, size: usize) -> HashMap<Vec<char>, u32> {
    let padded: Vec<char> = std::iter::once('-').chain(word.chars()).chain(std::iter::once('-')).collect();
    let mut counts = HashMap::new();
    for gram in padded.windows(size) {
        *counts.entry(gram.to_vec()).or_insert(0) += 1;
    }
    counts
}

fn cosine(left: &HashMap<Vec<char>, u32>, right: &HashMap<Vec<char>, u32>) -> f64 {
    let dot: u32 = left.iter().filter_map(|(gram, count)| right.get(gram).map(|other| count * other)).sum();
    let norm = |grams: &HashMap<Vec<char>, u32>| f64::from(grams.values().map(|c| c * c).sum::<u32>()).sqrt();
    if dot == 0 { 0.0 } else { f64::from(dot) / (norm(left) * norm(right)) }
}

/// One minus the edit distance divided by the longer length.
fn likeness(left: &str, right: &str) -> f64 {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let longest = left.len().max(right.len());
    if longest == 0 {
        return 1.0;
    }
    1.0 - distance(&left, &right) as f64 / longest as f64
}

fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (b, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = (before + 1).min(above + 1).min(diagonal + usize::from(a != b));
            diagonal = above;
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_name_with_a_typo_and_nothing_far_away() {
        let names = ["projects", "clients", "tasks"];
        assert_eq!(best("projecxx", names.iter().copied(), LIKENESS_MIN_NAME), Some("projects"));
        assert_eq!(best("foozle", names.iter().copied(), LIKENESS_MIN_NAME), None);
    }

    #[test]
    fn parameters_are_suggested_from_afar() {
        let lists = ["(name, param, val)", "(attr, id)"];
        assert_eq!(
            best("(nam, pqaram, vall)", lists.iter().copied(), LIKENESS_MIN),
            Some("(name, param, val)")
        );
        assert_eq!(best("(id)", lists.iter().copied(), LIKENESS_MIN), Some("(attr, id)"));
        assert_eq!(best("(noclosealternative)", lists.iter().copied(), LIKENESS_MIN), None);
    }
}

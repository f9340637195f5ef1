//! Whether a query matches, with PostgreSQL's meaning of phrases and of negation inside them.

use crate::forms::tsearch::{Query, TsVector, Weight};

/// Where words stand.
pub(super) trait Source {
    /// The places of a word, `None` where it does not occur. `Some` of nothing: it occurs, places unknown.
    fn places(&self, word: &str, weights: u8, prefix: bool) -> Option<Vec<u16>>;
}

impl Source for TsVector {
    fn places(&self, word: &str, weights: u8, prefix: bool) -> Option<Vec<u16>> {
        let mut found = false;
        let mut places: Vec<u16> = Vec::new();
        let mut visit = |lexeme: &crate::forms::tsearch::Lexeme| {
            if lexeme.positions.is_empty() {
                found = true;
                return;
            }
            let wanted = |weight: Weight| weights == 0 || weights & weight.bit() != 0;
            let before = places.len();
            places.extend(lexeme.positions.iter().filter(|p| wanted(p.weight)).map(|p| p.at));
            found |= places.len() > before;
        };
        if prefix {
            self.with_prefix(word).for_each(&mut visit);
            places.sort_unstable();
            places.dedup();
        } else if let Some(lexeme) = self.find(word) {
            visit(lexeme);
        }
        found.then_some(places)
    }
}

/// Where a phrase ends: at some places, or everywhere but there.
struct Ends {
    places: Vec<i32>,
    negated: bool,
    /// How far the phrase reaches back from its end.
    width: i32,
}

impl Ends {
    fn nowhere() -> Ends {
        Ends { places: Vec::new(), negated: false, width: 0 }
    }

    fn matches(&self) -> bool {
        self.negated || !self.places.is_empty()
    }

    fn shifted(mut self, by: i32) -> Ends {
        self.places.iter_mut().for_each(|place| *place += by);
        self
    }

    fn and(self, other: Ends, width: i32) -> Ends {
        let (places, negated) = match (self.negated, other.negated) {
            (false, false) => (intersection(&self.places, &other.places), false),
            (false, true) => (difference(&self.places, &other.places), false),
            (true, false) => (difference(&other.places, &self.places), false),
            (true, true) => (union(&self.places, &other.places), true),
        };
        Ends { places, negated, width }
    }

    fn or(self, other: Ends, width: i32) -> Ends {
        let (places, negated) = match (self.negated, other.negated) {
            (false, false) => (union(&self.places, &other.places), false),
            (false, true) => (difference(&other.places, &self.places), true),
            (true, false) => (difference(&self.places, &other.places), true),
            (true, true) => (intersection(&self.places, &other.places), true),
        };
        Ends { places, negated, width }
    }
}

fn intersection(left: &[i32], right: &[i32]) -> Vec<i32> {
    left.iter().copied().filter(|place| right.binary_search(place).is_ok()).collect()
}

fn difference(left: &[i32], right: &[i32]) -> Vec<i32> {
    left.iter().copied().filter(|place| right.binary_search(place).is_err()).collect()
}

fn union(left: &[i32], right: &[i32]) -> Vec<i32> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    all.dedup();
    all
}

pub(super) fn matches(query: &Query, source: &dyn Source) -> bool {
    match query {
        Query::Word { word, weights, prefix } => source.places(word, *weights, *prefix).is_some(),
        Query::Not(inner) => !matches(inner, source),
        Query::And(operands) => operands.iter().all(|operand| matches(operand, source)),
        Query::Or(operands) => operands.iter().any(|operand| matches(operand, source)),
        Query::Phrase(..) => ends(query, source).is_some_and(|ends| ends.matches()),
    }
}

/// Where a part of a phrase ends; `None` where places are needed and not known.
fn ends(query: &Query, source: &dyn Source) -> Option<Ends> {
    match query {
        Query::Word { word, weights, prefix } => match source.places(word, *weights, *prefix) {
            None => Some(Ends::nowhere()),
            Some(places) if places.is_empty() => None,
            Some(places) => {
                Some(Ends { places: places.into_iter().map(i32::from).collect(), negated: false, width: 0 })
            }
        },
        Query::Not(inner) => {
            let inner = ends(inner, source)?;
            Some(Ends { negated: !inner.negated, ..inner })
        }
        Query::And(operands) => aligned(operands, source, Ends::and),
        Query::Or(operands) => aligned(operands, source, Ends::or),
        Query::Phrase(first, next) => {
            let mut left = ends(first, source)?;
            for (distance, operand) in next {
                let right = ends(operand, source)?;
                if !left.matches() || !right.matches() {
                    return Some(Ends::nowhere());
                }
                let step = i32::from(*distance) + right.width;
                let width = left.width + step;
                left = left.shifted(step).and(right, width);
            }
            Some(left)
        }
    }
}

/// Operands of `&` and `|` inside a phrase begin at the same place: shorter ones are stretched to the longest.
fn aligned(operands: &[Query], source: &dyn Source, combine: fn(Ends, Ends, i32) -> Ends) -> Option<Ends> {
    let mut all: Option<Ends> = None;
    for operand in operands {
        let right = ends(operand, source)?;
        all = Some(match all {
            None => right,
            Some(left) => {
                let width = left.width.max(right.width);
                let (left_by, right_by) = (width - left.width, width - right.width);
                combine(left.shifted(left_by), right.shifted(right_by), width)
            }
        });
    }
    all
}

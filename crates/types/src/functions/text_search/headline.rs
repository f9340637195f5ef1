//! `ts_headline`: the part of a text that shows best why it matches, with the words of the query marked.

use super::build::is_word;
use super::config::Config;
use super::matching::{Source, matches};
use super::tokens::{Class, Tokens};
use crate::forms::tsearch::{LEXEME_BYTES_MAX, Query};
use mainstay_base::{Problem, Result};

pub(super) struct Options {
    start: String,
    stop: String,
    delimiter: String,
    words_max: usize,
    words_min: usize,
    /// Words of so many characters are no good end of a headline.
    short_word: usize,
    fragments_max: usize,
    all: bool,
}

impl Options {
    /// `MaxWords=20, StartSel=<em>, StopSel="</em>"`.
    pub(super) fn parse(text: &str) -> Result<Options> {
        let mut options = Options {
            start: "<b>".to_owned(),
            stop: "</b>".to_owned(),
            delimiter: " ... ".to_owned(),
            words_max: 35,
            words_min: 15,
            short_word: 3,
            fragments_max: 0,
            all: false,
        };
        for (name, value) in settings(text)? {
            options.set(&name, value)?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Result<()> {
        match name.to_ascii_lowercase().as_str() {
            "maxwords" => self.words_max = number(&value, 0)?,
            "minwords" => self.words_min = number(&value, 0)?,
            "shortword" => self.short_word = number_or(&value, "ShortWord should be >= 0")?,
            "maxfragments" => self.fragments_max = number_or(&value, "MaxFragments should be >= 0")?,
            "startsel" => self.start = value,
            "stopsel" => self.stop = value,
            "fragmentdelimiter" => self.delimiter = value,
            "highlightall" => {
                let word = value.to_ascii_lowercase();
                self.all = matches!(word.as_str(), "1" | "on" | "true" | "t" | "y" | "yes");
            }
            _ => {
                return Err(Problem::new("22023", format!("unrecognized headline parameter: \"{name}\"")));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.all {
            return Ok(());
        }
        if self.words_min >= self.words_max {
            return Err(Problem::new("22023", "MinWords should be less than MaxWords"));
        }
        if self.words_min == 0 {
            return Err(Problem::new("22023", "MinWords should be positive"));
        }
        Ok(())
    }
}

/// A number of an option; negative ones read as `below`.
fn number(value: &str, below: usize) -> Result<usize> {
    let number: i32 = value
        .trim()
        .parse()
        .map_err(|_| Problem::new("22P02", format!("invalid input syntax for type integer: \"{value}\"")))?;
    Ok(usize::try_from(number).unwrap_or(below))
}

fn number_or(value: &str, message: &str) -> Result<usize> {
    match number(value, usize::MAX)? {
        usize::MAX => Err(Problem::new("22023", message)),
        number => Ok(number),
    }
}

/// `name = value` pairs between commas; values may stand in quotes.
fn settings(text: &str) -> Result<Vec<(String, String)>> {
    let bad = || Problem::new("42601", format!("invalid parameter list format: \"{text}\""));
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(bad)?;
        let name = name.trim().trim_matches('"').to_owned();
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, tail) = match quote {
            Some(quote) => {
                let (value, tail) =
                    after.get(1..).and_then(|inner| inner.split_once(quote)).ok_or_else(bad)?;
                (value, tail)
            }
            None => {
                let end = after.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            return Err(bad());
        }
        pairs.push((name, value.to_owned()));
        rest = tail.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(pairs)
}

/// A token of the text and what it means for the query.
struct Entry<'a> {
    class: Class,
    text: &'a str,
    lexeme: Option<String>,
    /// Its place among the words.
    at: u16,
    /// The query asks for it.
    wanted: bool,
    shown: bool,
}

struct Text<'a> {
    entries: Vec<Entry<'a>>,
    options: &'a Options,
}

/// The wanted words between two entries.
struct Window<'a, 'b>(&'b [Entry<'a>]);

impl Source for Window<'_, '_> {
    fn places(&self, word: &str, _weights: u8, prefix: bool) -> Option<Vec<u16>> {
        let mut found: Vec<u16> = self
            .0
            .iter()
            .filter(|entry| entry.lexeme.as_ref().is_some_and(|lexeme| is_hit(lexeme, word, prefix)))
            .map(|entry| entry.at)
            .collect();
        found.dedup();
        (!found.is_empty()).then_some(found)
    }
}

fn is_hit(lexeme: &str, word: &str, prefix: bool) -> bool {
    if prefix { lexeme.starts_with(word) } else { lexeme == word }
}

fn entries<'a>(config: &Config, text: &'a str, query: Option<&Query>) -> Vec<Entry<'a>> {
    let mut at = 0u16;
    Tokens::new(text)
        .map(|token| {
            let indexed = token.class.is_indexed() && token.text.len() <= LEXEME_BYTES_MAX;
            at = at.saturating_add(u16::from(indexed));
            let lexeme = if indexed { config.lexeme(token.class, token.text) } else { None };
            let mut wanted = false;
            if let (Some(lexeme), Some(query)) = (&lexeme, query) {
                query.visit_words(&mut |word, _, prefix| wanted |= is_hit(lexeme, word, prefix));
            }
            let lexeme = lexeme.filter(|_| wanted);
            Entry { class: token.class, text: token.text, lexeme, at, wanted, shown: false }
        })
        .collect()
}

pub(super) fn headline(config: &Config, text: &str, query: Option<&Query>, options: &Options) -> String {
    let mut text = Text { entries: entries(config, text, query), options };
    if options.all {
        text.entries.iter_mut().for_each(|entry| entry.shown = true);
    } else if options.fragments_max == 0 {
        text.show_best(query);
    } else {
        text.show_fragments(query);
    }
    text.render()
}

/// A candidate for the headline.
#[derive(Clone, Copy)]
struct Choice {
    first: usize,
    last: usize,
    /// How many wanted words are in it.
    hits: usize,
    covers: bool,
}

impl Text<'_> {
    fn is_word(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|entry| is_word(entry.class))
    }

    fn is_wanted(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.wanted)
    }

    /// A blank, a number or a short word, unless the query asks for it.
    fn is_bad_end(&self, index: usize) -> bool {
        self.entries.get(index).is_none_or(|entry| {
            let weak = !is_word(entry.class)
                || entry.class.is_number()
                || !entry.class.is_indexed()
                || entry.text.len() <= self.options.short_word;
            weak && !entry.wanted
        })
    }

    fn next_wanted(&self, from: usize) -> Option<usize> {
        (from..self.entries.len()).find(|index| self.is_wanted(*index))
    }

    /// The first and shortest stretch from `from` on that satisfies the query.
    fn cover(&self, query: &Query, from: usize) -> Option<(usize, usize)> {
        let reach = self.options.words_max.saturating_mul(10).max(100);
        let mut first = self.next_wanted(from)?;
        loop {
            let mut last = first;
            loop {
                let window = Window(self.entries.get(first..=last).unwrap_or_default());
                if matches(query, &window) {
                    return Some((first, last));
                }
                match self.next_wanted(last + 1).filter(|next| next - first < reach) {
                    Some(next) => last = next,
                    None => break,
                }
            }
            first = self.next_wanted(first + 1)?;
        }
    }

    fn show(&mut self, first: usize, last: usize) {
        for entry in self.entries.iter_mut().skip(first).take((last + 1).saturating_sub(first)) {
            entry.shown = true;
        }
    }

    /// The first words of the text: what is shown when nothing matches.
    fn show_start(&mut self) {
        let (mut count, mut last) = (0, 0);
        for index in 0..self.entries.len() {
            if count >= self.options.words_min {
                break;
            }
            count += usize::from(self.is_word(index));
            last = index;
        }
        self.show(0, last);
    }

    fn show_best(&mut self, query: Option<&Query>) {
        let mut best: Option<Choice> = None;
        let mut from = 0;
        while let Some((first, last)) = query.and_then(|query| self.cover(query, from)) {
            let choice = self.grow(first, last);
            let better = best.is_none_or(|best| {
                (choice.covers, choice.hits) > (best.covers, best.hits)
                    || ((choice.covers, choice.hits) == (best.covers, best.hits)
                        && !self.is_bad_end(choice.last)
                        && self.is_bad_end(best.last))
            });
            if better {
                best = Some(choice);
            }
            from = first + 1;
        }
        match best {
            Some(best) => self.show(best.first, best.last),
            None => self.show_start(),
        }
    }

    /// Makes a cover as long as a headline should be.
    fn grow(&self, cover_first: usize, cover_last: usize) -> Choice {
        let Options { words_max, words_min, .. } = *self.options;
        let (mut count, mut hits) = (0, 0);
        let (mut first, mut last) = (cover_first, cover_first);
        let mut index = cover_first;
        while index <= cover_last && count < words_max {
            count += usize::from(self.is_word(index));
            hits += usize::from(self.is_wanted(index));
            last = index;
            index += 1;
        }
        if count < words_max {
            index = index.saturating_sub(1);
            while index < self.entries.len() && count < words_max {
                if index > cover_last {
                    count += usize::from(self.is_word(index));
                    hits += usize::from(self.is_wanted(index));
                }
                last = index;
                if !self.is_bad_end(index) && count >= words_min {
                    break;
                }
                index += 1;
            }
            if count < words_min {
                (first, hits) = self.grow_left(cover_first, count, hits);
            }
        } else {
            index = index.min(cover_last);
            while count > words_min && self.is_bad_end(index) {
                count -= usize::from(self.is_word(index));
                hits -= usize::from(self.is_wanted(index));
                last = index.saturating_sub(1);
                index = index.saturating_sub(1);
            }
        }
        Choice { first, last, hits, covers: first <= cover_first && last >= cover_last }
    }

    /// At the end of the text a headline grows towards its start.
    fn grow_left(&self, from: usize, mut count: usize, mut hits: usize) -> (usize, usize) {
        let Options { words_max, words_min, .. } = *self.options;
        for index in (0..from).rev() {
            count += usize::from(self.is_word(index));
            hits += usize::from(self.is_wanted(index));
            if count >= words_max || (!self.is_bad_end(index) && count >= words_min) {
                return (index, hits);
            }
        }
        (0, hits)
    }

    fn words_between(&self, first: usize, last: usize) -> usize {
        (first..=last).filter(|index| self.is_word(*index)).count()
    }

    fn hits_between(&self, first: usize, last: usize) -> usize {
        (first..=last).filter(|index| self.is_wanted(*index)).count()
    }

    /// Stretches that satisfy the query, cut into pieces of at most `words_max` words with a hit at both ends.
    fn pieces(&self, query: &Query) -> Vec<(usize, usize)> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some((first, last)) = self.cover(query, from) {
            let mut start = first;
            while let Some(begin) = self.next_wanted(start).filter(|begin| *begin <= last) {
                let (mut count, mut end) = (0, begin);
                for index in begin..=last {
                    if count >= self.options.words_max {
                        break;
                    }
                    count += usize::from(self.is_word(index));
                    if self.is_wanted(index) {
                        end = index;
                    }
                }
                pieces.push((begin, end));
                start = end + 1;
            }
            from = first + 1;
        }
        pieces
    }

    fn show_fragments(&mut self, query: Option<&Query>) {
        let mut pieces = query.map(|query| self.pieces(query)).unwrap_or_default();
        let mut shown = 0;
        while shown < self.options.fragments_max {
            // Most hits first, then the fewest words, then the first.
            let best = pieces.iter().copied().min_by_key(|(first, last)| {
                (std::cmp::Reverse(self.hits_between(*first, *last)), self.words_between(*first, *last))
            });
            let Some((first, last)) = best else { break };
            let (first, last) = self.stretch(first, last);
            self.show(first, last);
            shown += 1;
            pieces.retain(|(other_first, other_last)| {
                let inside = |index: usize| first <= index && index <= last;
                !inside(*other_first) && !inside(*other_last)
            });
        }
        if shown == 0 {
            self.show_start();
        }
    }

    /// Lengthens a fragment to both sides up to the limit, and back to a good end.
    fn stretch(&self, first: usize, last: usize) -> (usize, usize) {
        let limit = self.options.words_max;
        let mut count = self.words_between(first, last);
        if count >= limit {
            return (first, last);
        }
        let is_shown = |index: usize| self.entries.get(index).is_some_and(|entry| entry.shown);
        let (mut left, mut taken) = (first, 0);
        while left > 0 && taken < (limit - count) / 2 && !is_shown(left - 1) {
            left -= 1;
            taken += usize::from(self.is_word(left));
        }
        while left < first && self.is_bad_end(left) {
            left += 1;
        }
        count += self.words_between(left, first) - usize::from(self.is_word(first));
        let mut right = last;
        while right + 1 < self.entries.len() && count < limit && !is_shown(right + 1) {
            right += 1;
            count += usize::from(self.is_word(right));
        }
        while right > last && self.is_bad_end(right) {
            right -= 1;
        }
        (left, right)
    }

    fn render(&self) -> String {
        let mut out = String::new();
        let (mut fragments, mut inside) = (0, false);
        for entry in &self.entries {
            if !entry.shown {
                inside = false;
                continue;
            }
            if !inside {
                inside = true;
                fragments += 1;
                if fragments > 1 {
                    out.push_str(&self.options.delimiter);
                }
            }
            if entry.class.is_compound() {
                // Its parts follow.
            } else if entry.class == Class::Tag && !self.options.all {
                out.push(' ');
            } else if entry.wanted {
                out.push_str(&self.options.start);
                out.push_str(entry.text);
                out.push_str(&self.options.stop);
            } else {
                out.push_str(entry.text);
            }
        }
        out
    }
}

//! The tree of a `tsvector`: lexemes in byte order, each with the positions where it stood.

use super::scanner::Scanner;
use super::{LEXEME_BYTES_MAX, POSITION_MAX, POSITIONS_MAX, write_quoted};
use mainstay_base::{Problem, Result};

/// How much a position counts. The order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Weight {
    #[default]
    D,
    C,
    B,
    A,
}

impl Weight {
    pub(crate) fn from_letter(letter: char) -> Option<Weight> {
        Some(match letter {
            'a' | 'A' => Weight::A,
            'b' | 'B' => Weight::B,
            'c' | 'C' => Weight::C,
            'd' | 'D' => Weight::D,
            _ => return None,
        })
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Weight::A => 'A',
            Weight::B => 'B',
            Weight::C => 'C',
            Weight::D => 'D',
        }
    }

    /// A bit for sets of weights.
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) at: u16,
    pub(crate) weight: Weight,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) word: String,
    /// In order, each place once.
    pub(crate) positions: Vec<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct TsVector {
    /// In byte order, each word once.
    pub(crate) lexemes: Vec<Lexeme>,
}

impl TsVector {
    /// Sorts, merges equal words and drops what is beyond the limits.
    pub(crate) fn new(mut lexemes: Vec<Lexeme>) -> TsVector {
        lexemes.sort_by(|left, right| left.word.cmp(&right.word));
        lexemes.dedup_by(|next, kept| {
            let equal = next.word == kept.word;
            if equal {
                kept.positions.append(&mut next.positions);
            }
            equal
        });
        for lexeme in &mut lexemes {
            normalize(&mut lexeme.positions);
        }
        TsVector { lexemes }
    }

    pub(crate) fn parse(text: &str) -> Result<TsVector> {
        let mut scanner = Scanner::new(text, "tsvector");
        let mut lexemes = Vec::new();
        loop {
            scanner.skip_space();
            if scanner.peek().is_none() {
                break;
            }
            let word = scanner.lexeme()?;
            if word.len() > LEXEME_BYTES_MAX {
                return Err(Problem::new(
                    "54000",
                    format!("word is too long ({} bytes, max {LEXEME_BYTES_MAX} bytes)", word.len()),
                ));
            }
            let positions = if scanner.eat(':') { parse_positions(&mut scanner)? } else { Vec::new() };
            lexemes.push(Lexeme { word, positions });
        }
        let ordered = lexemes.windows(2).all(|pair| matches!(pair, [a, b] if a.word < b.word))
            && lexemes.iter().all(|lexeme| is_normal(&lexeme.positions));
        Ok(if ordered { TsVector { lexemes } } else { TsVector::new(lexemes) })
    }

    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        for lexeme in &self.lexemes {
            if !out.is_empty() {
                out.push(' ');
            }
            write_quoted(&lexeme.word, &mut out);
            for (index, position) in lexeme.positions.iter().enumerate() {
                out.push(if index == 0 { ':' } else { ',' });
                out.push_str(&position.at.to_string());
                if position.weight != Weight::D {
                    out.push(position.weight.letter());
                }
            }
        }
        out
    }

    pub(crate) fn find(&self, word: &str) -> Option<&Lexeme> {
        let index = self.lexemes.binary_search_by(|lexeme| lexeme.word.as_str().cmp(word)).ok()?;
        self.lexemes.get(index)
    }

    /// The lexemes that begin with a prefix.
    pub(crate) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Lexeme> {
        let start = self.lexemes.partition_point(|lexeme| lexeme.word.as_str() < prefix);
        self.lexemes.iter().skip(start).take_while(move |lexeme| lexeme.word.starts_with(prefix))
    }

    /// The largest position in use.
    pub(crate) fn last_position(&self) -> u16 {
        self.lexemes.iter().filter_map(|lexeme| lexeme.positions.last()).map(|p| p.at).max().unwrap_or(0)
    }
}

fn is_normal(positions: &[Position]) -> bool {
    positions.len() <= POSITIONS_MAX && positions.windows(2).all(|pair| matches!(pair, [a, b] if a.at < b.at))
}

/// Orders positions; of one place the highest weight stays.
fn normalize(positions: &mut Vec<Position>) {
    positions.sort_by(|left, right| left.at.cmp(&right.at).then(right.weight.cmp(&left.weight)));
    positions.dedup_by_key(|position| position.at);
    positions.truncate(POSITIONS_MAX);
}

fn parse_positions(scanner: &mut Scanner<'_>) -> Result<Vec<Position>> {
    let mut positions = Vec::new();
    loop {
        let digits = scanner.digits();
        if digits.is_empty() {
            return Err(scanner.syntax_error());
        }
        let at = digits.parse::<u64>().map_or(POSITION_MAX, |at| at.min(u64::from(POSITION_MAX)) as u16);
        if at == 0 {
            return Err(Problem::new(
                "42601",
                format!("wrong position info in tsvector: \"{}\"", scanner.text),
            ));
        }
        let mut weight = Weight::D;
        let more = loop {
            let Some(c) = scanner.peek().filter(|c| !c.is_whitespace()) else { break false };
            scanner.next();
            match (c, Weight::from_letter(if c == '*' { 'A' } else { c })) {
                (',', _) => break true,
                (_, Some(given)) if weight == Weight::D => weight = given,
                ('0'..='9', _) => {}
                _ => return Err(scanner.syntax_error()),
            }
        };
        positions.push(Position { at, weight });
        if !more {
            return Ok(positions);
        }
    }
}

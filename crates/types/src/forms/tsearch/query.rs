//! The tree of a `tsquery`, its reader and its writer.

use super::scanner::Scanner;
use super::{LEXEME_BYTES_MAX, POSITION_MAX, Weight, write_quoted};
use mainstay_base::{Problem, Result};

/// How deep brackets and negations may nest: the tree is walked by recursion.
const DEPTH_MAX: usize = 400;

/// Chains of one operator are one node, so that long queries stay flat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    Word {
        word: String,
        /// Bits of [`Weight::bit`]; 0 is any weight.
        weights: u8,
        prefix: bool,
    },
    Not(Box<Query>),
    And(Vec<Query>),
    Or(Vec<Query>),
    /// Applied from the left: the first operand, then each next one at a distance from what came before.
    Phrase(Box<Query>, Vec<(u16, Query)>),
}

/// A query; `None` is the empty one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct TsQuery(pub(crate) Option<Query>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    Top,
    Or,
    And,
    Phrase,
    Not,
}

impl Query {
    pub(crate) fn word(word: impl Into<String>) -> Query {
        Query::Word { word: word.into(), weights: 0, prefix: false }
    }

    pub(crate) fn and(self, other: Query) -> Query {
        match self {
            Query::And(mut operands) => {
                operands.push(other);
                Query::And(operands)
            }
            first => Query::And(vec![first, other]),
        }
    }

    pub(crate) fn or(self, other: Query) -> Query {
        match self {
            Query::Or(mut operands) => {
                operands.push(other);
                Query::Or(operands)
            }
            first => Query::Or(vec![first, other]),
        }
    }

    pub(crate) fn followed_by(self, distance: u16, other: Query) -> Query {
        match self {
            Query::Phrase(first, mut next) => {
                next.push((distance, other));
                Query::Phrase(first, next)
            }
            first => Query::Phrase(Box::new(first), vec![(distance, other)]),
        }
    }

    /// How many words and operators there are, as PostgreSQL counts them.
    pub(crate) fn node_count(&self) -> i64 {
        let chain = |operands: &[Query]| {
            operands.iter().map(Query::node_count).sum::<i64>() + operands.len() as i64 - 1
        };
        match self {
            Query::Word { .. } => 1,
            Query::Not(inner) => 1 + inner.node_count(),
            Query::And(operands) | Query::Or(operands) => chain(operands),
            Query::Phrase(first, next) => {
                first.node_count() + next.iter().map(|(_, operand)| 1 + operand.node_count()).sum::<i64>()
            }
        }
    }

    /// Visits every word from left to right.
    pub(crate) fn visit_words<'a>(&'a self, visit: &mut dyn FnMut(&'a str, u8, bool)) {
        match self {
            Query::Word { word, weights, prefix } => visit(word, *weights, *prefix),
            Query::Not(inner) => inner.visit_words(visit),
            Query::And(operands) | Query::Or(operands) => {
                operands.iter().for_each(|operand| operand.visit_words(visit));
            }
            Query::Phrase(first, next) => {
                first.visit_words(visit);
                next.iter().for_each(|(_, operand)| operand.visit_words(visit));
            }
        }
    }

    fn write(&self, parent: Priority, right_of_phrase: bool, out: &mut String) {
        let priority = match self {
            Query::Word { word, weights, prefix } => {
                write_quoted(word, out);
                write_flags(*weights, *prefix, out);
                return;
            }
            Query::Not(_) => Priority::Not,
            Query::And(_) => Priority::And,
            Query::Or(_) => Priority::Or,
            Query::Phrase(..) => Priority::Phrase,
        };
        let brackets = priority < parent || (priority == Priority::Phrase && right_of_phrase);
        if brackets {
            out.push_str("( ");
        }
        match self {
            Query::Word { .. } => {}
            Query::Not(inner) => {
                out.push('!');
                inner.write(priority, false, out);
            }
            Query::And(operands) => write_chain(operands, priority, " & ", out),
            Query::Or(operands) => write_chain(operands, priority, " | ", out),
            Query::Phrase(first, next) => {
                first.write(priority, false, out);
                for (distance, operand) in next {
                    match distance {
                        1 => out.push_str(" <-> "),
                        distance => out.push_str(&format!(" <{distance}> ")),
                    }
                    operand.write(priority, true, out);
                }
            }
        }
        if brackets {
            out.push_str(" )");
        }
    }
}

fn write_chain(operands: &[Query], priority: Priority, operator: &str, out: &mut String) {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            out.push_str(operator);
        }
        operand.write(priority, false, out);
    }
}

fn write_flags(weights: u8, prefix: bool, out: &mut String) {
    if weights == 0 && !prefix {
        return;
    }
    out.push(':');
    if prefix {
        out.push('*');
    }
    for weight in [Weight::A, Weight::B, Weight::C, Weight::D] {
        if weights & weight.bit() != 0 {
            out.push(weight.letter());
        }
    }
}

impl TsQuery {
    pub(crate) fn parse(text: &str) -> Result<TsQuery> {
        TsQuery::parse_with(text, &mut |word, weights, prefix| {
            Ok(Some(Query::Word { word, weights, prefix }))
        })
    }

    /// Reads a query; `operand` makes what a word stands for (nothing where it is a stop word).
    pub(crate) fn parse_with(
        text: &str,
        operand: &mut dyn FnMut(String, u8, bool) -> Result<Option<Query>>,
    ) -> Result<TsQuery> {
        let mut reader = Reader { scanner: Scanner::new(text, "tsquery"), operand };
        reader.scanner.skip_space();
        if reader.scanner.peek().is_none() {
            return Ok(TsQuery(None));
        }
        let tree = reader.expression(0)?;
        if reader.scanner.peek().is_some() {
            return Err(reader.scanner.syntax_error());
        }
        Ok(TsQuery(tree.without_gaps().0))
    }

    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        if let Some(query) = &self.0 {
            query.write(Priority::Top, false, &mut out);
        }
        out
    }
}

/// A tree in which stop words still stand, because a phrase counts them.
enum Draft {
    Gap,
    Leaf(Query),
    Not(Box<Draft>),
    And(Vec<Draft>),
    Or(Vec<Draft>),
    Phrase(Box<Draft>, Vec<(u16, Draft)>),
}

impl Draft {
    /// Drops stop words (PostgreSQL's `clean_stopword_intree`). The numbers are the distances by which a phrase
    /// around this tree grows on its left and right.
    fn without_gaps(self) -> (Option<Query>, u16, u16) {
        match self {
            Draft::Gap => (None, 0, 0),
            Draft::Leaf(query) => (Some(query), 0, 0),
            Draft::Not(inner) => {
                let (inner, left, right) = inner.without_gaps();
                (inner.map(|inner| Query::Not(Box::new(inner))), left, right)
            }
            Draft::And(operands) => join(operands, Query::and),
            Draft::Or(operands) => join(operands, Query::or),
            Draft::Phrase(first, next) => {
                let (mut tree, mut left_add, mut right_add) = first.without_gaps();
                for (distance, operand) in next {
                    let (operand, operand_left, operand_right) = operand.without_gaps();
                    let gap = distance.saturating_add(right_add).saturating_add(operand_left);
                    (tree, left_add, right_add) = match (tree, operand) {
                        // Nothing but stop words: the distances of both sides count for the outer phrase.
                        (None, None) => {
                            let add = left_add.saturating_add(distance).saturating_add(operand_left);
                            (None, add, add)
                        }
                        (None, Some(operand)) => (
                            Some(operand),
                            left_add.saturating_add(distance).saturating_add(operand_left),
                            operand_right,
                        ),
                        (Some(tree), None) => {
                            let add = right_add.saturating_add(distance).saturating_add(operand_right);
                            (Some(tree), left_add, add)
                        }
                        (Some(tree), Some(operand)) => {
                            let gap = gap.min(POSITION_MAX + 1);
                            (Some(tree.followed_by(gap, operand)), left_add, operand_right)
                        }
                    };
                }
                (tree, left_add, right_add)
            }
        }
    }
}

fn join(operands: Vec<Draft>, operator: fn(Query, Query) -> Query) -> (Option<Query>, u16, u16) {
    let kept = operands.into_iter().filter_map(|operand| operand.without_gaps().0);
    (kept.reduce(operator), 0, 0)
}

struct Reader<'a, 'b> {
    scanner: Scanner<'a>,
    operand: &'b mut dyn FnMut(String, u8, bool) -> Result<Option<Query>>,
}

impl Reader<'_, '_> {
    fn expression(&mut self, depth: usize) -> Result<Draft> {
        let mut operands = vec![self.conjunction(depth)?];
        while self.operator('|') {
            operands.push(self.conjunction(depth)?);
        }
        Ok(chain(operands, Draft::Or))
    }

    fn conjunction(&mut self, depth: usize) -> Result<Draft> {
        let mut operands = vec![self.phrase(depth)?];
        while self.operator('&') {
            operands.push(self.phrase(depth)?);
        }
        Ok(chain(operands, Draft::And))
    }

    fn phrase(&mut self, depth: usize) -> Result<Draft> {
        let first = self.negation(depth)?;
        let mut next = Vec::new();
        while let Some(distance) = self.distance()? {
            next.push((distance, self.negation(depth)?));
        }
        Ok(if next.is_empty() { first } else { Draft::Phrase(Box::new(first), next) })
    }

    fn negation(&mut self, depth: usize) -> Result<Draft> {
        if depth > DEPTH_MAX {
            return Err(Problem::new("54001", "stack depth limit exceeded"));
        }
        self.scanner.skip_space();
        match self.scanner.peek() {
            None => Err(Problem::new("42601", format!("no operand in tsquery: \"{}\"", self.scanner.text))),
            Some('!') => {
                self.scanner.next();
                Ok(Draft::Not(Box::new(self.negation(depth + 1)?)))
            }
            Some('(') => {
                self.scanner.next();
                let inner = self.expression(depth + 1)?;
                self.scanner.skip_space();
                if self.scanner.eat(')') { Ok(inner) } else { Err(self.scanner.syntax_error()) }
            }
            Some(':') => Err(self.scanner.syntax_error()),
            Some(_) => self.word(),
        }
    }

    fn word(&mut self) -> Result<Draft> {
        let word = self.scanner.lexeme()?;
        if word.len() > LEXEME_BYTES_MAX {
            return Err(Problem::new(
                "54000",
                format!("word is too long in tsquery: \"{}\"", self.scanner.text),
            ));
        }
        let (mut weights, mut prefix) = (0, false);
        if self.scanner.eat(':') {
            while let Some(c) = self.scanner.peek() {
                match (c, Weight::from_letter(c)) {
                    ('*', _) => prefix = true,
                    (_, Some(weight)) => weights |= weight.bit(),
                    _ => break,
                }
                self.scanner.next();
            }
        }
        Ok((self.operand)(word, weights, prefix)?.map_or(Draft::Gap, Draft::Leaf))
    }

    fn operator(&mut self, operator: char) -> bool {
        self.scanner.skip_space();
        self.scanner.eat(operator)
    }

    /// `<->` or `<N>`.
    fn distance(&mut self) -> Result<Option<u16>> {
        self.scanner.skip_space();
        if !self.scanner.eat('<') {
            return Ok(None);
        }
        let distance = if self.scanner.eat('-') {
            1
        } else {
            let digits = self.scanner.digits();
            if digits.is_empty() {
                return Err(self.scanner.syntax_error());
            }
            digits.parse::<u16>().ok().filter(|distance| *distance <= POSITION_MAX + 1).ok_or_else(|| {
                Problem::new(
                    "22023",
                    "distance in phrase operator must be an integer value between zero and 16384 inclusive",
                )
            })?
        };
        if self.scanner.eat('>') { Ok(Some(distance)) } else { Err(self.scanner.syntax_error()) }
    }
}

fn chain(mut operands: Vec<Draft>, node: fn(Vec<Draft>) -> Draft) -> Draft {
    match operands.pop() {
        Some(only) if operands.is_empty() => only,
        Some(last) => {
            operands.push(last);
            node(operands)
        }
        None => Draft::Gap,
    }
}

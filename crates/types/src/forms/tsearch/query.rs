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
            Draft::Leaf(Query::Word { word, weights, prefix })
        })
    }

    /// Reads a query; `operand` makes what a word stands for.
    pub(crate) fn parse_with(
        text: &str,
        operand: &mut dyn FnMut(String, u8, bool) -> Draft,
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
        Ok(tree.finish())
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
pub(crate) enum Draft {
    /// A stop word, or a text without words.
    Gap,
    Leaf(Query),
    Not(Box<Draft>),
    And(Vec<Draft>),
    Or(Vec<Draft>),
    Phrase(Box<Draft>, Vec<(u16, Draft)>),
}

/// A tree without its stop words, and how far a phrase around it grows on its left and right for them.
struct Cleaned {
    tree: Option<Query>,
    left: u16,
    right: u16,
}

impl Draft {
    pub(crate) fn and(operands: Vec<Draft>) -> Draft {
        chain(operands, Draft::And)
    }

    pub(crate) fn or(operands: Vec<Draft>) -> Draft {
        chain(operands, Draft::Or)
    }

    /// Operands that follow one another directly.
    pub(crate) fn phrase(operands: Vec<Draft>) -> Draft {
        let mut operands = operands.into_iter();
        match operands.next() {
            None => Draft::Gap,
            Some(first) if operands.len() == 0 => first,
            Some(first) => Draft::Phrase(Box::new(first), operands.map(|next| (1, next)).collect()),
        }
    }

    /// The query: stop words are gone, phrases are as much longer.
    pub(crate) fn finish(self) -> TsQuery {
        TsQuery(self.cleaned().tree)
    }

    fn cleaned(self) -> Cleaned {
        match self {
            Draft::Gap => Cleaned { tree: None, left: 0, right: 0 },
            Draft::Leaf(query) => Cleaned { tree: Some(query), left: 0, right: 0 },
            Draft::Not(inner) => {
                let inner = inner.cleaned();
                Cleaned { tree: inner.tree.map(|tree| Query::Not(Box::new(tree))), ..inner }
            }
            Draft::And(operands) => join(operands, Query::and),
            Draft::Or(operands) => join(operands, Query::or),
            Draft::Phrase(first, next) => next
                .into_iter()
                .fold(first.cleaned(), |left, (distance, operand)| follow(left, distance, operand.cleaned())),
        }
    }
}

fn follow(first: Cleaned, distance: u16, next: Cleaned) -> Cleaned {
    let add = |numbers: [u16; 3]| numbers.into_iter().fold(0, u16::saturating_add);
    match (first.tree, next.tree) {
        (None, None) => {
            let both = add([first.left, distance, next.left]);
            Cleaned { tree: None, left: both, right: both }
        }
        (None, Some(tree)) => {
            let left = add([first.left, distance, next.left]);
            Cleaned { tree: Some(tree), left, right: next.right }
        }
        (Some(tree), None) => {
            let right = add([first.right, distance, next.right]);
            Cleaned { tree: Some(tree), left: first.left, right }
        }
        (Some(tree), Some(operand)) => {
            let distance = add([distance, first.right, next.left]).min(POSITION_MAX + 1);
            Cleaned { tree: Some(tree.followed_by(distance, operand)), left: first.left, right: next.right }
        }
    }
}

fn join(operands: Vec<Draft>, operator: fn(Query, Query) -> Query) -> Cleaned {
    let both = |first: Cleaned, next: Cleaned| match (first.tree, next.tree) {
        (None, None) => {
            let most = first.left.max(next.left);
            Cleaned { tree: None, left: most, right: most }
        }
        (None, tree) => Cleaned { tree, ..next },
        (tree, None) => Cleaned { tree, ..first },
        (Some(tree), Some(operand)) => Cleaned { tree: Some(operator(tree, operand)), left: 0, right: 0 },
    };
    let cleaned = operands.into_iter().map(Draft::cleaned).reduce(both);
    cleaned.unwrap_or(Cleaned { tree: None, left: 0, right: 0 })
}

struct Reader<'a, 'b> {
    scanner: Scanner<'a>,
    operand: &'b mut dyn FnMut(String, u8, bool) -> Draft,
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
        Ok((self.operand)(word, weights, prefix))
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

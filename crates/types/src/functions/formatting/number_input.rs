//! `to_number`: reads a number that is written by a template.

use super::number_template::{Field, Node, parse};
use crate::forms::numeric::Decimal;
use mainstay_base::{Problem, Result};

/// The number, or nothing for an empty text or template.
pub(super) fn to_number(text: &str, template: &str) -> Result<Option<Decimal>> {
    let template = parse(template)?;
    if template.roman.is_some() {
        return Err(Problem::new("0A000", "\"RN\" not supported for input"));
    }
    if template.scientific {
        return Err(Problem::new("0A000", "\"EEEE\" not supported for input"));
    }
    if template.nodes.is_empty() {
        return Ok(None);
    }
    let mut reader =
        Reader { rest: text, negative: false, signed: false, digits: String::new(), point: false };
    for node in &template.nodes {
        if reader.rest.is_empty() {
            break;
        }
        reader.node(*node);
    }
    // A sign may follow the number.
    if !reader.signed && reader.rest.trim_start().starts_with('-') {
        reader.negative = true;
    }
    let number = format!("{}{}", if reader.negative { "-" } else { "" }, reader.digits);
    let mut decimal = Decimal::parse(&number)
        .map_err(|_| Problem::new("22P02", "invalid input syntax for type numeric: \" \""))?;
    if template.shift > 0 {
        let power = Decimal::from(10).power(&Decimal::from(template.shift as i64))?;
        decimal = decimal.div(&power)?;
    }
    Ok(Some(decimal))
}

struct Reader<'a> {
    rest: &'a str,
    negative: bool,
    signed: bool,
    digits: String,
    point: bool,
}

impl Reader<'_> {
    fn next_is(&self, c: char) -> bool {
        self.rest.starts_with(c)
    }

    fn skip(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn sign(&mut self) {
        if self.signed {
            return;
        }
        if self.next_is('-') || self.next_is('<') {
            self.negative = true;
        } else if !self.next_is('+') {
            return;
        }
        self.signed = true;
        self.skip();
    }

    fn node(&mut self, node: Node) {
        match node {
            Node::Field(Field::Digit | Field::Zero) => {
                while self.next_is(' ') {
                    self.skip();
                }
                self.sign();
                if let Some(digit) = self.rest.chars().next().filter(char::is_ascii_digit) {
                    self.digits.push(digit);
                    self.skip();
                } else if self.next_is('.') && !self.point {
                    self.point();
                } else {
                    // What is no digit takes a digit's place.
                    self.skip();
                }
            }
            Node::Field(Field::Point) if self.next_is('.') && !self.point => self.point(),
            Node::Field(Field::Group) if self.next_is(',') => self.skip(),
            Node::Field(Field::Minus | Field::Plus | Field::Either | Field::Sign) => self.sign(),
            Node::Field(Field::Currency) => {
                let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-');
                if !self.rest.starts_with(is_number) {
                    self.skip();
                }
            }
            Node::Field(Field::Ordinal { .. }) => {
                for _ in 0..2 {
                    if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                        self.skip();
                    }
                }
            }
            Node::Literal(_) => self.skip(),
            Node::Field(_) => {}
        }
    }

    fn point(&mut self) {
        self.digits.push('.');
        self.point = true;
        self.skip();
    }
}

//! Reads a path into a tree.

use super::lexer::{Token, syntax_error, tokens};
use crate::forms::json::parse::Json;
use crate::forms::jsonb::normal_number;
use mainstay_base::{Problem, Result};
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct Path {
    pub strict: bool,
    pub root: Expression,
}

#[derive(Debug)]
pub(super) enum Expression {
    Root,
    /// `@`
    Current,
    /// `last`, within a subscript.
    Last,
    Variable(String),
    Literal(Json<'static>),
    Step(Box<Expression>, Step),
    Negate(Box<Expression>),
    Plus(Box<Expression>),
    Arithmetic(char, Box<Expression>, Box<Expression>),
    Predicate(Box<Predicate>),
}

#[derive(Debug)]
pub(super) enum Step {
    Member(String),
    AnyMember,
    /// `.**{from to to}`: how deep; without an end to the bottom.
    AnyLevel(u32, Option<u32>),
    AnyElement,
    Subscripts(Vec<(Expression, Option<Expression>)>),
    Filter(Box<Predicate>),
    Method(Method),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Method {
    Type,
    Size,
    Double,
    Ceiling,
    Floor,
    Abs,
    KeyValue,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Type => "type",
            Method::Size => "size",
            Method::Double => "double",
            Method::Ceiling => "ceiling",
            Method::Floor => "floor",
            Method::Abs => "abs",
            Method::KeyValue => "keyvalue",
        }
    }
}

#[derive(Debug)]
pub(super) enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsUnknown(Box<Predicate>),
    Exists(Expression),
    Compare(&'static str, Expression, Expression),
    StartsWith(Expression, Expression),
    LikeRegex(Expression, String, String),
}

/// Deeper nesting of brackets fails, so that no path can exhaust the stack.
const DEPTH_MAX: u32 = 60;

pub(super) fn parse(text: &str) -> Result<Path> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Problem::new("22P02", format!("invalid input syntax for type jsonpath: \"{text}\"")));
    }
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let strict = match parser.peek() {
        Some(Token::Name(mode)) if mode == "strict" || mode == "lax" => {
            let strict = mode == "strict";
            parser.at += 1;
            strict
        }
        _ => false,
    };
    let root = parser.whole()?;
    match parser.peek() {
        None => Ok(Path { strict, root }),
        Some(_) => Err(parser.unexpected()),
    }
}

/// What an operand turned out to be.
enum Operand {
    Value(Expression),
    Truth(Predicate),
}

impl Operand {
    fn value(self) -> Expression {
        match self {
            Operand::Value(value) => value,
            Operand::Truth(predicate) => Expression::Predicate(Box::new(predicate)),
        }
    }
    fn truth(self, parser: &Parser) -> Result<Predicate> {
        match self {
            Operand::Truth(predicate) => Ok(predicate),
            Operand::Value(Expression::Predicate(predicate)) => Ok(*predicate),
            Operand::Value(_) => Err(parser.unexpected()),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn unexpected(&self) -> Problem {
        let near = match self.peek() {
            None => String::new(),
            Some(Token::Name(text) | Token::String(text) | Token::Number(text)) => text.clone(),
            Some(Token::Dollar(name)) => format!("${}", name.as_deref().unwrap_or_default()),
            Some(Token::Sign(sign)) => (*sign).to_owned(),
        };
        syntax_error(&near)
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(token)) if *token == sign);
        self.at += usize::from(found);
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.accept(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn whole(&mut self) -> Result<Expression> {
        Ok(self.or()?.value())
    }

    fn or(&mut self) -> Result<Operand> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::new("54001", "stack depth limit exceeded"));
        }
        let mut left = self.and()?;
        while self.accept("||") {
            let right = self.and()?.truth(self)?;
            left = Operand::Truth(Predicate::Or(Box::new(left.truth(self)?), Box::new(right)));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Operand> {
        let mut left = self.not()?;
        while self.accept("&&") {
            let right = self.not()?.truth(self)?;
            left = Operand::Truth(Predicate::And(Box::new(left.truth(self)?), Box::new(right)));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Operand> {
        if self.accept("!") {
            let inner = self.delimited()?;
            return Ok(Operand::Truth(Predicate::Not(Box::new(inner))));
        }
        self.comparison()
    }

    /// What `!` applies to: `(…)` or `exists(…)`.
    fn delimited(&mut self) -> Result<Predicate> {
        if self.accept_word("exists") {
            return self.exists();
        }
        self.expect("(")?;
        let inner = self.or()?.truth(self)?;
        self.expect(")")?;
        Ok(inner)
    }

    fn exists(&mut self) -> Result<Predicate> {
        self.expect("(")?;
        let inner = self.or()?.value();
        self.expect(")")?;
        Ok(Predicate::Exists(inner))
    }

    fn comparison(&mut self) -> Result<Operand> {
        let left = self.sum()?;
        for sign in ["==", "=", "!=", "<>", "<=", ">=", "<", ">"] {
            if self.accept(sign) {
                let sign = match sign {
                    "=" => "==",
                    "<>" => "!=",
                    other => other,
                };
                let right = self.sum()?.value();
                return Ok(Operand::Truth(Predicate::Compare(sign, left.value(), right)));
            }
        }
        if self.accept_word("is") {
            let inner = left.truth(self)?;
            if !self.accept_word("unknown") {
                return Err(self.unexpected());
            }
            return Ok(Operand::Truth(Predicate::IsUnknown(Box::new(inner))));
        }
        if self.accept_word("starts") {
            if !self.accept_word("with") {
                return Err(self.unexpected());
            }
            let prefix = self.sum()?.value();
            return Ok(Operand::Truth(Predicate::StartsWith(left.value(), prefix)));
        }
        if self.accept_word("like_regex") {
            let pattern = self.string()?;
            let flags = if self.accept_word("flag") { self.string()? } else { String::new() };
            if let Some(flag) = flags.chars().find(|flag| !"ismxq".contains(*flag)) {
                return Err(Problem::new("42601", "invalid input syntax for type jsonpath").with_details(
                    format!("Unrecognized flag character \"{flag}\" in LIKE_REGEX predicate."),
                ));
            }
            return Ok(Operand::Truth(Predicate::LikeRegex(left.value(), pattern, flags)));
        }
        Ok(left)
    }

    fn string(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::String(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn sum(&mut self) -> Result<Operand> {
        let mut left = self.product()?;
        loop {
            let operator = if self.accept("+") {
                '+'
            } else if self.accept("-") {
                '-'
            } else {
                return Ok(left);
            };
            let right = self.product()?.value();
            left = Operand::Value(Expression::Arithmetic(operator, Box::new(left.value()), Box::new(right)));
        }
    }

    fn product(&mut self) -> Result<Operand> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Sign("*")) => '*',
                Some(Token::Sign("/")) => '/',
                Some(Token::Sign("%")) => '%',
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.signed()?.value();
            left = Operand::Value(Expression::Arithmetic(operator, Box::new(left.value()), Box::new(right)));
        }
    }

    fn signed(&mut self) -> Result<Operand> {
        let mut signs = Vec::new();
        loop {
            if self.accept("-") {
                signs.push('-');
            } else if self.accept("+") {
                signs.push('+');
            } else {
                break;
            }
            if signs.len() > DEPTH_MAX as usize {
                return Err(Problem::new("54001", "stack depth limit exceeded"));
            }
        }
        let mut operand = self.accessed()?;
        for sign in signs.into_iter().rev() {
            let value = Box::new(operand.value());
            operand =
                Operand::Value(if sign == '-' { Expression::Negate(value) } else { Expression::Plus(value) });
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<Operand> {
        if self.accept("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.accept("@") {
            return Ok(Operand::Value(Expression::Current));
        }
        let token = self.peek().cloned();
        self.at += 1;
        Ok(Operand::Value(match token {
            Some(Token::Dollar(None)) => Expression::Root,
            Some(Token::Dollar(Some(name))) => Expression::Variable(name),
            Some(Token::String(text)) => Expression::Literal(Json::string(text)),
            Some(Token::Number(number)) => {
                Expression::Literal(Json::Number(Cow::Owned(normal_number(&number)?.into_owned())))
            }
            Some(Token::Name(word)) => match word.to_ascii_lowercase().as_str() {
                "true" => Expression::Literal(Json::Bool(true)),
                "false" => Expression::Literal(Json::Bool(false)),
                "null" => Expression::Literal(Json::Null),
                "last" => Expression::Last,
                "exists" => return Ok(Operand::Truth(self.exists()?)),
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected());
                }
            },
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        }))
    }

    fn accessed(&mut self) -> Result<Operand> {
        let mut operand = self.primary()?;
        // `last` would be a path of its own; every accessor here belongs to what stands before it.
        let mut count = 0u32;
        loop {
            let step = if self.accept(".") {
                self.member()?
            } else if self.accept("[") {
                self.subscripts()?
            } else if self.accept("?") {
                self.expect("(")?;
                let predicate = self.or()?.truth(self)?;
                self.expect(")")?;
                Step::Filter(Box::new(predicate))
            } else {
                return Ok(operand);
            };
            count += 1;
            if count > 200 {
                return Err(Problem::new("54001", "stack depth limit exceeded"));
            }
            operand = Operand::Value(Expression::Step(Box::new(operand.value()), step));
        }
    }

    fn member(&mut self) -> Result<Step> {
        if self.accept("**") {
            return self.levels();
        }
        if self.accept("*") {
            return Ok(Step::AnyMember);
        }
        let name = match self.peek().cloned() {
            Some(Token::String(name)) => {
                self.at += 1;
                return Ok(Step::Member(name));
            }
            Some(Token::Name(name)) => name,
            // A key may look like a variable: `$.$a` is no valid path.
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        if !self.accept("(") {
            return Ok(Step::Member(name));
        }
        let method = match name.as_str() {
            "type" => Method::Type,
            "size" => Method::Size,
            "double" => Method::Double,
            "ceiling" => Method::Ceiling,
            "floor" => Method::Floor,
            "abs" => Method::Abs,
            "keyvalue" => Method::KeyValue,
            "datetime" => return Err(Problem::needs_postgres("jsonpath item method .datetime()")),
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        self.expect(")")?;
        Ok(Step::Method(method))
    }

    fn levels(&mut self) -> Result<Step> {
        if !self.accept("{") {
            return Ok(Step::AnyLevel(0, None));
        }
        let from = self.level()?;
        let to = if self.accept_word("to") { self.level()? } else { from };
        self.expect("}")?;
        Ok(Step::AnyLevel(from.unwrap_or(u32::MAX), to))
    }

    /// A depth; `last` is none.
    fn level(&mut self) -> Result<Option<u32>> {
        if self.accept_word("last") {
            return Ok(None);
        }
        match self.peek() {
            Some(Token::Number(number)) => {
                let level = number.parse().map_err(|_| self.unexpected())?;
                self.at += 1;
                Ok(Some(level))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn subscripts(&mut self) -> Result<Step> {
        if self.accept("*") {
            self.expect("]")?;
            return Ok(Step::AnyElement);
        }
        let mut subscripts = Vec::new();
        loop {
            let from = self.sum()?.value();
            let to = if self.accept_word("to") { Some(self.sum()?.value()) } else { None };
            subscripts.push((from, to));
            if !self.accept(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(Step::Subscripts(subscripts))
    }
}

//! An expression over one row as a tree with its types and overloads chosen, for those who evaluate it themselves.
//!
//! Names, overloads and casts are found as the binder finds them for statements; there is no text of a dialect here.
//! What needs a query (subqueries, functions with more than an expression) is refused with 0A000 and its place.
//! Start reading at [`expression`].

mod build;
mod calls;
mod operators;

use crate::bind::scope::Binder;
use crate::catalog::{Catalog, Relation};
use crate::parse::{self, on_deep_stack};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Native, Type, Value};

/// An expression whose types are known. Comparisons, calls and casts give NULL for NULL unless they say otherwise.
#[derive(Clone)]
pub enum Expression {
    /// The column of the relation with this number.
    Column(usize),
    /// In storage form.
    Constant(Value),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    IsNull(Box<Expression>),
    /// `IS TRUE`, `IS FALSE`, `IS UNKNOWN`.
    Is(Box<Expression>, Option<bool>),
    /// Of two values of the type.
    Compare(Comparison, Type, Box<[Expression; 2]>),
    /// `IS DISTINCT FROM`: never NULL.
    Distinct(Type, Box<[Expression; 2]>),
    Call(Box<Call>),
    /// Of a value of the type; the last is whether it was asked for.
    Cast(Box<Expression>, Type, Box<ColumnType>, bool),
    /// The first arm whose condition is true; its value.
    Case(Vec<(Expression, Expression)>, Box<Expression>),
    /// The first that is not NULL.
    Coalesce(Vec<Expression>),
}

#[derive(Clone)]
pub struct Call {
    pub native: &'static Native,
    pub arguments: Vec<Expression>,
    /// The concrete types of the arguments.
    pub types: Vec<Type>,
    pub returns: Type,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Expression {
    /// The expressions directly within.
    pub fn parts(&self) -> Vec<&Expression> {
        match self {
            Expression::Column(_) | Expression::Constant(_) => Vec::new(),
            Expression::And(parts) | Expression::Or(parts) | Expression::Coalesce(parts) => {
                parts.iter().collect()
            }
            Expression::Not(part)
            | Expression::IsNull(part)
            | Expression::Is(part, _)
            | Expression::Cast(part, ..) => vec![part],
            Expression::Compare(_, _, sides) | Expression::Distinct(_, sides) => sides.iter().collect(),
            Expression::Call(call) => call.arguments.iter().collect(),
            Expression::Case(arms, otherwise) => {
                let arms = arms.iter().flat_map(|(condition, value)| [condition, value]);
                arms.chain([&**otherwise]).collect()
            }
        }
    }
}

/// The condition `text` over a row of `relation`: of type boolean.
pub fn condition(catalog: &Catalog, relation: &Relation, text: &str) -> Result<Expression> {
    let (expression, ty) = typed(catalog, relation, text, Some(&Type::Bool))?;
    match ty {
        Type::Bool => Ok(expression),
        other => Err(Problem::new(
            "42804",
            format!("a condition must be of type boolean, not type {}", catalog.types.type_name(&other)),
        )),
    }
}

/// The expression `text` over a row of `relation`, with its type.
pub fn expression(catalog: &Catalog, relation: &Relation, text: &str) -> Result<(Expression, Type)> {
    typed(catalog, relation, text, None)
}

fn typed(
    catalog: &Catalog,
    relation: &Relation,
    text: &str,
    want: Option<&Type>,
) -> Result<(Expression, Type)> {
    on_deep_stack(text, || {
        let node = parse::expression(text)?;
        let binder = Binder::new(catalog, &[], &[]);
        let mut builder = build::Builder { binder, relation, frames: Vec::new() };
        let built = builder.expression(&node)?;
        let built = if built.is_unknown() {
            builder.literal(built, &want.cloned().unwrap_or(Type::Text).into(), None)?
        } else {
            built
        };
        Ok((built.expression, built.ty))
    })
}

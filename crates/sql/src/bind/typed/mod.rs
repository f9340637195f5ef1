//! An expression over one row as a tree with its types and overloads chosen, for those who evaluate it themselves.
//!
//! Names, overloads and casts are found as the binder finds them for statements; there is no text of a dialect here.
//! What needs a query (subqueries, functions with more than an expression) is refused with 0A000 and its place.
//! Start reading at [`condition`].

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

/// The condition `text` over a row of `relation`: of type boolean.
pub fn condition(catalog: &Catalog, relation: &Relation, text: &str) -> Result<Expression> {
    on_deep_stack(text, || {
        let node = parse::expression(text)?;
        let binder = Binder::new(catalog, &[], &[]);
        let mut builder = build::Builder { binder, relation, frames: Vec::new() };
        let mut built = builder.expression(&node)?;
        if built.is_unknown() {
            built = builder.literal(built, &Type::Bool.into(), None)?;
        }
        match built.ty {
            Type::Bool => Ok(built.expression),
            other => Err(Problem::new(
                "42804",
                format!("a condition must be of type boolean, not type {}", catalog.types.type_name(&other)),
            )),
        }
    })
}

//! Operators, IN, BETWEEN, DISTINCT and ANY of an array that is written out.

use super::build::{Builder, Built, needs_a_query};
use super::{Call, Comparison, Expression};
use crate::bind::errors::{Located, place};
use crate::bind::operators::{Operator, resolve};
use crate::bind::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::{Type, Value};
use pg_query::protobuf::{AConst, AExpr, AExprKind, a_const};
use pg_query::{Node, NodeEnum};

impl Builder<'_> {
    pub(super) fn operator(&mut self, expression: &AExpr) -> Result<Built> {
        let at = place(expression.location);
        let names = strings(&expression.name);
        let name = names.last().copied().unwrap_or_default();
        match expression.kind() {
            AExprKind::AexprOp | AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
                self.plain(name, expression, at)
            }
            AExprKind::AexprIn => self.in_list(expression, name == "<>", at),
            AExprKind::AexprBetween => self.between(expression, false, at),
            AExprKind::AexprNotBetween => self.between(expression, true, at),
            AExprKind::AexprDistinct => self.distinct(expression, at),
            AExprKind::AexprNotDistinct => {
                let distinct = self.distinct(expression, at)?;
                Ok(Built::boolean(Expression::Not(Box::new(distinct.expression))))
            }
            AExprKind::AexprNullif => self.nullif(expression, at),
            AExprKind::AexprOpAny => self.quantified(expression, name, false, at),
            AExprKind::AexprOpAll => self.quantified(expression, name, true, at),
            _ => Err(needs_a_query("an operator of this kind", at)),
        }
    }

    fn plain(&mut self, name: &str, expression: &AExpr, at: Option<usize>) -> Result<Built> {
        let Some(left) = expression.lexpr.as_deref() else {
            if name == "-"
                && let Some(number) = negative(expression.rexpr.as_deref())
            {
                return Ok(Built::new(Expression::Constant(Value::Integer(number)), Type::Int4));
            }
            let operand = self.optional(expression.rexpr.as_deref())?;
            return self.apply(name, vec![operand], at);
        };
        let left = self.expression(left)?;
        let right = self.optional(expression.rexpr.as_deref())?;
        self.compare(name, left, right, at)
    }

    /// `left name right`, a comparison or any other operator.
    pub(super) fn compare(
        &mut self,
        name: &str,
        left: Built,
        right: Built,
        at: Option<usize>,
    ) -> Result<Built> {
        self.apply(name, vec![left, right], at)
    }

    fn apply(&mut self, name: &str, operands: Vec<Built>, at: Option<usize>) -> Result<Built> {
        let types: Vec<Type> = operands.iter().map(|operand| operand.ty.clone()).collect();
        let resolved = resolve(&self.binder, name, &types).placed(at)?;
        let mut values = Vec::with_capacity(operands.len());
        for (operand, ty) in operands.into_iter().zip(&resolved.args) {
            values.push(self.implicit(operand, ty).placed(at)?);
        }
        match resolved.operator {
            Operator::Native(native) => self.call(native, values, resolved.args, resolved.returns, at),
            Operator::Compare(_) => {
                let [left, right] = <[Built; 2]>::try_from(values)
                    .map_err(|_| Problem::internal("a comparison without two operands"))?;
                self.comparison(name, left, right, at)
            }
        }
    }

    fn comparison(&mut self, name: &str, left: Built, right: Built, at: Option<usize>) -> Result<Built> {
        let Some(comparison) = comparison_named(name) else {
            return Err(Problem::internal("a comparison of an unknown name").placed(at));
        };
        let (ty, sides) = self.in_one_type(left, right, at)?;
        Ok(Built::boolean(Expression::Compare(comparison, ty, Box::new(sides))))
    }

    /// Both sides in the type in which they are compared.
    fn in_one_type(
        &mut self,
        left: Built,
        right: Built,
        at: Option<usize>,
    ) -> Result<(Type, [Expression; 2])> {
        let ty = match (&left.ty, &right.ty) {
            (left, right) if left == right => left.clone(),
            // Integers of any width compare as they lie in the store.
            (Type::Int2 | Type::Int4 | Type::Int8, Type::Int2 | Type::Int4 | Type::Int8) => Type::Int8,
            (Type::Float4 | Type::Float8, Type::Float4 | Type::Float8) => Type::Float8,
            (Type::Text | Type::Varchar | Type::Name, Type::Text | Type::Varchar | Type::Name) => Type::Text,
            (Type::Date, moment @ (Type::Timestamp | Type::TimestampTz))
            | (moment @ (Type::Timestamp | Type::TimestampTz), Type::Date) => moment.clone(),
            (Type::Timestamp, Type::TimestampTz) | (Type::TimestampTz, Type::Timestamp) => Type::TimestampTz,
            _ => return Err(needs_a_query("a comparison of these types", at)),
        };
        if matches!(ty, Type::Composite(_) | Type::Record) {
            return Err(needs_a_query("a comparison of rows", at));
        }
        let mut side = |built: Built| match (&built.ty, &ty) {
            (Type::Date | Type::Timestamp, Type::Timestamp | Type::TimestampTz) => {
                self.implicit(built, &ty).map(|built| built.expression)
            }
            _ => Ok(built.expression),
        };
        let sides = [side(left)?, side(right)?];
        Ok((ty, sides))
    }

    fn in_list(&mut self, expression: &AExpr, negated: bool, at: Option<usize>) -> Result<Built> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let items = match expression.rexpr.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.all(&list.items)?,
            _ => return Err(needs_a_query("IN of this", at)),
        };
        let mut tests = Vec::with_capacity(items.len());
        for item in items {
            tests.push(self.compare("=", left.clone(), item, at)?.expression);
        }
        let any = Expression::Or(tests);
        Ok(Built::boolean(if negated { Expression::Not(Box::new(any)) } else { any }))
    }

    fn between(&mut self, expression: &AExpr, negated: bool, at: Option<usize>) -> Result<Built> {
        let value = self.optional(expression.lexpr.as_deref())?;
        let limits = match expression.rexpr.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.all(&list.items)?,
            _ => Vec::new(),
        };
        let Ok([low, high]) = <[Built; 2]>::try_from(limits) else {
            return Err(Problem::internal("BETWEEN without two limits").placed(at));
        };
        let (above, below) = if negated { ("<", ">") } else { (">=", "<=") };
        let above = self.compare(above, value.clone(), low, at)?.expression;
        let below = self.compare(below, value, high, at)?.expression;
        let both = vec![above, below];
        Ok(Built::boolean(if negated { Expression::Or(both) } else { Expression::And(both) }))
    }

    fn distinct(&mut self, expression: &AExpr, at: Option<usize>) -> Result<Built> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let right = self.optional(expression.rexpr.as_deref())?;
        match self.compare("=", left, right, at)?.expression {
            Expression::Compare(_, ty, sides) => Ok(Built::boolean(Expression::Distinct(ty, sides))),
            _ => Err(needs_a_query("IS DISTINCT FROM of these types", at)),
        }
    }

    fn nullif(&mut self, expression: &AExpr, at: Option<usize>) -> Result<Built> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let right = self.optional(expression.rexpr.as_deref())?;
        let left = if left.is_unknown() { self.literal(left, &Type::Text.into(), at)? } else { left };
        let equal = self.compare("=", left.clone(), right, at)?.expression;
        let arms = vec![(equal, Expression::Constant(Value::Null))];
        Ok(Built::new(Expression::Case(arms, Box::new(left.expression)), left.ty))
    }

    /// `left op ANY (ARRAY[…])`: one comparison for each element.
    fn quantified(&mut self, expression: &AExpr, name: &str, all: bool, at: Option<usize>) -> Result<Built> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let elements = match expression.rexpr.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::AArrayExpr(array)) => self.all(&array.elements)?,
            _ => return Err(needs_a_query("ANY or ALL of an array that is not written out", at)),
        };
        let mut tests = Vec::with_capacity(elements.len());
        for element in elements {
            if matches!(element.ty, Type::Array(_)) {
                return Err(needs_a_query("ANY or ALL of an array of arrays", at));
            }
            let test = self.compare(name, left.clone(), element, at)?;
            if test.ty != Type::Bool {
                return Err(
                    Problem::new("42809", "op ANY/ALL (array) requires operator to yield boolean").placed(at)
                );
            }
            tests.push(test.expression);
        }
        Ok(Built::boolean(if all { Expression::And(tests) } else { Expression::Or(tests) }))
    }

    pub(super) fn call(
        &mut self,
        native: &'static mainstay_types::Native,
        values: Vec<Built>,
        types: Vec<Type>,
        returns: Type,
        at: Option<usize>,
    ) -> Result<Built> {
        super::calls::must_be_pure(native, at)?;
        // What `any` takes keeps its own type.
        let types = types
            .into_iter()
            .zip(&values)
            .map(|(ty, value)| if ty.is_pseudo() { value.ty.clone() } else { ty })
            .collect();
        let arguments = values.into_iter().map(|value| value.expression).collect();
        let call = Call { native, arguments, types, returns: returns.clone() };
        Ok(Built::new(Expression::Call(Box::new(call)), returns))
    }
}

fn comparison_named(name: &str) -> Option<Comparison> {
    Some(match name {
        "=" => Comparison::Equal,
        "<>" | "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `- 5` is a literal, as in PostgreSQL's grammar.
fn negative(node: Option<&Node>) -> Option<i64> {
    match &node?.node {
        Some(NodeEnum::AConst(AConst { val: Some(a_const::Val::Ival(number)), .. })) => {
            Some(-i64::from(number.ival))
        }
        _ => None,
    }
}

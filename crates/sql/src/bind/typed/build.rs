//! Names, constants, logic and CASE.

use super::Expression;
use crate::bind::bound::{Bound, Form};
use crate::bind::coerce::Coercion;
use crate::bind::errors::{Located, place};
use crate::bind::scope::Binder;
use crate::bind::types::{common_type, strings};
use crate::catalog::{Name, Relation};
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{CastKind, cast_kind};
use mainstay_types::{ColumnType, Type, Value};
use pg_query::protobuf::{
    BoolExpr, BoolExprType, BoolTestType, BooleanTest, CaseExpr, ColumnRef, NullTest, NullTestType, SubLink,
    SubLinkType, TypeCast,
};
use pg_query::{Node, NodeEnum};

/// An expression with its type; an untyped literal is a constant text of [`Type::Unknown`].
#[derive(Clone)]
pub(super) struct Built {
    pub expression: Expression,
    pub ty: Type,
}

impl Built {
    pub fn new(expression: Expression, ty: Type) -> Built {
        Built { expression, ty }
    }

    pub fn boolean(expression: Expression) -> Built {
        Built { expression, ty: Type::Bool }
    }

    pub fn is_unknown(&self) -> bool {
        self.ty == Type::Unknown
    }
}

/// The arguments of a function whose body is being built.
pub(super) struct Frame {
    pub function: Name,
    pub arguments: Vec<(String, Built)>,
}

pub(super) struct Builder<'c> {
    pub binder: Binder<'c>,
    pub relation: &'c Relation,
    pub frames: Vec<Frame>,
}

/// What a row alone cannot decide.
pub(super) fn needs_a_query(what: &str, at: Option<usize>) -> Problem {
    Problem::new("0A000", format!("{what} cannot be decided from one row alone")).placed(at)
}

impl Builder<'_> {
    pub fn optional(&mut self, node: Option<&Node>) -> Result<Built> {
        match node {
            Some(node) => self.expression(node),
            None => Err(Problem::internal("a part of the parse tree is missing")),
        }
    }

    pub fn all(&mut self, nodes: &[Node]) -> Result<Vec<Built>> {
        nodes.iter().map(|node| self.expression(node)).collect()
    }

    pub fn expression(&mut self, node: &Node) -> Result<Built> {
        let Some(kind) = &node.node else { return Err(Problem::internal("an empty node in the parse tree")) };
        match kind {
            NodeEnum::ColumnRef(reference) => self.column(reference),
            NodeEnum::AConst(constant) => {
                let bound = self.binder.constant(constant)?;
                settled(bound).ok_or_else(|| needs_a_query("this constant", place(constant.location)))
            }
            NodeEnum::ParamRef(param) => self.argument(param.number, place(param.location)),
            NodeEnum::BoolExpr(expression) => self.logic(expression),
            NodeEnum::NullTest(test) => self.null_test(test),
            NodeEnum::BooleanTest(test) => self.boolean_test(test),
            NodeEnum::TypeCast(cast) => self.cast(cast),
            NodeEnum::AExpr(expression) => self.operator(expression),
            NodeEnum::FuncCall(call) => self.function_call(call),
            NodeEnum::SqlvalueFunction(function) => self.value_function(function),
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::CoalesceExpr(coalesce) => {
                let parts = self.all(&coalesce.args)?;
                let (parts, ty) = self.alike("COALESCE", parts)?;
                Ok(Built::new(Expression::Coalesce(parts), ty))
            }
            // `(SELECT f())`, as it is written so that the call is made once.
            NodeEnum::SubLink(link) => match lone_value(link) {
                Some(value) => self.expression(value),
                None => Err(needs_a_query("a subquery", place(link.location))),
            },
            NodeEnum::CollateClause(clause) => Err(needs_a_query("a collation", place(clause.location))),
            _ => Err(needs_a_query("an expression of this kind", None)),
        }
    }

    fn column(&mut self, reference: &ColumnRef) -> Result<Built> {
        let at = place(reference.location);
        let parts = strings(&reference.fields);
        if parts.len() != reference.fields.len() {
            return Err(needs_a_query("a whole row", at));
        }
        if let Some(frame) = self.frames.last() {
            let name = match *parts {
                [name] => Some(name),
                [function, name] if function == frame.function.name => Some(name),
                _ => None,
            };
            let found = frame.arguments.iter().find(|(known, _)| name == Some(known) && !known.is_empty());
            return found.map(|(_, built)| built.clone()).ok_or_else(|| {
                Problem::new("42703", format!("column \"{}\" does not exist", parts.join("."))).placed(at)
            });
        }
        let own = &self.relation.name;
        let name = match *parts {
            [name] => Some(name),
            [table, name] if table == own.name => Some(name),
            [schema, table, name] if schema == own.schema && table == own.name => Some(name),
            _ => None,
        };
        let columns = &self.relation.columns;
        let index = columns.iter().position(|column| name == Some(&column.name)).ok_or_else(|| {
            Problem::new("42703", format!("column \"{}\" does not exist", parts.join("."))).placed(at)
        })?;
        let ty = columns.get(index).map_or(Type::Unknown, |column| column.ty.ty.clone());
        Ok(Built::new(Expression::Column(index), ty))
    }

    fn argument(&self, number: i32, at: Option<usize>) -> Result<Built> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let frame = self.frames.last();
        let found = index.and_then(|index| frame?.arguments.get(index));
        found
            .map(|(_, built)| built.clone())
            .ok_or_else(|| Problem::new("42P02", format!("there is no parameter ${number}")).placed(at))
    }

    pub fn truth(&mut self, node: &Node, what: &str) -> Result<Expression> {
        let built = self.expression(node)?;
        self.as_truth(built, what)
    }

    fn as_truth(&mut self, built: Built, what: &str) -> Result<Expression> {
        if built.is_unknown() {
            return self.literal(built, &Type::Bool.into(), None).map(|built| built.expression);
        }
        if built.ty != Type::Bool {
            let ty = self.binder.type_name(&built.ty);
            return Err(Problem::new(
                "42804",
                format!("argument of {what} must be type boolean, not type {ty}"),
            ));
        }
        Ok(built.expression)
    }

    fn logic(&mut self, expression: &BoolExpr) -> Result<Built> {
        let what = match expression.boolop() {
            BoolExprType::AndExpr => "AND",
            BoolExprType::OrExpr => "OR",
            _ => "NOT",
        };
        let mut parts = Vec::with_capacity(expression.args.len());
        for node in &expression.args {
            parts.push(self.truth(node, what)?);
        }
        Ok(Built::boolean(match what {
            "AND" => Expression::And(parts),
            "OR" => Expression::Or(parts),
            _ => {
                let part = parts.pop().ok_or_else(|| Problem::internal("NOT without an operand"))?;
                Expression::Not(Box::new(part))
            }
        }))
    }

    fn null_test(&mut self, test: &NullTest) -> Result<Built> {
        let built = self.optional(test.arg.as_deref())?;
        if matches!(built.ty, Type::Composite(_) | Type::Record) {
            return Err(needs_a_query("IS NULL of a row", place(test.location)));
        }
        let is_null = Expression::IsNull(Box::new(built.expression));
        Ok(Built::boolean(match test.nulltesttype() {
            NullTestType::IsNotNull => Expression::Not(Box::new(is_null)),
            _ => is_null,
        }))
    }

    fn boolean_test(&mut self, test: &BooleanTest) -> Result<Built> {
        let (truth, negated, what) = match test.booltesttype() {
            BoolTestType::IsNotTrue => (Some(true), true, "IS NOT TRUE"),
            BoolTestType::IsFalse => (Some(false), false, "IS FALSE"),
            BoolTestType::IsNotFalse => (Some(false), true, "IS NOT FALSE"),
            BoolTestType::IsUnknown => (None, false, "IS UNKNOWN"),
            BoolTestType::IsNotUnknown => (None, true, "IS NOT UNKNOWN"),
            _ => (Some(true), false, "IS TRUE"),
        };
        let part = self.optional(test.arg.as_deref())?;
        let part = self.as_truth(part, what)?;
        let is = Expression::Is(Box::new(part), truth);
        Ok(Built::boolean(if negated { Expression::Not(Box::new(is)) } else { is }))
    }

    fn case(&mut self, case: &CaseExpr) -> Result<Built> {
        let subject = case.arg.as_deref().map(|node| self.expression(node)).transpose()?;
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for arm in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = &arm.node else { continue };
            let condition = self.optional(when.expr.as_deref())?;
            conditions.push(match &subject {
                Some(subject) => {
                    self.compare("=", subject.clone(), condition, place(when.location))?.expression
                }
                None => self.as_truth(condition, "CASE/WHEN")?,
            });
            values.push(self.optional(when.result.as_deref())?);
        }
        values.push(match case.defresult.as_deref() {
            Some(node) => self.expression(node)?,
            None => Built::new(Expression::Constant(Value::Null), Type::Unknown),
        });
        let (mut values, ty) = self.alike("CASE", values)?;
        let otherwise = values.pop().unwrap_or(Expression::Constant(Value::Null));
        let arms = conditions.into_iter().zip(values).collect();
        Ok(Built::new(Expression::Case(arms, Box::new(otherwise)), ty))
    }

    /// The parts in the one type that PostgreSQL finds for them.
    fn alike(&mut self, what: &str, parts: Vec<Built>) -> Result<(Vec<Expression>, Type)> {
        let bounds: Vec<Bound> = parts.iter().map(|part| stand_in(&part.ty)).collect();
        let ty = common_type(&self.binder, what, &bounds.iter().collect::<Vec<_>>())?;
        let parts: Result<Vec<Expression>> =
            parts.into_iter().map(|part| Ok(self.implicit(part, &ty)?.expression)).collect();
        Ok((parts?, ty))
    }

    fn cast(&mut self, cast: &TypeCast) -> Result<Built> {
        let at = place(cast.location);
        let Some(name) = &cast.type_name else { return Err(Problem::internal("a cast without a type")) };
        let named = self.binder.named_type(name)?;
        if named.domain.is_some_and(|domain| domain.not_null || !domain.checks.is_empty()) {
            return Err(needs_a_query("a cast to a domain with constraints", at));
        }
        let target = named.ty;
        if strings(&name.names).last() == Some(&"interval") && !name.typmods.is_empty() {
            return Err(needs_a_query("an interval with a unit", at));
        }
        let built = self.optional(cast.arg.as_deref())?;
        if built.is_unknown() {
            return self.literal(built, &target, at);
        }
        if cast_kind(&built.ty, &target.ty).is_none() {
            let (from, to) = (self.binder.type_name(&built.ty), self.binder.type_name(&target.ty));
            return Err(Problem::new("42846", format!("cannot cast type {from} to {to}")).placed(at));
        }
        let ty = target.ty.clone();
        Ok(Built::new(Expression::Cast(Box::new(built.expression), built.ty, Box::new(target), true), ty))
    }

    /// An untyped literal as a value of the type.
    pub fn literal(&mut self, built: Built, target: &ColumnType, at: Option<usize>) -> Result<Built> {
        let text = match built.expression {
            Expression::Constant(Value::Text(text)) => text,
            other => return Ok(Built::new(other, target.ty.clone())),
        };
        let bound = self.binder.literal_as(&text, target, Coercion::Explicit, at)?;
        // What depends on the session (`'now'`, a time zone) waits until there is one.
        Ok(settled(bound).unwrap_or_else(|| {
            let text = Box::new(Expression::Constant(Value::Text(text)));
            let cast = Expression::Cast(text, Type::Text, Box::new(target.clone()), true);
            Built::new(cast, target.ty.clone())
        }))
    }

    /// The value in a type that it comes to by itself.
    pub fn implicit(&mut self, built: Built, ty: &Type) -> Result<Built> {
        if built.ty == *ty || ty.is_pseudo() {
            return Ok(built);
        }
        if built.is_unknown() {
            return self.literal(built, &ty.clone().into(), None);
        }
        if cast_kind(&built.ty, ty) != Some(CastKind::Implicit) {
            let (from, to) = (self.binder.type_name(&built.ty), self.binder.type_name(ty));
            return Err(Problem::new("42846", format!("cannot cast type {from} to {to}")));
        }
        let cast = Expression::Cast(Box::new(built.expression), built.ty, Box::new(ty.clone().into()), false);
        Ok(Built::new(cast, ty.clone()))
    }
}

/// What the binder's rules are asked with in the place of an expression.
pub(super) fn stand_in(ty: &Type) -> Bound {
    Bound::plain("", ty.clone())
}

fn settled(bound: Bound) -> Option<Built> {
    let ty = bound.ty.ty;
    match bound.form {
        Form::Constant(value) => Some(Built::new(Expression::Constant(value), ty)),
        Form::UnknownText(text) => Some(Built::new(Expression::Constant(Value::Text(text)), ty)),
        _ => None,
    }
}

/// The expression of `(SELECT expression)`.
fn lone_value(link: &SubLink) -> Option<&Node> {
    if link.sub_link_type() != SubLinkType::ExprSublink {
        return None;
    }
    super::calls::lone_expression(link.subselect.as_deref()?.node.as_ref()?)
}

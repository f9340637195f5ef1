//! Subqueries that stand for one value or one row: proof that they give no second row, and what raises where there
//! is no proof. SQLite would take the first row and say nothing.

use super::bound::{Bound, Form, quote};
use super::query::{Naming, Query};
use super::scope::Binder;
use crate::catalog::{ConstraintKind, KeyKind, Relation};
use mainstay_types::{Type, Volatility};
use pg_query::protobuf::{AExprKind, BoolExprType};
use pg_query::{Node, NodeEnum};

/// The aggregate that gives the value of its only row and raises on a second one.
const SINGLE: &str = "\"pga:pg_single(any)\"";

impl Query {
    /// Gives at most one row, whatever the tables hold.
    pub fn at_most_one_row(&self) -> bool {
        self.one_row || self.single
    }

    /// The query's text for where one row at most may come.
    pub fn render_single(&self, binder: &mut Binder<'_>) -> String {
        if self.at_most_one_row() {
            return self.render(Naming::None);
        }
        let names: Vec<String> = (0..self.columns().len()).map(|index| format!("c{index}")).collect();
        let emit = quote(&binder.emit_name("single"));
        let values: Vec<String> =
            self.names(&names).iter().map(|name| single_value(&format!("{emit}.{}", quote(name)))).collect();
        format!("SELECT {} FROM ({}) AS {emit}", values.join(", "), self.render(Naming::Columns(&names)))
    }
}

/// The value of an expression in the only row.
pub(super) fn single_value(text: &str) -> String {
    format!("{SINGLE}({text})")
}

impl Binder<'_> {
    /// Whether FROM and WHERE of the query that is being bound leave one row at most: FROM is one such query, or
    /// one table of which WHERE fixes all columns of a key.
    pub fn finds_one_row(&mut self, filter: Option<&Node>) -> bool {
        let scope = self.scope();
        let [source] = scope.sources.as_slice() else { return false };
        if scope.single_source {
            return true;
        }
        let Some(relation) = source.relation.clone().filter(|relation| relation.is_table()) else {
            return false;
        };
        let mut fixed = Vec::new();
        if let Some(filter) = filter {
            self.fixed_columns(filter, &relation, &mut fixed);
        }
        !fixed.is_empty() && has_key(&relation, &fixed)
    }

    /// Columns of the only source that a condition compares with values from outside.
    fn fixed_columns(&mut self, node: &Node, relation: &Relation, fixed: &mut Vec<String>) {
        match &node.node {
            Some(NodeEnum::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
                for part in &all.args {
                    self.fixed_columns(part, relation, fixed);
                }
            }
            Some(NodeEnum::AExpr(test))
                if test.kind() == AExprKind::AexprOp && super::types::strings(&test.name) == ["="] =>
            {
                let (Some(left), Some(right)) = (test.lexpr.as_deref(), test.rexpr.as_deref()) else {
                    return;
                };
                if !(is_simple(left) && is_simple(right)) {
                    return;
                }
                let (Ok(left), Ok(right)) = (self.expr(left), self.expr(right)) else { return };
                let id = self.scope().id;
                for (column, value) in [(&left, &right), (&right, &left)] {
                    let Form::Column { origin: Some((table, name)) } = &column.form else { continue };
                    let own = |bound: &Bound| bound.uses.iter().any(|used| used.scope == id);
                    let outside = !own(value) && value.volatility != Volatility::Volatile;
                    if own(column)
                        && outside
                        && *table == relation.name
                        && keeps_equality(&column.ty.ty, value)
                    {
                        fixed.push(name.clone());
                    }
                }
            }
            _ => {}
        }
    }
}

/// Expressions that can be bound twice without effect.
fn is_simple(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(_) | NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_simple),
        _ => false,
    }
}

/// Whether the comparison takes the column as it is, so that different keys stay different.
fn keeps_equality(column: &Type, value: &Bound) -> bool {
    let integer = |ty: &Type| matches!(ty, Type::Int2 | Type::Int4 | Type::Int8);
    let text = |ty: &Type| matches!(ty, Type::Text | Type::Varchar);
    let ty = &value.ty.ty;
    value.is_unknown()
        || column == ty
        || (integer(ty) && (integer(column) || *column == Type::Numeric))
        || (text(column) && text(ty))
}

fn has_key(relation: &Relation, fixed: &[String]) -> bool {
    let all = |columns: &[String]| !columns.is_empty() && columns.iter().all(|column| fixed.contains(column));
    let by_constraint = relation.constraints.iter().any(|constraint| {
        !constraint.deferrable
            && match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => {
                    all(columns)
                }
                _ => false,
            }
    });
    by_constraint
        || relation.indexes.iter().any(|index| {
            let columns = index.keys.iter().map(|key| match &key.key {
                KeyKind::Column(column) => Some(column.clone()),
                KeyKind::Expression(_) => None,
            });
            index.unique
                && index.predicate.is_none()
                && index.constraint.is_none()
                && columns.collect::<Option<Vec<String>>>().is_some_and(|columns| all(&columns))
        })
}

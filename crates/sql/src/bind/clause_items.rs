//! Items of GROUP BY, DISTINCT ON and ORDER BY: a position in the select list, an output name or an expression.

use super::bound::Bound;
use super::errors::{Located, place};
use super::output_names::output_name;
use super::scope::{Binder, Clause};
use mainstay_base::{Problem, Result};
use pg_query::protobuf::a_const;
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    /// An item of GROUP BY or DISTINCT ON: an ordinal, an output name or an expression.
    pub fn clause_item(
        &mut self,
        node: &Node,
        targets: &[Node],
        what: &str,
        columns_first: bool,
    ) -> Result<Bound> {
        if let Some(number) = ordinal(node) {
            let at = node_place(node);
            let missing = || {
                Problem::new("42P10", format!("{what} position {number} is not in select list")).placed(at)
            };
            let index =
                usize::try_from(number).ok().and_then(|number| number.checked_sub(1)).ok_or_else(missing)?;
            return self.nth_target(targets, index)?.ok_or_else(missing);
        }
        if let Some(name) = bare_name(node) {
            let id = self.scopes.len();
            let is_column = columns_first
                && self
                    .scopes
                    .get(id.wrapping_sub(1))
                    .is_some_and(|scope| scope.columns.iter().any(|column| column.name == name));
            if !is_column {
                let found = targets.iter().find_map(|node| match &node.node {
                    Some(NodeEnum::ResTarget(target)) => {
                        let value = target.val.as_deref()?;
                        let named =
                            if target.name.is_empty() { output_name(value) } else { target.name.clone() };
                        (named == name && !is_star(value)).then_some(value)
                    }
                    _ => None,
                });
                if let Some(value) = found {
                    return self
                        .within(Clause::Targets, |binder| binder.expr(value))
                        .map(|bound| bound.at(node_place(node)));
                }
            }
        }
        self.expr(node)
    }

    fn nth_target(&mut self, targets: &[Node], index: usize) -> Result<Option<Bound>> {
        let mut left = index;
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = &node.node else { continue };
            let Some(value) = target.val.as_deref() else { continue };
            if let Some(mut columns) = self.star(value)? {
                if left < columns.len() {
                    return Ok(Some(columns.swap_remove(left).1));
                }
                left -= columns.len();
            } else if left == 0 {
                return self.within(Clause::Targets, |binder| binder.expr(value)).map(Some);
            } else {
                left -= 1;
            }
        }
        Ok(None)
    }
}

fn is_star(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::ColumnRef(reference))
        if matches!(reference.fields.last().and_then(|f| f.node.as_ref()), Some(NodeEnum::AStar(_))))
}

/// An integer constant, which in ORDER BY and GROUP BY is a position.
pub(super) fn ordinal(node: &Node) -> Option<i64> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) if !constant.isnull => match &constant.val {
            Some(a_const::Val::Ival(number)) => Some(i64::from(number.ival)),
            None => Some(0),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn bare_name(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => match super::types::strings(&reference.fields).as_slice() {
            [name] if reference.fields.len() == 1 => Some(name),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn node_place(node: &Node) -> Option<usize> {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => place(reference.location),
        Some(NodeEnum::AConst(constant)) => place(constant.location),
        Some(NodeEnum::FuncCall(call)) => place(call.location),
        Some(NodeEnum::AExpr(expression)) => place(expression.location),
        Some(NodeEnum::TypeCast(cast)) => place(cast.location),
        Some(NodeEnum::SubLink(link)) => place(link.location),
        Some(NodeEnum::ParamRef(param)) => place(param.location),
        _ => None,
    }
}

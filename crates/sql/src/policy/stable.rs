//! Values that are the same for every row of a statement, computed once.

use super::names::Names;
use super::rewrite::is_volatile;
use crate::parse::{Visit, for_each_node_within};
use mainstay_types::Volatility;
use pg_query::protobuf::{AExprKind, LimitOption, ResTarget, SelectStmt, SetOperation, SubLink, SubLinkType};
use pg_query::{Node, NodeEnum};

/// Puts `(SELECT …)` around the largest parts of an expression that use no column and call a stable function. SQLite
/// computes such a subquery at most once a statement, and PostgreSQL too; a bare call is made for every row.
pub(super) fn wrap(names: &mut Names<'_>, node: &mut Node) {
    if is_wrappable(names, node) {
        let value = std::mem::take(node);
        *node = subquery(value);
        return;
    }
    let Some(kind) = &mut node.node else { return };
    match kind {
        NodeEnum::BoolExpr(n) => n.args.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::AExpr(n) => {
            let quantified = matches!(n.kind(), AExprKind::AexprOpAny | AExprKind::AexprOpAll);
            if let Some(left) = &mut n.lexpr {
                wrap(names, left);
            }
            match &mut n.rexpr {
                // `ANY ((SELECT …))` would be another thing when it is written out.
                Some(right) if quantified => wrap_within(names, right),
                Some(right) => wrap(names, right),
                None => {}
            }
        }
        NodeEnum::List(n) => n.items.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::SubLink(n) => {
            if let Some(test) = &mut n.testexpr {
                wrap(names, test);
            }
            if let Some(NodeEnum::SelectStmt(select)) =
                n.subselect.as_mut().and_then(|node| node.node.as_mut())
            {
                wrap_filter(names, select);
            }
        }
        _ => wrap_within(names, node),
    }
}

fn wrap_filter(names: &mut Names<'_>, select: &mut SelectStmt) {
    if select.with_clause.is_some() || select.larg.is_some() {
        return;
    }
    if let Some(items) = names.items(&select.from_clause)
        && let Some(filter) = &mut select.where_clause
    {
        names.levels.push(items);
        wrap(names, filter);
        names.levels.pop();
    }
}

/// The parts of a node that must stay as it is itself.
fn wrap_within(names: &mut Names<'_>, node: &mut Node) {
    let Some(kind) = &mut node.node else { return };
    match kind {
        NodeEnum::FuncCall(n) => n.args.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::TypeCast(n) => n.arg.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::CoalesceExpr(n) => n.args.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::MinMaxExpr(n) => n.args.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::NullTest(n) => n.arg.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::BooleanTest(n) => n.arg.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::RowExpr(n) => n.args.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::AArrayExpr(n) => n.elements.iter_mut().for_each(|part| wrap(names, part)),
        NodeEnum::CaseExpr(n) => {
            n.arg.iter_mut().for_each(|part| wrap(names, part));
            n.defresult.iter_mut().for_each(|part| wrap(names, part));
            for when in &mut n.args {
                if let Some(NodeEnum::CaseWhen(when)) = &mut when.node {
                    when.expr.iter_mut().for_each(|part| wrap(names, part));
                    when.result.iter_mut().for_each(|part| wrap(names, part));
                }
            }
        }
        _ => {}
    }
}

fn is_wrappable(names: &mut Names<'_>, node: &Node) -> bool {
    let kind = match &node.node {
        Some(
            NodeEnum::FuncCall(_) | NodeEnum::TypeCast(_) | NodeEnum::CoalesceExpr(_) | NodeEnum::CaseExpr(_),
        ) => true,
        Some(NodeEnum::AExpr(n)) => n.kind() == AExprKind::AexprOp,
        _ => false,
    };
    kind && calls_a_stable_function(names, node)
        && !is_volatile(names, node)
        && names.uses(node).is_some_and(|levels| levels.is_empty())
}

/// Whether there is a stable call, and nothing that gives rows or stands for a query.
fn calls_a_stable_function(names: &Names<'_>, node: &Node) -> bool {
    let (mut stable, mut single) = (false, true);
    let mut copy = node.clone();
    let Some(root) = copy.node.as_mut() else { return false };
    for_each_node_within(root, &mut |met| {
        match met {
            Visit::Node(NodeEnum::FuncCall(call)) => match names.call(call) {
                Some((volatility, rows)) => {
                    stable |= volatility == Volatility::Stable;
                    single &= !rows && call.over.is_none();
                }
                None => single = false,
            },
            Visit::Node(NodeEnum::SubLink(_) | NodeEnum::ParamRef(_)) => single = false,
            _ => {}
        }
        true
    });
    stable && single
}

fn subquery(value: Node) -> Node {
    let target = ResTarget { val: Some(Box::new(value)), ..ResTarget::default() };
    let select = SelectStmt {
        target_list: vec![Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }],
        limit_option: LimitOption::Default as i32,
        op: SetOperation::SetopNone as i32,
        ..SelectStmt::default()
    };
    let link = SubLink {
        sub_link_type: SubLinkType::ExprSublink as i32,
        subselect: Some(Box::new(Node { node: Some(NodeEnum::SelectStmt(Box::new(select))) })),
        ..SubLink::default()
    };
    Node { node: Some(NodeEnum::SubLink(Box::new(link))) }
}

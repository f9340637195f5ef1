//! A policy's filter in the form that an index serves.
//!
//! `EXISTS (SELECT … FROM m WHERE m.a = t.a AND …)` is asked again for every row of `t`;
//! `t.a IN (SELECT m.a FROM m WHERE …)` is computed once, and its result leads an index on `t.a`. The two are TRUE for
//! the same rows. They differ where nothing matches and a NULL took part: `EXISTS` is then FALSE and `IN` is NULL.
//! So the change is made only where a NULL is as good as FALSE: under AND and OR from the top of a filter, and from the
//! top of the WHERE clause of any subquery. Under NOT, CASE, IS or a comparison it is not.
//!
//! It is made only where it pays, too: the rest of the subquery must begin with an equality that an index of `m`
//! serves, or all of `m` would be read for one row of `t`.

use super::names::{Found, Names, is_star, joins};
use super::stable;
use crate::catalog::{Catalog, KeyKind, Relation, RelationKind};
use crate::parse::conjuncts;
use crate::parse::{Visit, for_each_node_within};
use mainstay_types::{Type, Volatility};
use pg_query::protobuf::{
    AExpr, AExprKind, BoolExpr, BoolExprType, CoercionForm, LimitOption, ResTarget, RowExpr, SelectStmt,
    SubLink, SubLinkType, a_const,
};
use pg_query::{Node, NodeEnum};

/// The filter of a policy on `relation`, for a statement that looks for rows (`USING`): TRUE for the same rows as
/// `filter`. For the check of one row that is known (`WITH CHECK`) the form as written is the faster one.
pub fn rewrite(catalog: &Catalog, relation: &Relation, filter: &Node) -> Node {
    let mut names = Names::over(catalog, relation);
    let mut filter = filter.clone();
    condition(&mut names, &mut filter);
    stable::wrap(&mut names, &mut filter);
    filter
}

/// Rewrites an expression of which only TRUE counts.
fn condition(names: &mut Names<'_>, node: &mut Node) {
    match &mut node.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() != BoolExprType::NotExpr => {
            for part in &mut expression.args {
                condition(names, part);
            }
        }
        Some(NodeEnum::SubLink(link)) => {
            subqueries(names, link);
            if link.sub_link_type() == SubLinkType::ExistsSublink
                && let Some(membership) = membership(names, link)
            {
                **link = membership;
            }
        }
        Some(other) => within(names, other),
        None => {}
    }
}

/// Rewrites the WHERE clauses of the subqueries of an expression that is itself left as it is.
fn within(names: &mut Names<'_>, node: &mut NodeEnum) {
    for_each_node_within(node, &mut |met| match met {
        Visit::Node(NodeEnum::SubLink(link)) => {
            subqueries(names, link);
            false
        }
        _ => true,
    });
}

fn subqueries(names: &mut Names<'_>, link: &mut SubLink) {
    if let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_mut().and_then(|node| node.node.as_mut())
        && select.with_clause.is_none()
        && select.larg.is_none()
        && let Some(items) = names.items(&select.from_clause)
        && let Some(filter) = &mut select.where_clause
    {
        names.levels.push(items);
        condition(names, filter);
        names.levels.pop();
    }
}

/// `(t.a, …) IN (SELECT m.a, … FROM m WHERE …)` for an EXISTS that is the same as a filter.
fn membership(names: &mut Names<'_>, link: &SubLink) -> Option<SubLink> {
    let NodeEnum::SelectStmt(select) = link.subselect.as_deref()?.node.as_ref()? else { return None };
    if !is_plain(select) {
        return None;
    }
    let items = names.items(&select.from_clause)?;
    names.levels.push(items);
    let split = split(names, select);
    names.levels.pop();
    let (pairs, rest) = split?;
    let (outer, inner): (Vec<Node>, Vec<Node>) = pairs.into_iter().unzip();
    let query = SelectStmt {
        target_list: inner.into_iter().map(target).collect(),
        from_clause: select.from_clause.clone(),
        where_clause: all_of(rest),
        limit_option: LimitOption::Default as i32,
        op: select.op,
        ..SelectStmt::default()
    };
    Some(SubLink {
        sub_link_type: SubLinkType::AnySublink as i32,
        testexpr: Some(Box::new(row(outer))),
        subselect: Some(Box::new(Node { node: Some(NodeEnum::SelectStmt(Box::new(query))) })),
        location: link.location,
        ..SubLink::default()
    })
}

/// Whether the query has rows exactly where its FROM and WHERE have some.
fn is_plain(select: &SelectStmt) -> bool {
    let limited = match select.limit_count.as_deref().and_then(|count| count.node.as_ref()) {
        None => true,
        Some(NodeEnum::AConst(count)) => {
            matches!(&count.val, Some(a_const::Val::Ival(number)) if number.ival > 0)
        }
        Some(_) => false,
    };
    // A call in the select list may be an aggregate, which makes a row of nothing.
    let harmless = |node: &Node| match &node.node {
        Some(NodeEnum::ResTarget(target)) => {
            matches!(
                target.val.as_deref().and_then(|value| value.node.as_ref()),
                Some(NodeEnum::AConst(_) | NodeEnum::ColumnRef(_))
            )
        }
        _ => false,
    };
    // DISTINCT without ON is a list of one empty node.
    let distinct = select.distinct_clause.iter().all(|node| node.node.is_none());
    limited
        && distinct
        && select.limit_offset.is_none()
        && select.with_clause.is_none()
        && select.larg.is_none()
        && select.values_lists.is_empty()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.window_clause.is_empty()
        && select.locking_clause.is_empty()
        && select.into_clause.is_none()
        && select.target_list.iter().all(|target| harmless(target) || is_star(target))
}

/// The equalities that tie the subquery to the row outside, as (outer, inner), and the conditions that do not look
/// outside.
type Split = (Vec<(Node, Node)>, Vec<Node>);

fn split(names: &mut Names<'_>, select: &SelectStmt) -> Option<Split> {
    let here = names.levels.len() - 1;
    for join in joins(&select.from_clause) {
        if let Some(quals) = &join.quals
            && !names.uses(quals)?.iter().all(|level| *level == here)
        {
            return None;
        }
    }
    let mut pairs = Vec::new();
    let mut rest = Vec::new();
    let mut served = false;
    for part in conjuncts(select.where_clause.as_deref()?) {
        if let Some(pair) = pair(names, part) {
            pairs.push(pair);
        } else if names.uses(part)?.iter().all(|level| *level == here) && !is_volatile(names, part) {
            served = served || is_served(names, part);
            rest.push(part.clone());
        } else {
            return None;
        }
    }
    (served && !pairs.is_empty()).then_some((pairs, rest))
}

/// The sides of `a = b`.
pub(super) fn equality(node: &Node) -> Option<(&Node, &Node)> {
    let Some(NodeEnum::AExpr(expression)) = &node.node else { return None };
    let AExpr { name, lexpr, rexpr, .. } = &**expression;
    let plain = match &**name {
        [Node { node: Some(NodeEnum::String(text)) }] => text.sval == "=",
        _ => false,
    };
    (plain && expression.kind() == AExprKind::AexprOp).then_some(())?;
    Some((lexpr.as_deref()?, rexpr.as_deref()?))
}

pub(super) fn column(names: &Names<'_>, node: &Node) -> Option<Found> {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => names.find(reference),
        _ => None,
    }
}

/// An equality of a column here and a column outside, as (outer, inner).
fn pair(names: &Names<'_>, node: &Node) -> Option<(Node, Node)> {
    let here = names.levels.len() - 1;
    let (left, right) = equality(node)?;
    let (left_column, right_column) = (column(names, left)?, column(names, right)?);
    let (outer, inner, one, other) = match (left_column.level == here, right_column.level == here) {
        (false, true) => (left, right, left_column, right_column),
        (true, false) => (right, left, right_column, left_column),
        _ => return None,
    };
    same_comparison(one.ty()?, other.ty()?).then(|| (outer.clone(), inner.clone()))
}

/// Whether `=` and IN compare the two types in the same way, whichever stands first.
fn same_comparison(left: &Type, right: &Type) -> bool {
    let integer = |ty: &Type| matches!(ty, Type::Int2 | Type::Int4 | Type::Int8);
    let text = |ty: &Type| matches!(ty, Type::Text | Type::Varchar);
    let row = |ty: &Type| matches!(ty, Type::Composite(_) | Type::Record);
    (left == right && !row(left)) || (integer(left) && integer(right)) || (text(left) && text(right))
}

/// Whether a condition names few rows through an index: `m.user_id = …` or `m.team IN (SELECT …)`, where an index of
/// the table begins with the column.
fn is_served(names: &mut Names<'_>, node: &Node) -> bool {
    let here = names.levels.len() - 1;
    let indexed = |names: &Names<'_>, node: &Node| {
        column(names, node).is_some_and(|found| {
            found.level == here && leads_an_index(names.catalog, &found.relation, &found.column)
        })
    };
    if let Some((left, right)) = equality(node) {
        let fixed =
            |names: &mut Names<'_>, node: &Node| names.uses(node).is_some_and(|levels| levels.is_empty());
        return indexed(names, left) && fixed(names, right) || indexed(names, right) && fixed(names, left);
    }
    match &node.node {
        Some(NodeEnum::SubLink(link)) if link.sub_link_type() == SubLinkType::AnySublink => {
            link.oper_name.is_empty()
                && link.testexpr.as_deref().is_some_and(|test| indexed(names, test))
                && names.uses(node).is_some_and(|levels| levels.iter().all(|level| *level == here))
        }
        _ => false,
    }
}

/// Whether an index begins with the column; of a view, with the column of the table that it repeats.
pub(super) fn leads_an_index(catalog: &Catalog, relation: &Relation, column: &str) -> bool {
    if let RelationKind::View { .. } = relation.kind {
        let index = relation.columns.iter().position(|found| found.name == column);
        let origin = index.and_then(|index| relation.origins.get(index)?.as_ref());
        return origin.is_some_and(|(table, column)| {
            catalog.relation(table).is_some_and(|table| leads_an_index(catalog, table, column))
        });
    }
    let is_rowid = relation.rowid_column().is_some_and(|rowid| rowid.name == column);
    is_rowid
        || relation.primary_key().is_some_and(|key| key.first().is_some_and(|first| first == column))
        || relation.indexes.iter().any(|index| {
            let first = index.keys.first().map(|key| &key.key);
            index.predicate.is_none() && matches!(first, Some(KeyKind::Column(name)) if name == column)
        })
}

/// Whether two evaluations within one statement may differ; what is unknown may.
pub(super) fn is_volatile(names: &Names<'_>, node: &Node) -> bool {
    let mut volatile = false;
    let mut copy = node.clone();
    if let Some(root) = copy.node.as_mut() {
        for_each_node_within(root, &mut |met| {
            if let Visit::Node(NodeEnum::FuncCall(call)) = met {
                let known = names.call(call);
                volatile = volatile || known.is_none_or(|(volatility, _)| volatility == Volatility::Volatile);
            }
            true
        });
    }
    volatile
}

fn target(node: Node) -> Node {
    let target = ResTarget { val: Some(Box::new(node)), ..ResTarget::default() };
    Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }
}

fn row(mut nodes: Vec<Node>) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            let form = CoercionForm::CoerceImplicitCast as i32;
            let row = RowExpr { args: nodes, row_format: form, ..RowExpr::default() };
            Node { node: Some(NodeEnum::RowExpr(Box::new(row))) }
        }
    }
}

fn all_of(mut nodes: Vec<Node>) -> Option<Box<Node>> {
    let last = nodes.pop()?;
    if nodes.is_empty() {
        return Some(Box::new(last));
    }
    nodes.push(last);
    let all = BoolExpr { boolop: BoolExprType::AndExpr as i32, args: nodes, ..BoolExpr::default() };
    Some(Box::new(Node { node: Some(NodeEnum::BoolExpr(Box::new(all))) }))
}

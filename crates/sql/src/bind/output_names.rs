//! The name that PostgreSQL gives to an output column without an alias.

use super::types::strings;
use pg_query::protobuf::{AExprKind, MinMaxOp, SqlValueFunctionOp, SubLinkType};
use pg_query::{Node, NodeEnum};

pub(super) fn output_name(node: &Node) -> String {
    figured_name(node).unwrap_or_else(|| "?column?".to_owned())
}

/// PostgreSQL's `FigureColname`: the name of an output column without `AS`, and the word for an expression in the name of an
/// index, where it has one.
pub(crate) fn figured_name(node: &Node) -> Option<String> {
    figure(node).map(|(name, _)| name)
}

/// The name and whether it is a strong one (a type's or CASE's gives way to what is inside).
fn figure(node: &Node) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(reference) => strong(strings(&reference.fields).last().copied()?),
        NodeEnum::AIndirection(indirection) => match strings(&indirection.indirection).last().copied() {
            Some(name) => strong(name),
            None => figure(indirection.arg.as_deref()?),
        },
        NodeEnum::FuncCall(call) => strong(strings(&call.funcname).last().copied()?),
        NodeEnum::AExpr(expression) if expression.kind() == AExprKind::AexprNullif => strong("nullif"),
        NodeEnum::TypeCast(cast) => {
            let inner = cast.arg.as_deref().and_then(figure);
            match inner {
                Some((name, true)) => strong(&name),
                _ => {
                    let names = cast.type_name.as_ref().map(|name| strings(&name.names)).unwrap_or_default();
                    names.last().map(|name| ((*name).to_owned(), false))
                }
            }
        }
        NodeEnum::CollateClause(clause) => figure(clause.arg.as_deref()?),
        NodeEnum::GroupingFunc(_) => strong("grouping"),
        NodeEnum::SubLink(link) => match link.sub_link_type() {
            SubLinkType::ExistsSublink => strong("exists"),
            SubLinkType::ArraySublink => strong("array"),
            SubLinkType::ExprSublink => {
                let NodeEnum::SelectStmt(select) = link.subselect.as_deref()?.node.as_ref()? else {
                    return None;
                };
                let mut first = &**select;
                while let Some(left) = first.larg.as_deref() {
                    first = left;
                }
                let Some(NodeEnum::ResTarget(target)) =
                    first.target_list.first().and_then(|n| n.node.as_ref())
                else {
                    return strong("column1");
                };
                if !target.name.is_empty() {
                    return strong(&target.name);
                }
                figure(target.val.as_deref()?)
            }
            _ => None,
        },
        NodeEnum::CaseExpr(case) => match case.defresult.as_deref().and_then(figure) {
            Some((name, true)) => strong(&name),
            _ => Some(("case".to_owned(), false)),
        },
        NodeEnum::AArrayExpr(_) => strong("array"),
        NodeEnum::RowExpr(_) => strong("row"),
        NodeEnum::CoalesceExpr(_) => strong("coalesce"),
        NodeEnum::MinMaxExpr(minmax) => {
            strong(if minmax.op() == MinMaxOp::IsLeast { "least" } else { "greatest" })
        }
        NodeEnum::SqlvalueFunction(function) => strong(value_function_name(function.op())),
        NodeEnum::JsonObjectConstructor(_) => strong("json_object"),
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => strong("json_array"),
        NodeEnum::JsonObjectAgg(_) => strong("json_objectagg"),
        NodeEnum::JsonArrayAgg(_) => strong("json_arrayagg"),
        _ => None,
    }
}

fn value_function_name(op: SqlValueFunctionOp) -> &'static str {
    use SqlValueFunctionOp as Op;
    match op {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        _ => "current_timestamp",
    }
}

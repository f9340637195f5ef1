//! The name of an output column without `AS`: PostgreSQL's `FigureColname`.

use super::tree::strings;
use pg_query::NodeEnum;
use pg_query::protobuf::Node;

/// PostgreSQL's `FigureColname`: the name of an output column without `AS`.
pub(super) fn column_name(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(reference) => strings(&reference.fields).pop(),
        NodeEnum::AIndirection(indirection) => {
            strings(&indirection.indirection).pop().or_else(|| column_name(indirection.arg.as_deref()?))
        }
        NodeEnum::FuncCall(call) => strings(&call.funcname).pop(),
        NodeEnum::TypeCast(cast) => cast
            .arg
            .as_deref()
            .and_then(column_name)
            .or_else(|| strings(&cast.type_name.as_ref()?.names).pop()),
        NodeEnum::CollateClause(clause) => column_name(clause.arg.as_deref()?),
        NodeEnum::CaseExpr(case) => {
            case.defresult.as_deref().and_then(column_name).or(Some("case".to_owned()))
        }
        NodeEnum::CoalesceExpr(_) => Some("coalesce".to_owned()),
        NodeEnum::MinMaxExpr(expr) => Some(if expr.op == 1 { "greatest" } else { "least" }.to_owned()),
        NodeEnum::AArrayExpr(_) => Some("array".to_owned()),
        NodeEnum::RowExpr(_) => Some("row".to_owned()),
        NodeEnum::AExpr(expr) if expr.kind == pg_query::protobuf::AExprKind::AexprNullif as i32 => {
            Some("nullif".to_owned())
        }
        NodeEnum::SqlvalueFunction(function) => value_function_name(function.op),
        NodeEnum::SubLink(link) => sublink_name(link),
        _ => None,
    }
}

fn sublink_name(link: &pg_query::protobuf::SubLink) -> Option<String> {
    use pg_query::protobuf::SubLinkType;
    match SubLinkType::try_from(link.sub_link_type).ok()? {
        SubLinkType::ExistsSublink => Some("exists".to_owned()),
        SubLinkType::ArraySublink => Some("array".to_owned()),
        SubLinkType::ExprSublink => match link.subselect.as_ref()?.node.as_ref()? {
            NodeEnum::SelectStmt(select) => match select.target_list.first()?.node.as_ref()? {
                NodeEnum::ResTarget(target) if !target.name.is_empty() => Some(target.name.clone()),
                NodeEnum::ResTarget(target) => column_name(target.val.as_deref()?),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn value_function_name(op: i32) -> Option<String> {
    use pg_query::protobuf::SqlValueFunctionOp as Op;
    let name = match Op::try_from(op).ok()? {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SqlvalueFunctionOpUndefined => return None,
    };
    Some(name.to_owned())
}

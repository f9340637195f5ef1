//! Small readers of parse trees: names, numbers and options as they stand in DDL.

use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AConst, DefElem, DropBehavior, Node, RangeVar, a_const::Val};

/// The strings of a list of `String` nodes (a dotted name, a list of columns).
pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(string).collect()
}

pub(super) fn string(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::String(text) => Some(text.sval.clone()),
        NodeEnum::AConst(AConst { val: Some(Val::Sval(text)), .. }) => Some(text.sval.clone()),
        NodeEnum::TypeName(name) => name.names.last().and_then(string),
        NodeEnum::AConst(_) | NodeEnum::Integer(_) | NodeEnum::Float(_) => {
            integer(node).map(|number| number.to_string())
        }
        NodeEnum::Boolean(value) => Some(value.boolval.to_string()),
        NodeEnum::ColumnRef(column) => column.fields.last().and_then(string),
        _ => None,
    }
}

/// A string constant.
pub(super) fn text_node(text: &str) -> Node {
    let sval = pg_query::protobuf::String { sval: text.to_owned() };
    let constant = AConst { val: Some(Val::Sval(sval)), isnull: false, location: -1 };
    Node { node: Some(NodeEnum::AConst(constant)) }
}

pub(super) fn integer(node: &Node) -> Option<i64> {
    match node.node.as_ref()? {
        NodeEnum::Integer(number) => Some(i64::from(number.ival)),
        NodeEnum::Float(number) => number.fval.parse().ok(),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => Some(i64::from(number.ival)),
            Val::Fval(number) => number.fval.parse().ok(),
            _ => None,
        },
        NodeEnum::AExpr(sign) if sign.lexpr.is_none() => match strings(&sign.name).first()?.as_str() {
            "-" => integer(sign.rexpr.as_deref()?)?.checked_neg(),
            _ => integer(sign.rexpr.as_deref()?),
        },
        _ => None,
    }
}

/// The value of a Boolean option, which PostgreSQL lets one write in many ways.
pub(super) fn boolean(option: &DefElem) -> bool {
    match option.arg.as_deref() {
        None => true,
        Some(node) => match node.node.as_ref() {
            Some(NodeEnum::Boolean(value)) => value.boolval,
            Some(NodeEnum::Integer(value)) => value.ival != 0,
            _ => string(node)
                .is_none_or(|word| !matches!(word.to_lowercase().as_str(), "false" | "off" | "no" | "0")),
        },
    }
}

pub(super) fn def_elems(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match node.node.as_ref() {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

/// The nodes of a `List` node; any other node is a list of itself.
pub(super) fn items(node: &Node) -> &[Node] {
    match node.node.as_ref() {
        Some(NodeEnum::List(list)) => &list.items,
        _ => std::slice::from_ref(node),
    }
}

/// The dotted name that a node is: a list of strings, one string, or a type's name.
pub(super) fn dotted(node: &Node) -> Vec<String> {
    match node.node.as_ref() {
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        Some(NodeEnum::RangeVar(range)) => range_parts(range),
        _ => strings(items(node)),
    }
}

pub(super) fn range_parts(range: &RangeVar) -> Vec<String> {
    let mut parts = Vec::new();
    if !range.schemaname.is_empty() {
        parts.push(range.schemaname.clone());
    }
    parts.push(range.relname.clone());
    parts
}

pub(super) fn cascade(behavior: i32) -> bool {
    behavior == DropBehavior::DropCascade as i32
}

pub(super) fn place(location: i32) -> Option<usize> {
    usize::try_from(location).ok()
}

/// Marks where in the text a problem lies, if the tree tells.
pub(super) fn at(problem: Problem, location: i32) -> Problem {
    match place(location) {
        Some(offset) => problem.at(offset),
        None => problem,
    }
}

/// The part of a tree that its grammar always has.
pub(super) fn required<T>(part: Option<T>) -> Result<T> {
    part.ok_or_else(|| Problem::internal("the parse tree is incomplete"))
}

/// A problem of a text that is not the user's own (an expression written back from its tree): its place means nothing.
pub(super) fn unplaced(problem: Problem) -> Problem {
    if problem.place().is_none() {
        return problem;
    }
    let mut bare = Problem::new(problem.code().to_owned(), problem.message()).with_retry(problem.retry());
    if let Some(details) = problem.details() {
        bare = bare.with_details(details);
    }
    if let Some(hint) = problem.hint() {
        bare = bare.with_hint(hint);
    }
    bare
}

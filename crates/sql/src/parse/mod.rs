//! PostgreSQL's own grammar (`pg_query`): text to raw parse trees with places, and back.
//!
//! Every `location` in a tree is a byte offset in the text that was given. Trees can be deep: whoever walks one by
//! recursion does so inside [`on_deep_stack`], which is what bounds the recursion of the whole front end.

mod grammar;
mod lex;
mod script;
mod walk;

use grammar::Mode;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ParseResult, RawStmt, ResTarget, SelectStmt, TypeName};
pub use script::{CopyData, Script, script};
pub use walk::{Visit, conjuncts, for_each_node, for_each_node_within};

/// Texts that nest deeper are refused with 54001, as PostgreSQL does at its own limit.
pub const DEPTH_MAX: usize = 2_000;
/// Texts up to this depth need no more stack than any thread has.
const DEPTH_INLINE_MAX: usize = 40;
/// For the rest: reserved, not used, until a text needs it.
const DEEP_STACK_BYTES: usize = 512 * 1024 * 1024;

std::thread_local! {
    static ON_DEEP_STACK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// One statement of a text.
#[derive(Clone, Debug)]
pub struct Statement {
    pub node: NodeEnum,
    /// Byte offsets in the text: the first character of the statement, and past its last one (without `;`).
    pub start: usize,
    pub end: usize,
}

/// Runs `work` with a stack that is large enough for trees of `text`: on this thread where they are shallow.
/// Fails where `text` nests too deep.
pub fn on_deep_stack<T: Send>(text: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let depth = lex::depth(text);
    if depth > DEPTH_MAX {
        return Err(Problem::new("54001", "stack depth limit exceeded")
            .with_hint(format!("the statement nests {depth} levels deep; {DEPTH_MAX} are possible")));
    }
    if depth <= DEPTH_INLINE_MAX || ON_DEEP_STACK.get() {
        return work();
    }
    with_deep_stack(work)
}

/// Runs `work` on a thread with a large stack.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if ON_DEEP_STACK.get() {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("sql-deep".to_owned()).stack_size(DEEP_STACK_BYTES);
        let handle = thread
            .spawn_scoped(scope, || {
                ON_DEEP_STACK.set(true);
                work()
            })
            .map_err(|error| {
                Problem::new("53000", format!("could not start a thread to parse with: {error}"))
            })?;
        match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// All statements of a text, in order.
pub fn statements(text: &str) -> Result<Vec<Statement>> {
    on_deep_stack(text, || {
        let tree = grammar::parse(text, Mode::Statements)?;
        Ok(tree.stmts.into_iter().filter_map(|raw| located(text, raw)).collect())
    })
}

/// The only statement of a text.
pub fn statement(text: &str) -> Result<Statement> {
    let mut all = statements(text)?;
    match (all.pop(), all.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(Problem::new("42601", "syntax error at end of input").at(text.len())),
        (Some(statement), false) => {
            Err(Problem::new("42601", "cannot insert multiple commands into a prepared statement")
                .at(statement.start))
        }
    }
}

fn located(text: &str, raw: RawStmt) -> Option<Statement> {
    let node = raw.stmt?.node?;
    let from = usize::try_from(raw.stmt_location).unwrap_or(0).min(text.len());
    let end = match usize::try_from(raw.stmt_len) {
        Ok(length) if length > 0 => (from + length).min(text.len()),
        _ => text.len(),
    };
    let start = lex::first_token(text, from).min(end);
    let end = start + text.get(start..end).map_or(0, |slice| slice.trim_end().len());
    Some(Statement { node, start, end })
}

/// One expression (`price * 2 > 10`), with places in `text`.
pub fn expression(text: &str) -> Result<Node> {
    let refused = || Problem::new("42601", "this is not one expression").at(0);
    let tree = on_deep_stack(text, || grammar::parse(text, Mode::Expression))?;
    let node = tree.stmts.into_iter().next().and_then(|raw| raw.stmt).and_then(|node| node.node);
    let Some(NodeEnum::SelectStmt(mut select)) = node else { return Err(refused()) };
    let target = select.target_list.pop().and_then(|node| node.node);
    let plain = SelectStmt { limit_option: select.limit_option, op: select.op, ..SelectStmt::default() };
    match target {
        Some(NodeEnum::ResTarget(target)) if *select == plain && target.name.is_empty() => {
            target.val.map(|node| *node).ok_or_else(refused)
        }
        _ => Err(refused()),
    }
}

/// A type's name as it stands in a cast or a column definition (`numeric(10, 2)[]`).
pub fn type_name(text: &str) -> Result<TypeName> {
    let refused = || Problem::new("42601", format!("syntax error at or near \"{text}\""));
    let node = expression(&format!("NULL::{text}")).map_err(|_| refused())?;
    match node.node {
        Some(NodeEnum::TypeCast(cast))
            if matches!(cast.arg.as_ref().and_then(|arg| arg.node.as_ref()), Some(NodeEnum::AConst(_))) =>
        {
            cast.type_name.ok_or_else(refused)
        }
        _ => Err(refused()),
    }
}

/// A statement's tree as text.
pub fn deparse_statement(node: &NodeEnum) -> Result<String> {
    let raw =
        RawStmt { stmt: Some(Box::new(Node { node: Some(node.clone()) })), stmt_location: 0, stmt_len: 0 };
    let tree = ParseResult { version: 180_006, stmts: vec![raw] };
    pg_query::deparse(&tree, pg_query::DeparseOptions::default())
        .map_err(|error| Problem::internal(format!("could not write a parse tree as text: {error}")))
}

/// An expression's tree as text.
pub fn deparse_expression(node: &Node) -> Result<String> {
    let target = ResTarget { val: Some(Box::new(node.clone())), ..ResTarget::default() };
    let select = SelectStmt {
        target_list: vec![Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }],
        limit_option: pg_query::protobuf::LimitOption::Default as i32,
        op: pg_query::protobuf::SetOperation::SetopNone as i32,
        ..SelectStmt::default()
    };
    let text = deparse_statement(&NodeEnum::SelectStmt(Box::new(select)))?;
    Ok(text.strip_prefix("SELECT ").unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests;

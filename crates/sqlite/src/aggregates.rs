//! Native aggregates as aggregate and window functions of SQLite.
//!
//! An [`AggregateState`] only grows, but a window whose frame moves takes rows away again. Each aggregate is
//! therefore registered twice: under its symbol for ordinary use, and under [`WINDOW_PREFIX`] with its rows kept, so
//! that the state can be built anew. [`for_windows`] picks the second name where a statement has windows.

use crate::convert::{Types, from_sqlite, raise, to_sqlite};
use crate::functions::{descriptor, flags};
use crate::scope;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Aggregate as Native, Ty, aggregates};
use mainstay_types::{AggregateState, Call, Type, Value, ValueRef, Volatility, value};
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::ToSqlOutput;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

const PLAIN_PREFIX: &str = "\"pga:";
const WINDOW_PREFIX: &str = "\"pgw:";

/// The text of a statement with the aggregates that its windows need: those whose call is followed by `OVER`.
pub(crate) fn for_windows(text: &str) -> Cow<'_, str> {
    if !text.contains(PLAIN_PREFIX) || !text.contains(" OVER") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(start) = rest.find(PLAIN_PREFIX) {
        let (before, call) = rest.split_at(start);
        out.push_str(before);
        let windowed = after_call(call).is_some_and(|after| {
            let after = after.trim_start();
            let after = after.strip_prefix("FILTER ").and_then(after_brackets).unwrap_or(after);
            after.trim_start().starts_with("OVER")
        });
        out.push_str(if windowed { WINDOW_PREFIX } else { PLAIN_PREFIX });
        changed |= windowed;
        rest = call.get(PLAIN_PREFIX.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    if changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// What follows the call of a function with a quoted name.
fn after_call(text: &str) -> Option<&str> {
    let name = text.strip_prefix('"')?;
    after_brackets(name.get(name.find('"')? + 1..)?)
}

/// What follows the brackets at the start of the text; brackets within quotes do not count.
fn after_brackets(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let (mut depth, mut quote) = (0_usize, None);
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return text.get(index + 1..);
                }
            }
            (None, _) if depth == 0 => return None,
            (None, _) => {}
        }
    }
    None
}

/// The native behind `json_agg` and `jsonb_agg` of rows: its first argument tells the types of the others, so that
/// lowered statements call it by a plain name and without a descriptor.
const JSON_ROWS: &str = "pg_json_rows";
const JSONB_ROWS: &str = "pg_jsonb_rows";

pub(crate) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    for native in aggregates() {
        if native.name == JSON_ROWS {
            let types = Arc::new(Types { args: Vec::new(), returns: Type::Json });
            for (name, jsonb) in [(JSON_ROWS, false), (JSONB_ROWS, true)] {
                let plain =
                    Grouped { native, types: Arc::clone(&types), keep_rows: false, described: false, jsonb };
                connection.create_aggregate_function(name, -1, flags(Volatility::Stable), plain)?;
            }
            continue;
        }
        let symbol = native.symbol();
        let flags = flags(Volatility::Immutable);
        connection.create_aggregate_function(symbol.as_str(), -1, flags, Grouped::new(native, false))?;
        connection.create_window_function(
            symbol.replacen("pga:", "pgw:", 1).as_str(),
            -1,
            flags,
            Grouped::new(native, true),
        )?;
    }
    Ok(())
}

fn signature(native: &Native) -> Types {
    Types { args: native.args.iter().map(|ty| ty.to_type()).collect(), returns: native.returns.to_type() }
}

fn is_polymorphic(native: &Native) -> bool {
    let open = |ty: &Ty| {
        matches!(ty, Ty::Any | Ty::AnyElement | Ty::AnyArray | Ty::AnyRange | Ty::AnyEnum | Ty::AnyNonArray)
    };
    native.args.iter().any(open) || open(&native.returns)
}

struct Grouped {
    native: &'static Native,
    types: Arc<Types>,
    keep_rows: bool,
    /// The last argument describes the types of the others.
    described: bool,
    /// The state gives json, and jsonb is wanted.
    jsonb: bool,
}

struct Group {
    state: Box<dyn AggregateState>,
    types: Arc<Types>,
    /// Rows in the frame, where it can move.
    rows: VecDeque<Vec<Value>>,
}

type Accumulator = AssertUnwindSafe<Group>;

impl Grouped {
    fn new(native: &'static Native, keep_rows: bool) -> Self {
        Grouped {
            native,
            types: Arc::new(signature(native)),
            keep_rows,
            described: is_polymorphic(native),
            jsonb: false,
        }
    }

    /// How many arguments are the aggregate's own.
    fn own_arguments(&self, given: usize) -> usize {
        if self.described && given > self.native.args.len() { given - 1 } else { given }
    }

    /// The types of a call.
    fn types(&self, context: &Context<'_>) -> rusqlite::Result<Arc<Types>> {
        let given = context.len();
        let own = self.own_arguments(given);
        if own < given {
            return descriptor(context, own);
        }
        if given == self.types.args.len() {
            return Ok(Arc::clone(&self.types));
        }
        Ok(Arc::new(self.types.spread(given)))
    }

    fn value(&self, group: Option<&Group>) -> rusqlite::Result<ToSqlOutput<'static>> {
        let answer = scope::with(|frame| match group {
            Some(group) => group.state.value(&Call {
                args: &[],
                types: &group.types.args,
                returns: &group.types.returns,
                context: &frame.context,
            }),
            None => (self.native.start)().value(&Call {
                args: &[],
                types: &self.types.args,
                returns: &self.types.returns,
                context: &frame.context,
            }),
        });
        let answer = answer.and_then(|value| if self.jsonb { to_jsonb(&value) } else { Ok(value) });
        answer.map(to_sqlite).map_err(raise)
    }
}

fn to_jsonb(value: &Value) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    scope::with(|frame| value::cast(value.as_ref(), &Type::Json, &Type::Jsonb.into(), true, &frame.context))
}

fn step(group: &mut Group, args: &[ValueRef<'_>]) -> Result<()> {
    scope::with(|frame| {
        group.state.step(&Call {
            args,
            types: &group.types.args,
            returns: &group.types.returns,
            context: &frame.context,
        })
    })
}

impl Aggregate<Accumulator, ToSqlOutput<'static>> for Grouped {
    fn init(&self, context: &mut Context<'_>) -> rusqlite::Result<Accumulator> {
        let types = self.types(context)?;
        Ok(AssertUnwindSafe(Group { state: (self.native.start)(), types, rows: VecDeque::new() }))
    }

    fn step(&self, context: &mut Context<'_>, group: &mut Accumulator) -> rusqlite::Result<()> {
        let count = self.own_arguments(context.len());
        let mut args = Vec::with_capacity(count);
        for index in 0..count {
            args.push(from_sqlite(context.get_raw(index)).map_err(raise)?);
        }
        let skipped = self.native.strict && args.iter().any(|arg| arg.is_null());
        if self.keep_rows {
            // A skipped row stays in the frame, empty, so that rows leave in the order in which they came.
            let row =
                if skipped { Vec::new() } else { args.iter().map(|arg| ValueRef::to_owned(*arg)).collect() };
            group.rows.push_back(row);
        }
        if skipped {
            return Ok(());
        }
        step(group, &args).map_err(raise)
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        group: Option<Accumulator>,
    ) -> rusqlite::Result<ToSqlOutput<'static>> {
        self.value(group.as_ref().map(|group| &group.0))
    }
}

impl WindowAggregate<Accumulator, ToSqlOutput<'static>> for Grouped {
    fn value(&self, group: Option<&mut Accumulator>) -> rusqlite::Result<ToSqlOutput<'static>> {
        Grouped::value(self, group.map(|group| &group.0))
    }

    fn inverse(&self, _: &mut Context<'_>, group: &mut Accumulator) -> rusqlite::Result<()> {
        if !self.keep_rows {
            return Err(raise(Problem::internal("a moving frame over an aggregate without its rows")));
        }
        group.rows.pop_front();
        group.state = (self.native.start)();
        let rows = std::mem::take(&mut group.rows);
        let no_arguments = self.native.args.is_empty();
        let outcome = rows.iter().filter(|row| no_arguments || !row.is_empty()).try_for_each(|row| {
            let args: Vec<ValueRef<'_>> = row.iter().map(Value::as_ref).collect();
            step(group, &args)
        });
        group.rows = rows;
        outcome.map_err(raise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_with_a_window_keep_their_rows() {
        let text =
            r#"SELECT "pga:sum(int8)"("a)(b"), "pga:sum(int8)"(x) FILTER (WHERE y) OVER (ORDER BY ')')"#;
        let expected =
            r#"SELECT "pga:sum(int8)"("a)(b"), "pgw:sum(int8)"(x) FILTER (WHERE y) OVER (ORDER BY ')')"#;
        assert_eq!(for_windows(text), expected);
        let plain = r#"SELECT "pga:sum(int8)"(x), row_number() OVER ()"#;
        assert!(matches!(for_windows(plain), Cow::Borrowed(_)));
    }
}

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
use mainstay_types::{AggregateState, Call, Value, ValueRef, Volatility};
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::ToSqlOutput;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

const PLAIN_PREFIX: &str = "\"pga:";
const WINDOW_PREFIX: &str = "\"pgw:";

/// The text of a statement with the aggregates that its windows need.
pub(crate) fn for_windows(text: &str) -> Cow<'_, str> {
    if text.contains(PLAIN_PREFIX) && text.contains(" OVER ") {
        Cow::Owned(text.replace(PLAIN_PREFIX, WINDOW_PREFIX))
    } else {
        Cow::Borrowed(text)
    }
}

pub(crate) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    for native in aggregates() {
        let symbol = native.symbol();
        let flags = flags(Volatility::Immutable);
        connection.create_aggregate_function(
            symbol.as_str(),
            -1,
            flags,
            Grouped { native, types: Arc::new(signature(native)), keep_rows: false },
        )?;
        connection.create_window_function(
            symbol.replacen("pga:", "pgw:", 1).as_str(),
            -1,
            flags,
            Grouped { native, types: Arc::new(signature(native)), keep_rows: true },
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
}

struct Group {
    state: Box<dyn AggregateState>,
    types: Arc<Types>,
    /// Rows in the frame, where it can move.
    rows: VecDeque<Vec<Value>>,
}

type Accumulator = AssertUnwindSafe<Group>;

impl Grouped {
    /// How many of the arguments are the aggregate's own, and the types of this call.
    fn call(&self, context: &Context<'_>) -> rusqlite::Result<(usize, Arc<Types>)> {
        let given = context.len();
        if is_polymorphic(self.native) && given > self.native.args.len() {
            let last = given - 1;
            return Ok((last, descriptor(context, last)?));
        }
        if given == self.types.args.len() {
            return Ok((given, Arc::clone(&self.types)));
        }
        Ok((given, Arc::new(self.types.spread(given))))
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
        answer.map(to_sqlite).map_err(raise)
    }
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
        let (_, types) = self.call(context)?;
        Ok(AssertUnwindSafe(Group { state: (self.native.start)(), types, rows: VecDeque::new() }))
    }

    fn step(&self, context: &mut Context<'_>, group: &mut Accumulator) -> rusqlite::Result<()> {
        let count = match is_polymorphic(self.native) && context.len() > self.native.args.len() {
            true => context.len() - 1,
            false => context.len(),
        };
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

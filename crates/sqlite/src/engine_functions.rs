//! Functions whose state is the engine's: sequences, the transaction's number, notifications.

use crate::convert::{from_sqlite, raise, to_sqlite};
use crate::functions::flags;
use crate::scope;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::Native;
use mainstay_types::{Value, ValueRef, Volatility};
use rusqlite::functions::Context;

/// Registers a native that the registry leaves to the engine.
pub(crate) fn register(connection: &rusqlite::Connection, native: &'static Native) -> rusqlite::Result<()> {
    let (name, strict) = (native.name, native.strict);
    connection.create_scalar_function(
        native.symbol().as_str(),
        -1,
        flags(Volatility::Volatile),
        move |context| {
            let args = arguments(context).map_err(raise)?;
            if strict && args.iter().any(Value::is_null) {
                return Ok(to_sqlite(Value::Null));
            }
            call(name, &args).map(to_sqlite).map_err(raise)
        },
    )
}

/// Registers the functions that lowered statements may call by their plain names, whatever the registry lists.
pub(crate) fn register_always(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    for name in
        ["nextval", "currval", "setval", "lastval", "txid_current", "pg_get_serial_sequence", "pg_notify"]
    {
        connection.create_scalar_function(name, -1, flags(Volatility::Volatile), move |context| {
            let args = arguments(context).map_err(raise)?;
            call(name, &args).map(to_sqlite).map_err(raise)
        })?;
    }
    Ok(())
}

fn arguments(context: &Context<'_>) -> Result<Vec<Value>> {
    (0..context.len()).map(|index| from_sqlite(context.get_raw(index)).map(ValueRef::to_owned)).collect()
}

fn call(name: &str, args: &[Value]) -> Result<Value> {
    match (name, args) {
        ("nextval", [Value::Text(sequence), ..]) => {
            with_sequences(name, |sequences| sequences.next(sequence)).map(Value::Integer)
        }
        ("currval", [Value::Text(sequence), ..]) => {
            with_sequences(name, |sequences| sequences.current(sequence)).map(Value::Integer)
        }
        ("lastval", _) => with_sequences(name, |sequences| sequences.latest()).map(Value::Integer),
        ("setval", [Value::Text(sequence), Value::Integer(value), rest @ ..]) => {
            let called = !matches!(rest.first(), Some(Value::Integer(0)));
            with_sequences(name, |sequences| sequences.set(sequence, *value, called)).map(Value::Integer)
        }
        ("pg_get_serial_sequence", [Value::Text(table), Value::Text(column), ..]) => {
            let owner = with_sequences(name, |sequences| sequences.owned_by(table, column))?;
            Ok(owner.map_or(Value::Null, Value::Text))
        }
        ("txid_current" | "pg_current_xact_id", _) => {
            scope::with(|frame| Ok(Value::Integer(frame.transaction)))
        }
        // Nobody can LISTEN here: a notification reaches no one, as in a database without listeners.
        ("pg_notify", _) => Ok(Value::Null),
        (_, args) if args.iter().any(Value::is_null) => Ok(Value::Null),
        _ => Err(Problem::needs_postgres(format_args!("the function {name}"))),
    }
}

fn with_sequences<R>(
    name: &str,
    body: impl FnOnce(&mut crate::sequences::Sequences) -> Result<R>,
) -> Result<R> {
    scope::with(|frame| match &frame.sequences {
        Some(sequences) => body(&mut sequences.borrow_mut()),
        None => Err(Problem::new("25006", format!("cannot execute {name}() in a read-only transaction"))),
    })
}

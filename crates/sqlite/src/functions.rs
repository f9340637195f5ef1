//! Native functions as functions of SQLite.

use crate::convert::{Types, from_sqlite, raise, to_sqlite};
use crate::scope;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Body, Native, natives};
use mainstay_types::{Call, ColumnType, Modifier, Type, Value, ValueRef, Volatility, value};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ToSqlOutput;
use std::ffi::c_int;

type Answer = rusqlite::Result<ToSqlOutput<'static>>;

/// Arguments that fit on the stack; longer lists are rare (`concat` of many columns).
const INLINE: usize = 8;

/// What a function of a schema (CHECK, generated column, index) may be: without side effects, and for SQLite to
/// fold when its arguments are constants.
pub(crate) fn flags(volatility: Volatility) -> FunctionFlags {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    match volatility {
        Volatility::Immutable => flags | FunctionFlags::SQLITE_DETERMINISTIC,
        _ => flags,
    }
}

/// Registers everything that [`natives`] lists and the functions that lowered statements call beside them.
pub(crate) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    for native in natives() {
        match native.body {
            Body::Rust(call) => register_native(connection, native, call)?,
            Body::Engine => crate::engine_functions::register(connection, native)?,
            Body::Sqlite(_) | Body::Rows { .. } => {}
        }
    }
    let pure = flags(Volatility::Immutable);
    connection.create_scalar_function("pg_cast", 2, pure, cast)?;
    connection.create_scalar_function("pg_not_null", 3, pure, not_null)?;
    crate::engine_functions::register_always(connection)
}

/// How many arguments SQLite lets through: any number where the signature repeats its last one.
fn arity(native: &Native) -> c_int {
    if native.variadic {
        return -1;
    }
    c_int::try_from(native.args.len() + usize::from(native.is_polymorphic())).unwrap_or(-1)
}

/// The native behind `pg_row_to_json(spec, …)`: its first argument tells the types of the others, so that lowered
/// statements call it by its plain name and without a descriptor.
const ROW_TO_JSON: &str = "pg_row_to_json";

fn register_native(
    connection: &rusqlite::Connection,
    native: &'static Native,
    call: fn(&Call<'_>) -> Result<Value>,
) -> rusqlite::Result<()> {
    let symbol = native.symbol();
    let flags = flags(native.volatility);
    let strict = native.strict;
    if native.name == ROW_TO_JSON {
        connection.create_scalar_function(ROW_TO_JSON, -1, flags, move |context| {
            invoke(context, context.len(), strict, &[], &Type::Json, call)
        })?;
    }
    if native.is_polymorphic() {
        return connection.create_scalar_function(symbol.as_str(), arity(native), flags, move |context| {
            let Some(last) = context.len().checked_sub(1) else {
                return Err(raise(Problem::internal("a polymorphic function was called without its types")));
            };
            let types = descriptor(context, last)?;
            invoke(context, last, strict, &types.args, &types.returns, call)
        });
    }
    let types = Types {
        args: native.args.iter().map(|ty| ty.to_type()).collect(),
        returns: native.returns.to_type(),
    };
    connection.create_scalar_function(symbol.as_str(), arity(native), flags, move |context| {
        if context.len() == types.args.len() {
            return invoke(context, context.len(), strict, &types.args, &types.returns, call);
        }
        let types = types.spread(context.len());
        invoke(context, context.len(), strict, &types.args, &types.returns, call)
    })
}

/// The types that the argument at `index` describes; parsed once per statement.
pub(crate) fn descriptor(context: &Context<'_>, index: usize) -> rusqlite::Result<std::sync::Arc<Types>> {
    let slot = c_int::try_from(index).unwrap_or(c_int::MAX);
    context
        .get_or_create_aux(slot, |text| match from_sqlite(text) {
            Ok(ValueRef::Text(text)) => Types::parse(text),
            _ => Err(Problem::internal("the types of a call are missing")),
        })
        .map_err(unwrap_problem)
}

/// Gives the problem that `get_or_create_aux` wrapped to the runner of the statement.
fn unwrap_problem(error: rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::UserFunctionError(inner) => match inner.downcast::<Problem>() {
            Ok(problem) => raise(*problem),
            Err(other) => rusqlite::Error::UserFunctionError(other),
        },
        other => other,
    }
}

fn invoke(
    context: &Context<'_>,
    count: usize,
    strict: bool,
    types: &[Type],
    returns: &Type,
    call: fn(&Call<'_>) -> Result<Value>,
) -> Answer {
    let mut inline = [ValueRef::Null; INLINE];
    let mut heap = Vec::new();
    let args: &mut [ValueRef<'_>] = match inline.get_mut(..count) {
        Some(args) => args,
        None => {
            heap.resize(count, ValueRef::Null);
            &mut heap
        }
    };
    for (index, arg) in args.iter_mut().enumerate() {
        *arg = from_sqlite(context.get_raw(index)).map_err(raise)?;
        if strict && arg.is_null() {
            return Ok(to_sqlite(Value::Null));
        }
    }
    let args = &*args;
    scope::with(|frame| call(&Call { args, types, returns, context: &frame.context }))
        .map(to_sqlite)
        .map_err(raise)
}

/// `from>to`, a modifier, and whether the user asked for the cast.
#[derive(Debug, PartialEq, Eq)]
struct Cast {
    from: Type,
    to: ColumnType,
    explicit: bool,
}

impl Cast {
    fn parse(text: &str) -> Result<Cast> {
        let bad = || Problem::internal(format!("`{text}` describes no cast"));
        let (body, explicit) = text.strip_suffix('!').map_or((text, false), |body| (body, true));
        let (from, to) = body.split_once('>').ok_or_else(bad)?;
        let (to, modifier) = to.split_once('#').map_or((to, None), |(to, modifier)| (to, Some(modifier)));
        let modifier = match modifier {
            None => Modifier::None,
            Some(modifier) => parse_modifier(modifier).ok_or_else(bad)?,
        };
        Ok(Cast {
            from: Type::from_symbol(from).ok_or_else(bad)?,
            to: ColumnType { ty: Type::from_symbol(to).ok_or_else(bad)?, modifier },
            explicit,
        })
    }
}

/// `L10`, `N10.2`, `P3`.
fn parse_modifier(text: &str) -> Option<Modifier> {
    let (kind, numbers) = text.split_at_checked(1)?;
    match kind {
        "L" => Some(Modifier::Length(numbers.parse().ok()?)),
        "P" => Some(Modifier::Precision(numbers.parse().ok()?)),
        "N" => {
            let (precision, scale) = numbers.split_once('.')?;
            Some(Modifier::Numeric { precision: precision.parse().ok()?, scale: scale.parse().ok()? })
        }
        _ => None,
    }
}

/// `pg_cast(value, descriptor)`
fn cast(context: &Context<'_>) -> Answer {
    let value = from_sqlite(context.get_raw(0)).map_err(raise)?;
    if value.is_null() {
        return Ok(to_sqlite(Value::Null));
    }
    let cast = context
        .get_or_create_aux(1, |text| match from_sqlite(text) {
            Ok(ValueRef::Text(text)) => Cast::parse(text),
            _ => Err(Problem::internal("a cast without its types")),
        })
        .map_err(unwrap_problem)?;
    scope::with(|frame| value::cast(value, &cast.from, &cast.to, cast.explicit, &frame.context))
        .map(to_sqlite)
        .map_err(raise)
}

/// `pg_not_null(value, column, table)`
fn not_null(context: &Context<'_>) -> Answer {
    let value = from_sqlite(context.get_raw(0)).map_err(raise)?;
    if !value.is_null() || scope::is_lenient() {
        return Ok(to_sqlite(value.to_owned()));
    }
    let text = |index| match from_sqlite(context.get_raw(index)) {
        Ok(ValueRef::Text(text)) => text.to_owned(),
        _ => String::new(),
    };
    Err(raise(crate::problems::null_in_column(&text(1), &text(2))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_casts_name_types_modifier_and_intent() {
        let cast = Cast::parse("text>varchar#L10!");
        let to = ColumnType { ty: Type::Varchar, modifier: Modifier::Length(10) };
        assert_eq!(cast, Ok(Cast { from: Type::Text, to, explicit: true }));
        let cast = Cast::parse("float8>numeric#N10.-2").map(|cast| (cast.to.modifier, cast.explicit));
        assert_eq!(cast, Ok((Modifier::Numeric { precision: 10, scale: -2 }, false)));
        assert!(Cast::parse("text").is_err() && Cast::parse("text>int4#Q").is_err());
    }
}

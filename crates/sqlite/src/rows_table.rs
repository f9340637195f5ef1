//! `pg_rows(symbol, types, arg1, …, arg8)`: the rows of a set-returning native as a table of SQLite.
//!
//! Columns `c0` to `c7` hold what the native returns, `ord` counts from 1 (`WITH ORDINALITY`).

use crate::convert::{Types, from_sqlite, raise, to_sqlite};
use crate::scope;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Body, Native, natives};
use mainstay_types::{Call, Value, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

const COLUMNS: c_int = 8;
const ORDINALITY: c_int = COLUMNS;
/// The first hidden column: the symbol.
const FIRST_ARGUMENT: c_int = ORDINALITY + 1;
const SCHEMA: &CStr = c"CREATE TABLE x(c0, c1, c2, c3, c4, c5, c6, c7, ord INTEGER, symbol TEXT HIDDEN, \
    types TEXT HIDDEN, arg1 HIDDEN, arg2 HIDDEN, arg3 HIDDEN, arg4 HIDDEN, arg5 HIDDEN, arg6 HIDDEN, arg7 HIDDEN, \
    arg8 HIDDEN)";

pub(crate) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    const MODULE: Module<'static, RowsTable> = Module::eponymous_only_module();
    connection.create_module("pg_rows", &MODULE, None)
}

fn native(symbol: &str) -> Option<&'static Native> {
    static TABLE: OnceLock<HashMap<String, &'static Native>> = OnceLock::new();
    TABLE
        .get_or_init(|| {
            natives()
                .filter(|native| matches!(native.body, Body::Rows { .. }))
                .map(|native| (native.symbol(), native))
                .collect()
        })
        .get(symbol)
        .copied()
}

#[repr(C)]
struct RowsTable {
    base: sqlite3_vtab,
}

// SAFETY: `base` is the first field of a `repr(C)` struct, as `rusqlite` asks for.
unsafe impl VTab<'_> for RowsTable {
    type Aux = ();
    type Cursor = RowsCursor;

    fn connect(
        db: &mut VTabConnection,
        _: Option<&()>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
        _: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Self)> {
        db.config(VTabConfig::Innocuous)?;
        Ok((Cow::Borrowed(SCHEMA), RowsTable { base: sqlite3_vtab::default() }))
    }

    /// Every argument must be known before the table is read. The index number tells which are given.
    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        let mut given = [None; 10];
        for (position, constraint) in info.constraints().enumerate() {
            let Some(argument) = usize::try_from(constraint.column() - FIRST_ARGUMENT).ok() else { continue };
            if constraint.operator() != IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ {
                continue;
            }
            if !constraint.is_usable() {
                return Ok(false);
            }
            if let Some(slot) = given.get_mut(argument) {
                slot.get_or_insert(position);
            }
        }
        let (mut mask, mut next) = (0, 1);
        for (argument, position) in given.iter().enumerate() {
            if let Some(position) = position {
                let mut usage = info.constraint_usage(*position);
                usage.set_argv_index(next);
                usage.set_omit(true);
                mask |= 1 << argument;
                next += 1;
            }
        }
        info.set_idx_num(mask);
        info.set_estimated_cost(100.0);
        info.set_estimated_rows(100);
        Ok(true)
    }

    fn open(&mut self) -> rusqlite::Result<RowsCursor> {
        Ok(RowsCursor { base: sqlite3_vtab_cursor::default(), rows: Vec::new(), position: 0 })
    }
}

#[repr(C)]
struct RowsCursor {
    base: sqlite3_vtab_cursor,
    rows: Vec<Vec<Value>>,
    position: usize,
}

impl RowsCursor {
    fn load(&mut self, mask: c_int, values: &[ValueRef<'_>]) -> Result<()> {
        let mut values = values.iter().copied();
        let mut slots = [None; 10];
        for (argument, slot) in slots.iter_mut().enumerate() {
            if mask & (1 << argument) != 0 {
                *slot = values.next();
            }
        }
        let [symbol, types, args @ ..] = slots;
        let Some(ValueRef::Text(symbol)) = symbol else {
            return Err(Problem::internal("a set-returning function was called without its symbol"));
        };
        let native = native(symbol)
            .ok_or_else(|| Problem::internal(format!("`{symbol}` is no set-returning function")))?;
        let Body::Rows { call, .. } = native.body else { return Ok(()) };
        let args: Vec<ValueRef<'_>> = args.into_iter().map_while(|arg| arg).collect();
        if native.strict && args.iter().any(|arg| arg.is_null()) {
            return Ok(());
        }
        let types = match types {
            Some(ValueRef::Text(types)) if !types.is_empty() => Types::parse(types)?,
            _ => Types {
                args: native.args.iter().map(|ty| ty.to_type()).collect(),
                returns: native.returns.to_type(),
            }
            .spread(args.len()),
        };
        self.rows = scope::with(|frame| {
            call(&Call { args: &args, types: &types.args, returns: &types.returns, context: &frame.context })
        })?;
        Ok(())
    }
}

// SAFETY: `base` is the first field of a `repr(C)` struct, as `rusqlite` asks for.
unsafe impl VTabCursor for RowsCursor {
    fn filter(&mut self, mask: c_int, _: Option<&str>, args: &Filters<'_>) -> rusqlite::Result<()> {
        self.rows.clear();
        self.position = 0;
        let values: Result<Vec<ValueRef<'_>>> = args.iter().map(from_sqlite).collect();
        // SQLite's frames lie above this one: a panic must not pass through them.
        catch_unwind(AssertUnwindSafe(|| values.and_then(|values| self.load(mask, &values))))
            .unwrap_or_else(|_| Err(Problem::internal("a set-returning function failed")))
            .map_err(raise)
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        self.position += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.position >= self.rows.len()
    }

    fn column(&self, context: &mut Context, column: c_int) -> rusqlite::Result<()> {
        if column == ORDINALITY {
            return context.set_result(self.rowid()?);
        }
        let value = usize::try_from(column)
            .ok()
            .filter(|_| column < COLUMNS)
            .and_then(|column| self.rows.get(self.position).and_then(|row| row.get(column)));
        context.set_result(to_sqlite(value.cloned().unwrap_or_default()))
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(i64::try_from(self.position + 1).unwrap_or(i64::MAX))
    }
}

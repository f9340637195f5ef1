//! The few doors of SQLite's C interface that `rusqlite` does not open: statements that a plan owns, the preupdate
//! hook, counters of a connection. All `unsafe` of the crate is here.

use crate::scope;
use mainstay_types::ValueRef;
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

/// What SQLite said when it refused: the extended result code and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: c_int,
    pub message: String,
}

impl Failure {
    pub fn primary(&self) -> c_int {
        self.code & 0xff
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (SQLite code {})", self.message, self.code)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(code, message) => {
                Failure { code: code.extended_code, message: message.unwrap_or_else(|| code.to_string()) }
            }
            other => Failure { code: ffi::SQLITE_ERROR, message: other.to_string() },
        }
    }
}

/// Without an `ORDER BY` rows come as they were inserted, which is what people see of PostgreSQL, and not in the order of
/// whatever index happens to hold all columns asked for.
pub(crate) fn scan_tables_in_order() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: every store comes through here before it opens its first connection, and `Once` keeps others waiting.
    // Where another user of the library has started it already, SQLite refuses the call and nothing changes.
    ONCE.call_once(|| unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_COVERING_INDEX_SCAN, 0 as c_int);
    });
}

fn last_failure(db: *mut ffi::sqlite3) -> Failure {
    // SAFETY: `db` is an open connection; the message is copied before anything else runs on it.
    unsafe {
        let message = ffi::sqlite3_errmsg(db);
        let message = if message.is_null() {
            String::new()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        Failure { code: ffi::sqlite3_extended_errcode(db), message }
    }
}

fn handle(connection: &rusqlite::Connection) -> *mut ffi::sqlite3 {
    // SAFETY: the handle is only used while `connection` is borrowed, or by a `Statement` whose owner
    // (`crate::connection::Connection`) drops it before the connection.
    unsafe { connection.handle() }
}

/// A prepared statement that no borrow ties to its connection, so that a cache beside the connection can own it.
///
/// Contract of the owner: the statement is dropped before its connection, and both move between threads together.
pub(crate) struct Statement {
    raw: NonNull<ffi::sqlite3_stmt>,
    parameters: c_int,
    columns: usize,
}

// SAFETY: connections are opened without SQLite's own mutex, which allows use from any one thread at a time; a
// statement lies in the same struct as its connection and is reached through `&mut` of that struct only.
unsafe impl Send for Statement {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stepped {
    Row,
    Done,
}

impl Statement {
    /// Prepares the first statement of `text`. See the contract at [`Statement`].
    pub fn prepare(connection: &rusqlite::Connection, text: &str) -> Result<Statement, Failure> {
        let db = handle(connection);
        let mut raw = ptr::null_mut();
        let length = c_int::try_from(text.len())
            .map_err(|_| Failure { code: ffi::SQLITE_TOOBIG, message: "statement too long".to_owned() })?;
        // SAFETY: pointer and length describe `text`, which SQLite copies; the tail is not asked for.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                db,
                text.as_ptr().cast::<c_char>(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &mut raw,
                ptr::null_mut(),
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(last_failure(db));
        }
        let Some(raw) = NonNull::new(raw) else {
            return Err(Failure { code: ffi::SQLITE_MISUSE, message: "the statement is empty".to_owned() });
        };
        // SAFETY: `raw` was just prepared.
        let (parameters, columns) = unsafe {
            (ffi::sqlite3_bind_parameter_count(raw.as_ptr()), ffi::sqlite3_column_count(raw.as_ptr()))
        };
        Ok(Statement { raw, parameters, columns: usize::try_from(columns).unwrap_or(0) })
    }

    /// Starts a run with these values for `?1`, `?2`, …; values that the statement has no parameter for are left
    /// out, parameters without a value are NULL. The run ends when the guard is dropped.
    pub fn run<'a>(&'a mut self, values: impl IntoIterator<Item = ValueRef<'a>>) -> Result<Run<'a>, Failure> {
        let run = Run { statement: self };
        for (index, value) in (1..=run.statement.parameters).zip(values) {
            run.statement.bind(index, value)?;
        }
        Ok(run)
    }

    /// Rows that the last `INSERT`, `UPDATE` or `DELETE` on the connection changed, without those of triggers and
    /// of foreign key actions.
    pub fn changes(&self) -> u64 {
        // SAFETY: the connection of a live statement is open.
        let changes = unsafe { ffi::sqlite3_changes64(ffi::sqlite3_db_handle(self.raw.as_ptr())) };
        u64::try_from(changes).unwrap_or(0)
    }

    fn bind(&self, index: c_int, value: ValueRef<'_>) -> Result<(), Failure> {
        let raw = self.raw.as_ptr();
        // SAFETY: texts and blobs are bound without a copy (no destructor): `Run` borrows them and clears all
        // bindings when it is dropped.
        let code = unsafe {
            match value {
                ValueRef::Null => ffi::sqlite3_bind_null(raw, index),
                ValueRef::Integer(value) => ffi::sqlite3_bind_int64(raw, index, value),
                ValueRef::Real(value) => ffi::sqlite3_bind_double(raw, index, value),
                ValueRef::Text(text) => ffi::sqlite3_bind_text64(
                    raw,
                    index,
                    if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast::<c_char>() },
                    text.len() as u64,
                    ffi::SQLITE_STATIC(),
                    ffi::SQLITE_UTF8 as u8,
                ),
                ValueRef::Blob([]) => ffi::sqlite3_bind_zeroblob(raw, index, 0),
                ValueRef::Blob(bytes) => ffi::sqlite3_bind_blob64(
                    raw,
                    index,
                    bytes.as_ptr().cast::<c_void>(),
                    bytes.len() as u64,
                    ffi::SQLITE_STATIC(),
                ),
            }
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(self.failure()) }
    }

    fn failure(&self) -> Failure {
        // SAFETY: the connection of a live statement is open.
        last_failure(unsafe { ffi::sqlite3_db_handle(self.raw.as_ptr()) })
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: `raw` is not used afterwards; its connection is still open by the contract of the owner.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// A run of a statement, from its first step to its reset.
pub(crate) struct Run<'a> {
    statement: &'a mut Statement,
}

impl Run<'_> {
    pub fn step(&mut self) -> Result<Stepped, Failure> {
        // SAFETY: the statement is live and exclusively borrowed.
        match unsafe { ffi::sqlite3_step(self.statement.raw.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(Stepped::Row),
            ffi::SQLITE_DONE => Ok(Stepped::Done),
            _ => Err(self.statement.failure()),
        }
    }

    pub fn columns(&self) -> usize {
        self.statement.columns
    }

    /// The value of a column of the row that the last step gave. A text that is not UTF-8 comes as its bytes.
    pub fn value(&self, column: usize) -> ValueRef<'_> {
        let raw = self.statement.raw.as_ptr();
        let Ok(index) = c_int::try_from(column) else { return ValueRef::Null };
        // SAFETY: SQLite answers NULL for an index out of range. Pointers stay valid until the next step or reset,
        // both of which need `&mut self`, while the result borrows `self`; no call converts the value's type. The
        // value is not protected by a mutex, which is for connections that several threads share at once.
        unsafe { value_of(ffi::sqlite3_column_value(raw, index)) }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let raw = self.statement.raw.as_ptr();
        // SAFETY: the statement is live. What `step` answered is repeated by the reset and was handled there.
        unsafe {
            ffi::sqlite3_reset(raw);
            if self.statement.parameters > 0 {
                ffi::sqlite3_clear_bindings(raw);
            }
        }
    }
}

/// # Safety
/// `value` is a live value that nobody else uses meanwhile; the result is used only while it stays unchanged.
unsafe fn value_of<'a>(value: *mut ffi::sqlite3_value) -> ValueRef<'a> {
    // SAFETY: promised by the caller; no call converts the value's type.
    unsafe {
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => {
                let text = ffi::sqlite3_value_text(value);
                text_or_bytes(slice(text, ffi::sqlite3_value_bytes(value)))
            }
            ffi::SQLITE_BLOB => {
                let blob = ffi::sqlite3_value_blob(value).cast::<u8>();
                ValueRef::Blob(slice(blob, ffi::sqlite3_value_bytes(value)))
            }
            _ => ValueRef::Null,
        }
    }
}

/// # Safety
/// `data` is null or points to `length` bytes that live as long as the caller uses the result.
unsafe fn slice<'a>(data: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: promised by the caller.
        Ok(length) if !data.is_null() && length > 0 => unsafe { std::slice::from_raw_parts(data, length) },
        _ => &[],
    }
}

fn text_or_bytes(bytes: &[u8]) -> ValueRef<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => ValueRef::Text(text),
        Err(_) => ValueRef::Blob(bytes),
    }
}

/// How much memory for small allocations lies ready on a connection: 48 KB, which is SQLite's own measure.
const LOOKASIDE_BYTES_EACH: c_int = 1_200;
const LOOKASIDE_COUNT: c_int = 40;

/// Turns a connection's memory for small allocations on or off. What is allocated for good (functions, collations) is
/// better taken while it is off: it would fill it once and for all, and every statement would go to `malloc`.
pub(crate) fn set_lookaside(connection: &rusqlite::Connection, on: bool) -> Result<(), Failure> {
    let (bytes_each, count) = if on { (LOOKASIDE_BYTES_EACH, LOOKASIDE_COUNT) } else { (0, 0) };
    let db = handle(connection);
    // SAFETY: the connection is open; these are the arguments of this option, and no buffer means SQLite's own.
    let code = unsafe {
        ffi::sqlite3_db_config(
            db,
            ffi::SQLITE_DBCONFIG_LOOKASIDE,
            ptr::null_mut::<c_void>(),
            bytes_each,
            count,
        )
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(last_failure(db)) }
}

/// Small allocations that went to `malloc` because the connection's own memory for them was full.
#[cfg(test)]
pub(crate) fn lookaside_misses(connection: &rusqlite::Connection) -> c_int {
    let (mut current, mut highest) = (0, 0);
    // SAFETY: the connection is open, both pointers are valid for the call.
    unsafe {
        ffi::sqlite3_db_status(
            handle(connection),
            ffi::SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL,
            &mut current,
            &mut highest,
            1,
        );
    }
    highest
}

/// Whether foreign keys are violated that will fail the commit.
pub(crate) fn has_deferred_violations(connection: &rusqlite::Connection) -> bool {
    let (mut current, mut highest) = (0, 0);
    // SAFETY: the connection is open, both pointers are valid for the call.
    let code = unsafe {
        ffi::sqlite3_db_status(
            handle(connection),
            ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
            &mut current,
            &mut highest,
            0,
        )
    };
    code != ffi::SQLITE_OK || current != 0
}

/// Calls [`scope::on_progress`] every `steps` steps of SQLite's machine.
pub(crate) fn install_progress(connection: &rusqlite::Connection, steps: c_int) {
    extern "C" fn progress(_: *mut c_void) -> c_int {
        c_int::from(scope::on_progress())
    }
    // SAFETY: the callback has no data and does not unwind.
    unsafe { ffi::sqlite3_progress_handler(handle(connection), steps, Some(progress), ptr::null_mut()) };
}

/// Tells [`scope::before_commit`] of each commit of this connection and [`scope::on_commit`] the number of pages in the
/// write-ahead log after it, and turns SQLite's own checkpoints off.
pub(crate) fn install_commit_hooks(connection: &rusqlite::Connection) {
    extern "C" fn committing(_: *mut c_void) -> c_int {
        scope::before_commit();
        0
    }
    extern "C" fn committed(_: *mut c_void, _: *mut ffi::sqlite3, _: *const c_char, pages: c_int) -> c_int {
        scope::on_commit(u64::try_from(pages).unwrap_or(0));
        ffi::SQLITE_OK
    }
    // SAFETY: the callbacks have no data and do not unwind.
    unsafe {
        ffi::sqlite3_commit_hook(handle(connection), Some(committing), ptr::null_mut());
        ffi::sqlite3_wal_hook(handle(connection), Some(committed), ptr::null_mut());
    }
}

/// One row about to change. Columns are numbered as in `CREATE TABLE`.
pub(crate) struct RowChange<'a> {
    db: *mut ffi::sqlite3,
    pub table: &'a [u8],
    pub has_old: bool,
    pub has_new: bool,
    /// Undefined where there is no old row.
    pub old_rowid: i64,
    /// Undefined where there is no new row.
    pub new_rowid: i64,
}

impl RowChange<'_> {
    pub fn columns(&self) -> usize {
        // SAFETY: only made inside the hook, where the call is allowed.
        usize::try_from(unsafe { ffi::sqlite3_preupdate_count(self.db) }).unwrap_or(0)
    }

    pub fn old(&self, column: usize) -> ValueRef<'_> {
        self.value(column, ffi::sqlite3_preupdate_old, self.has_old)
    }

    pub fn new_value(&self, column: usize) -> ValueRef<'_> {
        self.value(column, ffi::sqlite3_preupdate_new, self.has_new)
    }

    fn value(
        &self,
        column: usize,
        get: unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int,
        exists: bool,
    ) -> ValueRef<'_> {
        let Ok(index) = c_int::try_from(column) else { return ValueRef::Null };
        if !exists {
            return ValueRef::Null;
        }
        let mut value = ptr::null_mut();
        // SAFETY: only made inside the hook, where old and new values may be asked for as the operation has them;
        // a value lives until the hook returns, and `self` does not outlive it.
        unsafe {
            if get(self.db, index, &mut value) != ffi::SQLITE_OK || value.is_null() {
                return ValueRef::Null;
            }
            value_of(value)
        }
    }
}

/// Calls [`scope::on_row_change`] before each row of the main database changes.
pub(crate) fn install_row_changes(connection: &rusqlite::Connection) {
    unsafe extern "C" fn changed(
        _: *mut c_void,
        db: *mut ffi::sqlite3,
        operation: c_int,
        schema: *const c_char,
        table: *const c_char,
        old_rowid: i64,
        new_rowid: i64,
    ) {
        if schema.is_null() || table.is_null() {
            return;
        }
        // SAFETY: SQLite hands over terminated names that live during the call.
        let (schema, table) = unsafe { (CStr::from_ptr(schema), CStr::from_ptr(table)) };
        if schema != c"main" {
            return;
        }
        let change = RowChange {
            db,
            table: table.to_bytes(),
            has_old: operation != ffi::SQLITE_INSERT,
            has_new: operation != ffi::SQLITE_DELETE,
            old_rowid,
            new_rowid,
        };
        scope::on_row_change(&change);
    }
    // SAFETY: the callback has no data and does not unwind: `on_row_change` catches panics.
    unsafe { ffi::sqlite3_preupdate_hook(handle(connection), Some(changed), ptr::null_mut()) };
}

/// Copies the write-ahead log into the database file. Answers the pages in the log and how many of them are copied.
pub(crate) fn wal_checkpoint(connection: &rusqlite::Connection, mode: c_int) -> Result<(u64, u64), Failure> {
    let (mut log, mut done) = (0, 0);
    // SAFETY: the connection is open, the name is terminated, both pointers are valid for the call.
    let code = unsafe {
        ffi::sqlite3_wal_checkpoint_v2(handle(connection), c"main".as_ptr(), mode, &mut log, &mut done)
    };
    if code != ffi::SQLITE_OK {
        return Err(last_failure(handle(connection)));
    }
    Ok((u64::try_from(log).unwrap_or(0), u64::try_from(done).unwrap_or(0)))
}

/// Ends every statement of the connection that is still running: after a panic in the middle of one.
pub(crate) fn reset_all(connection: &rusqlite::Connection) {
    let db = handle(connection);
    // SAFETY: walks the live statements of an open connection; a reset does not free.
    unsafe {
        let mut statement = ffi::sqlite3_next_stmt(db, ptr::null_mut());
        while !statement.is_null() {
            ffi::sqlite3_reset(statement);
            statement = ffi::sqlite3_next_stmt(db, statement);
        }
    }
}

//! Collects the rows that writes change, as the preupdate hook shows them.

use crate::old_rows::Notes;
use crate::raw::RowChange;
use crate::rows::{json_key, write_value};
use ahash::AHashMap;
use mainstay_engine::Operation;
use mainstay_sql::Name;
use mainstay_types::{Context, Type, Value, ValueRef};
use std::sync::Arc;

/// A table whose changes somebody wants.
#[derive(Debug)]
pub(crate) struct CapturedTable {
    pub name: Name,
    /// Whether its changes are kept in the change log.
    pub published: bool,
    /// In the order of the table's columns in SQLite; `None` where the catalog does not know the column.
    pub columns: Vec<Option<CapturedColumn>>,
}

#[derive(Debug)]
pub(crate) struct CapturedColumn {
    key: Box<[u8]>,
    ty: Type,
}

impl CapturedColumn {
    pub fn new(name: &str, ty: Type) -> Self {
        CapturedColumn { key: json_key(name), ty }
    }
}

/// One changed row, before it has a position.
#[derive(Debug)]
pub(crate) struct CapturedRow {
    pub table: Arc<CapturedTable>,
    pub operation: Operation,
    pub old: Option<Arc<str>>,
    pub new: Option<Arc<str>>,
}

/// One changed row as values, for those who look for a violated foreign key.
#[derive(Debug)]
pub(crate) struct ChangedValues {
    /// The table's name in SQLite.
    pub table: String,
    pub old: Option<Vec<Value>>,
    pub new: Option<Vec<Value>>,
}

#[derive(Debug)]
pub(crate) struct Capture {
    tables: AHashMap<Box<[u8]>, Arc<CapturedTable>>,
    /// Of rows in the change feed: nobody's session, UTC.
    context: Context,
    /// False while SQLite moves rows about that no caller changed.
    pub enabled: bool,
    pub rows: Vec<CapturedRow>,
    /// `Some` collects the values of every table instead.
    pub values: Option<Vec<ChangedValues>>,
    /// `Some` also notes the old rows that a statement of several steps wants.
    pub old_rows: Option<Notes>,
    buffer: Vec<u8>,
}

impl Capture {
    pub fn new(context: Context) -> Self {
        Capture {
            tables: AHashMap::new(),
            context,
            enabled: true,
            rows: Vec::new(),
            values: None,
            old_rows: None,
            buffer: Vec::new(),
        }
    }

    /// Replaces what is captured. The keys are names of tables in SQLite.
    pub fn set_tables(&mut self, tables: AHashMap<Box<[u8]>, Arc<CapturedTable>>, context: Context) {
        self.tables = tables;
        self.context = context;
    }

    pub fn row(&mut self, change: &RowChange<'_>) {
        if let Some(notes) = &mut self.old_rows {
            notes.note(change);
        }
        if let Some(values) = &mut self.values {
            let columns = change.columns();
            values.push(ChangedValues {
                table: String::from_utf8_lossy(change.table).into_owned(),
                old: change.has_old.then(|| (0..columns).map(|c| change.old(c).to_owned()).collect()),
                new: change.has_new.then(|| (0..columns).map(|c| change.new_value(c).to_owned()).collect()),
            });
            return;
        }
        if !self.enabled || self.tables.is_empty() {
            return;
        }
        let Some(table) = self.tables.get(change.table) else { return };
        if table.columns.len() != change.columns() {
            return;
        }
        let table = Arc::clone(table);
        let operation = match (change.has_old, change.has_new) {
            (false, _) => Operation::Insert,
            (true, true) => Operation::Update,
            (true, false) => Operation::Delete,
        };
        let old = change.has_old.then(|| self.json(&table, |column| change.old(column)));
        let new = change.has_new.then(|| self.json(&table, |column| change.new_value(column)));
        self.rows.push(CapturedRow { table, operation, old, new });
    }

    fn json<'v>(&mut self, table: &CapturedTable, value: impl Fn(usize) -> ValueRef<'v>) -> Arc<str> {
        let out = &mut self.buffer;
        out.clear();
        out.push(b'{');
        for (index, column) in table.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&column.key);
            write_value(&column.ty, value(index), &self.context, out);
        }
        out.push(b'}');
        match std::str::from_utf8(out) {
            Ok(text) => Arc::from(text),
            Err(_) => Arc::from(&*String::from_utf8_lossy(out)),
        }
    }
}

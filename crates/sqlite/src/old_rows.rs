//! Keeps rows as they were before a statement of several steps, for steps that must not see what earlier ones did.
//!
//! While the steps run, the preupdate hook notes the first version of each row that they touch, cascades included;
//! after each step the notes go into a temporary table that later steps read.

use crate::raw::{Failure, RowChange, Statement, Stepped};
use crate::scope;
use mainstay_sql::plan;
use mainstay_types::{Value, ValueRef};
use std::ops::Range;

/// Prepared, with the order of the table's columns.
pub(crate) struct PreparedOldRows {
    table: Box<[u8]>,
    steps: Range<usize>,
    /// For each wanted column its place in the table.
    order: Vec<usize>,
    insert: Statement,
    clear: Statement,
}

/// What the hook notes.
#[derive(Debug)]
pub(crate) struct Notes {
    tables: Vec<Box<[u8]>>,
    rows: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    table: usize,
    rowid: i64,
    /// In the order of the table's columns; `None` where there was no such row.
    old: Option<Vec<Value>>,
}

impl Notes {
    pub fn note(&mut self, change: &RowChange<'_>) {
        let Some(table) = self.tables.iter().position(|table| **table == *change.table) else { return };
        if change.has_old {
            let old = (0..change.columns()).map(|column| change.old(column).to_owned()).collect();
            self.rows.push(Note { table, rowid: change.old_rowid, old: Some(old) });
        }
        if change.has_new && !(change.has_old && change.old_rowid == change.new_rowid) {
            self.rows.push(Note { table, rowid: change.new_rowid, old: None });
        }
    }
}

impl PreparedOldRows {
    /// `columns` are those of the table as SQLite has them.
    pub fn prepare(
        connection: &rusqlite::Connection,
        wanted: &plan::OldRows,
        columns: &[String],
    ) -> Result<PreparedOldRows, Failure> {
        let order = wanted.columns.iter().map(|name| {
            columns.iter().position(|column| column == name).ok_or_else(|| Failure {
                code: rusqlite::ffi::SQLITE_INTERNAL,
                message: format!("table {} has no column {name}", wanted.table),
            })
        });
        Ok(PreparedOldRows {
            table: wanted.table.as_bytes().into(),
            steps: wanted.steps.clone(),
            order: order.collect::<Result<_, _>>()?,
            insert: Statement::prepare(connection, &wanted.scratch.insert)?,
            clear: Statement::prepare(connection, &wanted.scratch.clear)?,
        })
    }
}

/// Notes are taken until this is dropped.
pub(crate) struct Noting(());

impl Drop for Noting {
    fn drop(&mut self) {
        scope::with_capture(|capture| capture.old_rows = None);
    }
}

impl Noting {
    pub fn begin(kept: &mut [PreparedOldRows]) -> Result<Noting, Failure> {
        for table in kept.iter_mut() {
            drain(&mut table.clear, &[])?;
        }
        let tables = kept.iter().map(|kept| kept.table.clone()).collect();
        scope::with_capture(|capture| capture.old_rows = Some(Notes { tables, rows: Vec::new() }));
        Ok(Noting(()))
    }

    /// Puts what a step has touched into the temporary tables.
    pub fn keep(&self, kept: &mut [PreparedOldRows], step: usize) -> Result<(), Failure> {
        let notes = scope::with_capture(|capture| {
            capture.old_rows.as_mut().map(|notes| std::mem::take(&mut notes.rows)).unwrap_or_default()
        });
        for note in notes.unwrap_or_default() {
            let Some(table) = kept.get_mut(note.table).filter(|kept| kept.steps.contains(&step)) else {
                continue;
            };
            let mut values =
                vec![ValueRef::Integer(note.rowid), ValueRef::Integer(i64::from(note.old.is_some()))];
            values.extend(table.order.iter().map(|place| {
                let value = note.old.as_ref().and_then(|old| old.get(*place));
                value.map_or(ValueRef::Null, Value::as_ref)
            }));
            drain(&mut table.insert, &values)?;
        }
        Ok(())
    }
}

fn drain(statement: &mut Statement, values: &[ValueRef<'_>]) -> Result<(), Failure> {
    let mut run = statement.run(values.iter().copied())?;
    while run.step()? == Stepped::Row {}
    Ok(())
}

//! Rows as they leave the store: straight from SQLite's columns to bytes, without a value in between.

use crate::raw::Run;
use mainstay_engine::{Format, Rows};
use mainstay_sql::plan::OutputColumn;
use mainstay_types::{Context, Type, Value, ValueRef, value};
use std::borrow::Cow;

/// What of a plan's columns can be worked out once.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub types: Vec<Type>,
    /// `"name":` as JSON, one a column.
    keys: Vec<Box<[u8]>>,
    /// The header line of CSV.
    header: String,
}

impl Shape {
    pub fn new(columns: &[OutputColumn]) -> Self {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        Shape {
            types: columns.iter().map(|column| column.ty.clone()).collect(),
            keys: names.iter().map(|name| json_key(name)).collect(),
            header: names.join(","),
        }
    }
}

/// `"name":` with what JSON wants escaped.
pub(crate) fn json_key(name: &str) -> Box<[u8]> {
    let mut key = serde_json::to_vec(name).unwrap_or_else(|_| b"\"\"".to_vec());
    key.push(b':');
    key.into_boxed_slice()
}

/// Appends a value as JSON. json and jsonb are stored as they are shown, so they are copied.
pub(crate) fn write_value(ty: &Type, value: ValueRef<'_>, context: &Context, out: &mut Vec<u8>) {
    match (ty, value) {
        (_, ValueRef::Null) => out.extend_from_slice(b"null"),
        (Type::Json | Type::Jsonb, ValueRef::Text(text)) => out.extend_from_slice(text.as_bytes()),
        (Type::Bool, ValueRef::Integer(value)) => {
            out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
        }
        (Type::Bytea | Type::Uuid, value) => value::write_json(ty, value, context, out),
        (_, ValueRef::Blob(bytes)) => {
            value::write_json(ty, ValueRef::Text(&String::from_utf8_lossy(bytes)), context, out);
        }
        (ty, value) => value::write_json(ty, value, context, out),
    }
}

/// Writes the rows of a plan, of one run or of several, into [`Rows`].
pub(crate) struct RowWriter<'a> {
    format: Format,
    shape: &'a Shape,
    rows: &'a mut Rows,
    text: String,
}

impl<'a> RowWriter<'a> {
    pub fn new(format: Format, shape: &'a Shape, rows: &'a mut Rows) -> Self {
        if matches!(format, Format::JsonArray | Format::JsonArrayNoNulls | Format::JsonValues) {
            rows.body.push(b'[');
        }
        RowWriter { format, shape, rows, text: String::new() }
    }

    /// Counts rows that a statement changed without returning them.
    pub fn count(&mut self, rows: u64) {
        self.rows.count += rows;
    }

    pub fn row(&mut self, run: &Run<'_>, context: &Context) {
        let first = self.rows.count == 0;
        self.rows.count += 1;
        match self.format {
            Format::JsonArray => {
                self.separate(first, b',');
                self.object(run, context, false);
            }
            Format::JsonArrayNoNulls => {
                self.separate(first, b',');
                self.object(run, context, true);
            }
            Format::JsonLines => {
                self.object(run, context, false);
                self.rows.body.push(b'\n');
            }
            Format::JsonValues => {
                self.separate(first, b',');
                if let Some(ty) = self.shape.types.first() {
                    write_value(ty, run.value(0), context, &mut self.rows.body);
                }
            }
            Format::Csv => self.csv(first, run, context),
            Format::Raw => self.raw(run, context),
            Format::Values => {
                let values = (0..self.shape.types.len()).map(|column| run.value(column).to_owned());
                self.rows.values.push(values.collect());
            }
            Format::Nothing => {}
        }
    }

    fn separate(&mut self, first: bool, separator: u8) {
        if !first {
            self.rows.body.push(separator);
        }
    }

    fn object(&mut self, run: &Run<'_>, context: &Context, skip_nulls: bool) {
        let out = &mut self.rows.body;
        out.push(b'{');
        let mut first = true;
        for (column, (ty, key)) in self.shape.types.iter().zip(&self.shape.keys).enumerate() {
            let value = run.value(column);
            if skip_nulls && value.is_null() {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(key);
            write_value(ty, value, context, out);
        }
        out.push(b'}');
    }

    /// PostgREST prints the header from the first row's keys and each row as PostgreSQL's text form of a record
    /// without its brackets; nothing separates them but line feeds.
    fn csv(&mut self, first: bool, run: &Run<'_>, context: &Context) {
        if first {
            self.rows.body.extend_from_slice(self.shape.header.as_bytes());
        }
        self.rows.body.push(b'\n');
        for (column, ty) in self.shape.types.iter().enumerate() {
            if column > 0 {
                self.rows.body.push(b',');
            }
            let value = run.value(column);
            if value.is_null() {
                continue;
            }
            self.text.clear();
            value::output(ty, value, context, &mut self.text);
            self.rows.body.extend_from_slice(record_field(&self.text).as_bytes());
        }
    }

    fn raw(&mut self, run: &Run<'_>, context: &Context) {
        match (self.shape.types.first(), run.value(0)) {
            (None, _) | (_, ValueRef::Null) => {}
            (Some(Type::Bytea), ValueRef::Blob(bytes)) => self.rows.body.extend_from_slice(bytes),
            (Some(ty), value) => {
                self.text.clear();
                value::output(ty, value, context, &mut self.text);
                self.rows.body.extend_from_slice(self.text.as_bytes());
            }
        }
    }

    /// What has been written so far and the number of rows, where it is so many bytes; the rest begins anew.
    pub fn take(&mut self, bytes_min: usize) -> Option<(Vec<u8>, u64)> {
        (self.rows.body.len() >= bytes_min).then(|| (std::mem::take(&mut self.rows.body), self.rows.count))
    }

    pub fn finish(self) {
        match self.format {
            Format::JsonArray | Format::JsonArrayNoNulls | Format::JsonValues => self.rows.body.push(b']'),
            Format::Csv if self.rows.count == 0 => self.rows.body.push(b'\n'),
            _ => {}
        }
    }
}

/// A field within the text form of a record (`record_out`).
fn record_field(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',' | '\u{b}') || c.is_ascii_whitespace();
    if !text.is_empty() && !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

/// Copies the values of a row, for rows that travel from one step to the next.
pub(crate) fn owned_row(run: &Run<'_>) -> Vec<Value> {
    (0..run.columns()).map(|column| run.value(column).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_fields_are_quoted_as_in_a_record() {
        for (text, field) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\\", "\"a\\\\\""),
        ] {
            assert_eq!(record_field(text), field);
        }
    }

    #[test]
    fn keys_are_escaped_once() {
        assert_eq!(&*json_key("a\"b"), br#""a\"b":"#);
    }
}

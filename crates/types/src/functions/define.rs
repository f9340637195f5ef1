//! Short ways to write an entry of a table and to read the arguments of a call.

use crate::registry::{Body, Call, Kind, Native, Ty, Volatility};
use crate::value::{self, Value, ValueRef};
use mainstay_base::Result;

type Function = fn(&Call<'_>) -> Result<Value>;
type RowsFunction = fn(&Call<'_>) -> Result<Vec<Vec<Value>>>;

/// A strict, immutable function in Rust.
pub(crate) const fn function(
    section: &'static str,
    name: &'static str,
    args: &'static [Ty],
    returns: Ty,
    body: Function,
) -> Native {
    Native {
        name,
        kind: Kind::Function,
        args,
        variadic: false,
        returns,
        strict: true,
        volatility: Volatility::Immutable,
        body: Body::Rust(body),
        section,
    }
}

/// A strict, immutable operator in Rust.
pub(crate) const fn operator(
    section: &'static str,
    name: &'static str,
    args: &'static [Ty],
    returns: Ty,
    body: Function,
) -> Native {
    Native { kind: Kind::Operator, ..function(section, name, args, returns, body) }
}

/// A strict, immutable function that returns rows of `columns`.
pub(crate) const fn rows(
    section: &'static str,
    name: &'static str,
    args: &'static [Ty],
    returns: Ty,
    columns: &'static [(&'static str, Ty)],
    call: RowsFunction,
) -> Native {
    Native {
        name,
        kind: Kind::Function,
        args,
        variadic: false,
        returns,
        strict: true,
        volatility: Volatility::Immutable,
        body: Body::Rows { columns, call },
        section,
    }
}

impl Native {
    /// The function is called with NULL arguments too.
    pub(crate) const fn called_on_null(self) -> Native {
        Native { strict: false, ..self }
    }

    pub(crate) const fn stable(self) -> Native {
        Native { volatility: Volatility::Stable, ..self }
    }

    pub(crate) const fn volatile(self) -> Native {
        Native { volatility: Volatility::Volatile, ..self }
    }

    /// The last argument may be repeated.
    pub(crate) const fn with_variadic(self) -> Native {
        Native { variadic: true, ..self }
    }

    /// SQLite's own expression takes the place of the Rust body.
    pub(crate) const fn by_sqlite(self, expression: &'static str) -> Native {
        Native { body: Body::Sqlite(expression), ..self }
    }
}

/// The arguments of a call by their storage class; a missing or foreign one reads as empty or zero.
pub(crate) trait Args {
    fn value(&self, index: usize) -> ValueRef<'_>;
    fn text(&self, index: usize) -> &str;
    fn bytes(&self, index: usize) -> &[u8];
    fn int(&self, index: usize) -> i64;
    fn real(&self, index: usize) -> f64;
    fn has(&self, index: usize) -> bool;
    /// The output form of an argument of any type.
    fn shown(&self, index: usize) -> String;
}

impl Args for Call<'_> {
    fn value(&self, index: usize) -> ValueRef<'_> {
        self.args.get(index).copied().unwrap_or_default()
    }

    fn text(&self, index: usize) -> &str {
        match self.value(index) {
            ValueRef::Text(text) => text,
            _ => "",
        }
    }

    fn bytes(&self, index: usize) -> &[u8] {
        match self.value(index) {
            ValueRef::Blob(bytes) => bytes,
            ValueRef::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }

    fn int(&self, index: usize) -> i64 {
        match self.value(index) {
            ValueRef::Integer(number) => number,
            _ => 0,
        }
    }

    fn real(&self, index: usize) -> f64 {
        match self.value(index) {
            ValueRef::Real(number) => number,
            ValueRef::Integer(number) => number as f64,
            ValueRef::Text(_) => f64::NAN,
            _ => 0.0,
        }
    }

    fn has(&self, index: usize) -> bool {
        index < self.args.len()
    }

    fn shown(&self, index: usize) -> String {
        let mut out = String::new();
        if let Some(ty) = self.types.get(index) {
            value::output(ty, self.value(index), self.context, &mut out);
        }
        out
    }
}

pub(crate) fn truth(value: bool) -> Value {
    Value::Integer(i64::from(value))
}

pub(crate) fn integer(value: usize) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A stored `text[]`.
pub(crate) fn text_array<S: AsRef<str>>(elements: impl IntoIterator<Item = Option<S>>) -> Value {
    let mut out = Vec::from(*b"[");
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match element {
            // Writing a string to memory cannot fail.
            Some(text) => drop(serde_json::to_writer(&mut out, text.as_ref())),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
    Value::Text(String::from_utf8(out).unwrap_or_default())
}

/// The elements of a stored array of a type whose elements are JSON strings; deeper dimensions are flattened.
pub(crate) fn text_elements(array: &str) -> Vec<Option<String>> {
    fn collect(value: serde_json::Value, out: &mut Vec<Option<String>>) {
        match value {
            serde_json::Value::Array(elements) => elements.into_iter().for_each(|e| collect(e, out)),
            serde_json::Value::Null => out.push(None),
            serde_json::Value::String(text) => out.push(Some(text)),
            other => out.push(Some(other.to_string())),
        }
    }
    let mut out = Vec::new();
    if let Ok(value) = serde_json::from_str(array) {
        collect(value, &mut out);
    }
    out
}

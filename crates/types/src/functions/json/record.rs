//! Rows with named fields as JSON: what the binder makes of `row_to_json(t)` and the engine of result rows.
//!
//! The first argument is a constant that tells names and types: `name US symbol RS name US symbol …`.

use super::build::finish;
use crate::context::Context;
use crate::forms;
use crate::forms::json::escape::write_string;
use crate::functions::define::Args;
use crate::registry::Call;
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cell::RefCell;
use std::sync::Arc;

/// A specification, read: for each field `"name":` and its type.
pub(crate) struct Fields {
    text: String,
    fields: Vec<(String, Type)>,
}

/// How many specifications a thread remembers.
const REMEMBERED_MAX: usize = 64;

thread_local! {
    /// Read specifications, the one used last in front. A statement has few, and each row asks for the same.
    static READ: RefCell<Vec<Arc<Fields>>> = const { RefCell::new(Vec::new()) };
}

impl Fields {
    pub fn of(text: &str) -> Result<Arc<Fields>> {
        READ.with_borrow_mut(|read| {
            if let Some(at) = read.iter().position(|fields| fields.text == text) {
                if at > 0 {
                    read.swap(0, at);
                }
            } else {
                let fields = Fields::read(text)?;
                read.truncate(REMEMBERED_MAX - 1);
                read.insert(0, Arc::new(fields));
            }
            read.first().cloned().ok_or_else(|| Problem::internal("no specification of a row"))
        })
    }

    fn read(text: &str) -> Result<Fields> {
        let mut fields = Vec::new();
        for field in text.split('\u{1e}').filter(|field| !field.is_empty()) {
            let (name, symbol) = field.split_once('\u{1f}').unwrap_or((field, "text"));
            let ty = Type::from_symbol(symbol)
                .ok_or_else(|| Problem::internal(format!("unknown type symbol `{symbol}`")))?;
            let mut prefix = String::from(if fields.is_empty() { "" } else { "," });
            write_string(name, &mut prefix);
            prefix.push(':');
            fields.push((prefix, ty));
        }
        Ok(Fields { text: text.to_owned(), fields })
    }

    /// Appends the object.
    pub fn write(&self, values: &[ValueRef<'_>], context: &Context, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (prefix, ty)) in self.fields.iter().enumerate() {
            out.extend_from_slice(prefix.as_bytes());
            forms::write_json(ty, values.get(index).copied().unwrap_or_default(), context, out);
        }
        out.push(b'}');
    }
}

pub(crate) fn row_to_json(call: &Call<'_>) -> Result<Value> {
    let fields = Fields::of(call.text(0))?;
    let mut out = Vec::with_capacity(fields.fields.len() * 24);
    fields.write(call.args.get(1..).unwrap_or_default(), call.context, &mut out);
    Ok(finish(out))
}

//! Aggregates that keep all rows: texts, arrays, JSON.

use super::{argument_type, first};
use crate::forms;
use crate::forms::array::{self, Items, push_element, storage_context};
use crate::functions::json::build::{finish, normalized, push_jsonb, push_key};
use crate::functions::json::record::Fields;
use crate::registry::{AggregateState, Call};
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::sync::Arc;

#[derive(Default)]
struct Texts(Option<String>);

pub(super) fn texts() -> Box<dyn AggregateState> {
    Box::new(Texts::default())
}

impl AggregateState for Texts {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let ValueRef::Text(text) = first(call) else { return Ok(()) };
        match (&mut self.0, call.args.get(1)) {
            (Some(out), Some(ValueRef::Text(delimiter))) => {
                out.push_str(delimiter);
                out.push_str(text);
            }
            (Some(out), _) => out.push_str(text),
            (empty, _) => *empty = Some(text.to_owned()),
        }
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.0.clone().map_or(Value::Null, Value::Text))
    }
}

#[derive(Default)]
struct Bytes(Option<Vec<u8>>);

pub(super) fn bytes() -> Box<dyn AggregateState> {
    Box::new(Bytes::default())
}

impl AggregateState for Bytes {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let ValueRef::Blob(bytes) = first(call) else { return Ok(()) };
        match (&mut self.0, call.args.get(1)) {
            (Some(out), Some(ValueRef::Blob(delimiter))) => {
                out.extend_from_slice(delimiter);
                out.extend_from_slice(bytes);
            }
            (Some(out), _) => out.extend_from_slice(bytes),
            (empty, _) => *empty = Some(bytes.to_vec()),
        }
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(self.0.clone().map_or(Value::Null, Value::Blob))
    }
}

/// The stored array so far, without its closing bracket.
#[derive(Default)]
struct Array(String);

pub(super) fn array() -> Box<dyn AggregateState> {
    Box::new(Array::default())
}

impl AggregateState for Array {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        let ty = argument_type(call, 0);
        push_element(ty, first(call), &storage_context(ty, call.context), &mut self.0);
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        Ok(if self.0.is_empty() { Value::Null } else { Value::Text(format!("{}]", self.0)) })
    }
}

/// Arrays that become the rows of one with one more dimension.
#[derive(Default)]
struct Arrays {
    items: Items,
    count: usize,
}

pub(super) fn arrays() -> Box<dyn AggregateState> {
    Box::new(Arrays::default())
}

impl AggregateState for Arrays {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let element = argument_type(call, 0).element().unwrap_or(&Type::Text);
        let ValueRef::Text(stored) = first(call) else {
            return Err(Problem::new("22004", "cannot accumulate null arrays"));
        };
        let row = array::read(element, stored, call.context)?;
        if row.values.is_empty() {
            return Err(Problem::new("2202E", "cannot accumulate empty arrays"));
        }
        if self.count == 0 {
            self.items.dims = row.dims;
        } else if self.items.dims != row.dims {
            return Err(Problem::new("2202E", "cannot accumulate arrays of different dimensionality"));
        }
        self.items.values.extend(row.values);
        self.count += 1;
        Ok(())
    }
    fn value(&self, call: &Call<'_>) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let element = call.returns.element().unwrap_or(&Type::Text);
        let dims = [vec![self.count], self.items.dims.clone()].concat();
        Ok(array::write(element, &Items { dims, values: self.items.values.clone() }, call.context))
    }
}

/// A JSON array or object so far, without its closing bracket.
struct Json {
    out: Vec<u8>,
    close: u8,
    /// Written as jsonb prints it.
    binary: bool,
}

fn json_state(close: u8, binary: bool) -> Box<dyn AggregateState> {
    Box::new(Json { out: Vec::new(), close, binary })
}

pub(super) fn json() -> Box<dyn AggregateState> {
    json_state(b']', false)
}

pub(super) fn jsonb() -> Box<dyn AggregateState> {
    json_state(b']', true)
}

pub(super) fn json_object() -> Box<dyn AggregateState> {
    json_state(b'}', false)
}

pub(super) fn jsonb_object() -> Box<dyn AggregateState> {
    json_state(b'}', true)
}

impl Json {
    fn element(&mut self, call: &Call<'_>) -> Result<()> {
        let (ty, value) = (argument_type(call, 0), first(call));
        if self.out.is_empty() {
            self.out.push(b'[');
        } else {
            self.out.extend_from_slice(b", ");
            // PostgreSQL begins a new line before rows and arrays.
            let breaks = matches!(ty, Type::Composite(_) | Type::Record | Type::Array(_));
            if breaks && !self.binary && !value.is_null() {
                self.out.extend_from_slice(b"\n ");
            }
        }
        if self.binary {
            push_jsonb(ty, value, call.context, &mut self.out)?;
        } else {
            forms::write_json(ty, value, call.context, &mut self.out);
        }
        Ok(())
    }

    fn member(&mut self, call: &Call<'_>) -> Result<()> {
        let key = first(call);
        if key.is_null() {
            return Err(Problem::new("22023", "field name must not be null"));
        }
        self.out.extend_from_slice(if self.out.is_empty() { b"{ " } else { b", " });
        push_key(argument_type(call, 0), key, call.context, &mut self.out)?;
        self.out.extend_from_slice(b" : ");
        let value = call.args.get(1).copied().unwrap_or_default();
        forms::write_json(argument_type(call, 1), value, call.context, &mut self.out);
        Ok(())
    }
}

impl AggregateState for Json {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if self.close == b']' { self.element(call) } else { self.member(call) }
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.out.is_empty() {
            return Ok(Value::Null);
        }
        let mut out = self.out.clone();
        match (self.close, self.binary) {
            (b'}', true) => {
                out.push(b'}');
                normalized(out)
            }
            (b'}', false) => {
                out.extend_from_slice(b" }");
                Ok(finish(out))
            }
            (close, _) => {
                out.push(close);
                Ok(finish(out))
            }
        }
    }
}

/// `[{"a":1},{"a":2}]` of fields that the first argument specifies.
#[derive(Default)]
struct Rows {
    out: Vec<u8>,
    fields: Option<Arc<Fields>>,
}

pub(super) fn rows() -> Box<dyn AggregateState> {
    Box::new(Rows::default())
}

impl AggregateState for Rows {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let fields = match (&self.fields, first(call)) {
            (Some(fields), _) => fields,
            (None, ValueRef::Text(text)) => self.fields.insert(Fields::of(text)?),
            (None, _) => return Err(Problem::internal("rows without a specification")),
        };
        self.out.push(if self.out.is_empty() { b'[' } else { b',' });
        fields.write(call.args.get(1..).unwrap_or_default(), call.context, &mut self.out);
        Ok(())
    }
    fn value(&self, _call: &Call<'_>) -> Result<Value> {
        if self.out.is_empty() {
            return Ok(Value::Null);
        }
        let mut out = Vec::with_capacity(self.out.len() + 1);
        out.extend_from_slice(&self.out);
        out.push(b']');
        Ok(finish(out))
    }
}

//! Statements of this service: PostgreSQL text, parameters in the forms of this service, rows by column.

use crate::plans::{Plans, again_if_outlived};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Plan, RecordStore, Rows, Step, WriteStep};
use mainstay_types::{Type, Value};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// PostgreSQL's epoch, 2000-01-01, in microseconds since 1970: what the storage form of a `timestamptz` counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A parameter. Identifiers and JSON go as text and are cast in the statement.
#[derive(Clone, Debug)]
pub(super) enum Param {
    Text(Option<String>),
    Number(i64),
    Bool(bool),
    Bytes(Option<Vec<u8>>),
    /// Seconds since 1970.
    Time(Option<i64>),
}

impl Param {
    fn ty(&self) -> Type {
        match self {
            Param::Text(_) => Type::Text,
            Param::Number(_) => Type::Int8,
            Param::Bool(_) => Type::Bool,
            Param::Bytes(_) => Type::Bytea,
            Param::Time(_) => Type::TimestampTz,
        }
    }

    fn value(self) -> Value {
        match self {
            Param::Text(text) => text.map_or(Value::Null, Value::Text),
            Param::Number(number) => Value::Integer(number),
            Param::Bool(yes) => Value::Integer(i64::from(yes)),
            Param::Bytes(bytes) => bytes.map_or(Value::Null, Value::Blob),
            Param::Time(time) => time.map_or(Value::Null, |seconds| {
                Value::Integer(seconds.saturating_mul(1_000_000).saturating_sub(EPOCH_MICROS))
            }),
        }
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Param::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Param {
    fn from(text: Option<&str>) -> Self {
        Param::Text(text.map(str::to_owned))
    }
}

impl From<&[u8; 32]> for Param {
    fn from(bytes: &[u8; 32]) -> Self {
        Param::Bytes(Some(bytes.to_vec()))
    }
}

/// JSON, for a parameter that is cast to `jsonb`.
pub(super) fn json(value: &impl serde::Serialize) -> Result<Param> {
    let text = serde_json::to_string(value)
        .map_err(|error| Problem::internal(format!("a value has no JSON: {error}")))?;
    Ok(Param::Text(Some(text)))
}

/// One statement of a write.
pub(super) struct Statement {
    text: &'static str,
    params: Vec<Param>,
    expect: Option<(RangeInclusive<u64>, Problem)>,
}

impl Statement {
    pub fn new(text: &'static str, params: Vec<Param>) -> Self {
        Statement { text, params, expect: None }
    }

    /// Must change exactly one row; otherwise nothing of the write happens and this is the problem.
    pub fn exactly_one(mut self, problem: Problem) -> Self {
        self.expect = Some((1..=1, problem));
        self
    }
}

/// A row that a statement gave.
pub(super) struct Row(Vec<Value>);

impl Row {
    pub fn text(&self, index: usize) -> Option<String> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub fn required(&self, index: usize) -> Result<String> {
        self.text(index).ok_or_else(|| Problem::internal(format!("column {index} holds no text")))
    }

    pub fn number(&self, index: usize) -> Option<i64> {
        match self.0.get(index) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn truth(&self, index: usize) -> bool {
        self.number(index) == Some(1)
    }

    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        match self.0.get(index) {
            Some(Value::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Seconds since 1970.
    pub fn time(&self, index: usize) -> Option<i64> {
        self.number(index).map(|micros| micros.saturating_add(EPOCH_MICROS).div_euclid(1_000_000))
    }

    /// A column of `jsonb` that was cast to text; missing is the default.
    pub fn json<T: serde::de::DeserializeOwned + Default>(&self, index: usize) -> Result<T> {
        let Some(text) = self.text(index) else { return Ok(T::default()) };
        serde_json::from_str(&text).map_err(|error| {
            Problem::internal(format!("column {index} holds other JSON than expected: {error}"))
        })
    }
}

/// The record store, for this service's statements.
pub(super) struct Db(Plans);

impl Db {
    pub fn new(store: Arc<dyn RecordStore>) -> Self {
        Db(Plans::new(store))
    }

    pub fn store(&self) -> &Arc<dyn RecordStore> {
        &self.0.store
    }

    fn plan(&self, text: &'static str, params: &[Param]) -> Result<Arc<Plan>> {
        self.0.of(text, params.iter().map(Param::ty))
    }

    /// The rows of a query.
    pub async fn rows(&self, text: &'static str, params: Vec<Param>) -> Result<Vec<Row>> {
        let step = || {
            let values = params.iter().cloned().map(Param::value).collect();
            Ok(Step { plan: self.plan(text, &params)?, values, format: Format::Values })
        };
        Ok(self.0.read(step).await?.pop().map(taken).unwrap_or_default())
    }

    /// The only row of a query, or none.
    pub async fn row(&self, text: &'static str, params: Vec<Param>) -> Result<Option<Row>> {
        Ok(self.rows(text, params).await?.into_iter().next())
    }

    /// Runs the statements in one transaction; gives the rows that each returned.
    pub async fn write(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>> {
        let attempt = || async {
            let steps = statements.iter().map(|statement| self.step(statement)).collect::<Result<_>>()?;
            self.0.store.write(self.0.writing(steps)).await
        };
        Ok(again_if_outlived(attempt).await?.results.into_iter().map(taken).collect())
    }

    fn step(&self, statement: &Statement) -> Result<WriteStep> {
        Ok(WriteStep {
            plan: self.plan(statement.text, &statement.params)?,
            value_sets: vec![statement.params.iter().cloned().map(Param::value).collect()],
            format: Format::Values,
            expect: statement.expect.clone(),
        })
    }
}

fn taken(rows: Rows) -> Vec<Row> {
    rows.values.into_iter().map(Row).collect()
}

//! Statements of this crate: PostgreSQL text, parameters, rows as JSON that serde reads into structs.

use crate::plans::{Plans, again_if_outlived};
use crate::time::Time;
use crate::uuid::Uuid;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::{
    BoxFuture, Format, Plan, PlanKind, RecordStore, Rows, Step, Transaction, Work, WriteStep,
};
use mainstay_types::{Type, Value};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};

/// PostgreSQL's epoch, 2000-01-01: what the storage form of a timestamp counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A parameter of a statement: its type and its value. JSON and `inet` go as text and are cast in the statement.
#[derive(Clone, Debug)]
pub(crate) struct Param(Type, Value);

impl Param {
    /// For a column of `timestamp` without a time zone.
    pub fn stamp(time: Time) -> Param {
        Param(Type::Timestamp, Value::Integer(time.0 - EPOCH_MICROS))
    }

    /// For a parameter that is cast to `jsonb`.
    pub fn json(value: &impl serde::Serialize) -> Result<Param> {
        let text = serde_json::to_string(value)
            .map_err(|error| Problem::internal(format!("a value has no JSON: {error}")))?;
        Ok(text.into())
    }
}

macro_rules! param {
    ($rust:ty, $sql:ident, $value:expr) => {
        impl From<$rust> for Param {
            fn from(value: $rust) -> Param {
                let make: fn($rust) -> Value = $value;
                Param(Type::$sql, make(value))
            }
        }
        impl From<Option<$rust>> for Param {
            fn from(value: Option<$rust>) -> Param {
                let make: fn($rust) -> Value = $value;
                Param(Type::$sql, value.map_or(Value::Null, make))
            }
        }
    };
}

param!(&str, Text, |text| Value::Text(text.to_owned()));
param!(String, Text, Value::Text);
param!(Uuid, Uuid, |id| Value::Blob(id.0.to_vec()));
param!(Time, TimestampTz, |time| Value::Integer(time.0 - EPOCH_MICROS));
param!(i64, Int8, Value::Integer);
param!(bool, Bool, |yes| Value::Integer(i64::from(yes)));

/// Parameters of any kinds, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Param::from($value)),*] };
}
pub(crate) use params;

/// The record store, with the plans of this crate's statements.
#[derive(Clone)]
pub(crate) struct Db(Arc<Shared>);

struct Shared {
    plans: Plans,
    env: Env,
}

impl Db {
    pub fn new(store: Arc<dyn RecordStore>, env: Env) -> Self {
        Db(Arc::new(Shared { plans: Plans::new(store), env }))
    }

    pub fn env(&self) -> &Env {
        &self.0.env
    }

    pub fn now(&self) -> Time {
        Time::now(&self.0.env)
    }

    fn plan(&self, sql: &'static str, params: &[Param]) -> Result<Arc<Plan>> {
        self.0.plans.of(sql, params.iter().map(|Param(ty, _)| ty.clone()))
    }

    fn step(&self, sql: &'static str, params: &[Param]) -> Result<Step> {
        Ok(Step { plan: self.plan(sql, params)?, values: values(params), format: Format::JsonArray })
    }

    /// The rows of a query, outside a transaction.
    pub async fn rows<T: DeserializeOwned>(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>> {
        parsed(self.0.plans.read(|| self.step(sql, &params)).await?)
    }

    pub async fn row<T: DeserializeOwned>(&self, sql: &'static str, params: Vec<Param>) -> Result<Option<T>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs a body in one transaction and gives what it returns, and the sessions that it ended. It may be run more than
    /// once, and commits on `Ok`.
    pub async fn transact<T, F>(&self, body: F) -> Result<(T, Vec<Uuid>)>
    where
        T: Send + 'static,
        F: Fn(Tx) -> BoxFuture<'static, Result<T>> + Send + Sync + 'static,
    {
        let work = Arc::new(Body { db: self.clone(), body, result: Mutex::new(None) });
        let transact = self.0.plans.transacting(Arc::clone(&work) as Arc<dyn Work>);
        again_if_outlived(|| self.0.plans.store.transact(transact.clone())).await?;
        let result = work.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.ok_or_else(|| Problem::internal("a transaction gave no result"))
    }
}

struct Body<T, F> {
    db: Db,
    body: F,
    result: Mutex<Option<(T, Vec<Uuid>)>>,
}

impl<T, F> Work for Body<T, F>
where
    T: Send + 'static,
    F: Fn(Tx) -> BoxFuture<'static, Result<T>> + Send + Sync + 'static,
{
    fn run(&self, transaction: Arc<dyn Transaction>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let ended = Arc::new(Mutex::new(Vec::new()));
            let tx = Tx { db: self.db.clone(), transaction, ended: Arc::clone(&ended) };
            let result = (self.body)(tx).await?;
            let ended = std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner));
            *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some((result, ended));
            Ok(())
        })
    }
}

/// A transaction under way.
#[derive(Clone)]
pub(crate) struct Tx {
    pub db: Db,
    transaction: Arc<dyn Transaction>,
    ended: Arc<Mutex<Vec<Uuid>>>,
}

impl Tx {
    /// Notes sessions whose tokens are to be refused once the transaction is kept.
    pub fn ends(&self, sessions: impl IntoIterator<Item = Uuid>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).extend(sessions);
    }

    /// The rows that a statement gives: a query, or a write with `RETURNING`.
    pub async fn rows<T: DeserializeOwned>(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>> {
        if self.db.plan(sql, &params)?.kind == PlanKind::Read {
            let read = self.db.0.plans.reading(self.db.step(sql, &params)?);
            return parsed(self.transaction.read(read).await?);
        }
        parsed(self.write(sql, &params, Format::JsonArray).await?)
    }

    pub async fn row<T: DeserializeOwned>(&self, sql: &'static str, params: Vec<Param>) -> Result<Option<T>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs a write and says how many rows it changed.
    pub async fn run(&self, sql: &'static str, params: Vec<Param>) -> Result<u64> {
        let rows = self.write(sql, &params, Format::Nothing).await?;
        Ok(rows.first().map_or(0, |rows| rows.count))
    }

    async fn write(&self, sql: &'static str, params: &[Param], format: Format) -> Result<Vec<Rows>> {
        let step = WriteStep {
            plan: self.db.plan(sql, params)?,
            value_sets: vec![values(params)],
            format,
            expect: None,
        };
        Ok(self.transaction.write(self.db.0.plans.writing(vec![step])).await?.results)
    }
}

fn values(params: &[Param]) -> Vec<Value> {
    params.iter().map(|Param(_, value)| value.clone()).collect()
}

fn parsed<T: DeserializeOwned>(rows: Vec<Rows>) -> Result<Vec<T>> {
    let Some(rows) = rows.into_iter().next_back() else { return Ok(Vec::new()) };
    if rows.body.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&rows.body)
        .map_err(|error| Problem::internal(format!("a row is not what its reader expects: {error}")))
}

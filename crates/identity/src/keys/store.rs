//! The table `auth.signing_keys`.

use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Plan, Read, RecordStore, Step, Write, WriteStep};
use mainstay_types::{Session, Type, Value};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The store's time counts from 2000, the clock's from 1970.
const EPOCH_SECONDS: i64 = 946_684_800;
const MICROS: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Next,
    Current,
    Retired,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Next => "next",
            Status::Current => "current",
            Status::Retired => "retired",
        }
    }
}

#[derive(Clone)]
/// One key as it is kept; times in seconds since 1970.
pub struct Row {
    pub kid: String,
    pub status: Status,
    pub public_jwk: String,
    pub sealed: Vec<u8>,
    pub created: i64,
    pub activated: Option<i64>,
    pub retired: Option<i64>,
}

/// One change of the table; all of a list happen, or none.
pub enum Change<'a> {
    Add(&'a Row),
    /// A key gets another status at a time, if it has the first one still.
    Move {
        kid: &'a str,
        from: Status,
        to: Status,
        at: i64,
    },
    Forget {
        kid: &'a str,
    },
}

pub struct KeyTable(pub Arc<dyn RecordStore>);

const SELECT: &str =
    "SELECT kid, status, public_jwk::text, sealed_private, created_at, activated_at, retired_at
    FROM auth.signing_keys WHERE algorithm = 'ES256' ORDER BY created_at, kid";
const INSERT: &str = "INSERT INTO auth.signing_keys
    (kid, algorithm, status, public_jwk, sealed_private, created_at, activated_at, retired_at)
    VALUES ($1, 'ES256', $2, $3, $4, $5, $6, $7)";
const ACTIVATE: &str =
    "UPDATE auth.signing_keys SET status = $3, activated_at = $4 WHERE kid = $1 AND status = $2";
const RETIRE: &str =
    "UPDATE auth.signing_keys SET status = $3, retired_at = $4 WHERE kid = $1 AND status = $2";
const DELETE: &str = "DELETE FROM auth.signing_keys WHERE kid = $1";

impl KeyTable {
    pub async fn rows(&self) -> Result<Vec<Row>> {
        let plan = self.plan(SELECT, &[])?;
        let steps = vec![Step { plan, values: Vec::new(), format: Format::Values }];
        let read = self.0.read(Read { steps, session: session(), timeout: TIMEOUT }).await?;
        read.into_iter().flat_map(|rows| rows.values).map(row).collect()
    }

    pub async fn change(&self, changes: &[Change<'_>]) -> Result<()> {
        let steps = changes.iter().map(|change| self.step(change)).collect::<Result<_>>()?;
        self.0.write(Write { steps, session: session(), timeout: TIMEOUT, rollback: false }).await.map(drop)
    }

    fn step(&self, change: &Change<'_>) -> Result<WriteStep> {
        let text = |text: &str| Value::text(text);
        let (sql, types, values) = match change {
            Change::Add(row) => (
                INSERT,
                vec![
                    Type::Text,
                    Type::Text,
                    Type::Jsonb,
                    Type::Bytea,
                    Type::TimestampTz,
                    Type::TimestampTz,
                    Type::TimestampTz,
                ],
                vec![
                    text(&row.kid),
                    text(row.status.name()),
                    text(&row.public_jwk),
                    Value::Blob(row.sealed.clone()),
                    time(row.created),
                    row.activated.map_or(Value::Null, time),
                    row.retired.map_or(Value::Null, time),
                ],
            ),
            Change::Move { kid, from, to, at } => (
                if *to == Status::Retired { RETIRE } else { ACTIVATE },
                vec![Type::Text, Type::Text, Type::Text, Type::TimestampTz],
                vec![text(kid), text(from.name()), text(to.name()), time(*at)],
            ),
            Change::Forget { kid } => (DELETE, vec![Type::Text], vec![text(kid)]),
        };
        let expect = match change {
            Change::Forget { .. } => None,
            _ => Some((1..=1, Problem::new("40001", "the signing keys were changed by somebody else"))),
        };
        Ok(WriteStep {
            plan: self.plan(sql, &types)?,
            value_sets: vec![values],
            format: Format::Nothing,
            expect,
        })
    }

    fn plan(&self, sql: &str, types: &[Type]) -> Result<Arc<Plan>> {
        let parameters: Vec<_> = types.iter().cloned().map(Into::into).collect();
        self.0.prepare(sql, &parameters)
    }
}

fn session() -> Arc<Session> {
    Arc::new(Session { role: crate::OWNER_ROLE.to_owned(), ..Session::default() })
}

fn time(seconds: i64) -> Value {
    Value::Integer((seconds - EPOCH_SECONDS) * MICROS)
}

fn row(values: Vec<Value>) -> Result<Row> {
    let malformed = || Problem::internal("a row of auth.signing_keys has an unexpected form");
    let seconds = |value: Value| match value {
        Value::Integer(micros) => Some(micros / MICROS + EPOCH_SECONDS),
        _ => None,
    };
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Null);
    let (Value::Text(kid), Value::Text(status), Value::Text(public_jwk), Value::Blob(sealed)) =
        (next(), next(), next(), next())
    else {
        return Err(malformed());
    };
    let status = [Status::Next, Status::Current, Status::Retired].into_iter().find(|s| s.name() == status);
    let (created, activated, retired) = (seconds(next()), seconds(next()), seconds(next()));
    Ok(Row {
        kid,
        status: status.ok_or_else(malformed)?,
        public_jwk,
        sealed,
        created: created.ok_or_else(malformed)?,
        activated,
        retired,
    })
}

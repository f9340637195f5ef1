//! `generate_series`: rows from one value to another.

use crate::forms::interval::Interval;
use crate::forms::numeric::Decimal;
use crate::forms::printed::Printed;
use crate::forms::timestamp;
use crate::forms::timezone::Zone;
use crate::functions::datetime::arithmetic::{add_to_timestamp, add_to_timestamptz};
use crate::functions::define::{Args, rows};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

use Ty::{Int4, Int8, Numeric, Timestamp, TimestampTz};

const SECTION: &str = "Set returning functions";
/// A series is made at once, so it has an end even where the statement has a LIMIT.
const ROWS_MAX: usize = 10_000_000;

pub(crate) static TABLE: &[Native] = &[
    rows(SECTION, "generate_series", &[Int4, Int4], Int4, &[("generate_series", Int4)], integers),
    rows(SECTION, "generate_series", &[Int4, Int4, Int4], Int4, &[("generate_series", Int4)], integers),
    rows(SECTION, "generate_series", &[Int8, Int8], Int8, &[("generate_series", Int8)], integers),
    rows(SECTION, "generate_series", &[Int8, Int8, Int8], Int8, &[("generate_series", Int8)], integers),
    rows(SECTION, "generate_series", &[Numeric, Numeric], Numeric, &[("generate_series", Numeric)], decimals),
    rows(
        SECTION,
        "generate_series",
        &[Numeric, Numeric, Numeric],
        Numeric,
        &[("generate_series", Numeric)],
        decimals,
    ),
    rows(
        SECTION,
        "generate_series",
        &[Timestamp, Timestamp, Ty::Interval],
        Timestamp,
        &[("generate_series", Timestamp)],
        timestamps,
    ),
    rows(
        SECTION,
        "generate_series",
        &[TimestampTz, TimestampTz, Ty::Interval],
        TimestampTz,
        &[("generate_series", TimestampTz)],
        timestamps,
    )
    .stable(),
    rows(
        SECTION,
        "generate_series",
        &[TimestampTz, TimestampTz, Ty::Interval, Ty::Text],
        TimestampTz,
        &[("generate_series", TimestampTz)],
        timestamps,
    )
    .stable(),
];

fn step_is_zero() -> Problem {
    Problem::new("22023", "step size cannot equal zero")
}

fn push(rows: &mut Vec<Vec<Value>>, value: Value) -> Result<()> {
    if rows.len() >= ROWS_MAX {
        return Err(Problem::new(
            "54000",
            format!("generate_series cannot return more than {ROWS_MAX} rows"),
        ));
    }
    rows.push(vec![value]);
    Ok(())
}

fn integers(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let (mut current, stop) = (call.int(0), call.int(1));
    let step = if call.has(2) { call.int(2) } else { 1 };
    if step == 0 {
        return Err(step_is_zero());
    }
    let mut rows = Vec::new();
    while (step > 0 && current <= stop) || (step < 0 && current >= stop) {
        push(&mut rows, Value::Integer(current))?;
        match current.checked_add(step) {
            Some(next) => current = next,
            None => break,
        }
    }
    Ok(rows)
}

fn decimals(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let argument = |index: usize, name: &str| {
        let decimal = Decimal::load(call.value(index));
        match decimal {
            Decimal::Finite(_) => Ok(decimal),
            Decimal::NaN => Err(Problem::new("22023", format!("{name} cannot be NaN"))),
            _ => Err(Problem::new("22023", format!("{name} cannot be infinity"))),
        }
    };
    let (mut current, stop) = (argument(0, "start value")?, argument(1, "stop value")?);
    let step = if call.has(2) { argument(2, "step size")? } else { Decimal::from(1) };
    let beyond = match step.signum() {
        0 => return Err(step_is_zero()),
        1 => Ordering::Greater,
        _ => Ordering::Less,
    };
    let mut rows = Vec::new();
    while current.compare(&stop) != beyond {
        push(&mut rows, current.store())?;
        current = current.add(&step)?;
    }
    Ok(rows)
}

fn timestamps(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let (mut current, stop) = (call.int(0), call.int(1));
    let step = Interval::load(call.value(2));
    let forward = match step.compare(Interval::default()) {
        Ordering::Equal => return Err(step_is_zero()),
        direction => direction == Ordering::Greater,
    };
    let zone = if call.has(3) { Zone::find(call.text(3))? } else { Zone::of_session(call.context) };
    let with_zone = *call.returns == Type::TimestampTz;
    let mut rows = Vec::new();
    while if forward { current <= stop } else { current >= stop } {
        push(&mut rows, Value::Integer(current))?;
        let next = if with_zone {
            add_to_timestamptz(current, step, &zone)?
        } else {
            add_to_timestamp(current, step)?
        };
        if next == current {
            return Err(timestamp::out_of_range());
        }
        current = next;
    }
    Ok(rows)
}

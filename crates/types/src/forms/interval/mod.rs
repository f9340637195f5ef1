//! `interval`: months, days and microseconds. Stored as the text that PostgreSQL prints, ordered by `pg_interval`.

mod decode;
mod encode;

use super::datetime::calendar::{MICROS_PER_DAY, round_micros};
use super::printed::Printed;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::Value;
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;

/// The parts are kept apart: a month has no fixed number of days, a day no fixed number of hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}

pub(crate) fn out_of_range() -> Problem {
    Problem::new("22008", "interval out of range")
}

impl Interval {
    pub(crate) fn of_micros(micros: i64) -> Interval {
        Interval { micros, ..Interval::default() }
    }

    pub(crate) fn parse(text: &str) -> Result<Interval> {
        decode::interval(text)
            .map_err(|malformed| malformed.problem(text, "interval"))?
            .ok_or_else(out_of_range)
    }

    /// The length for comparing: a month counts 30 days, a day 24 hours.
    pub(crate) fn span(self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * i128::from(MICROS_PER_DAY)
            + i128::from(self.micros)
    }

    pub(crate) fn checked_add(self, other: Interval) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    pub(crate) fn checked_neg(self) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }
}

impl Printed for Interval {
    /// By the long way whatever else is an interval.
    fn read(text: &str) -> Option<Interval> {
        encode::read(text).or_else(|| decode::interval(text).ok().flatten())
    }

    fn store(self) -> Value {
        let mut text = String::with_capacity(32);
        encode::write(self, &mut text);
        Value::Text(text)
    }

    fn rounded(self, modifier: Modifier) -> Interval {
        match modifier {
            Modifier::Precision(digits) => Interval { micros: round_micros(self.micros, digits), ..self },
            _ => self,
        }
    }

    fn compare(self, other: Interval) -> Ordering {
        self.span().cmp(&other.span())
    }
}

pub(crate) fn input(text: &str, modifier: Modifier, _context: &Context) -> Result<Value> {
    Interval::parse(text).map(|interval| interval.rounded(modifier).store())
}

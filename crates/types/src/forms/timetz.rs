//! `time with time zone`: stored as the text that PostgreSQL prints, ordered by `pg_timetz`.

use super::datetime::calendar::{MICROS_PER_SECOND, Moment, round_micros};
use super::datetime::{decode, encode};
use super::printed::Printed;
use crate::context::Context;
use crate::ty::Modifier;
use crate::value::Value;
use mainstay_base::Result;
use std::cmp::Ordering;

/// A time of day and the offset it was written with, in seconds east of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeTz {
    pub(crate) micros: i64,
    pub(crate) offset: i32,
}

impl TimeTz {
    /// Times order by the moment they mean, then by zone, the most western last.
    fn key(self) -> (i64, i32) {
        (self.micros - i64::from(self.offset) * MICROS_PER_SECOND, -self.offset)
    }
}

impl Printed for TimeTz {
    fn read(text: &str) -> Option<TimeTz> {
        read(text)
    }

    fn store(self) -> Value {
        let mut text = String::with_capacity(24);
        super::time::write(self.micros, &mut text);
        encode::offset(self.offset, false, &mut text);
        Value::Text(text)
    }

    fn rounded(self, modifier: Modifier) -> TimeTz {
        match modifier {
            Modifier::Precision(digits) => TimeTz { micros: round_micros(self.micros, digits), ..self },
            _ => self,
        }
    }

    fn compare(self, other: TimeTz) -> Ordering {
        self.key().cmp(&other.key())
    }
}

fn read(text: &str) -> Option<TimeTz> {
    let zone_at = text.rfind(['+', '-'])?;
    let (time, zone) = text.split_at(zone_at);
    let number = |part: Option<&str>| part?.parse::<i64>().ok();
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next())?, number(parts.next())?);
    let (second, fraction) = parts.next().map(|part| part.split_once('.').unwrap_or((part, "")))?;
    let mut micros = 0;
    for place in 0..6 {
        micros = micros * 10
            + i64::from(fraction.as_bytes().get(place).map_or(0, |digit| digit.wrapping_sub(b'0')));
    }
    let second = number(Some(second))?;
    if !(0..=24).contains(&hour) || !(0..=59).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let mut offset = 0;
    let mut unit = 3600;
    for part in zone.get(1..)?.split(':').take(3) {
        offset += part.parse::<u8>().ok().map(i32::from)? * unit;
        unit /= 60;
    }
    if zone.starts_with('-') {
        offset = -offset;
    }
    Some(TimeTz { micros: ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros, offset })
}

pub(crate) fn parse(text: &str, context: &Context) -> Result<TimeTz> {
    let (moment, offset): (Moment, i32) = decode::time_only(text, context)
        .map_err(|malformed| malformed.problem(text, "time with time zone"))?;
    Ok(TimeTz { micros: moment.time_micros(), offset })
}

pub(crate) fn input(text: &str, modifier: Modifier, context: &Context) -> Result<Value> {
    parse(text, context).map(|time| time.rounded(modifier).store())
}

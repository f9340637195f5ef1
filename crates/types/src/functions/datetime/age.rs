//! `age`: a difference in years, months and days; and the functions that regroup an interval.

use super::arithmetic::{justify_days, justify_hours, justify_interval, local_midnight};
use super::{FUNCTIONS, interval};
use crate::forms::datetime::calendar::{Moment, days_in_month, is_finite_date, is_finite_timestamp};
use crate::forms::interval::{Interval, out_of_range};
use crate::forms::printed::Printed;
use crate::forms::timestamp;
use crate::forms::timestamptz::to_local;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function, truth};
use crate::registry::{Native, Ty};
use mainstay_base::Result;

use Ty::{Bool, Date, Interval as Span, Timestamp, TimestampTz};

pub(crate) static TABLE: &[Native] = &[
    function(FUNCTIONS, "age", &[Timestamp, Timestamp], Span, |c| {
        age(c.int(0), c.int(1)).map(Interval::store)
    }),
    function(FUNCTIONS, "age", &[TimestampTz, TimestampTz], Span, |c| {
        let zone = Zone::of_session(c.context);
        age(to_local(c.int(0), &zone), to_local(c.int(1), &zone)).map(Interval::store)
    }),
    function(FUNCTIONS, "age", &[Timestamp], Span, |c| {
        let zone = Zone::of_session(c.context);
        age(local_midnight(c.context.transaction_time, &zone), c.int(0)).map(Interval::store)
    })
    .stable(),
    function(FUNCTIONS, "age", &[TimestampTz], Span, |c| {
        let zone = Zone::of_session(c.context);
        let today = local_midnight(c.context.transaction_time, &zone);
        age(today, to_local(c.int(0), &zone)).map(Interval::store)
    })
    .stable(),
    function(FUNCTIONS, "justify_hours", &[Span], Span, |c| {
        justify_hours(interval(c, 0)).map(Interval::store).ok_or_else(out_of_range)
    }),
    function(FUNCTIONS, "justify_days", &[Span], Span, |c| {
        justify_days(interval(c, 0)).map(Interval::store).ok_or_else(out_of_range)
    }),
    function(FUNCTIONS, "justify_interval", &[Span], Span, |c| {
        justify_interval(interval(c, 0)).map(Interval::store).ok_or_else(out_of_range)
    }),
    function(FUNCTIONS, "isfinite", &[Date], Bool, |c| Ok(truth(is_finite_date(c.int(0))))),
    function(FUNCTIONS, "isfinite", &[Timestamp], Bool, |c| Ok(truth(is_finite_timestamp(c.int(0))))),
    function(FUNCTIONS, "isfinite", &[TimestampTz], Bool, |c| Ok(truth(is_finite_timestamp(c.int(0))))),
    function(FUNCTIONS, "isfinite", &[Span], Bool, |_| Ok(truth(true))),
];

/// The difference of two wall clock times, field by field, borrowing from the next field where one is negative.
fn age(left: i64, right: i64) -> Result<Interval> {
    if !is_finite_timestamp(left) || !is_finite_timestamp(right) {
        return Err(timestamp::out_of_range());
    }
    let negative = left < right;
    let (later, earlier) = if negative { (right, left) } else { (left, right) };
    let (later, earlier) = (Moment::of_micros(later), Moment::of_micros(earlier));
    let mut micros = later.time_micros() - earlier.time_micros();
    let mut days = later.day - earlier.day;
    let mut months = later.month - earlier.month;
    let mut years = later.year - earlier.year;
    if micros < 0 {
        micros += crate::forms::datetime::calendar::MICROS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        days += days_in_month(earlier.year, earlier.month);
        months -= 1;
    }
    while months < 0 {
        months += 12;
        years -= 1;
    }
    let size = Interval { months: years * 12 + months, days, micros };
    Ok(if negative { size.checked_neg().ok_or_else(out_of_range)? } else { size })
}

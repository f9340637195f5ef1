//! `to_char`, `to_date`, `to_timestamp` and `to_number`: templates for dates, times and numbers.

mod date_fields;
mod date_input;
mod date_output;
mod date_template;
mod number_input;
mod number_output;
mod number_template;

use crate::forms::datetime::calendar::{MICROS_PER_SECOND, Moment, is_finite_timestamp};
use crate::forms::interval::Interval;
use crate::forms::numeric::Decimal;
use crate::forms::printed::Printed;
use crate::forms::timezone::Zone;
use crate::functions::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::{Type, Value};
use date_output::Shown;
use mainstay_base::Result;

use Ty::{Date, Float4, Float8, Int4, Int8, Interval as Span, Numeric, Text, Timestamp, TimestampTz};

const SECTION: &str = "Formatting functions";

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "to_char", &[Timestamp, Text], Text, timestamp_to_char).stable(),
    function(SECTION, "to_char", &[TimestampTz, Text], Text, timestamptz_to_char).stable(),
    function(SECTION, "to_char", &[Span, Text], Text, interval_to_char).stable(),
    function(SECTION, "to_char", &[Int4, Text], Text, integer_to_char).stable(),
    function(SECTION, "to_char", &[Int8, Text], Text, integer_to_char).stable(),
    function(SECTION, "to_char", &[Numeric, Text], Text, numeric_to_char).stable(),
    function(SECTION, "to_char", &[Float4, Text], Text, float_to_char).stable(),
    function(SECTION, "to_char", &[Float8, Text], Text, float_to_char).stable(),
    function(SECTION, "to_date", &[Text, Text], Date, |c| date_input::date(c.text(0), c.text(1))).stable(),
    function(SECTION, "to_timestamp", &[Text, Text], TimestampTz, |c| {
        date_input::timestamp(c.text(0), c.text(1), &Zone::of_session(c.context))
    })
    .stable(),
    function(SECTION, "to_number", &[Text, Text], Numeric, |c| {
        number_input::to_number(c.text(0), c.text(1))
            .map(|decimal| decimal.map_or(Value::Null, |d| d.store()))
    })
    .stable(),
];

fn shown(call: &Call<'_>, value: &Shown) -> Result<Value> {
    if call.text(1).is_empty() {
        return Ok(Value::Null);
    }
    date_output::to_char(value, call.text(1)).map(Value::Text)
}

fn timestamp_to_char(call: &Call<'_>) -> Result<Value> {
    let micros = call.int(0);
    if !is_finite_timestamp(micros) {
        return Ok(Value::Null);
    }
    shown(call, &Shown::timestamp(Moment::of_micros(micros), None))
}

fn timestamptz_to_char(call: &Call<'_>) -> Result<Value> {
    let micros = call.int(0);
    if !is_finite_timestamp(micros) {
        return Ok(Value::Null);
    }
    let observed = Zone::of_session(call.context).observed_at(micros);
    let local = micros.saturating_add(i64::from(observed.offset) * MICROS_PER_SECOND);
    shown(call, &Shown::timestamp(Moment::of_micros(local), Some((observed.offset, observed.abbreviation))))
}

fn interval_to_char(call: &Call<'_>) -> Result<Value> {
    shown(call, &Shown::interval(Interval::load(call.value(0))))
}

fn integer_to_char(call: &Call<'_>) -> Result<Value> {
    if call.types.first() == Some(&Type::Int8) {
        return number_output::to_char(&Decimal::from(call.int(0)), call.text(1)).map(Value::Text);
    }
    number_output::integer_to_char(call.int(0), call.text(1)).map(Value::Text)
}

fn numeric_to_char(call: &Call<'_>) -> Result<Value> {
    number_output::to_char(&Decimal::load(call.value(0)), call.text(1)).map(Value::Text)
}

/// A float shows at most as many digits as it is sure of.
fn float_to_char(call: &Call<'_>) -> Result<Value> {
    let digits = if call.types.first() == Some(&Type::Float4) { 6 } else { 15 };
    number_output::float_to_char(call.real(0), digits, call.text(1)).map(Value::Text)
}

//! Functions and operators of `bit` and `varbit`.

use super::define::{Args, function, integer, operator};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Bit strings";
const B: Ty = Ty::Bit;
const V: Ty = Ty::VarBit;

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "&", &[B, B], B, |call| combine(call, "AND", |left, right| left & right)),
    operator(SECTION, "|", &[B, B], B, |call| combine(call, "OR", |left, right| left | right)),
    operator(SECTION, "#", &[B, B], B, |call| combine(call, "XOR", |left, right| left ^ right)),
    operator(SECTION, "~", &[B], B, |call| {
        Ok(Value::Text(call.text(0).chars().map(|bit| if bit == '0' { '1' } else { '0' }).collect()))
    }),
    operator(SECTION, "<<", &[B, Ty::Int4], B, |call| Ok(shift(call.text(0), call.int(1)))),
    operator(SECTION, ">>", &[B, Ty::Int4], B, |call| Ok(shift(call.text(0), -call.int(1)))),
    operator(SECTION, "||", &[V, V], V, |call| Ok(Value::Text([call.text(0), call.text(1)].concat())))
        .by_sqlite("($1 || $2)"),
    function(SECTION, "length", &[B], Ty::Int4, |call| Ok(integer(call.text(0).len()))),
    function(SECTION, "bit_length", &[B], Ty::Int4, |call| Ok(integer(call.text(0).len()))),
    function(SECTION, "octet_length", &[B], Ty::Int4, |call| Ok(integer(call.text(0).len().div_ceil(8)))),
    function(SECTION, "bit_count", &[B], Ty::Int8, |call| Ok(integer(call.text(0).matches('1').count()))),
    function(SECTION, "get_bit", &[B, Ty::Int4], Ty::Int4, get_bit),
    function(SECTION, "set_bit", &[B, Ty::Int4, Ty::Int4], B, set_bit),
    function(SECTION, "substring", &[B, Ty::Int4], B, substring),
    function(SECTION, "substring", &[B, Ty::Int4, Ty::Int4], B, substring),
    function(SECTION, "position", &[B, B], Ty::Int4, |call| {
        Ok(integer(call.text(0).find(call.text(1)).map_or(0, |at| at + 1)))
    }),
];

fn combine(call: &Call<'_>, word: &str, operation: fn(u8, u8) -> u8) -> Result<Value> {
    let (left, right) = (call.text(0), call.text(1));
    if left.len() != right.len() {
        return Err(Problem::new("22026", format!("cannot {word} bit strings of different sizes")));
    }
    let bits = left.bytes().zip(right.bytes());
    let bit = |(left, right)| if operation(left & 1, right & 1) == 1 { '1' } else { '0' };
    Ok(Value::Text(bits.map(bit).collect()))
}

/// To the left by a positive number of places; what is left empty is zero.
fn shift(bits: &str, places: i64) -> Value {
    let width = bits.len();
    let places_wide = usize::try_from(places.unsigned_abs()).unwrap_or(usize::MAX).min(width);
    let zeros = "0".repeat(places_wide);
    Value::Text(if places < 0 {
        zeros + bits.get(..width - places_wide).unwrap_or_default()
    } else {
        bits.get(places_wide..).unwrap_or_default().to_owned() + &zeros
    })
}

fn place(call: &Call<'_>) -> Result<usize> {
    let (index, width) = (call.int(1), call.text(0).len());
    usize::try_from(index).ok().filter(|place| *place < width).ok_or_else(|| {
        let last = i64::try_from(width).unwrap_or(i64::MAX) - 1;
        Problem::new("2202E", format!("bit index {index} out of valid range (0..{last})"))
    })
}

fn get_bit(call: &Call<'_>) -> Result<Value> {
    let place = place(call)?;
    Ok(Value::Integer(i64::from(call.text(0).as_bytes().get(place) == Some(&b'1'))))
}

fn set_bit(call: &Call<'_>) -> Result<Value> {
    let place = place(call)?;
    let bit = match call.int(2) {
        0 => "0",
        1 => "1",
        _ => return Err(Problem::new("22023", "new bit must be 0 or 1")),
    };
    let mut bits = call.text(0).to_owned();
    bits.replace_range(place..=place, bit);
    Ok(Value::Text(bits))
}

fn substring(call: &Call<'_>) -> Result<Value> {
    let bits = call.text(0);
    let width = i64::try_from(bits.len()).unwrap_or(i64::MAX);
    let start = call.int(1);
    let end = match (call.has(2), call.int(2)) {
        (false, _) => width + 1,
        (true, length) if length < 0 => {
            return Err(Problem::new("22011", "negative substring length not allowed"));
        }
        (true, length) => start.saturating_add(length).min(width + 1),
    };
    let from = usize::try_from(start.max(1) - 1).unwrap_or(0);
    let to = usize::try_from(end - 1).unwrap_or(0);
    Ok(Value::text(bits.get(from..to.max(from)).unwrap_or_default()))
}

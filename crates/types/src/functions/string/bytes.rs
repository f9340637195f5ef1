//! Functions of `bytea`.

use super::super::define::{Args, function, integer, operator, truth};
use super::cut::{negative_length, span};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Binary string functions";

pub(crate) static TABLE: &[Native] = &[
    operator(SECTION, "||", &[Ty::Bytea, Ty::Bytea], Ty::Bytea, |call| {
        Ok(Value::Blob([call.bytes(0), call.bytes(1)].concat()))
    }),
    function(SECTION, "length", &[Ty::Bytea], Ty::Int4, |call| Ok(integer(call.bytes(0).len()))),
    function(SECTION, "octet_length", &[Ty::Bytea], Ty::Int4, |call| Ok(integer(call.bytes(0).len()))),
    function(SECTION, "bit_length", &[Ty::Bytea], Ty::Int4, |call| Ok(integer(call.bytes(0).len() * 8))),
    function(SECTION, "bit_count", &[Ty::Bytea], Ty::Int8, |call| {
        Ok(Value::Integer(call.bytes(0).iter().map(|byte| i64::from(byte.count_ones())).sum()))
    }),
    function(SECTION, "position", &[Ty::Bytea, Ty::Bytea], Ty::Int4, position),
    function(SECTION, "substring", &[Ty::Bytea, Ty::Int4], Ty::Bytea, substring),
    function(SECTION, "substring", &[Ty::Bytea, Ty::Int4, Ty::Int4], Ty::Bytea, substring),
    function(SECTION, "substr", &[Ty::Bytea, Ty::Int4], Ty::Bytea, substring),
    function(SECTION, "substr", &[Ty::Bytea, Ty::Int4, Ty::Int4], Ty::Bytea, substring),
    function(SECTION, "overlay", &[Ty::Bytea, Ty::Bytea, Ty::Int4], Ty::Bytea, overlay),
    function(SECTION, "overlay", &[Ty::Bytea, Ty::Bytea, Ty::Int4, Ty::Int4], Ty::Bytea, overlay),
    function(SECTION, "btrim", &[Ty::Bytea, Ty::Bytea], Ty::Bytea, |call| trim(call, true, true)),
    function(SECTION, "ltrim", &[Ty::Bytea, Ty::Bytea], Ty::Bytea, |call| trim(call, true, false)),
    function(SECTION, "rtrim", &[Ty::Bytea, Ty::Bytea], Ty::Bytea, |call| trim(call, false, true)),
    function(SECTION, "get_byte", &[Ty::Bytea, Ty::Int4], Ty::Int4, get_byte),
    function(SECTION, "set_byte", &[Ty::Bytea, Ty::Int4, Ty::Int4], Ty::Bytea, set_byte),
    function(SECTION, "get_bit", &[Ty::Bytea, Ty::Int8], Ty::Int4, get_bit),
    function(SECTION, "set_bit", &[Ty::Bytea, Ty::Int8, Ty::Int4], Ty::Bytea, set_bit),
    function(SECTION, "starts_with", &[Ty::Bytea, Ty::Bytea], Ty::Bool, |call| {
        Ok(truth(call.bytes(0).starts_with(call.bytes(1))))
    }),
];

fn position(call: &Call<'_>) -> Result<Value> {
    let (bytes, part) = (call.bytes(0), call.bytes(1));
    if part.is_empty() {
        return Ok(Value::Integer(1));
    }
    Ok(integer(bytes.windows(part.len()).position(|window| window == part).map_or(0, |at| at + 1)))
}

fn cut(bytes: &[u8], start: i64, length: Option<i64>) -> Result<&[u8]> {
    let (skip, count) = span(start, length)?;
    let rest = bytes.get(skip.min(bytes.len())..).unwrap_or_default();
    Ok(rest.get(..count.min(rest.len())).unwrap_or_default())
}

fn substring(call: &Call<'_>) -> Result<Value> {
    let length = call.has(2).then(|| call.int(2));
    Ok(Value::Blob(cut(call.bytes(0), call.int(1), length)?.to_vec()))
}

fn overlay(call: &Call<'_>) -> Result<Value> {
    let (bytes, new, start) = (call.bytes(0), call.bytes(1), call.int(2));
    let length = if call.has(3) { call.int(3) } else { new.len() as i64 };
    if start <= 0 {
        return Err(negative_length());
    }
    let head = cut(bytes, 1, Some(start - 1))?;
    let tail = cut(bytes, start.saturating_add(length), None)?;
    Ok(Value::Blob([head, new, tail].concat()))
}

fn trim(call: &Call<'_>, start: bool, end: bool) -> Result<Value> {
    let set = call.bytes(1);
    let mut bytes = call.bytes(0);
    while let (true, Some((first, rest))) = (start, bytes.split_first()) {
        if !set.contains(first) {
            break;
        }
        bytes = rest;
    }
    while let (true, Some((last, rest))) = (end, bytes.split_last()) {
        if !set.contains(last) {
            break;
        }
        bytes = rest;
    }
    Ok(Value::Blob(bytes.to_vec()))
}

fn out_of_range(index: i64, count: usize) -> Problem {
    let last = i64::try_from(count).unwrap_or(i64::MAX) - 1;
    Problem::new("2202E", format!("index {index} out of valid range, 0..{last}"))
}

fn get_byte(call: &Call<'_>) -> Result<Value> {
    let (bytes, index) = (call.bytes(0), call.int(1));
    let byte = usize::try_from(index).ok().and_then(|index| bytes.get(index));
    byte.map(|byte| Value::Integer(i64::from(*byte))).ok_or_else(|| out_of_range(index, bytes.len()))
}

fn set_byte(call: &Call<'_>) -> Result<Value> {
    let (mut bytes, index) = (call.bytes(0).to_vec(), call.int(1));
    let problem = out_of_range(index, bytes.len());
    let place = usize::try_from(index).ok().and_then(|index| bytes.get_mut(index)).ok_or(problem)?;
    *place = call.int(2) as u8;
    Ok(Value::Blob(bytes))
}

/// The byte that holds a bit, and the bit's mask in it; bits count from the lowest of each byte.
fn bit_place(index: i64, bytes: usize) -> Result<(usize, u8)> {
    let bit = usize::try_from(index).ok().filter(|bit| bit / 8 < bytes);
    let bit = bit.ok_or_else(|| out_of_range(index, bytes.saturating_mul(8)))?;
    Ok((bit / 8, 1 << (bit % 8)))
}

fn get_bit(call: &Call<'_>) -> Result<Value> {
    let bytes = call.bytes(0);
    let (byte, mask) = bit_place(call.int(1), bytes.len())?;
    Ok(truth(bytes.get(byte).is_some_and(|byte| byte & mask != 0)))
}

fn set_bit(call: &Call<'_>) -> Result<Value> {
    let mut bytes = call.bytes(0).to_vec();
    let (index, mask) = bit_place(call.int(1), bytes.len())?;
    let new = call.int(2);
    if new != 0 && new != 1 {
        return Err(Problem::new("22023", "new bit must be 0 or 1"));
    }
    if let Some(byte) = bytes.get_mut(index) {
        *byte = if new == 1 { *byte | mask } else { *byte & !mask };
    }
    Ok(Value::Blob(bytes))
}

//! Functions and operators of `inet`, `cidr` and `macaddr`.

use super::define::{Args, function, operator, truth};
use crate::forms::inet::Address;
use crate::forms::macaddr;
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Network addresses";
const I: Ty = Ty::Inet;
const C: Ty = Ty::Cidr;

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "host", &[I], Ty::Text, host),
    function(SECTION, "masklen", &[I], Ty::Int4, |call| {
        Ok(Value::Integer(i64::from(address(call, 0)?.bits)))
    }),
    function(SECTION, "family", &[I], Ty::Int4, |call| {
        Ok(Value::Integer(if address(call, 0)?.v6 { 6 } else { 4 }))
    }),
    function(SECTION, "text", &[I], Ty::Text, |call| Ok(Value::Text(address(call, 0)?.to_text(true)))),
    function(SECTION, "abbrev", &[I], Ty::Text, |call| Ok(Value::Text(address(call, 0)?.to_text(false)))),
    function(SECTION, "abbrev", &[C], Ty::Text, abbrev_cidr),
    function(SECTION, "network", &[I], C, |call| {
        let address = address(call, 0)?;
        Ok(address.with_number(address.network_number()).to_value(true))
    }),
    function(SECTION, "broadcast", &[I], I, |call| {
        let address = address(call, 0)?;
        Ok(address.with_number(address.number() | address.host_mask()).to_value(false))
    }),
    function(SECTION, "netmask", &[I], I, |call| {
        let address = address(call, 0)?;
        Ok(whole(address.with_number(!address.host_mask())))
    }),
    function(SECTION, "hostmask", &[I], I, |call| {
        let address = address(call, 0)?;
        Ok(whole(address.with_number(address.host_mask())))
    }),
    function(SECTION, "set_masklen", &[I, Ty::Int4], I, |call| set_masklen(call, false)),
    function(SECTION, "set_masklen", &[C, Ty::Int4], C, |call| set_masklen(call, true)),
    function(SECTION, "inet_merge", &[I, I], C, merge),
    function(SECTION, "inet_same_family", &[I, I], Ty::Bool, |call| {
        Ok(truth(address(call, 0)?.v6 == address(call, 1)?.v6))
    }),
    operator(SECTION, "<<", &[I, I], Ty::Bool, |call| {
        let (left, right) = both(call)?;
        Ok(truth(left.bits > right.bits && contains(&right, &left)))
    }),
    operator(SECTION, "<<=", &[I, I], Ty::Bool, |call| {
        let (left, right) = both(call)?;
        Ok(truth(contains(&right, &left)))
    }),
    operator(SECTION, ">>", &[I, I], Ty::Bool, |call| {
        let (left, right) = both(call)?;
        Ok(truth(left.bits < right.bits && contains(&left, &right)))
    }),
    operator(SECTION, ">>=", &[I, I], Ty::Bool, |call| {
        let (left, right) = both(call)?;
        Ok(truth(contains(&left, &right)))
    }),
    operator(SECTION, "&&", &[I, I], Ty::Bool, |call| {
        let (left, right) = both(call)?;
        Ok(truth(contains(&left, &right) || contains(&right, &left)))
    }),
    operator(SECTION, "~", &[I], I, |call| {
        let address = address(call, 0)?;
        Ok(address.with_number(!address.number()).to_value(false))
    }),
    operator(SECTION, "&", &[I, I], I, |call| combine(call, "AND", |left, right| left & right)),
    operator(SECTION, "|", &[I, I], I, |call| combine(call, "OR", |left, right| left | right)),
    operator(SECTION, "+", &[I, Ty::Int8], I, |call| add(&address(call, 0)?, i128::from(call.int(1)))),
    operator(SECTION, "+", &[Ty::Int8, I], I, |call| add(&address(call, 1)?, i128::from(call.int(0)))),
    operator(SECTION, "-", &[I, Ty::Int8], I, |call| add(&address(call, 0)?, -i128::from(call.int(1)))),
    operator(SECTION, "-", &[I, I], Ty::Int8, subtract),
    function(SECTION, "trunc", &[Ty::MacAddr], Ty::MacAddr, trunc),
];

fn address(call: &Call<'_>, index: usize) -> Result<Address> {
    Address::stored(call.text(index)).ok_or_else(|| {
        Problem::new("22P02", format!("invalid input syntax for type inet: \"{}\"", call.text(index)))
    })
}

fn both(call: &Call<'_>) -> Result<(Address, Address)> {
    Ok((address(call, 0)?, address(call, 1)?))
}

/// An address without a network part.
fn whole(address: Address) -> Value {
    Address { bits: address.max_bits(), ..address }.to_value(false)
}

fn host(call: &Call<'_>) -> Result<Value> {
    let mut out = String::new();
    address(call, 0)?.write_host(&mut out);
    Ok(Value::Text(out))
}

/// Octets and words that the network part does not reach are left out.
fn abbrev_cidr(call: &Call<'_>) -> Result<Value> {
    let address = address(call, 0)?;
    if address.v6 {
        return Ok(Value::Text(format!("{}/{}", abbrev_v6(&address), address.bits)));
    }
    let shown = usize::from(address.bits.div_ceil(8)).max(1);
    let octets: Vec<String> = address.bytes.iter().take(shown).map(u8::to_string).collect();
    Ok(Value::Text(format!("{}/{}", octets.join("."), address.bits)))
}

/// The words that the network part reaches, two at least, with their longest run of zeros as `::`.
fn abbrev_v6(address: &Address) -> String {
    let count = usize::from(address.bits.div_ceil(16)).max(2);
    let words: Vec<u16> = address
        .bytes
        .chunks_exact(2)
        .take(count)
        .map(|pair| pair.iter().fold(0, |word, byte| word << 8 | u16::from(*byte)))
        .collect();
    let (mut start, mut length, mut run) = (0, 0, 0);
    for (index, word) in words.iter().enumerate() {
        run = if *word == 0 { run + 1 } else { 0 };
        if run > length {
            (start, length) = (index + 1 - run, run);
        }
    }
    let dotted = start == 0 && count > 6 && (length == 6 || (length == 5 && words.get(5) == Some(&0xffff)));
    let shown = if dotted { 6 } else { count };
    let written = |from: usize, to: usize| -> String {
        let words = words.get(from..to).unwrap_or_default();
        words.iter().map(|word| format!("{word:x}")).collect::<Vec<_>>().join(":")
    };
    let mut out = match length {
        0 => written(0, shown),
        _ => format!("{}::{}", written(0, start), written(start + length, shown)),
    };
    if dotted {
        let octets = usize::from(address.bits.div_ceil(8)).max(14) - 12;
        let tail: Vec<String> = address.bytes.iter().skip(12).take(octets).map(u8::to_string).collect();
        if !out.ends_with(':') {
            out.push(':');
        }
        out.push_str(&tail.join("."));
    }
    out
}

fn set_masklen(call: &Call<'_>, is_cidr: bool) -> Result<Value> {
    let (old, bits) = (address(call, 0)?, call.int(1));
    let bits = if bits == -1 { i64::from(old.max_bits()) } else { bits };
    let valid = u8::try_from(bits).ok().filter(|bits| *bits <= old.max_bits());
    let bits = valid.ok_or_else(|| Problem::new("22023", format!("invalid mask length: {bits}")))?;
    let new = Address { bits, ..old };
    let number = if is_cidr { new.network_number() } else { new.number() };
    Ok(new.with_number(number).to_value(is_cidr))
}

fn contains(network: &Address, other: &Address) -> bool {
    network.v6 == other.v6
        && network.bits <= other.bits
        && network.prefix(network.bits) == other.prefix(network.bits)
}

/// The smallest network with both addresses in it.
fn merge(call: &Call<'_>) -> Result<Value> {
    let (left, right) = both(call)?;
    if left.v6 != right.v6 {
        return Err(Problem::new("22023", "cannot merge addresses from different families"));
    }
    let most = left.bits.min(right.bits);
    let bits = (0..=most).rev().find(|bits| left.prefix(*bits) == right.prefix(*bits)).unwrap_or(0);
    let network = Address { bits, ..left };
    Ok(network.with_number(network.network_number()).to_value(true))
}

fn combine(call: &Call<'_>, name: &str, operation: fn(u128, u128) -> u128) -> Result<Value> {
    let (left, right) = both(call)?;
    if left.v6 != right.v6 {
        return Err(Problem::new("22023", format!("cannot {name} inet values of different sizes")));
    }
    let bits = left.bits.max(right.bits);
    let number = operation(left.number(), right.number());
    Ok(Address { bits, ..left }.with_number(number).to_value(false))
}

fn out_of_range() -> Problem {
    Problem::new("22003", "result is out of range")
}

fn add(address: &Address, offset: i128) -> Result<Value> {
    let sum = match u128::try_from(offset) {
        Ok(offset) => address.number().checked_add(offset),
        Err(_) => address.number().checked_sub(offset.unsigned_abs()),
    };
    let sum = sum.filter(|sum| address.v6 || *sum <= u128::from(u32::MAX)).ok_or_else(out_of_range)?;
    Ok(address.with_number(sum).to_value(false))
}

fn subtract(call: &Call<'_>) -> Result<Value> {
    let (left, right) = both(call)?;
    if left.v6 != right.v6 {
        return Err(Problem::new("22023", "cannot subtract inet values of different sizes"));
    }
    let (left, right) = (left.number(), right.number());
    let distance = i64::try_from(left.abs_diff(right)).map_err(|_| out_of_range())?;
    Ok(Value::Integer(if left < right { -distance } else { distance }))
}

/// The manufacturer's part, the rest zero.
fn trunc(call: &Call<'_>) -> Result<Value> {
    let [a, b, c, ..] = macaddr::stored(call.text(0)).ok_or_else(|| {
        Problem::new("22P02", format!("invalid input syntax for type macaddr: \"{}\"", call.text(0)))
    })?;
    Ok(Value::Text(macaddr::to_text([a, b, c, 0, 0, 0])))
}

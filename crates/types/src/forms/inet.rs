//! `inet` and `cidr`: an IPv4 or IPv6 address with the length of its network part.

use crate::context::Context;
use crate::ty::{Modifier, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::cmp::Ordering;
use std::net::Ipv6Addr;

/// An address in network byte order; an IPv4 address fills the first four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bytes: [u8; 16],
    pub(crate) v6: bool,
    /// The length of the network part.
    pub(crate) bits: u8,
}

impl Address {
    pub(crate) fn max_bits(&self) -> u8 {
        if self.v6 { 128 } else { 32 }
    }

    /// The address as a number, for masks and arithmetic.
    pub(crate) fn number(&self) -> u128 {
        let number = u128::from_be_bytes(self.bytes);
        if self.v6 { number } else { number >> 96 }
    }

    pub(crate) fn with_number(self, number: u128) -> Address {
        let number = if self.v6 { number } else { (number & u128::from(u32::MAX)) << 96 };
        Address { bytes: number.to_be_bytes(), ..self }
    }

    /// The bits of the host part, set.
    pub(crate) fn host_mask(&self) -> u128 {
        let all = if self.v6 { u128::MAX } else { u128::from(u32::MAX) };
        let host = u32::from(self.max_bits() - self.bits);
        if host == 0 { 0 } else { all & (u128::MAX >> (128 - host)) }
    }

    pub(crate) fn network_number(&self) -> u128 {
        self.number() & !self.host_mask()
    }

    /// Reads the text form of `inet` (`cidr` where `is_cidr`); `None` is bad syntax.
    /// The second value is false where a `cidr` has bits in its host part.
    fn parse(text: &str, is_cidr: bool) -> Option<Address> {
        if text.contains(':') {
            parse_v6(text)
        } else if is_cidr {
            parse_v4_network(text)
        } else {
            parse_v4_host(text)
        }
    }

    /// Reads a stored value: either type, both written in full.
    pub(crate) fn stored(text: &str) -> Option<Address> {
        Address::parse(text, false)
    }

    /// Appends the address without its length.
    pub(crate) fn write_host(&self, out: &mut String) {
        if self.v6 {
            write_v6(&self.bytes, out);
        } else {
            let [a, b, c, d, ..] = self.bytes;
            out.push_str(&format!("{a}.{b}.{c}.{d}"));
        }
    }

    /// The text form: the length is left out where it covers the whole address and the type is `inet`.
    pub(crate) fn to_text(self, is_cidr: bool) -> String {
        let mut out = String::new();
        self.write_host(&mut out);
        if is_cidr || self.bits != self.max_bits() {
            out.push_str(&format!("/{}", self.bits));
        }
        out
    }

    pub(crate) fn to_value(self, is_cidr: bool) -> Value {
        Value::Text(self.to_text(is_cidr))
    }

    pub(crate) fn compare(&self, other: &Address) -> Ordering {
        let common = self.bits.min(other.bits);
        self.v6
            .cmp(&other.v6)
            .then_with(|| self.prefix(common).cmp(&other.prefix(common)))
            .then_with(|| self.bits.cmp(&other.bits))
            .then_with(|| self.number().cmp(&other.number()))
    }

    /// The first `bits` bits of the address, the others zero.
    pub(crate) fn prefix(&self, bits: u8) -> u128 {
        Address { bits: bits.min(self.max_bits()), ..*self }.network_number()
    }
}

fn parse_bits(text: &str, max: u8) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u8>().ok().filter(|bits| digits && *bits <= max)
}

fn parse_v6(text: &str) -> Option<Address> {
    let (host, bits) = match text.split_once('/') {
        Some((_, bits)) if bits.len() > 1 && bits.starts_with('0') => return None,
        Some((host, bits)) => (host, parse_bits(bits, 128)?),
        None => (text, 128),
    };
    let address: Ipv6Addr = host.parse().ok()?;
    Some(Address { bytes: address.octets(), v6: true, bits })
}

/// One to four decimal octets.
fn parse_octets(host: &str) -> Option<([u8; 16], usize)> {
    let mut bytes = [0u8; 16];
    let mut count = 0;
    for part in host.split('.') {
        if count == 4 || part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u32 = part
            .trim_start_matches('0')
            .parse()
            .or_else(|_| if part.bytes().all(|byte| byte == b'0') { Ok(0) } else { Err(()) })
            .ok()?;
        *bytes.get_mut(count)? = u8::try_from(number).ok()?;
        count += 1;
    }
    Some((bytes, count))
}

fn parse_v4_host(text: &str) -> Option<Address> {
    let (host, bits) = match text.split_once('/') {
        Some((host, bits)) => (host, Some(parse_bits(bits, 32)?)),
        None => (text, None),
    };
    let (bytes, count) = parse_octets(host)?;
    let bits = match bits {
        Some(bits) if usize::from(bits / 8) > count => return None,
        Some(bits) => bits,
        None if count == 4 => 32,
        None => return None,
    };
    Some(Address { bytes, v6: false, bits })
}

/// A `cidr` may leave out octets, and its length follows from the class of the network then.
fn parse_v4_network(text: &str) -> Option<Address> {
    let (host, bits) = match text.split_once('/') {
        Some((host, bits)) => (host, Some(parse_bits(bits, 32)?)),
        None => (text, None),
    };
    let (bytes, count) = match host.strip_prefix("0x").or_else(|| host.strip_prefix("0X")) {
        Some(digits) => parse_hex_network(digits)?,
        None => parse_octets(host)?,
    };
    let [first, ..] = bytes;
    let bits = bits.unwrap_or_else(|| {
        let class = match first {
            240.. => 32,
            224.. => 8,
            192.. => 24,
            128.. => 16,
            _ => 8,
        };
        let widened = class.max(count as u8 * 8);
        if widened == 8 && first == 224 { 4 } else { widened }
    });
    Some(Address { bytes, v6: false, bits })
}

fn parse_hex_network(digits: &str) -> Option<([u8; 16], usize)> {
    let mut bytes = [0u8; 16];
    if digits.is_empty() || digits.len() > 8 || !digits.is_ascii() {
        return None;
    }
    let mut count = 0;
    for pair in digits.as_bytes().chunks(2) {
        let pair = std::str::from_utf8(pair).ok()?;
        let byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
        *bytes.get_mut(count)? = if pair.len() == 1 { byte << 4 } else { byte };
        count += 1;
    }
    Some((bytes, count))
}

/// As BIND's `inet_net_ntop`: the longest run of zeros is `::`, embedded IPv4 addresses keep their dots.
fn write_v6(bytes: &[u8; 16], out: &mut String) {
    let mut words = [0u16; 8];
    for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
        *word = pair.iter().fold(0, |word, byte| word << 8 | u16::from(*byte));
    }
    let (base, length) = longest_zero_run(&words);
    let [.., w5, _, _] = words;
    for (index, word) in words.iter().enumerate() {
        if length > 0 && (base..base + length).contains(&index) {
            if index == base {
                out.push(':');
            }
            continue;
        }
        if index != 0 {
            out.push(':');
        }
        let embedded = length == 6 || (length == 5 && w5 == 0xffff);
        if index == 6 && base == 0 && embedded {
            let [.., a, b, c, d] = bytes;
            out.push_str(&format!("{a}.{b}.{c}.{d}"));
            return;
        }
        out.push_str(&format!("{word:x}"));
    }
    if length > 0 && base + length == 8 {
        out.push(':');
    }
}

/// Where the first longest run of at least two zero words starts, and how long it is (0: there is none).
fn longest_zero_run(words: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut current) = ((0, 0), (0, 0));
    for (index, word) in words.iter().enumerate() {
        if *word == 0 {
            current = if current.1 == 0 { (index, 1) } else { (current.0, current.1 + 1) };
            if current.1 > best.1 {
                best = current;
            }
        } else {
            current = (0, 0);
        }
    }
    if best.1 < 2 { (0, 0) } else { best }
}

pub(crate) fn input(ty: &Type, text: &str, _modifier: Modifier, _context: &Context) -> Result<Value> {
    let is_cidr = *ty == Type::Cidr;
    let name = if is_cidr { "cidr" } else { "inet" };
    let Some(address) = Address::parse(text, is_cidr) else {
        return Err(Problem::new("22P02", format!("invalid input syntax for type {name}: \"{text}\"")));
    };
    if is_cidr && address.number() & address.host_mask() != 0 {
        return Err(Problem::new("22P02", format!("invalid cidr value: \"{text}\""))
            .with_details("Value has bits set to right of mask."));
    }
    Ok(address.to_value(is_cidr))
}

pub(crate) fn output(_ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut String) {
    if let ValueRef::Text(text) = value {
        out.push_str(text);
    }
}

/// What a cast to text gives: always with the length, unlike the output function.
pub(crate) fn cast_to_text(stored: &str) -> String {
    Address::stored(stored).map_or_else(|| stored.to_owned(), |address| address.to_text(true))
}

pub(crate) fn write_json(_ty: &Type, value: ValueRef<'_>, _context: &Context, out: &mut Vec<u8>) {
    if let ValueRef::Text(text) = value {
        // Digits, letters, dots, colons and a slash: nothing that JSON escapes.
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

pub(crate) fn compare_text(_ty: &Type, left: &str, right: &str) -> Ordering {
    match (Address::stored(left), Address::stored(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

//! UUIDs.

use super::super::define::Args;
use crate::registry::Call;
use crate::value::Value;
use mainstay_base::Result;

/// Version and variant, as RFC 9562 places them.
fn stamped(mut bytes: [u8; 16], version: u8) -> Value {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Value::Blob(bytes.to_vec())
}

pub(crate) fn random(call: &Call<'_>) -> Result<Value> {
    let mut bytes = [0; 16];
    call.context.env.fill_random(&mut bytes);
    Ok(stamped(bytes, 4))
}

/// Version 7: milliseconds, then the fraction of the millisecond, then chance.
pub(crate) fn by_time(call: &Call<'_>) -> Result<Value> {
    let mut bytes = [0; 16];
    call.context.env.fill_random(&mut bytes);
    let micros = call.context.env.unix_micros();
    let (millis, fraction) = (micros.div_euclid(1000), micros.rem_euclid(1000));
    let [_, _, time @ ..] = millis.to_be_bytes();
    bytes[..6].copy_from_slice(&time);
    // 12 bits hold a thousandth as a share of 4096.
    let [high, low] = u16::try_from(fraction * 4096 / 1000).unwrap_or_default().to_be_bytes();
    (bytes[6], bytes[7]) = (high, low);
    Ok(stamped(bytes, 7))
}

pub(crate) fn nil(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::Blob(vec![0; 16]))
}

/// The sixteen bytes.
pub(crate) fn send(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Blob(call.bytes(0).to_vec()))
}

//! Text forms of bytes (hex, base64, escape), encodings and the digests that PostgreSQL has without an extension.

use super::super::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use mainstay_base::{Problem, Result};
use sha2::Digest;

const SECTION: &str = "Binary string functions";
/// PostgreSQL breaks base64 into lines of this width.
const LINE_WIDTH: usize = 76;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "encode", &[Ty::Bytea, Ty::Text], Ty::Text, encode),
    function(SECTION, "decode", &[Ty::Text, Ty::Text], Ty::Bytea, decode),
    function(SECTION, "convert_from", &[Ty::Bytea, Ty::Name], Ty::Text, convert_from).stable(),
    function(SECTION, "convert_to", &[Ty::Text, Ty::Name], Ty::Bytea, convert_to).stable(),
    function(SECTION, "md5", &[Ty::Text], Ty::Text, md5),
    function(SECTION, "md5", &[Ty::Bytea], Ty::Text, md5),
    function(SECTION, "sha224", &[Ty::Bytea], Ty::Bytea, sha::<sha2::Sha224>),
    function(SECTION, "sha256", &[Ty::Bytea], Ty::Bytea, sha::<sha2::Sha256>),
    function(SECTION, "sha384", &[Ty::Bytea], Ty::Bytea, sha::<sha2::Sha384>),
    function(SECTION, "sha512", &[Ty::Bytea], Ty::Bytea, sha::<sha2::Sha512>),
];

fn sha<D: Digest>(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Blob(D::digest(call.bytes(0)).as_slice().to_vec()))
}

fn md5(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Text(to_hex(md5::Md5::digest(call.bytes(0)).as_slice())))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unknown_encoding(name: &str) -> Problem {
    Problem::new("22023", format!("unrecognized encoding: \"{name}\""))
}

fn encode(call: &Call<'_>) -> Result<Value> {
    let (bytes, format) = (call.bytes(0), call.text(1));
    Ok(Value::Text(match format.to_ascii_lowercase().as_str() {
        "hex" => to_hex(bytes),
        "base64" => to_base64(bytes),
        "escape" => to_escape(bytes),
        _ => return Err(unknown_encoding(format)),
    }))
}

fn decode(call: &Call<'_>) -> Result<Value> {
    let (text, format) = (call.text(0), call.text(1));
    Ok(Value::Blob(match format.to_ascii_lowercase().as_str() {
        "hex" => from_hex(text)?,
        "base64" => from_base64(text)?,
        "escape" => from_escape(text)?,
        _ => return Err(unknown_encoding(format)),
    }))
}

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 + 8);
    let mut width = 0;
    for group in bytes.chunks(3) {
        if width == LINE_WIDTH {
            out.push('\n');
            width = 0;
        }
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for index in 0..4 {
            let symbol = ALPHABET.get((bits >> (18 - 6 * index)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if index <= group.len() { char::from(symbol) } else { '=' });
        }
        width += 4;
    }
    // The break follows a full line, also the last one.
    if width == LINE_WIDTH {
        out.push('\n');
    }
    out
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let bad_end = || {
        Problem::new("22023", "invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted.")
    };
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let value = if c == '=' {
            if padding == 0 {
                padding = match count {
                    2 => 1,
                    3 => 2,
                    _ => {
                        return Err(Problem::new("22023", "unexpected \"=\" while decoding base64 sequence"));
                    }
                };
            }
            0
        } else {
            let at = u8::try_from(c).ok().and_then(|byte| ALPHABET.iter().position(|symbol| *symbol == byte));
            at.ok_or_else(|| {
                Problem::new("22023", format!("invalid symbol \"{c}\" found while decoding base64 sequence"))
            })? as u32
        };
        bits = bits << 6 | value;
        count += 1;
        if count == 4 {
            let [_, first, second, third] = bits.to_be_bytes();
            out.push(first);
            if padding != 1 {
                out.push(second);
            }
            if padding == 0 {
                out.push(third);
            }
            (bits, count) = (0, 0);
        }
    }
    if count == 0 { Ok(out) } else { Err(bad_end()) }
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')) {
        let digit = c
            .to_digit(16)
            .ok_or_else(|| Problem::new("22023", format!("invalid hexadecimal digit: \"{c}\"")))?
            as u8;
        match half.take() {
            None => half = Some(digit << 4),
            Some(high) => out.push(high | digit),
        }
    }
    match half {
        None => Ok(out),
        Some(_) => Err(Problem::new("22023", "invalid hexadecimal data: odd number of digits")),
    }
}

fn to_escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0 | 0x80.. => out.push_str(&format!("\\{byte:03o}")),
            byte => out.push(char::from(*byte)),
        }
    }
    out
}

fn from_escape(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(out),
            [b'\\', b'\\', rest @ ..] => {
                out.push(b'\\');
                rest
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            [b'\\', ..] => return Err(Problem::new("22P02", "invalid input syntax for type bytea")),
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
        };
    }
}

enum Charset {
    Utf8,
    Latin1,
}

fn charset(name: &str, what: &str) -> Result<Charset> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(Charset::Utf8),
        "latin1" | "iso88591" => Ok(Charset::Latin1),
        _ => Err(Problem::new("22023", format!("invalid {what} encoding name \"{name}\""))),
    }
}

fn convert_from(call: &Call<'_>) -> Result<Value> {
    let bytes = call.bytes(0);
    let charset = charset(call.text(1), "source")?;
    // A text holds no zero byte: it is the first bad one, or what stands before it is.
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let head = bytes.get(..end).unwrap_or_default();
    let (name, converted) = match charset {
        Charset::Latin1 => ("LATIN1", head.iter().copied().map(char::from).collect()),
        Charset::Utf8 => {
            ("UTF8", std::str::from_utf8(head).map_err(|error| bad_utf8(head, error))?.to_owned())
        }
    };
    if end < bytes.len() { Err(invalid_bytes(name, &[0])) } else { Ok(Value::Text(converted)) }
}

fn bad_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Problem {
    let tail = bytes.get(error.valid_up_to()..).unwrap_or_default();
    // PostgreSQL shows the bytes that the first one announces, as far as there are any.
    let announced = match tail.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    invalid_bytes("UTF8", tail.get(..announced).unwrap_or(tail))
}

fn invalid_bytes(encoding: &str, bytes: &[u8]) -> Problem {
    let shown: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    Problem::new("22021", format!("invalid byte sequence for encoding \"{encoding}\": {}", shown.join(" ")))
}

fn convert_to(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0);
    match charset(call.text(1), "destination")? {
        Charset::Utf8 => Ok(Value::Blob(text.as_bytes().to_vec())),
        Charset::Latin1 => {
            let bytes: Result<Vec<u8>> = text
                .chars()
                .map(|c| {
                    u8::try_from(c).map_err(|_| {
                        let shown: Vec<String> =
                            c.to_string().bytes().map(|byte| format!("0x{byte:02x}")).collect();
                        Problem::new(
                            "22P05",
                            format!(
                                "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                                shown.join(" ")
                            ),
                        )
                    })
                })
                .collect();
            bytes.map(Value::Blob)
        }
    }
}

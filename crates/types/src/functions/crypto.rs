//! The extension `pgcrypto`: digests, password hashes, random bytes.

mod md5_crypt;

use super::define::{Args, function};
use crate::registry::{Call, Native, Ty};
use crate::value::Value;
use hmac::{KeyInit, Mac, SimpleHmac};
use mainstay_base::{Problem, Result};
use sha2::Digest;

const SECTION: &str = "Cryptography (pgcrypto)";
/// bcrypt's own base64.
const BCRYPT_ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BCRYPT_COST: i64 = 6;

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "digest", &[Ty::Text, Ty::Text], Ty::Bytea, digest),
    function(SECTION, "digest", &[Ty::Bytea, Ty::Text], Ty::Bytea, digest),
    function(SECTION, "hmac", &[Ty::Text, Ty::Text, Ty::Text], Ty::Bytea, hmac),
    function(SECTION, "hmac", &[Ty::Bytea, Ty::Bytea, Ty::Text], Ty::Bytea, hmac),
    function(SECTION, "gen_random_bytes", &[Ty::Int4], Ty::Bytea, gen_random_bytes).volatile(),
    function(SECTION, "gen_salt", &[Ty::Text], Ty::Text, gen_salt).volatile(),
    function(SECTION, "gen_salt", &[Ty::Text, Ty::Int4], Ty::Text, gen_salt).volatile(),
    function(SECTION, "crypt", &[Ty::Text, Ty::Text], Ty::Text, crypt),
];

fn unknown_hash(name: &str) -> Problem {
    Problem::new("22023", format!("Cannot use \"{name}\": No such hash algorithm"))
}

fn digest(call: &Call<'_>) -> Result<Value> {
    let (data, name) = (call.bytes(0), call.text(1));
    Ok(Value::Blob(match name.to_ascii_lowercase().as_str() {
        "md5" => md5::Md5::digest(data).to_vec(),
        "sha1" => sha1::Sha1::digest(data).to_vec(),
        "sha224" => sha2::Sha224::digest(data).to_vec(),
        "sha256" => sha2::Sha256::digest(data).to_vec(),
        "sha384" => sha2::Sha384::digest(data).to_vec(),
        "sha512" => sha2::Sha512::digest(data).to_vec(),
        _ => return Err(unknown_hash(name)),
    }))
}

fn keyed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).map_err(|_| Problem::new("22023", "HMAC key is not valid"))?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hmac(call: &Call<'_>) -> Result<Value> {
    let (data, key, name) = (call.bytes(0), call.bytes(1), call.text(2));
    Ok(Value::Blob(match name.to_ascii_lowercase().as_str() {
        "md5" => keyed::<SimpleHmac<md5::Md5>>(key, data)?,
        "sha1" => keyed::<SimpleHmac<sha1::Sha1>>(key, data)?,
        "sha224" => keyed::<SimpleHmac<sha2::Sha224>>(key, data)?,
        "sha256" => keyed::<SimpleHmac<sha2::Sha256>>(key, data)?,
        "sha384" => keyed::<SimpleHmac<sha2::Sha384>>(key, data)?,
        "sha512" => keyed::<SimpleHmac<sha2::Sha512>>(key, data)?,
        _ => return Err(unknown_hash(name)),
    }))
}

fn gen_random_bytes(call: &Call<'_>) -> Result<Value> {
    let count = usize::try_from(call.int(0)).ok().filter(|count| (1..=1024).contains(count));
    let count = count.ok_or_else(|| Problem::new("39000", "Length not in range"))?;
    let mut bytes = vec![0; count];
    call.context.env.fill_random(&mut bytes);
    Ok(Value::Blob(bytes))
}

fn symbol(alphabet: &[u8; 64], bits: u32) -> char {
    alphabet.get((bits & 63) as usize).copied().map_or('.', char::from)
}

fn gen_salt(call: &Call<'_>) -> Result<Value> {
    let kind = call.text(0);
    let rounds = if call.has(1) { call.int(1) } else { 0 };
    let bad_rounds = || Problem::new("22023", "gen_salt: Incorrect number of rounds");
    let mut random = [0u8; 16];
    call.context.env.fill_random(&mut random);
    match kind.to_ascii_lowercase().as_str() {
        "bf" => {
            let cost = if rounds == 0 { BCRYPT_COST } else { rounds };
            if !(4..=31).contains(&cost) {
                return Err(bad_rounds());
            }
            Ok(Value::Text(format!("$2a${cost:02}${}", bcrypt_base64(&random))))
        }
        "md5" if rounds == 0 || rounds == 1000 => {
            let salt: String =
                random.iter().take(8).map(|byte| symbol(md5_crypt::ALPHABET, u32::from(*byte))).collect();
            Ok(Value::Text(format!("$1${salt}")))
        }
        "md5" => Err(bad_rounds()),
        "des" | "xdes" => Err(Problem::new("0A000", format!("gen_salt: \"{kind}\" is not supported"))
            .with_hint("DES is broken; use gen_salt('bf').")),
        _ => Err(Problem::new("22023", "gen_salt: Unknown salt algorithm")),
    }
}

/// bcrypt packs bits from the high end, without padding.
fn bcrypt_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        out.extend((0..=group.len() as u32).map(|index| symbol(BCRYPT_ALPHABET, bits >> (18 - 6 * index))));
    }
    out
}

/// The 16 bytes of a salt in bcrypt's base64.
fn bcrypt_salt(text: &str) -> Option<[u8; 16]> {
    let mut salt = [0u8; 16];
    let mut bits = 0u32;
    let mut places = salt.iter_mut();
    for (index, byte) in text.bytes().take(22).enumerate() {
        let value = BCRYPT_ALPHABET.iter().position(|symbol| *symbol == byte)?;
        bits = bits << 6 | value as u32;
        let have = (index + 1) * 6 % 8;
        if index % 4 != 0
            && let Some(place) = places.next()
        {
            *place = (bits >> have) as u8;
        }
    }
    (text.len() >= 22).then_some(salt)
}

fn crypt(call: &Call<'_>) -> Result<Value> {
    let (password, salt) = (call.text(0), call.text(1));
    let invalid = || Problem::new("22023", "invalid salt");
    if let Some(rest) = salt.strip_prefix("$1$") {
        return Ok(Value::Text(md5_crypt::hash(password, rest)));
    }
    let variant = ["$2a$", "$2x$", "$2y$", "$2b$"].into_iter().find(|prefix| salt.starts_with(prefix));
    let Some(prefix) = variant else {
        if salt.starts_with('$') || salt.len() < 2 {
            return Err(invalid());
        }
        return Err(Problem::new("0A000", "crypt: DES salts are not supported")
            .with_hint("DES is broken; use gen_salt('bf')."));
    };
    let rest = salt.get(prefix.len()..).unwrap_or_default();
    let (cost, encoded) = rest.split_once('$').ok_or_else(invalid)?;
    let cost = cost.parse::<u32>().ok().filter(|value| cost.len() == 2 && (4..=31).contains(value));
    let (cost, bytes) = cost.zip(bcrypt_salt(encoded)).ok_or_else(invalid)?;
    // bcrypt reads the password with the zero byte that ends it, and no more than 72 bytes.
    let mut key = password.as_bytes().to_vec();
    key.push(0);
    key.truncate(72);
    let hash = bcrypt::bcrypt(cost, bytes, &key);
    let digest = hash.get(..23).unwrap_or_default();
    Ok(Value::Text(format!("{prefix}{cost:02}${}{}", bcrypt_base64(&bytes), bcrypt_base64(digest))))
}

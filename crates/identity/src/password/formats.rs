//! Hashes as systems store them, each with bounds: a hash that somebody imports must not be able to stop the server.

use super::argon::{Argon, Memory};
use super::{Cost, unusable};
use crate::secret::equal;
use argon2::{Algorithm, Version};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use base64::Engine as _;
use base64::alphabet::{BCRYPT, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mainstay_base::{Problem, Result};

/// With padding or without: PHC's form has none, Firebase's has.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
const MEMORY_KIB_MAX: u64 = 256 * 1024;
/// KiB times passes.
const WORK_KIB_MAX: u64 = 1024 * 1024;
const BCRYPT_COST_MAX: u32 = 14;
const BYTES_MAX: usize = 1024;

pub enum Format {
    Argon {
        argon: Argon,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        output: Vec<u8>,
    },
    Scrypt {
        cost: Scrypt,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    /// Firebase's: the signer's key encrypted with what scrypt makes of the password.
    Firebase {
        cost: Scrypt,
        salt: Vec<u8>,
        signer: Vec<u8>,
        output: Vec<u8>,
    },
}

pub struct Verdict {
    pub same: bool,
    pub current: bool,
}

#[derive(Clone, Copy)]
pub struct Scrypt {
    log_n: u8,
    r: u32,
    p: u32,
}

impl Format {
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > BYTES_MAX {
            return Err(unusable());
        }
        let mut parts = text.split('$');
        if parts.next() != Some("") {
            return Err(unusable());
        }
        let kind = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        let found = match (kind, rest.as_slice()) {
            ("argon2id" | "argon2i" | "argon2d", rest) => argon(kind, rest),
            ("2a" | "2b" | "2y", [cost, rest]) => bcrypt_of(cost, rest),
            ("scrypt", [parameters, salt, output]) => plain_scrypt(parameters, salt, output),
            ("fbscrypt", [version, salt, output]) => firebase(version, salt, output),
            _ => None,
        };
        found.ok_or_else(unusable)
    }

    /// Whether the password is that of the hash. As long for a wrong one as for the right one.
    pub fn check(&self, password: &str, cost: Cost, memory: &mut Memory) -> Result<Verdict> {
        let password = password.as_bytes();
        match self {
            Format::Argon { argon, salt, output } => {
                let mut made = vec![0; output.len()];
                argon.fill(password, salt, &mut made, memory)?;
                let current = argon.is_current(cost) && output.len() == 32 && salt.len() >= 16;
                Ok(Verdict { same: equal(&made, output), current })
            }
            Format::Bcrypt { cost, salt, output } => {
                // Its key is the text with a zero at its end, of which it reads 72 bytes.
                let mut key = zeroize::Zeroizing::new(password.to_vec());
                key.push(0);
                key.truncate(72);
                let made = bcrypt::bcrypt(*cost, *salt, &key);
                Ok(Verdict { same: equal(&made[..23], output), current: false })
            }
            Format::Scrypt { cost, salt, output } => {
                let mut made = vec![0; output.len()];
                cost.fill(password, salt, &mut made)?;
                Ok(Verdict { same: equal(&made, output), current: false })
            }
            Format::Firebase { cost, salt, signer, output } => {
                let mut key = zeroize::Zeroizing::new([0; 32]);
                cost.fill(password, salt, &mut *key)?;
                let made = encrypted(&*key, signer)?;
                Ok(Verdict { same: equal(&made, output), current: false })
            }
        }
    }
}

impl Scrypt {
    fn bounded(log_n: u64, r: u64, p: u64) -> Option<Self> {
        let sane = (1..=20).contains(&log_n) && (1..=64).contains(&r) && (1..=16).contains(&p);
        let kib = if sane { (r << log_n) / 8 } else { return None };
        (kib <= MEMORY_KIB_MAX && kib * p <= WORK_KIB_MAX).then_some(Scrypt {
            log_n: log_n as u8,
            r: r as u32,
            p: p as u32,
        })
    }

    fn fill(self, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<()> {
        let failed = || Problem::internal("a password cannot be hashed");
        let params = scrypt::Params::new(self.log_n, self.r, self.p).map_err(|_| failed())?;
        scrypt::scrypt(password, salt, &params, output).map_err(|_| failed())
    }
}

/// `v=19`, `m=19456,t=2,p=1`, salt, hash; the version may be missing (16).
fn argon(kind: &str, rest: &[&str]) -> Option<Format> {
    let (version, parameters, salt, output) = match rest {
        ["v=19", parameters, salt, output] => (Version::V0x13, parameters, salt, output),
        ["v=16", parameters, salt, output] | [parameters, salt, output] => {
            (Version::V0x10, parameters, salt, output)
        }
        _ => return None,
    };
    let algorithm = match kind {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        _ => Algorithm::Argon2d,
    };
    let (m, t, p) = (number(parameters, "m")?, number(parameters, "t")?, number(parameters, "p")?);
    let sane = (1..=16).contains(&p) && m >= 8 * p && m <= MEMORY_KIB_MAX && t >= 1;
    if !sane || m.checked_mul(t)? > WORK_KIB_MAX {
        return None;
    }
    let cost = Cost { memory_kib: m as u32, iterations: t as u32, lanes: p as u32 };
    let (salt, output) = (bytes(salt)?, bytes(output)?);
    let lengths = (8..=64).contains(&salt.len()) && (4..=128).contains(&output.len());
    lengths.then(|| Format::Argon { argon: Argon::new(algorithm, version, cost), salt, output })
}

/// `2x` is left out: it stands for hashes that an old mistake has made.
fn bcrypt_of(cost: &str, rest: &str) -> Option<Format> {
    let cost: u32 = cost.parse().ok().filter(|cost| (4..=BCRYPT_COST_MAX).contains(cost))?;
    let (salt, output) = rest.split_at_checked(22)?;
    let salt = BCRYPT_BASE64.decode(salt).ok()?.try_into().ok()?;
    let output = BCRYPT_BASE64.decode(output).ok().filter(|output| output.len() == 23)?;
    Some(Format::Bcrypt { cost, salt, output })
}

fn plain_scrypt(parameters: &str, salt: &str, output: &str) -> Option<Format> {
    let cost =
        Scrypt::bounded(number(parameters, "ln")?, number(parameters, "r")?, number(parameters, "p")?)?;
    let (salt, output) = (bytes(salt)?, bytes(output)?);
    ((16..=128).contains(&output.len())).then_some(Format::Scrypt { cost, salt, output })
}

/// `v=1,n=14,r=8,p=1,ss=Bw==,sk=…` as Supabase Auth writes it.
fn firebase(parameters: &str, salt: &str, output: &str) -> Option<Format> {
    if number(parameters, "v")? != 1 {
        return None;
    }
    let cost = Scrypt::bounded(number(parameters, "n")?, number(parameters, "r")?, number(parameters, "p")?)?;
    let mut salt = bytes(salt)?;
    salt.extend(bytes(value(parameters, "ss").unwrap_or_default())?);
    let (signer, output) = (bytes(value(parameters, "sk")?)?, bytes(output)?);
    (signer.len() >= 16 && output.len() == signer.len()).then_some(Format::Firebase {
        cost,
        salt,
        signer,
        output,
    })
}

fn value<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn number(parameters: &str, name: &str) -> Option<u64> {
    value(parameters, name)?.parse::<u32>().ok().map(u64::from)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// AES-256 in counter mode from zero: the key is used once.
fn encrypted(key: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Problem::internal("a password cannot be hashed");
    let key = UnboundCipherKey::new(&AES_256, key).and_then(EncryptingKey::ctr).map_err(failed)?;
    let mut made = text.to_vec();
    let zero = EncryptionContext::Iv128([0; 16].into());
    key.less_safe_encrypt(&mut made, zero).map_err(failed)?;
    Ok(made)
}

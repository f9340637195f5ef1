//! Keys as JSON (RFC 7517): the public ones.

use super::{Algorithm, VerifyingKey, decode, encode};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};
use mainstay_base::{Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// A set of keys. Members that are no keys of ours are left out, as RFC 7517 section 5 wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    pub fn parse(text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<Value>,
        }
        let raw: Raw = serde_json::from_slice(text)
            .map_err(|_| Problem::new("08P01", "the answer is no set of keys (RFC 7517 section 5)"))?;
        let keys = raw.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(JwkSet { keys })
    }

    /// The keys that check signatures by an algorithm that is known here.
    pub fn verifying(&self) -> Vec<VerifyingKey> {
        self.keys.iter().filter_map(Jwk::verifying).collect()
    }
}

impl Jwk {
    /// The key for checking signatures; `None` for one that is for something else, unknown, or malformed.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig")
            || self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return None;
        }
        let algorithm = self.algorithm()?;
        if let Some(name) = &self.alg
            && Algorithm::named(name) != Some(algorithm)
        {
            return None;
        }
        let point = |size| self.point(size);
        let key = match algorithm {
            Algorithm::Es256 => parsed(&ECDSA_P256_SHA256_FIXED, &point(32)?)?,
            Algorithm::Es384 => parsed(&ECDSA_P384_SHA384_FIXED, &point(48)?)?,
            Algorithm::EdDsa => {
                let x = decode(self.x.as_deref()?).filter(|x| x.len() == 32)?;
                parsed(&ED25519, &x)?
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let (n, e) = (decode(self.n.as_deref()?)?, decode(self.e.as_deref()?)?);
                let scheme = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    _ => &RSA_PSS_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n: trimmed(&n), e: trimmed(&e) }.to_parsed_public_key(scheme).ok()?
            }
            Algorithm::Hs256 => return None,
        };
        Some(VerifyingKey::new(self.kid.clone(), algorithm, key))
    }

    /// The one algorithm of the key: by its type, and for RSA by `alg`, where RS256 is meant if nothing is said.
    fn algorithm(&self) -> Option<Algorithm> {
        match (self.kty.as_str(), self.crv.as_deref(), self.alg.as_deref()) {
            ("EC", Some("P-256"), _) => Some(Algorithm::Es256),
            ("EC", Some("P-384"), _) => Some(Algorithm::Es384),
            ("OKP", Some("Ed25519"), _) => Some(Algorithm::EdDsa),
            ("RSA", _, Some("PS256")) => Some(Algorithm::Ps256),
            ("RSA", _, Some("RS256") | None) => Some(Algorithm::Rs256),
            _ => None,
        }
    }

    fn point(&self, size: usize) -> Option<Vec<u8>> {
        let coordinate = |text: &Option<String>| decode(text.as_deref()?).filter(|bytes| bytes.len() == size);
        let mut point = vec![4];
        point.extend(coordinate(&self.x)?);
        point.extend(coordinate(&self.y)?);
        Some(point)
    }

    /// The SHA-256 thumbprint (RFC 7638) of a key on a curve.
    pub fn thumbprint(&self) -> String {
        let text = |value: &Option<String>| Value::from(value.clone().unwrap_or_default()).to_string();
        let (crv, x, y) = (text(&self.crv), text(&self.x), text(&self.y));
        let canonical = format!(r#"{{"crv":{crv},"kty":"EC","x":{x},"y":{y}}}"#);
        encode(digest(&SHA256, canonical.as_bytes()))
    }
}

fn parsed(algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(algorithm, bytes).ok()
}

/// Some issuers write numbers with leading zeros.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

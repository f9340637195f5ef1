//! Keys that sign and keys that verify, each with the one algorithm it is for.

use super::token::signing_input;
use super::{Claims, Jwk, TokenType, encode};
use crate::secret::RootSecret;
use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey};
use mainstay_base::{Env, Problem, Result};
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Hs256,
    Rs256,
    Ps256,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// The name in `alg` (RFC 7518 section 3.1, RFC 8037 section 3.1).
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps256 => "PS256",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a name; `Ed25519` is RFC 9864's for what is `EdDSA` here.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Algorithm::Hs256,
            "RS256" => Algorithm::Rs256,
            "PS256" => Algorithm::Ps256,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            _ => return None,
        })
    }
}

/// A key that checks signatures.
pub struct VerifyingKey {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    material: Material,
}

pub(super) enum Material {
    Shared(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl VerifyingKey {
    pub(super) fn new(kid: Option<String>, algorithm: Algorithm, key: ParsedPublicKey) -> Self {
        VerifyingKey { kid, algorithm, material: Material::Public(key) }
    }

    /// The shared secret as the key of HS256.
    pub fn shared(secret: &RootSecret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
        VerifyingKey { kid: None, algorithm: Algorithm::Hs256, material: Material::Shared(Box::new(key)) }
    }

    /// Whether both are one key with one name.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        match (&self.material, &other.material) {
            (Material::Public(own), Material::Public(its)) => {
                (&self.kid, self.algorithm, own.as_ref()) == (&other.kid, other.algorithm, its.as_ref())
            }
            _ => false,
        }
    }

    /// Whether the signature is this key's, by this key's algorithm.
    pub fn holds(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Shared(key) => hmac::verify(key, signed, signature).is_ok(),
            Material::Public(key) => key.verify_sig(signed, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?}, {:?})", self.kid, self.algorithm)
    }
}

/// A key that signs. Never printed.
pub struct SigningKey {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    material: Signer,
}

enum Signer {
    Shared(Box<hmac::Key>),
    Ecdsa { pair: EcdsaKeyPair, scalar: Zeroizing<[u8; 32]> },
}

impl SigningKey {
    /// The shared secret as the key of HS256.
    pub fn shared(secret: &RootSecret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
        SigningKey { kid: None, algorithm: Algorithm::Hs256, material: Signer::Shared(Box::new(key)) }
    }

    /// A new key of ES256. Its name is the thumbprint of its public part (RFC 7638).
    pub fn generate(env: &Env) -> Result<Self> {
        // Of 2³² random scalars less than one is out of range: the second attempt is for a broken source of randomness.
        for _ in 0..2 {
            let mut scalar = Zeroizing::new([0; 32]);
            env.fill_random(&mut *scalar);
            if let Ok(key) = Self::es256(&*scalar) {
                return Ok(key);
            }
        }
        Err(Problem::internal("no signing key can be made: the source of randomness does not work"))
    }

    /// The key of a private scalar of P-256.
    pub fn es256(scalar: &[u8]) -> Result<Self> {
        let unusable = || Problem::internal("a signing key is no private key of P-256");
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| unusable())?;
        let public = private.compute_public_key().map_err(|_| unusable())?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar,
            public.as_ref(),
        )
        .map_err(|_| unusable())?;
        let scalar = Zeroizing::new(scalar.try_into().map_err(|_| unusable())?);
        let mut key =
            SigningKey { kid: None, algorithm: Algorithm::Es256, material: Signer::Ecdsa { pair, scalar } };
        key.kid = key.public().map(|jwk| jwk.thumbprint());
        Ok(key)
    }

    /// The private scalar, to be sealed.
    pub(crate) fn scalar(&self) -> Option<&[u8; 32]> {
        match &self.material {
            Signer::Ecdsa { scalar, .. } => Some(scalar),
            Signer::Shared(_) => None,
        }
    }

    /// The public part; a shared secret has none.
    pub fn public(&self) -> Option<Jwk> {
        let Signer::Ecdsa { pair, .. } = &self.material else { return None };
        let (_, point) = pair.public_key().as_ref().split_first()?;
        let (x, y) = point.split_at_checked(32)?;
        Some(Jwk {
            kty: "EC".into(),
            kid: self.kid.clone(),
            alg: Some("ES256".into()),
            usage: Some("sig".into()),
            key_ops: None,
            crv: Some("P-256".into()),
            x: Some(encode(x)),
            y: Some(encode(y)),
            ..Jwk::default()
        })
    }

    pub fn sign(&self, claims: &Claims, of: TokenType) -> Result<String> {
        let mut token = signing_input(self.algorithm.name(), self.kid.as_deref(), of.typ(), claims);
        let signature = match &self.material {
            Signer::Shared(key) => encode(hmac::sign(key, token.as_bytes())),
            Signer::Ecdsa { pair, .. } => {
                let signed = pair.sign(&SystemRandom::new(), token.as_bytes());
                encode(signed.map_err(|_| Problem::internal("a token cannot be signed"))?)
            }
        };
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, {:?}, …)", self.kid, self.algorithm)
    }
}

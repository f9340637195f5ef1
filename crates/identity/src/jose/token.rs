//! A token in its three parts.

use super::{Claims, decode, encode, undecodable};
use mainstay_base::Result;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Longer tokens are refused before any work is done on them.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// What a token is for, told apart by `typ` so that none passes for another (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// An access token of a session of users, as Supabase's clients expect it: `JWT`.
    Session,
    /// An access token of OAuth (RFC 9068): `at+jwt`.
    OAuthAccess,
    /// An ID token of OpenID Connect. It has no `typ`: relying parties expect `JWT` or none, and `JWT` is taken.
    Id,
    /// A back-channel logout token: `logout+jwt`.
    Logout,
    /// What the server hands to itself through a browser (state of a sign-in with somebody else): `state+jwt`.
    State,
}

impl TokenType {
    pub fn typ(self) -> Option<&'static str> {
        match self {
            TokenType::Session => Some("JWT"),
            TokenType::OAuthAccess => Some("at+jwt"),
            TokenType::Id => None,
            TokenType::Logout => Some("logout+jwt"),
            TokenType::State => Some("state+jwt"),
        }
    }

    /// Whether a header's `typ` is this one: media types are compared without case and without `application/`.
    pub fn is(self, typ: Option<&str>) -> bool {
        match (self.typ(), typ) {
            (None, None) => true,
            (Some(own), Some(typ)) => {
                let prefix = typ.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
                let bare = prefix.map_or(typ, |_| &typ[12..]);
                bare.eq_ignore_ascii_case(own)
            }
            _ => false,
        }
    }
}

/// What is read of a header. `jku`, `jwk`, `x5u` and `x5c` are not: keys come from the settings alone.
#[derive(Deserialize)]
pub struct Header {
    pub alg: String,
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    pub typ: Option<String>,
    /// Extensions that must be understood (RFC 7515 section 4.1.11): we understand none.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token that has been taken apart; nothing about it has been checked.
pub struct Token<'a> {
    pub header: Header,
    /// What the signature is over.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
    payload: &'a str,
}

impl<'a> Token<'a> {
    pub fn parse(text: &'a str) -> Result<Self> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(undecodable("the token is too long"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            let found = text.split('.').count();
            return Err(undecodable(format!("Expected 3 parts in JWT; got {found}")));
        };
        let part = |text: &str| decode(text).ok_or_else(|| undecodable("a part is not base64url"));
        let signed = &text.as_bytes()[..header.len() + 1 + payload.len()];
        let header: Header =
            serde_json::from_slice(&part(header)?).map_err(|_| undecodable("the header is not JSON"))?;
        if header.crit {
            return Err(undecodable("the header demands extensions (`crit`), and none is known"));
        }
        Ok(Token { header, signed, signature: part(signature)?, payload })
    }

    /// The payload's bytes, to be believed after the signature was checked.
    pub fn payload(&self) -> Result<Vec<u8>> {
        decode(self.payload).ok_or_else(|| undecodable("a part is not base64url"))
    }

    /// The claims, to be believed after the signature was checked.
    pub fn claims(&self) -> Result<Claims> {
        let claims = serde_json::from_slice(&self.payload()?);
        match claims.map_err(|_| undecodable("the claims are not JSON"))? {
            Value::Object(claims) => Ok(claims),
            _ => Err(undecodable("the claims are no object")),
        }
    }

    /// The issuer that the token says it is from, before anything was checked: it selects keys, no more.
    pub fn claimed_issuer(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Issuer {
            #[serde(default)]
            iss: Option<Value>,
        }
        let found: Issuer =
            serde_json::from_slice(&self.payload()?).map_err(|_| undecodable("the claims are not JSON"))?;
        match found.iss {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(issuer)) => Ok(Some(issuer)),
            Some(_) => Err(undecodable("the `iss` claim is no text")),
        }
    }
}

/// Header and claims in the form that is signed.
pub(super) fn signing_input(alg: &str, kid: Option<&str>, typ: Option<&str>, claims: &Claims) -> String {
    let mut header = Claims::new();
    header.insert("alg".into(), alg.into());
    for (name, value) in [("typ", typ), ("kid", kid)] {
        if let Some(value) = value {
            header.insert(name.into(), value.into());
        }
    }
    let text = |map: &Claims| encode(serde_json::to_string(map).unwrap_or_default());
    format!("{}.{}", text(&header), text(claims))
}

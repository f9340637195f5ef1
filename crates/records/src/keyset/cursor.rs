//! The cursor of a page: where the next one begins, signed, so that nobody but the server makes one.
//!
//! A signature and the fields, in URL-safe base64 behind a mark that no filter begins with. The fields bind it to the
//! relation, the order and the version of the schema; it does not bind filters, which may change between pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use mainstay_base::{Problem, Result};
use sha2::{Digest, Sha256};
use std::fmt;

/// What every cursor begins with.
pub const MARK: &str = "k1.";
const SIGNATURE_BYTES: usize = 16;

/// Signs cursors. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CursorKey(pub [u8; 32]);

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

/// What a cursor belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) catalog_version: u64,
    /// A hash of the relation and the order.
    place: String,
}

impl Origin {
    pub(crate) fn of(catalog_version: u64, relation: &str, order: &impl fmt::Debug) -> Origin {
        let hash = Sha256::digest(format!("{relation}\0{order:?}"));
        let place = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Origin { catalog_version, place }
    }
}

/// The values of the last row of a page, in their text forms; `None` is NULL.
pub(crate) type Values = Vec<Option<String>>;

pub(crate) fn encode(key: &CursorKey, origin: &Origin, values: &Values) -> Result<String> {
    let fields = serde_json::to_vec(&(origin.catalog_version, &origin.place, values))
        .map_err(|error| Problem::internal(format!("a cursor cannot be written: {error}")))?;
    let mut bytes = signature(key, &fields)?;
    bytes.extend_from_slice(&fields);
    Ok(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

pub(crate) fn decode(key: &CursorKey, origin: &Origin, text: &str) -> Result<Values> {
    let forged = || refused("this server did not make it");
    let bytes =
        text.strip_prefix(MARK).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or_else(forged)?;
    let (signature, fields) = bytes.split_at_checked(SIGNATURE_BYTES).ok_or_else(forged)?;
    mac(key)?.chain_update(fields).verify_truncated_left(signature).map_err(|_| forged())?;
    let (catalog_version, place, values): (u64, String, Values) =
        serde_json::from_slice(fields).map_err(|_| forged())?;
    if place != origin.place {
        return Err(refused("it belongs to another relation or another order"));
    }
    if catalog_version != origin.catalog_version {
        return Err(refused("the schema has changed since it was made"));
    }
    Ok(values)
}

fn refused(why: &str) -> Problem {
    Problem::new("MS043", "the cursor in `after` cannot be used")
        .with_details(why.to_owned())
        .with_hint("begin again with an empty `after=`, and take cursors from the `Link` header as they are")
        .with_status(400)
}

fn mac(key: &CursorKey) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(&key.0).map_err(|_| Problem::internal("the key of cursors cannot be used"))
}

fn signature(key: &CursorKey, fields: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = mac(key)?.chain_update(fields).finalize().into_bytes().to_vec();
    bytes.truncate(SIGNATURE_BYTES);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_what_it_was_made_for() {
        let key = CursorKey([1; 32]);
        let origin = Origin::of(7, "public.t", &["a"]);
        let values = vec![Some("1".to_owned()), None];
        let text = encode(&key, &origin, &values).expect("encodes");
        assert_eq!(decode(&key, &origin, &text), Ok(values));
        let words = |key: &CursorKey, origin: &Origin, text: &str| {
            let problem = decode(key, origin, text).expect_err("refused");
            assert_eq!((problem.code(), problem.http_status(true)), ("MS043", 400));
            problem.details().unwrap_or_default().to_owned()
        };
        assert!(words(&key, &Origin::of(7, "public.u", &["a"]), &text).contains("another relation"));
        assert!(words(&key, &Origin::of(7, "public.t", &["b"]), &text).contains("another order"));
        assert!(words(&key, &Origin::of(8, "public.t", &["a"]), &text).contains("schema has changed"));
        assert!(words(&CursorKey([2; 32]), &origin, &text).contains("did not make"));
        let changed = text.replace(&text[10..11], if &text[10..11] == "A" { "B" } else { "A" });
        for wrong in [changed.as_str(), "k1.", "k1.AAAA", "k1.ä", "x"] {
            assert!(words(&key, &origin, wrong).contains("did not make"), "{wrong}");
        }
    }
}

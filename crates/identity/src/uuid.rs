//! Identifiers of users, sessions and the rest: RFC 9562, version 4.

use mainstay_base::Env;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    pub fn random(env: &Env) -> Uuid {
        let mut bytes = [0; 16];
        env.fill_random(&mut bytes);
        Uuid::version_4(bytes)
    }

    /// With the bits that say which version it is.
    pub(crate) fn version_4(mut bytes: [u8; 16]) -> Uuid {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }

    pub fn is_nil(self) -> bool {
        self.0 == [0; 16]
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ();

    /// The canonical form only: what comes from a client is either one of ours or nothing.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return Err(());
        }
        let mut bytes = [0_u8; 16];
        let mut at = 0;
        for (index, byte) in bytes.iter_mut().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                if text[at] != b'-' {
                    return Err(());
                }
                at += 1;
            }
            let digit = |c: u8| char::from(c).to_digit(16).ok_or(());
            *byte = (digit(text[at])? << 4 | digit(text[at + 1])?) as u8;
            at += 2;
        }
        Ok(Uuid(bytes))
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| serde::de::Error::custom("not a UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;

    #[test]
    fn the_canonical_form_goes_both_ways_and_nothing_else_does() {
        let text = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
        assert_eq!(text.parse::<Uuid>().expect("parses").to_string(), text);
        for wrong in ["", "6ba7b8109dad41d180b400c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430cg", "é"] {
            assert!(wrong.parse::<Uuid>().is_err(), "{wrong}");
        }
    }
}

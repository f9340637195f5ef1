//! Refresh tokens without a row per refresh: the token holds the session's id and a counter, the session holds the counter.
//!
//! Not here: the session, and the conditional write that counts ([`Judgement`] says which it has to be).
//! Invariant: a token that [`RefreshTokens::parse`] takes was made here, with a counter that this session has had.
//!
//! The form is `base64url(version · session · counter · MAC · checksum)`, 45 bytes in 60 characters: one byte that says how
//! (1), the session's UUID (16), the counter (8, big endian), HMAC-SHA256 over all of that cut to 128 bits (16), and CRC-32
//! of everything before it (4), by which a scanner for secrets knows a token from noise, and a mistyped one costs no MAC.

use crate::jose::{decode, encode};
use crate::secret::{RootSecret, Secret, equal};
use aws_lc_rs::hmac;
use mainstay_base::Result;

const VERSION: u8 = 1;
const SIGNED_BYTES: usize = 1 + 16 + 8;
const MAC_BYTES: usize = 16;
const BYTES: usize = SIGNED_BYTES + MAC_BYTES + 4;
/// For so long after a rotation its loser gets what its winner got: parallel requests of one honest client.
pub const REUSE_SECONDS: i64 = 30;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: [u8; 16],
    pub counter: u64,
}

/// What to do with a token whose session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Rotate: count the session up by one, on the condition that its counter is still the token's.
    Current,
    /// The token was just used: answer with the successor that there is, and count nothing.
    SameSuccessor,
    /// An older token, or one that nobody was given: somebody else has it. End the session.
    Theft,
}

impl Judgement {
    /// Of a token's counter, by the session's and by when that was last counted up (seconds since 1970).
    pub fn of(counter: u64, session_counter: u64, rotated_at: i64, now: i64) -> Judgement {
        match session_counter.checked_sub(counter) {
            Some(0) => Judgement::Current,
            Some(1) if now.saturating_sub(rotated_at) <= REUSE_SECONDS => Judgement::SameSuccessor,
            _ => Judgement::Theft,
        }
    }
}

impl RefreshToken {
    /// See [`Judgement::of`].
    pub fn judge(&self, session_counter: u64, rotated_at: i64, now: i64) -> Judgement {
        Judgement::of(self.counter, session_counter, rotated_at, now)
    }
}

/// Makes and reads refresh tokens.
pub struct RefreshTokens(hmac::Key);

impl RefreshTokens {
    pub fn new(root: &RootSecret) -> Result<Self> {
        let key = zeroize::Zeroizing::new(root.derive("mainstay: refresh tokens")?);
        Ok(RefreshTokens(hmac::Key::new(hmac::HMAC_SHA256, &*key)))
    }

    /// The token of a session at a counter. The same again gives the same token: that is how a successor is repeated.
    pub fn mint(&self, token: RefreshToken) -> Secret {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(token.session);
        bytes.extend(token.counter.to_be_bytes());
        let mac = hmac::sign(&self.0, &bytes);
        bytes.extend(&mac.as_ref()[..MAC_BYTES]);
        bytes.extend(crate::crc::crc32(&bytes).to_be_bytes());
        Secret::new(encode(bytes))
    }

    /// What a token says, if it was made here. `None` says nothing about why.
    pub fn parse(&self, text: &str) -> Option<RefreshToken> {
        let bytes = decode(text).filter(|bytes| bytes.len() == BYTES && bytes[0] == VERSION)?;
        let (rest, checksum) = bytes.split_at_checked(BYTES - 4)?;
        if crate::crc::crc32(rest).to_be_bytes() != checksum {
            return None;
        }
        let (signed, mac) = rest.split_at_checked(SIGNED_BYTES)?;
        let expected = hmac::sign(&self.0, signed);
        if !equal(&expected.as_ref()[..MAC_BYTES], mac) {
            return None;
        }
        Some(RefreshToken {
            session: signed[1..17].try_into().ok()?,
            counter: u64::from_be_bytes(signed[17..].try_into().ok()?),
        })
    }
}

impl std::fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshTokens(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_testkit::world::still;

    fn tokens(secret: &str) -> RefreshTokens {
        RefreshTokens::new(&RootSecret::new(secret).expect("32 bytes")).expect("a key")
    }

    fn random(count: usize) -> Vec<RefreshToken> {
        let (env, _) = still(0);
        let token = |_| {
            let (mut session, mut counter) = ([0; 16], [0; 8]);
            env.fill_random(&mut session);
            env.fill_random(&mut counter);
            RefreshToken { session, counter: u64::from_le_bytes(counter) }
        };
        (0..count).map(token).collect()
    }

    #[test]
    fn every_token_comes_back_and_is_the_same_again() {
        let (one, other) =
            (tokens("reallyreallyreallyreallyverysafe"), tokens("another secret of at least 32 bytes"));
        for token in random(500) {
            let text = one.mint(token);
            assert_eq!(text.expose().len(), 60);
            assert_eq!(one.parse(text.expose()), Some(token));
            assert_eq!(one.mint(token), text);
            assert_eq!(other.parse(text.expose()), None);
        }
    }

    #[test]
    fn a_token_with_any_bit_changed_is_none_even_with_a_right_checksum() {
        let tokens = tokens("reallyreallyreallyreallyverysafe");
        let bytes = decode(tokens.mint(random(1)[0]).expose()).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tokens.parse(&encode(&changed)), None, "bit {bit}");
            let end = changed.len() - 4;
            let checksum = crate::crc::crc32(&changed[..end]).to_be_bytes();
            changed[end..].copy_from_slice(&checksum);
            assert_eq!(tokens.parse(&encode(&changed)).is_some(), bit / 8 >= end, "bit {bit}");
        }
    }

    #[test]
    fn no_other_text_is_a_token() {
        let tokens = tokens("reallyreallyreallyreallyverysafe");
        let good = tokens.mint(random(1)[0]);
        for length in 0..good.expose().len() {
            assert_eq!(tokens.parse(&good.expose()[..length]), None);
        }
        for text in
            [format!("{}A", good.expose()), format!(" {}", good.expose()), format!("{}==", good.expose())]
        {
            assert_eq!(tokens.parse(&text), None);
        }
    }

    /// Plays sessions: whatever order honest requests arrive in, they end with one token, and a token that is older than
    /// the last ends the session whenever it comes.
    #[test]
    fn honest_clients_go_on_and_thieves_end_the_session() {
        for token in random(500) {
            let counter = token.counter.max(2);
            let token = |counter| RefreshToken { counter, ..token };
            let (at, soon, late) = (1_000, 1_000 + REUSE_SECONDS, 1_001 + REUSE_SECONDS);
            for now in [at, soon, late, 1_000_000] {
                assert_eq!(token(counter).judge(counter, at, now), Judgement::Current);
                assert_eq!(token(counter - 2).judge(counter, at, now), Judgement::Theft);
                assert_eq!(token(0).judge(counter, at, now), Judgement::Theft);
                if let Some(more) = counter.checked_add(1) {
                    assert_eq!(token(more).judge(counter, at, now), Judgement::Theft);
                }
            }
            assert_eq!(token(counter - 1).judge(counter, at, soon), Judgement::SameSuccessor);
            assert_eq!(token(counter - 1).judge(counter, at, late), Judgement::Theft);
            // A clock that went back takes nothing away from an honest client.
            assert_eq!(token(counter - 1).judge(counter, at, at - 5), Judgement::SameSuccessor);
        }
    }
}

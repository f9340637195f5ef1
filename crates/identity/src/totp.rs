//! Codes that change each half minute (TOTP, RFC 6238): what an authenticator application shows.
//!
//! Not here: where the secret lies. It has to lie sealed, not hashed: the server computes the codes too.
//! Invariant: a code counts once. Whoever keeps the step that [`Totp::check`] returns, in the same write that lets somebody
//! in, and passes it the next time, has that.

use crate::secret::{Secret, equal};
use aws_lc_rs::hmac;
use mainstay_base::{Env, Problem, Result};
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

const STEP_SECONDS: i64 = 30;
/// Steps before and after now that count: clocks differ, and people type slowly (RFC 6238 section 5.2).
const DRIFT: i64 = 1;
const DIGITS: u32 = 6;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// One person's secret.
pub struct Totp {
    secret: Secret,
    key: hmac::Key,
}

impl Totp {
    /// A new one, of 160 bits (RFC 4226 section 4).
    pub fn generate(env: &Env) -> Result<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; 20]);
        env.fill_random(&mut *bytes);
        Totp::parse(&base32(&*bytes))
    }

    /// From the secret as it is shown to people: base32, in any case.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Problem::new("22023", "the secret is no base32 of at least 128 bits");
        let bytes = bytes_of(text).filter(|bytes| bytes.len() >= 16).ok_or_else(wrong)?;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
        Ok(Totp { secret: Secret::new(text.to_ascii_uppercase()), key })
    }

    /// The secret in base32, for people who type it.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The step that a code belongs to, unless it or a later one was used already. `last` is the step of the last code that
    /// was taken.
    pub fn check(&self, code: &str, last: Option<i64>, now_seconds: i64) -> Option<i64> {
        if code.len() != DIGITS as usize || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let now = now_seconds.div_euclid(STEP_SECONDS);
        // All of them, whichever it is: a wrong code takes as long as a right one.
        (now - DRIFT..=now + DRIFT).fold(None, |found, step| {
            let same = equal(self.code(step).as_bytes(), code.as_bytes());
            if same && last.is_none_or(|last| step > last) { Some(step) } else { found }
        })
    }

    fn code(&self, step: i64) -> String {
        let mac = hmac::sign(&self.key, &step.to_be_bytes());
        let mac = mac.as_ref();
        let offset = usize::from(mac.last().copied().unwrap_or_default() & 0xF);
        let number =
            mac.get(offset..offset + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
        format!("{:06}", (number & 0x7FFF_FFFF) % 10_u32.pow(DIGITS))
    }

    /// What an authenticator application reads (`otpauth://totp/…`).
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let (issuer, account) = (percent(issuer), percent(account));
        let secret = self.secret.expose();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?algorithm=SHA1&digits={DIGITS}&issuer={issuer}&period={STEP_SECONDS}&secret={secret}"
        ))
    }

    /// The URI as a picture: an SVG of black squares on white.
    pub fn qr_svg(&self, issuer: &str, account: &str) -> Result<Secret> {
        let uri = self.uri(issuer, account);
        let code = QrCode::encode_text(uri.expose(), QrCodeEcc::Medium)
            .map_err(|_| Problem::new("22023", "the account's name is too long for a QR code"))?;
        let (size, border) = (code.size(), 4);
        let mut path = String::new();
        for y in 0..size {
            for x in (0..size).filter(|x| code.get_module(*x, y)) {
                let _ = write!(path, "M{},{}h1v1h-1z", x + border, y + border);
            }
        }
        let side = size + 2 * border;
        Ok(Secret::new(format!(
            r##"<?xml version="1.0" encoding="UTF-8"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="256" height="256" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##
        )))
    }
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Totp(…)")
    }
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let mut five = [0; 8];
        five[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(five);
        for place in 0..(group.len() * 8).div_ceil(5) {
            text.push(char::from(ALPHABET[(bits >> (35 - 5 * place)) as usize & 31]));
        }
    }
    text
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        bits = bits << 5 | value as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_testkit::world::still;

    /// RFC 6238, appendix B (SHA-1), the last six digits of its eight.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let totp = Totp::parse(&base32(b"12345678901234567890")).expect("160 bits");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp.check(code, None, seconds), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_once_and_near_its_time() {
        let totp = Totp::generate(&still(0).0).expect("a secret");
        let code = totp.code(100);
        assert_eq!(totp.check(&code, None, 3_000), Some(100));
        assert_eq!(totp.check(&code, None, 3_059), Some(100));
        assert_eq!(totp.check(&code, None, 2_970), Some(100));
        assert_eq!(totp.check(&code, None, 3_060), None);
        assert_eq!(totp.check(&code, None, 2_969), None);
        assert_eq!(totp.check(&code, Some(99), 3_000), Some(100));
        assert_eq!(totp.check(&code, Some(100), 3_000), None);
        assert_eq!(totp.check(&code, Some(101), 3_000), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let totp = Totp::parse(&base32(b"12345678901234567890")).expect("160 bits");
        for text in ["", "28708", "2870822", "28708x", "２８７０８２", "+87082", " 287082"] {
            assert_eq!(totp.check(text, None, 59), None, "{text}");
        }
    }

    #[test]
    fn base32_is_rfc_4648s() {
        for (bytes, text) in
            [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(bytes_of(&text.to_lowercase()).as_deref(), Some(bytes.as_bytes()));
        }
        assert!(Totp::parse("MZXW6").is_err());
        assert!(Totp::parse("10891089108910891089108910891089").is_err());
    }

    #[test]
    fn the_uri_is_escaped_and_the_picture_is_made() {
        let totp = Totp::parse(&base32(b"12345678901234567890")).expect("160 bits");
        let uri = totp.uri("My Shop: Ltd", "ada&secret=x@example.com");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/My%20Shop%3A%20Ltd:ada%26secret%3Dx@example.com?algorithm=SHA1&digits=6&issuer=My%20Shop%3A%20Ltd&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        let picture = totp.qr_svg("My Shop", "ada@example.com").expect("fits");
        assert!(picture.expose().starts_with("<?xml") && picture.expose().len() > 5_000);
        assert!(totp.qr_svg("My Shop", &"a".repeat(5_000)).is_err());
    }
}

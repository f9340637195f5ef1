//! Private keys as they lie in the store: AES-256-GCM under a key that is derived from the root secret.

use crate::secret::RootSecret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use mainstay_base::{Env, Problem, Result};
use zeroize::Zeroizing;

/// The first byte of what was sealed: how.
const VERSION: u8 = 1;

pub struct Seal(LessSafeKey);

impl Seal {
    pub fn new(root: &RootSecret, purpose: &str) -> Result<Self> {
        let key = Zeroizing::new(root.derive(purpose)?);
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| failed())?;
        Ok(Seal(LessSafeKey::new(key)))
    }

    /// Seals bytes to a name: they open under that name alone, so that two rows cannot be exchanged.
    pub fn seal(&self, env: &Env, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        env.fill_random(&mut nonce);
        let mut text = bytes.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut text,
            )
            .map_err(|_| failed())?;
        Ok([&[VERSION], &nonce[..], &text].concat())
    }

    /// `None`: it was sealed under another secret or name, or changed since.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok().filter(|_| *version == VERSION)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

fn failed() -> Problem {
    Problem::internal("a signing key cannot be sealed")
}

//! The passwords that everybody uses.
//!
//! `common.bin`: the first 10,000 passwords of at least eight characters in the frequency list of zxcvbn 4.5.0 (Dropbox and
//! Daniel Wolf, MIT licence), in lower case, each as the first six bytes of its SHA-256, sorted. One other password of
//! 28 thousand million is taken for one of these.

use aws_lc_rs::digest::{SHA256, digest};

const BYTES: usize = 6;
static LIST: &[u8] = include_bytes!("common.bin");

/// Whether it is one of them, in any case.
pub fn is_common(password: &str) -> bool {
    let hash = digest(&SHA256, password.to_lowercase().as_bytes());
    let (entries, _) = LIST.as_chunks::<BYTES>();
    entries.binary_search_by(|entry| entry[..].cmp(&hash.as_ref()[..BYTES])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_whole() {
        let (entries, rest) = LIST.as_chunks::<BYTES>();
        assert!(rest.is_empty() && entries.len() > 9_900, "{}", entries.len());
        assert!(entries.is_sorted());
    }

    #[test]
    fn what_everybody_uses_is_found() {
        for password in ["password", "12345678", "PASSWORD", "qwertyuiop", "trustno1"] {
            assert!(is_common(password), "{password}");
        }
        for password in ["correct horse battery staple", "", "tr0ubadour&3xyz"] {
            assert!(!is_common(password), "{password}");
        }
    }
}

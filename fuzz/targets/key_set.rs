//! Any bytes as the key set of another issuer: keys or none, never a panic, and no key takes a signature that nobody made.
#![no_main]

use mainstay_identity::jose::JwkSet;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(set) = JwkSet::parse(bytes) else { return };
    for key in set.verifying() {
        assert!(!key.holds(b"a.b", &[0; 64]) && !key.holds(b"a.b", &[]));
    }
});

//! Any bytes as a query string: understood or refused as the caller's fault, never a panic, never without end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mainstay_http::grammar::fuzz_query(bytes));

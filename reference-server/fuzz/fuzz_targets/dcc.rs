//! See `reference_server::fuzz::dcc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reference_server::fuzz::dcc(data));

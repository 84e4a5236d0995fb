//! See `reference_server::fuzz::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reference_server::fuzz::json(data));

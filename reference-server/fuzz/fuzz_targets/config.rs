//! See `reference_server::fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reference_server::fuzz::config(data));

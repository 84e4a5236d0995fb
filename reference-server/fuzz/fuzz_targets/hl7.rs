//! See `reference_server::fuzz::hl7`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reference_server::fuzz::hl7(data));

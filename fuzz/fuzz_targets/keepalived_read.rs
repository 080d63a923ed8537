//! Any bytes as a keepalived configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::keepalived_read(bytes));

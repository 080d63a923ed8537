//! Any reply to any query, stored and looked up again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::cache_insert(bytes));

//! Any bytes as a query and as a reply.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::wire_parse(bytes));

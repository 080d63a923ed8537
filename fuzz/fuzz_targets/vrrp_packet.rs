//! Any bytes as an advert.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::vrrp_packet(bytes));

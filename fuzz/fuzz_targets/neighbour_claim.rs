//! Any bytes as a frame of ARP or neighbour discovery.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::neighbour_claim(bytes));

//! `pilotis_bad_input::format` with what libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pilotis_bad_input::format(data));

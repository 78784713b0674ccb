//! What is laid out is valid, and laying it out again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pilotis_syntax::format;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).as_deref(), Ok(once.as_str()));
    }
});

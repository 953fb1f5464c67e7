#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = remint_fuzz::card_commands(bytes);
});

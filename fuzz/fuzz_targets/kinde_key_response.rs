#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_m2m_fuzz::kinde_key_response::check(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_m2m_fuzz::client_cert::check(data));

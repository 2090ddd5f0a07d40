//! A dialect file of any bytes loads or is refused, and what it compiles to reads a request.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_dialect::fuzz::dialect_file(bytes));

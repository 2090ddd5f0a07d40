//! A request of any bytes goes through every dialect that comes with the program.

#![no_main]

use std::sync::LazyLock;

use countersign_dialect::Dialects;

static BUILTIN: LazyLock<Dialects> = LazyLock::new(Dialects::builtin);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for recipe in BUILTIN.iter() {
        countersign_dialect::fuzz::request(recipe, bytes);
    }
});

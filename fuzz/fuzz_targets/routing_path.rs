//! A path that routes are matched against holds nothing that a server behind us could read as another path.

#![no_main]

use countersign_edge::routing_path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if !text.starts_with('/') {
        return;
    }
    let Ok(path) = routing_path(text) else { return };
    assert_eq!(routing_path(&path).as_deref(), Ok(&*path), "once more changes nothing");
    assert!(!path.contains('\\') && !path.contains("//"));
    let lower = path.to_ascii_lowercase();
    for hidden in ["%2e", "%2f", "%5c", "%00", "%0a", "%0d"] {
        assert!(!lower.contains(hidden), "{path}");
    }
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
});

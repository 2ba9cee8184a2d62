//! Published payloads, which lie beside the checkout and not in it.

use std::path::PathBuf;

/// The file `../shared/{path}`; a loud line and `None` where there is none.
pub fn shared(path: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    std::fs::read(&path)
        .inspect_err(|e| eprintln!("SKIPPED: no published payloads at {}: {e}", path.display()))
        .ok()
}

/// The bytes of `text`; spaces are ignored.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

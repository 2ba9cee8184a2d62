//! How a key is written: `kvk_`, its 32 bytes as 64 hexadecimal digits, and 8 digits by which a mistyped or
//! guessed one is known without a look into the database. Keys of the first versions are 64 digits alone.

/// By which people and scanners of secrets know a key.
const PREFIX: &str = "kvk_";

/// Bytes of the checksum.
const CHECKED: usize = 4;

/// For BLAKE3's key derivation: the checksum says nothing about the stored hash.
const CONTEXT: &str = "kreisverkehr 2026-11 checksum of a key";

fn checksum(secret: &[u8; 32]) -> [u8; CHECKED] {
    let [a, b, c, d, ..] = blake3::derive_key(CONTEXT, secret);
    [a, b, c, d]
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The key of these bytes, as its owner gets it.
pub fn key_text(secret: &[u8; 32]) -> String {
    format!("{PREFIX}{}{}", digits(secret), digits(&checksum(secret)))
}

/// The bytes of a key; `None`: it cannot be one.
pub fn parse_key(text: &str) -> Option<[u8; 32]> {
    match text.strip_prefix(PREFIX) {
        None => bytes(text),
        Some(rest) => {
            let (secret, checked) = rest.split_at_checked(2 * 32)?;
            let secret: [u8; 32] = bytes(secret)?;
            (bytes(checked)? == checksum(&secret)).then_some(secret)
        }
    }
}

/// `N` bytes of as many pairs of hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_back_and_a_changed_one_is_none(secret: [u8; 32], at in 0usize..76, by in 1u8..16) {
            let text = key_text(&secret);
            prop_assert_eq!(parse_key(&text), Some(secret));
            prop_assert_eq!(parse_key(&digits(&secret)), Some(secret), "as the first versions wrote it");
            let mut changed = text.into_bytes();
            changed[at] = match (changed[at] as char).to_digit(16) {
                Some(digit) => char::from_digit((digit + u32::from(by)) % 16, 16).unwrap() as u8,
                None => b'?',
            };
            prop_assert_eq!(parse_key(std::str::from_utf8(&changed).unwrap()), None);
        }

        #[test]
        fn anything_else_is_none(text in "\\PC{0,90}") {
            prop_assume!(text.len() != 64);
            prop_assert_eq!(parse_key(&text), None);
        }
    }
}

//! Text form of a key: `kvk_`, its 32 bytes as 64 hexadecimal digits, and an 8-digit checksum that detects mistyped
//! and guessed keys without a query.
//!
//! The BLAKE3 hash of the whole text is stored, so a part of a key is not a key. Keys of the first versions are 64 digits
//! alone, or written as above; for them the hash of the 32 bytes is stored.

use store::keys::KeyHash;

/// Prefix by which people and secret scanners recognise a key.
const PREFIX: &str = "kvk_";

/// Context of BLAKE3's key derivation: the checksum reveals nothing about the stored hash.
const CONTEXT: &str = "kreisverkehr 2026-11 checksum of a key";

/// Eight digits.
fn checksum(secret: &[u8; 32]) -> String {
    let [a, b, c, d, ..] = blake3::derive_key(CONTEXT, secret);
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

fn digits(secret: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*secret).to_hex().to_string()
}

/// The bytes of 64 digits.
fn bytes(text: &str) -> Option<[u8; 32]> {
    blake3::Hash::from_hex(text).ok().map(Into::into)
}

/// The key of these bytes as text.
pub fn key_text(secret: &[u8; 32]) -> String {
    format!("{PREFIX}{}{}", digits(secret), checksum(secret))
}

/// The hash under which a new key of these bytes is stored.
pub fn key_hash(secret: &[u8; 32]) -> KeyHash {
    *blake3::hash(key_text(secret).as_bytes()).as_bytes()
}

/// Hashes under which this key may be stored, the most likely first; none: it is no key.
pub fn hashes_of(text: &str) -> Vec<KeyHash> {
    let of_bytes = |secret: &[u8; 32]| *blake3::hash(secret).as_bytes();
    match text.strip_prefix(PREFIX) {
        None => bytes(text).iter().map(of_bytes).collect(),
        Some(rest) => match checked(rest) {
            Some(secret) => vec![key_hash(&secret), of_bytes(&secret)],
            None => vec![],
        },
    }
}

/// The bytes of what follows the prefix, if the checksum is theirs.
fn checked(rest: &str) -> Option<[u8; 32]> {
    let (secret, check) = rest.split_at_checked(2 * 32)?;
    let secret = bytes(secret)?;
    checksum(&secret).eq_ignore_ascii_case(check).then_some(secret)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_back_and_a_changed_one_is_none(secret: [u8; 32], at in 0usize..76, by in 1u8..16) {
            let text = key_text(&secret);
            let stored = key_hash(&secret);
            let of_bytes = *blake3::hash(&secret).as_bytes();
            prop_assert_eq!(hashes_of(&text), [stored, of_bytes], "a new key, or one of the first versions");
            // The digits alone are a key of the first versions, and no part of a new one is a key.
            prop_assert_eq!(hashes_of(&digits(&secret)), [of_bytes]);
            for from in 0..text.len() {
                prop_assert!(!hashes_of(&text[from..]).contains(&stored) || from == 0);
                prop_assert!(!hashes_of(&text[..from]).contains(&stored));
            }
            let mut changed = text.into_bytes();
            changed[at] = match (changed[at] as char).to_digit(16) {
                Some(digit) => char::from_digit((digit + u32::from(by)) % 16, 16).unwrap() as u8,
                None => b'?',
            };
            prop_assert!(hashes_of(std::str::from_utf8(&changed).unwrap()).is_empty());
        }

        #[test]
        fn anything_else_is_none(text in "\\PC{0,90}") {
            prop_assume!(text.len() != 64);
            prop_assert!(hashes_of(&text).is_empty());
        }
    }
}

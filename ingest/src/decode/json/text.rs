//! The text of a payload, before anything in it is read.

use std::borrow::Cow;

use domain::mistake::{Mistake, Remedy, Spot};

use crate::decode::Fault;

/// Bytes shown of a payload that is no text.
const SHOWN_BYTES: usize = 8;

/// The JSON text in `payload`, free of what senders put around it: a byte order mark, a final NUL.
/// Bytes in it that are no UTF-8 (a name in Latin-1) become U+FFFD: they cost the field that they
/// stand in, not the message.
///
/// # Errors
/// It is empty, or no text.
pub fn text(payload: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let bytes = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload);
    let end = bytes.iter().rposition(|b| !matches!(b, 0 | b' ' | b'\t' | b'\r' | b'\n'));
    let Some(end) = end else {
        return Err(wrong(Mistake::Empty, Remedy::SendPayload));
    };
    let bytes = &bytes[..=end];
    let start = bytes.iter().find(|b| !b.is_ascii_whitespace()).copied();
    match std::str::from_utf8(bytes) {
        _ if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
            Err(wrong(Mistake::Utf16, Remedy::Utf8))
        }
        _ if bytes.starts_with(b"\x1f\x8b") => Err(wrong(Mistake::Gzip, Remedy::Unpack)),
        _ if start == Some(b'<') => Err(wrong(Mistake::Markup, Remedy::SendJson)),
        Ok(text) if matches!(start, Some(b'{' | b'[')) || !is_binary(text) => Ok(Cow::Borrowed(text)),
        Err(_) if matches!(start, Some(b'{' | b'[')) => Ok(String::from_utf8_lossy(bytes)),
        _ => Err(binary(payload)),
    }
}

fn is_binary(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
}

fn binary(payload: &[u8]) -> Fault {
    let head: Vec<String> = payload.iter().take(SHOWN_BYTES).map(|b| format!("{b:02x}")).collect();
    wrong(Mistake::Binary(payload.len(), head.join(" ")), Remedy::NoBinary)
}

fn wrong(mistake: Mistake, remedy: Remedy) -> Fault {
    Fault::malformed(Spot::Payload, mistake).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_senders_put_around_the_json_is_no_fault() {
        for payload in ["{}", "\u{feff}{}", "{}\0", "{}\0\0\n", "\u{feff}{} \r\n\0"] {
            assert_eq!(text(payload.as_bytes()).unwrap(), "{}", "{payload:?}");
        }
        assert_eq!(text(b"{\"name\":\"Stra\xdfe\"}").unwrap(), "{\"name\":\"Stra\u{fffd}e\"}");
        assert_eq!(text(b"ON").unwrap(), "ON");
    }

    #[test]
    fn what_is_no_json_text_is_named() {
        for (payload, name) in [
            (&b""[..], "empty"),
            (b" \n", "empty"),
            (b"\0\0", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"\x1f\x8b\x08\x00", "gzip"),
            (b"<html>", "HTML"),
            (b"\n$3ac7e3c4\x12\x03abc", "no text (0a 24"),
            (b"\x00\x01\x02", "no text"),
        ] {
            let fault = text(payload).unwrap_err();
            assert!(fault.detail.to_string().contains(name), "{payload:?}: {}", fault.detail);
            assert!(fault.remedy.is_some());
        }
    }
}

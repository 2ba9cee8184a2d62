//! Until when a certificate is valid (X.509, RFC 5280). That the chain is good is verified elsewhere: of it no more is read than this.

use domain::UtcMicros;

const SEQUENCE: u8 = 0x30;
/// The version, which is left out where it is 1.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// An element of DER (X.690): its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The content of the sequence that `der` begins with.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    element(der).filter(|(tag, ..)| *tag == SEQUENCE).map(|(_, content, _)| content)
}

/// The end of the certificate's validity; `None`: it is no certificate.
pub(super) fn valid_until(certificate: &[u8]) -> Option<UtcMicros> {
    let mut rest = sequence(sequence(certificate)?)?;
    if element(rest)?.0 == VERSION {
        rest = element(rest)?.2;
    }
    // Serial number, algorithm and issuer come before.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, _, after_begin) = element(sequence(rest)?)?;
    let (tag, text, _) = element(after_begin)?;
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let text = match tag {
        // RFC 5280, 4.1.2.5.1: from 50 on it is the last century.
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let date = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    UtcMicros::parse(&format!("{date}T{}:{}:{}Z", part(8, 10)?, part(10, 12)?, part(12, 14)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut all = vec![tag];
        match content.len() {
            short @ 0..128 => all.push(short as u8),
            long => all.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        all.extend(content);
        all
    }

    fn certificate(is_v3: bool, tag: u8, until: &str) -> Vec<u8> {
        let validity = [der(UTC_TIME, b"260101000000Z"), der(tag, until.as_bytes())].concat();
        let mut parts =
            vec![der(2, &[1]), der(SEQUENCE, &[]), der(SEQUENCE, &[0; 300]), der(SEQUENCE, &validity)];
        if is_v3 {
            parts.insert(0, der(VERSION, &der(2, &[2])));
        }
        der(SEQUENCE, &[der(SEQUENCE, &parts.concat()), der(SEQUENCE, &[])].concat())
    }

    #[test]
    fn the_end_of_the_validity_is_read_and_garbage_is_none() {
        let good = certificate(true, UTC_TIME, "271122120000Z");
        let at = |text| UtcMicros::parse(text).ok();
        assert_eq!(valid_until(&good), at("2027-11-22T12:00:00Z"));
        assert_eq!(valid_until(&certificate(false, UTC_TIME, "991231235959Z")), at("1999-12-31T23:59:59Z"));
        let late = certificate(true, GENERALIZED_TIME, "20620101000000Z");
        assert_eq!(valid_until(&late), at("2062-01-01T00:00:00Z"));
        assert_eq!(valid_until(&certificate(true, GENERALIZED_TIME, "soon")), None);
        for cut in 0..good.len() - 2 {
            assert_eq!(valid_until(&good[..cut]), None, "{cut} bytes");
        }
        for at in 0..good.len() {
            let mut broken = good.clone();
            broken[at] = 0xff;
            // Whatever it is, it ends.
            let _ = valid_until(&broken);
        }
    }
}

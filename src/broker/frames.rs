//! Framing of MQTT packets: where one begins and ends, and the few fields that the gate needs (MQTT 5.0, 2.1). The rest
//! is parsed by the broker library.

use bytes::{Buf, BytesMut};

/// No topic that anybody uses is longer; the specification allows 65,535 bytes.
const MAX_TOPIC_BYTES: usize = 4_096;

pub const CONNECT: u8 = 1;
pub const PUBLISH: u8 = 3;
pub const PUBACK: u8 = 4;
pub const PUBREC: u8 = 5;
pub const PUBREL: u8 = 6;

/// The beginning of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of the four upper bits of the first byte.
    pub kind: u8,
    pub flags: u8,
    /// With the header itself, bytes.
    pub total: usize,
    /// Of the header.
    length: usize,
}

/// A packet that no client or broker sends.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Header {
    /// The header at the start of `bytes`; `None` while it is not whole.
    pub fn at_start(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let mut remaining = 0usize;
        for (index, byte) in rest.iter().take(4).enumerate() {
            remaining |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                let length = index + 2;
                return Ok(Some(Header {
                    kind: first >> 4,
                    flags: first & 0x0f,
                    total: length + remaining,
                    length,
                }));
            }
        }
        if rest.len() >= 4 { Err(Malformed) } else { Ok(None) }
    }

    /// The quality of service of a PUBLISH: 0 to 2; 3 is malformed.
    pub fn qos(self) -> u8 {
        (self.flags >> 1) & 3
    }

    /// The first two bytes after the header, as a number: the packet id of an acknowledgement, the length of a topic.
    pub fn number(self, packet: &[u8]) -> Option<u16> {
        let bytes = packet.get(self.length..self.length + 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Whether a whole CONNECT speaks MQTT 3.1.1 or older (MQTT 5.0, 3.1.2.2).
    pub fn is_before_5(self, packet: &[u8]) -> bool {
        let level =
            self.number(packet).and_then(|name_bytes| packet.get(self.length + 2 + usize::from(name_bytes)));
        level.is_some_and(|level| *level < 5)
    }

    /// An acknowledgement as MQTT 3.1.1 has it (3.4): the packet id, and no reason beside it.
    pub fn plain_acknowledgement(self, id: u16) -> BytesMut {
        let [high, low] = id.to_be_bytes();
        BytesMut::from(&[self.kind << 4 | self.flags, 2, high, low][..])
    }

    /// Topic and packet id (0 for QoS 0) of a PUBLISH; `None` while they are not there.
    pub fn publish(self, packet: &[u8]) -> Result<Option<(&[u8], u16)>, Malformed> {
        let Some(topic_bytes) = self.number(packet).map(usize::from) else { return Ok(None) };
        let topic_at = self.length + 2;
        let id_bytes = if self.qos() > 0 { 2 } else { 0 };
        if topic_bytes > MAX_TOPIC_BYTES || topic_at + topic_bytes + id_bytes > self.total {
            return Err(Malformed);
        }
        let Some(topic) = packet.get(topic_at..topic_at + topic_bytes) else { return Ok(None) };
        if id_bytes == 0 {
            return Ok(Some((topic, 0)));
        }
        let id = packet.get(topic_at + topic_bytes..topic_at + topic_bytes + 2);
        Ok(id.map(|id| (topic, u16::from_be_bytes([id[0], id[1]]))))
    }
}

/// Progress in a stream of packets that is forwarded as it arrives: what of the current packet is missing.
#[derive(Debug, Default)]
pub struct Passing {
    rest: usize,
}

impl Passing {
    /// Takes from `buffer` what belongs to a packet whose beginning was passed on.
    pub fn rest_of_packet(&mut self, buffer: &mut BytesMut) -> BytesMut {
        let part = buffer.split_to(self.rest.min(buffer.remaining()));
        self.rest -= part.len();
        part
    }

    /// Whether the last packet is complete.
    pub fn is_between(&self) -> bool {
        self.rest == 0
    }

    /// Takes from `buffer` what is there of the packet that begins with `header`; the rest of it comes later.
    pub fn begin(&mut self, header: Header, buffer: &mut BytesMut) -> BytesMut {
        let part = buffer.split_to(header.total.min(buffer.remaining()));
        self.rest = header.total - part.len();
        part
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_read_as_the_specification_has_it() {
        assert_eq!(Header::at_start(&[]), Ok(None));
        assert_eq!(Header::at_start(&[0x30, 0x80]), Ok(None));
        assert_eq!(Header::at_start(&[0x30, 0xff, 0xff, 0xff, 0xff]), Err(Malformed));
        let largest = Header::at_start(&[0x34, 0xff, 0xff, 0xff, 0x7f]).unwrap().unwrap();
        assert_eq!((largest.kind, largest.qos(), largest.total), (PUBLISH, 2, 268_435_455 + 5));
        let puback = [0x40, 2, 0x12, 0x34];
        let header = Header::at_start(&puback).unwrap().unwrap();
        assert_eq!((header.kind, header.total, header.number(&puback)), (PUBACK, 4, Some(0x1234)));
        let refused = [0x40, 4, 0x12, 0x34, 0x87, 0];
        let header = Header::at_start(&refused).unwrap().unwrap();
        assert_eq!(header.plain_acknowledgement(0x1234)[..], puback);
        for (level, is_before_5) in [(3, true), (4, true), (5, false)] {
            let connect = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0, 60, 0, 0];
            assert_eq!(Header::at_start(&connect).unwrap().unwrap().is_before_5(&connect), is_before_5);
        }
        let publish = [0x32, 7, 0, 3, b'a', b'/', b'b', 0, 9];
        let header = Header::at_start(&publish).unwrap().unwrap();
        assert_eq!(header.publish(&publish), Ok(Some((&b"a/b"[..], 9))));
        assert_eq!(header.publish(&publish[..8]), Ok(None));
        let lies = [0x32, 5, 0, 30, b'a', b'/', b'b'];
        assert_eq!(Header::at_start(&lies).unwrap().unwrap().publish(&lies), Err(Malformed));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_trouble(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some(header)) = Header::at_start(&bytes) {
                let _ = (header.publish(&bytes), header.number(&bytes));
            }
        }

        #[test]
        fn what_is_passed_on_is_what_came(lengths in proptest::collection::vec(0usize..300, 1..20), cut in 1usize..50) {
            let mut stream = Vec::new();
            for length in &lengths {
                stream.push(0x30);
                stream.extend(if *length < 128 { vec![*length as u8] } else { vec![*length as u8 | 0x80, (length >> 7) as u8] });
                stream.extend(vec![0x30; *length]);
            }
            let (mut buffer, mut passing, mut out, mut packets) = (BytesMut::new(), Passing::default(), Vec::new(), 0);
            for piece in stream.chunks(cut) {
                buffer.extend_from_slice(piece);
                loop {
                    out.extend(passing.rest_of_packet(&mut buffer));
                    let Ok(Some(header)) = Header::at_start(&buffer) else { break };
                    packets += 1;
                    out.extend(passing.begin(header, &mut buffer));
                }
            }
            prop_assert_eq!((out, packets), (stream, lengths.len()));
        }
    }
}

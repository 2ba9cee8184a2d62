use super::{DUELMEN, ask, county, found};
use crate::{Index, Kind};

#[test]
fn an_index_reads_back_as_it_was_written() {
    let index = county();
    let bytes = postcard::to_stdvec(&index).unwrap();
    let back: Index = postcard::from_bytes(&bytes).unwrap();
    for text in ["Münsterstr 4 Dülmen", "bahnh", "48249", "Lüdinghusen"] {
        assert_eq!(found(&back, &ask(text)), found(&index, &ask(text)));
    }
    assert_eq!((back.len(), back.houses()), (16, 19));
    assert_eq!(back.count(Kind::Street), 7);
    assert!(back.bytes() > 0);
    let at = back.town_at("DUELMEN").or(back.town_at("dülmen")).unwrap();
    assert!(at.distance_m(DUELMEN) < 1.0);
}

#[test]
fn a_damaged_index_is_refused_or_answers() {
    let good = postcard::to_stdvec(&county()).unwrap();
    let mut refused = 0;
    for at in 0..good.len() {
        for flip in [0x01, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            match postcard::from_bytes::<Index>(&bad) {
                Err(_) => refused += 1,
                Ok(index) => {
                    // A file has a checksum; this must only not be a panic.
                    let _ = std::panic::catch_unwind(|| index.search(&ask("Münsterstr 4"))).is_ok();
                }
            }
        }
    }
    assert!(refused > 0);
    assert!(postcard::from_bytes::<Index>(&good[..good.len() / 2]).is_err());
}

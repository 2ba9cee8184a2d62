//! What the frames of the past and of the test say about radio and power.

use super::Frame;

/// The demodulation floor of LoRa at a bandwidth of 125 kHz, dB: 2.5 dB lower with each spreading factor (Semtech, SX1276
/// data sheet, table "LoRa demodulator SNR").
pub(super) fn floor_db(spreading_factor: i16) -> f64 {
    -7.5 - 2.5 * f64::from(spreading_factor - 7)
}

/// Frames that came and frames that were lost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) came: u32,
    pub(super) lost: u32,
    /// How often the device began again.
    pub(super) restarts: u32,
}

impl Counted {
    /// By the frame counters, which begin again after a join and where they fall. A counter of 16 bits that overflows
    /// is no restart.
    pub(super) fn of<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Counted {
        let mut counted = Counted::default();
        let mut last: Option<i64> = None;
        let mut has_joined = false;
        for frame in frames {
            if frame.is_join {
                // A device that tries again has not begun twice.
                counted.restarts += u32::from(!std::mem::replace(&mut has_joined, true));
                last = None;
            }
            let Some(f_cnt) = frame.f_cnt else { continue };
            has_joined = false;
            counted.came += 1;
            match last.replace(f_cnt) {
                Some(before) if f_cnt > before => {
                    counted.lost += u32::try_from(f_cnt - before - 1).unwrap_or(u32::MAX).min(0xffff);
                }
                Some(before) if before > 0xff00 && f_cnt < 0x100 => {}
                // The same frame again.
                Some(before) if f_cnt == before => counted.came -= 1,
                Some(_) => counted.restarts += 1,
                None => {}
            }
        }
        counted
    }

    pub(super) fn lost_share(self) -> f64 {
        f64::from(self.lost) / f64::from(self.lost + self.came).max(1.0)
    }
}

/// The longest silence between two frames, seconds, and from the first to the last of them.
pub(super) fn silence_s(frames: &[Frame]) -> Option<(f64, f64)> {
    let whole_s = seconds(frames.first()?, frames.last()?);
    let gaps = frames.windows(2).map(|pair| seconds(&pair[0], &pair[1]));
    gaps.max_by(f64::total_cmp).map(|longest| (longest, whole_s))
}

fn seconds(from: &Frame, until: &Frame) -> f64 {
    (until.received_at.0 - from.received_at.0) as f64 / 1e6
}

/// The number that half of them reach.
pub(super) fn median(mut numbers: Vec<usize>) -> Option<usize> {
    numbers.sort_unstable();
    numbers.get(numbers.len().checked_sub(1)? / 2).copied()
}

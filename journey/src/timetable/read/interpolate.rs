//! Interpolates missing stop times.

use crate::timetable::patterns::StopTime;

/// What is known of a stop of a trip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    pub time: Option<StopTime>,
    /// How far along the trip it lies by the feed (`shape_dist_traveled`), in any unit.
    pub travelled: Option<f32>,
    /// How far along the trip it lies in straight lines from stop to stop, metres.
    pub straight_m: f64,
}

/// Fills the gaps between stops with times: in proportion to the feed's distances where the whole
/// gap has them in rising order, else to straight lines, else (all in one place) evenly. The first
/// and last stop must have times. Whole seconds, rounded down, never falling.
pub fn fill(stops: &[Known], times: &mut Vec<StopTime>) {
    times.clear();
    let mut from = 0;
    for (at, stop) in stops.iter().enumerate() {
        let Some(known) = stop.time else { continue };
        if at > from + 1 {
            let (departs, arrives) = (times[from].departure, known.arrival);
            let gap = &stops[from..=at];
            let along = positions(gap);
            let length = along(gap.len() - 1);
            times.extend((1..gap.len() - 1).map(|number| {
                let share = along(number) / length;
                let time = departs + (f64::from(arrives - departs) * share).floor() as i32;
                StopTime { arrival: time, departure: time }
            }));
        }
        times.push(known);
        from = at;
    }
}

/// Distance of each stop of a gap from its begin, by the best measure available.
fn positions(gap: &[Known]) -> impl Fn(usize) -> f64 {
    let last = gap.len() - 1;
    let travelled: Option<Vec<f64>> = gap.iter().map(|s| s.travelled.map(f64::from)).collect();
    let travelled = travelled.filter(|d| d.is_sorted() && d[last] > d[0]);
    let straight = || gap.iter().map(|s| s.straight_m).collect::<Vec<f64>>();
    let measure = travelled.unwrap_or_else(straight);
    move |number| {
        if measure[last] > measure[0] { measure[number] - measure[0] } else { number as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(stops: &[(Option<i32>, Option<f32>, f64)]) -> Vec<i32> {
        let known = |(time, travelled, straight_m): &(Option<i32>, Option<f32>, f64)| Known {
            time: time.map(|t| StopTime { arrival: t, departure: t }),
            travelled: *travelled,
            straight_m: *straight_m,
        };
        let mut times = Vec::new();
        fill(&stops.iter().map(known).collect::<Vec<_>>(), &mut times);
        times.iter().map(|t| t.arrival).collect()
    }

    #[test]
    fn by_travelled_then_straight_then_evenly() {
        let all = [(Some(0), Some(0.0), 0.0), (None, Some(1.0), 50.0), (Some(100), Some(4.0), 100.0)];
        assert_eq!(filled(&all), [0, 25, 100]);
        let unsorted = [(Some(0), Some(9.0), 0.0), (None, Some(1.0), 50.0), (Some(100), Some(4.0), 100.0)];
        assert_eq!(filled(&unsorted), [0, 50, 100]);
        let one_place = [(Some(0), None, 7.0), (None, None, 7.0), (None, None, 7.0), (Some(10), None, 7.0)];
        assert_eq!(filled(&one_place), [0, 3, 6, 10]);
    }

    #[test]
    fn each_gap_by_itself() {
        let stops = [
            (Some(0), None, 0.0),
            (None, None, 10.0),
            (Some(20), None, 20.0),
            (Some(30), None, 30.0),
            (None, None, 40.0),
            (Some(130), None, 130.0),
        ];
        assert_eq!(filled(&stops), [0, 10, 20, 30, 40, 130]);
    }
}

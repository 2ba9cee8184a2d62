//! How busy a place is, by its kind, the weekday and the hour, and how long people stay.
//!
//! The figures are target occupancies by hour of day. *Sources*: [`Demand::Garage`] follows the
//! published series of Münster's car parks (City of Münster, dl-de/by-2-0, 2022-2024): the mean of
//! its central garages by hour, working days, Saturdays and Sundays. [`Demand::Centre`] follows the
//! same series' surface car park Hörsterplatz by day; its nights are those of a small town, not of
//! a city. All other profiles and every length of stay are assumptions, chosen so that kinds of
//! places differ as planners describe them: commuters fill park-and-ride before eight and stay a
//! working day, residents come home in the evening, deliveries take minutes.

use rand::Rng;

use crate::clock::LocalTime;
use crate::random::lognormal;

/// No stay is shorter: a car needs time to be parked and left, seconds.
const LEAST_STAY_S: f64 = 40.0;

/// What a space is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Errands in a town's centre: kerbs and squares.
    Centre,
    /// A garage of the centre.
    Garage,
    /// A working day: clinic, school, offices.
    AllDay,
    /// Commuters at a station.
    ParkAndRide,
    /// People who live there.
    Resident,
    /// Evenings and weekends: culture, sports, nature.
    Evening,
    Charging,
    /// Spaces for disabled people, women, families.
    Disabled,
    /// Deliveries and taxis.
    Delivery,
}

/// Occupancy by hour, and stays.
struct Profile {
    working_day: [f64; 24],
    saturday: [f64; 24],
    sunday: [f64; 24],
    /// Stays are lognormal: their median, and the deviation of the logarithm.
    median_stay_min: f64,
    stay_sigma: f64,
}

/// In the order of the kinds.
#[rustfmt::skip]
const PROFILES: [Profile; 9] = [
    // Centre
    Profile {
        working_day: [0.16, 0.15, 0.15, 0.15, 0.15, 0.15, 0.18, 0.26, 0.42, 0.62, 0.78, 0.86, 0.84, 0.78, 0.78, 0.80, 0.80, 0.76, 0.64, 0.48, 0.36, 0.28, 0.22, 0.18],
        saturday:    [0.20, 0.19, 0.18, 0.18, 0.18, 0.18, 0.18, 0.20, 0.32, 0.56, 0.82, 0.92, 0.93, 0.88, 0.80, 0.72, 0.64, 0.56, 0.50, 0.46, 0.42, 0.36, 0.30, 0.24],
        sunday:      [0.22, 0.21, 0.20, 0.20, 0.20, 0.20, 0.20, 0.20, 0.22, 0.26, 0.32, 0.36, 0.36, 0.34, 0.38, 0.42, 0.42, 0.38, 0.34, 0.30, 0.26, 0.22, 0.20, 0.18],
        median_stay_min: 38.0, stay_sigma: 0.75,
    },
    // Garage
    Profile {
        working_day: [0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.12, 0.19, 0.31, 0.46, 0.58, 0.62, 0.60, 0.57, 0.54, 0.52, 0.47, 0.39, 0.32, 0.24, 0.20, 0.19, 0.14],
        saturday:    [0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0.15, 0.16, 0.25, 0.51, 0.73, 0.83, 0.85, 0.85, 0.83, 0.79, 0.70, 0.55, 0.42, 0.31, 0.26, 0.25, 0.20],
        sunday:      [0.17, 0.17, 0.17, 0.17, 0.17, 0.17, 0.17, 0.16, 0.12, 0.13, 0.15, 0.17, 0.16, 0.16, 0.16, 0.16, 0.16, 0.15, 0.16, 0.15, 0.12, 0.09, 0.08, 0.07],
        median_stay_min: 85.0, stay_sigma: 0.60,
    },
    // AllDay
    Profile {
        working_day: [0.06, 0.06, 0.06, 0.06, 0.08, 0.14, 0.34, 0.62, 0.80, 0.87, 0.89, 0.88, 0.84, 0.80, 0.78, 0.70, 0.52, 0.36, 0.26, 0.20, 0.16, 0.12, 0.09, 0.07],
        saturday:    [0.06, 0.06, 0.06, 0.06, 0.06, 0.10, 0.18, 0.26, 0.32, 0.36, 0.38, 0.38, 0.36, 0.36, 0.36, 0.34, 0.30, 0.26, 0.22, 0.18, 0.14, 0.10, 0.08, 0.07],
        sunday:      [0.06, 0.06, 0.06, 0.06, 0.06, 0.08, 0.14, 0.18, 0.20, 0.24, 0.28, 0.30, 0.30, 0.32, 0.36, 0.38, 0.34, 0.28, 0.22, 0.16, 0.12, 0.10, 0.08, 0.07],
        median_stay_min: 230.0, stay_sigma: 0.70,
    },
    // ParkAndRide
    Profile {
        working_day: [0.07, 0.07, 0.07, 0.07, 0.09, 0.22, 0.50, 0.76, 0.88, 0.91, 0.92, 0.92, 0.91, 0.88, 0.84, 0.74, 0.58, 0.40, 0.26, 0.18, 0.14, 0.11, 0.09, 0.08],
        saturday:    [0.08, 0.08, 0.08, 0.08, 0.08, 0.10, 0.14, 0.20, 0.26, 0.32, 0.36, 0.38, 0.38, 0.38, 0.36, 0.34, 0.32, 0.28, 0.24, 0.20, 0.16, 0.13, 0.11, 0.09],
        sunday:      [0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.09, 0.10, 0.12, 0.15, 0.18, 0.20, 0.20, 0.20, 0.20, 0.20, 0.19, 0.17, 0.15, 0.12, 0.10, 0.09, 0.08, 0.08],
        median_stay_min: 540.0, stay_sigma: 0.30,
    },
    // Resident
    Profile {
        working_day: [0.92, 0.92, 0.92, 0.92, 0.91, 0.88, 0.78, 0.62, 0.52, 0.50, 0.50, 0.52, 0.54, 0.54, 0.54, 0.58, 0.66, 0.76, 0.82, 0.86, 0.88, 0.90, 0.92, 0.92],
        saturday:    [0.90, 0.90, 0.90, 0.90, 0.90, 0.90, 0.88, 0.84, 0.78, 0.68, 0.62, 0.60, 0.60, 0.62, 0.64, 0.66, 0.70, 0.74, 0.78, 0.80, 0.80, 0.82, 0.86, 0.88],
        sunday:      [0.90, 0.91, 0.91, 0.91, 0.91, 0.91, 0.90, 0.89, 0.86, 0.82, 0.78, 0.74, 0.72, 0.70, 0.66, 0.66, 0.70, 0.76, 0.82, 0.86, 0.89, 0.91, 0.92, 0.92],
        median_stay_min: 600.0, stay_sigma: 0.65,
    },
    // Evening
    Profile {
        working_day: [0.04, 0.03, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.14, 0.20, 0.26, 0.28, 0.28, 0.28, 0.32, 0.36, 0.42, 0.52, 0.64, 0.72, 0.70, 0.52, 0.24, 0.09],
        saturday:    [0.05, 0.04, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.16, 0.28, 0.42, 0.50, 0.54, 0.60, 0.66, 0.68, 0.64, 0.60, 0.66, 0.76, 0.76, 0.62, 0.36, 0.14],
        sunday:      [0.06, 0.04, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.18, 0.36, 0.54, 0.64, 0.64, 0.70, 0.78, 0.80, 0.70, 0.54, 0.40, 0.30, 0.22, 0.14, 0.08, 0.05],
        median_stay_min: 125.0, stay_sigma: 0.45,
    },
    // Charging
    Profile {
        working_day: [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.20, 0.28, 0.42, 0.52, 0.58, 0.60, 0.60, 0.58, 0.56, 0.56, 0.58, 0.58, 0.54, 0.46, 0.38, 0.32, 0.28, 0.24],
        saturday:    [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.20, 0.24, 0.34, 0.48, 0.60, 0.66, 0.66, 0.64, 0.60, 0.56, 0.52, 0.50, 0.46, 0.42, 0.36, 0.32, 0.28, 0.24],
        sunday:      [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.18, 0.20, 0.24, 0.28, 0.34, 0.40, 0.42, 0.42, 0.42, 0.42, 0.42, 0.40, 0.38, 0.36, 0.32, 0.28, 0.26, 0.24],
        median_stay_min: 95.0, stay_sigma: 0.60,
    },
    // Disabled
    Profile {
        working_day: [0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.08, 0.14, 0.26, 0.40, 0.46, 0.46, 0.40, 0.36, 0.38, 0.40, 0.38, 0.32, 0.24, 0.18, 0.12, 0.09, 0.07, 0.06],
        saturday:    [0.06, 0.05, 0.05, 0.05, 0.05, 0.05, 0.06, 0.10, 0.20, 0.34, 0.44, 0.46, 0.42, 0.36, 0.32, 0.28, 0.24, 0.22, 0.20, 0.16, 0.12, 0.10, 0.08, 0.07],
        sunday:      [0.06, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.06, 0.08, 0.14, 0.18, 0.18, 0.16, 0.16, 0.20, 0.22, 0.20, 0.16, 0.14, 0.12, 0.10, 0.08, 0.07, 0.06],
        median_stay_min: 70.0, stay_sigma: 0.70,
    },
    // Delivery
    Profile {
        working_day: [0.02, 0.02, 0.02, 0.02, 0.03, 0.08, 0.20, 0.34, 0.44, 0.46, 0.42, 0.36, 0.30, 0.30, 0.34, 0.36, 0.32, 0.26, 0.20, 0.14, 0.10, 0.06, 0.04, 0.03],
        saturday:    [0.04, 0.03, 0.03, 0.02, 0.02, 0.04, 0.10, 0.18, 0.28, 0.34, 0.34, 0.30, 0.26, 0.22, 0.18, 0.16, 0.14, 0.12, 0.12, 0.12, 0.12, 0.10, 0.08, 0.06],
        sunday:      [0.05, 0.04, 0.03, 0.02, 0.02, 0.02, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.07, 0.07, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.06, 0.05, 0.04, 0.03],
        median_stay_min: 9.0, stay_sigma: 0.65,
    },
];

/// How a place is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    pub(crate) demand: Demand,
    /// Scales the demand: 1.0 = as the kind of place usually has.
    pub(crate) busy: f64,
}

impl Usage {
    fn profile(self) -> &'static Profile {
        &PROFILES[self.demand as usize]
    }

    /// Target occupancy (0..0.97), between the hours by straight lines.
    pub(crate) fn occupancy(self, at: LocalTime) -> f64 {
        let day = |weekday: u8| match weekday % 7 {
            5 => &self.profile().saturday,
            6 => &self.profile().sunday,
            _ => &self.profile().working_day,
        };
        let this = at.hour as usize % 24;
        let now = day(at.weekday)[this];
        let next = if this == 23 { day(at.weekday + 1)[0] } else { day(at.weekday)[this + 1] };
        ((now + (next - now) * at.hour.fract()) * self.busy).clamp(0.0, 0.97)
    }

    /// Arrivals per space and hour that keep the target occupancy: what departs (occupancy over the
    /// mean stay) and what the target grows by. Never negative: a falling target ends no stay early.
    pub(crate) fn arrivals_per_h(self, at: LocalTime) -> f64 {
        const STEP_H: f64 = 0.25;
        let LocalTime { weekday, hour } = at;
        let later = if hour + STEP_H < 24.0 {
            LocalTime { weekday, hour: hour + STEP_H }
        } else {
            LocalTime { weekday: weekday + 1, hour: hour + STEP_H - 24.0 }
        };
        let Profile { median_stay_min, stay_sigma, .. } = self.profile();
        let mean_stay_h = median_stay_min / 60.0 * (stay_sigma * stay_sigma / 2.0).exp();
        let now = self.occupancy(at);
        let growth = (self.occupancy(later) - now) / STEP_H;
        (now / mean_stay_h + growth).max(0.0)
    }

    /// Arrivals per *vacant* space and hour: those of all spaces find the vacant ones.
    pub(crate) fn arrivals_per_vacant_h(self, at: LocalTime) -> f64 {
        /// A place is never so full that its last space is found at once.
        const LEAST_VACANT: f64 = 0.05;
        self.arrivals_per_h(at) / (1.0 - self.occupancy(at)).max(LEAST_VACANT)
    }

    /// A new stay, seconds.
    pub(crate) fn stay_s(self, rng: &mut impl Rng) -> f64 {
        let Profile { median_stay_min, stay_sigma, .. } = *self.profile();
        lognormal(rng, median_stay_min * 60.0, stay_sigma).max(LEAST_STAY_S)
    }

    /// The rest of a stay that is under way at a random moment, seconds: longer stays are likelier to be (the
    /// length-biased lognormal has its median at `median * e^(sigma^2)`), at any point of their length.
    pub(crate) fn residual_stay_s(self, rng: &mut impl Rng) -> f64 {
        let Profile { median_stay_min, stay_sigma, .. } = *self.profile();
        let median_s = median_stay_min * 60.0 * (stay_sigma * stay_sigma).exp();
        lognormal(rng, median_s, stay_sigma) * rng.random::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(demand: Demand, weekday: u8, hour: f64) -> f64 {
        Usage { demand, busy: 1.0 }.occupancy(LocalTime { weekday, hour })
    }

    #[test]
    fn kinds_differ_by_day_and_hour() {
        assert!(at(Demand::ParkAndRide, 1, 10.5) > 0.9 && at(Demand::ParkAndRide, 6, 10.5) < 0.25);
        assert!(at(Demand::Resident, 1, 3.0) > 0.9 && at(Demand::Resident, 1, 10.0) < 0.6);
        assert!(at(Demand::Garage, 5, 13.0) > at(Demand::Garage, 1, 13.0));
        assert!(at(Demand::Evening, 4, 19.5) > 2.0 * at(Demand::Evening, 4, 10.0));
    }

    #[test]
    fn occupancy_is_continuous_over_midnight() {
        for demand in [Demand::Centre, Demand::Resident, Demand::Garage] {
            for weekday in 0..7 {
                let before = at(demand, weekday, 23.999);
                let after = at(demand, (weekday + 1) % 7, 0.0);
                assert!((before - after).abs() < 0.01);
            }
        }
    }
}

//! How busy a place is, by its kind, the weekday and the hour, and how long people stay.
//!
//! The figures are target occupancies by hour of day. *Sources*: [`Demand::Garage`] follows the
//! published series of Münster's car parks (City of Münster, dl-de/by-2-0, 2022-2024): the mean of
//! its central garages by hour, working days, Saturdays and Sundays. [`Demand::Centre`] follows the
//! same series' surface car park Hörsterplatz by day; its nights are those of a small town, not of
//! a city. All other profiles and every length of stay are assumptions, chosen so that kinds of
//! places differ as planners describe them: commuters fill park-and-ride before eight and stay a
//! working day, residents come home in the evening, deliveries take minutes.

/// What a space is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
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
    /// Lognormal: median in minutes and deviation of the logarithm.
    stay: (f64, f64),
}

#[rustfmt::skip]
const CENTRE: Profile = Profile {
    working_day: [0.16, 0.15, 0.15, 0.15, 0.15, 0.15, 0.18, 0.26, 0.42, 0.62, 0.78, 0.86, 0.84, 0.78, 0.78, 0.80, 0.80, 0.76, 0.64, 0.48, 0.36, 0.28, 0.22, 0.18],
    saturday:    [0.20, 0.19, 0.18, 0.18, 0.18, 0.18, 0.18, 0.20, 0.32, 0.56, 0.82, 0.92, 0.93, 0.88, 0.80, 0.72, 0.64, 0.56, 0.50, 0.46, 0.42, 0.36, 0.30, 0.24],
    sunday:      [0.22, 0.21, 0.20, 0.20, 0.20, 0.20, 0.20, 0.20, 0.22, 0.26, 0.32, 0.36, 0.36, 0.34, 0.38, 0.42, 0.42, 0.38, 0.34, 0.30, 0.26, 0.22, 0.20, 0.18],
    stay: (38.0, 0.75),
};
#[rustfmt::skip]
const GARAGE: Profile = Profile {
    working_day: [0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.12, 0.19, 0.31, 0.46, 0.58, 0.62, 0.60, 0.57, 0.54, 0.52, 0.47, 0.39, 0.32, 0.24, 0.20, 0.19, 0.14],
    saturday:    [0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0.15, 0.16, 0.25, 0.51, 0.73, 0.83, 0.85, 0.85, 0.83, 0.79, 0.70, 0.55, 0.42, 0.31, 0.26, 0.25, 0.20],
    sunday:      [0.17, 0.17, 0.17, 0.17, 0.17, 0.17, 0.17, 0.16, 0.12, 0.13, 0.15, 0.17, 0.16, 0.16, 0.16, 0.16, 0.16, 0.15, 0.16, 0.15, 0.12, 0.09, 0.08, 0.07],
    stay: (85.0, 0.60),
};
#[rustfmt::skip]
const ALL_DAY: Profile = Profile {
    working_day: [0.06, 0.06, 0.06, 0.06, 0.08, 0.14, 0.34, 0.62, 0.80, 0.87, 0.89, 0.88, 0.84, 0.80, 0.78, 0.70, 0.52, 0.36, 0.26, 0.20, 0.16, 0.12, 0.09, 0.07],
    saturday:    [0.06, 0.06, 0.06, 0.06, 0.06, 0.10, 0.18, 0.26, 0.32, 0.36, 0.38, 0.38, 0.36, 0.36, 0.36, 0.34, 0.30, 0.26, 0.22, 0.18, 0.14, 0.10, 0.08, 0.07],
    sunday:      [0.06, 0.06, 0.06, 0.06, 0.06, 0.08, 0.14, 0.18, 0.20, 0.24, 0.28, 0.30, 0.30, 0.32, 0.36, 0.38, 0.34, 0.28, 0.22, 0.16, 0.12, 0.10, 0.08, 0.07],
    stay: (230.0, 0.70),
};
#[rustfmt::skip]
const PARK_AND_RIDE: Profile = Profile {
    working_day: [0.07, 0.07, 0.07, 0.07, 0.09, 0.22, 0.50, 0.76, 0.88, 0.91, 0.92, 0.92, 0.91, 0.88, 0.84, 0.74, 0.58, 0.40, 0.26, 0.18, 0.14, 0.11, 0.09, 0.08],
    saturday:    [0.08, 0.08, 0.08, 0.08, 0.08, 0.10, 0.14, 0.20, 0.26, 0.32, 0.36, 0.38, 0.38, 0.38, 0.36, 0.34, 0.32, 0.28, 0.24, 0.20, 0.16, 0.13, 0.11, 0.09],
    sunday:      [0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.09, 0.10, 0.12, 0.15, 0.18, 0.20, 0.20, 0.20, 0.20, 0.20, 0.19, 0.17, 0.15, 0.12, 0.10, 0.09, 0.08, 0.08],
    stay: (540.0, 0.30),
};
#[rustfmt::skip]
const RESIDENT: Profile = Profile {
    working_day: [0.92, 0.92, 0.92, 0.92, 0.91, 0.88, 0.78, 0.62, 0.52, 0.50, 0.50, 0.52, 0.54, 0.54, 0.54, 0.58, 0.66, 0.76, 0.82, 0.86, 0.88, 0.90, 0.92, 0.92],
    saturday:    [0.90, 0.90, 0.90, 0.90, 0.90, 0.90, 0.88, 0.84, 0.78, 0.68, 0.62, 0.60, 0.60, 0.62, 0.64, 0.66, 0.70, 0.74, 0.78, 0.80, 0.80, 0.82, 0.86, 0.88],
    sunday:      [0.90, 0.91, 0.91, 0.91, 0.91, 0.91, 0.90, 0.89, 0.86, 0.82, 0.78, 0.74, 0.72, 0.70, 0.66, 0.66, 0.70, 0.76, 0.82, 0.86, 0.89, 0.91, 0.92, 0.92],
    stay: (600.0, 0.65),
};
#[rustfmt::skip]
const EVENING: Profile = Profile {
    working_day: [0.04, 0.03, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.14, 0.20, 0.26, 0.28, 0.28, 0.28, 0.32, 0.36, 0.42, 0.52, 0.64, 0.72, 0.70, 0.52, 0.24, 0.09],
    saturday:    [0.05, 0.04, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.16, 0.28, 0.42, 0.50, 0.54, 0.60, 0.66, 0.68, 0.64, 0.60, 0.66, 0.76, 0.76, 0.62, 0.36, 0.14],
    sunday:      [0.06, 0.04, 0.03, 0.03, 0.03, 0.03, 0.04, 0.08, 0.18, 0.36, 0.54, 0.64, 0.64, 0.70, 0.78, 0.80, 0.70, 0.54, 0.40, 0.30, 0.22, 0.14, 0.08, 0.05],
    stay: (125.0, 0.45),
};
#[rustfmt::skip]
const CHARGING: Profile = Profile {
    working_day: [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.20, 0.28, 0.42, 0.52, 0.58, 0.60, 0.60, 0.58, 0.56, 0.56, 0.58, 0.58, 0.54, 0.46, 0.38, 0.32, 0.28, 0.24],
    saturday:    [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.20, 0.24, 0.34, 0.48, 0.60, 0.66, 0.66, 0.64, 0.60, 0.56, 0.52, 0.50, 0.46, 0.42, 0.36, 0.32, 0.28, 0.24],
    sunday:      [0.22, 0.20, 0.18, 0.18, 0.18, 0.18, 0.18, 0.20, 0.24, 0.28, 0.34, 0.40, 0.42, 0.42, 0.42, 0.42, 0.42, 0.40, 0.38, 0.36, 0.32, 0.28, 0.26, 0.24],
    stay: (95.0, 0.60),
};
#[rustfmt::skip]
const DISABLED: Profile = Profile {
    working_day: [0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.08, 0.14, 0.26, 0.40, 0.46, 0.46, 0.40, 0.36, 0.38, 0.40, 0.38, 0.32, 0.24, 0.18, 0.12, 0.09, 0.07, 0.06],
    saturday:    [0.06, 0.05, 0.05, 0.05, 0.05, 0.05, 0.06, 0.10, 0.20, 0.34, 0.44, 0.46, 0.42, 0.36, 0.32, 0.28, 0.24, 0.22, 0.20, 0.16, 0.12, 0.10, 0.08, 0.07],
    sunday:      [0.06, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.06, 0.08, 0.14, 0.18, 0.18, 0.16, 0.16, 0.20, 0.22, 0.20, 0.16, 0.14, 0.12, 0.10, 0.08, 0.07, 0.06],
    stay: (70.0, 0.70),
};
#[rustfmt::skip]
const DELIVERY: Profile = Profile {
    working_day: [0.02, 0.02, 0.02, 0.02, 0.03, 0.08, 0.20, 0.34, 0.44, 0.46, 0.42, 0.36, 0.30, 0.30, 0.34, 0.36, 0.32, 0.26, 0.20, 0.14, 0.10, 0.06, 0.04, 0.03],
    saturday:    [0.04, 0.03, 0.03, 0.02, 0.02, 0.04, 0.10, 0.18, 0.28, 0.34, 0.34, 0.30, 0.26, 0.22, 0.18, 0.16, 0.14, 0.12, 0.12, 0.12, 0.12, 0.10, 0.08, 0.06],
    sunday:      [0.05, 0.04, 0.03, 0.02, 0.02, 0.02, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.07, 0.07, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.06, 0.05, 0.04, 0.03],
    stay: (9.0, 0.65),
};

impl Demand {
    fn profile(self) -> &'static Profile {
        match self {
            Demand::Centre => &CENTRE,
            Demand::Garage => &GARAGE,
            Demand::AllDay => &ALL_DAY,
            Demand::ParkAndRide => &PARK_AND_RIDE,
            Demand::Resident => &RESIDENT,
            Demand::Evening => &EVENING,
            Demand::Charging => &CHARGING,
            Demand::Disabled => &DISABLED,
            Demand::Delivery => &DELIVERY,
        }
    }

    /// Median (minutes) and deviation of the logarithm of the lognormal length of a stay.
    pub fn stay(self) -> (f64, f64) {
        self.profile().stay
    }

    /// Mean length of a stay, hours.
    fn mean_stay_h(self) -> f64 {
        let (median_min, sigma) = self.stay();
        median_min / 60.0 * (sigma * sigma / 2.0).exp()
    }

    /// Target occupancy (0..0.97) at a weekday (0 = Monday) and hour of day, between the hours by
    /// straight lines. `busy` scales it.
    pub fn occupancy(self, weekday: u8, hour: f64, busy: f64) -> f64 {
        let day = |weekday: u8| match weekday % 7 {
            5 => &self.profile().saturday,
            6 => &self.profile().sunday,
            _ => &self.profile().working_day,
        };
        let this = hour as usize % 24;
        let now = day(weekday)[this];
        let next = if this == 23 { day(weekday + 1)[0] } else { day(weekday)[this + 1] };
        ((now + (next - now) * hour.fract()) * busy).clamp(0.0, 0.97)
    }

    /// Arrivals per space and hour that keep the target occupancy: what departs (occupancy over the
    /// mean stay) and what the target grows by. Never negative: nobody is thrown out.
    pub fn arrivals_per_h(self, weekday: u8, hour: f64, busy: f64) -> f64 {
        const STEP_H: f64 = 0.25;
        let now = self.occupancy(weekday, hour, busy);
        let (later_day, later_hour) =
            if hour + STEP_H < 24.0 { (weekday, hour + STEP_H) } else { (weekday + 1, hour + STEP_H - 24.0) };
        let growth = (self.occupancy(later_day, later_hour, busy) - now) / STEP_H;
        (now / self.mean_stay_h() + growth).max(0.0)
    }

    /// Arrivals per *vacant* space and hour: those of all spaces find the vacant ones.
    pub fn arrivals_per_vacant_h(self, weekday: u8, hour: f64, busy: f64) -> f64 {
        /// A place is never so full that its last space is found at once.
        const LEAST_VACANT: f64 = 0.05;
        let vacant = (1.0 - self.occupancy(weekday, hour, busy)).max(LEAST_VACANT);
        self.arrivals_per_h(weekday, hour, busy) / vacant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_differ_by_day_and_hour() {
        let at = |d: Demand, weekday, hour| d.occupancy(weekday, hour, 1.0);
        assert!(at(Demand::ParkAndRide, 1, 10.5) > 0.9 && at(Demand::ParkAndRide, 6, 10.5) < 0.25);
        assert!(at(Demand::Resident, 1, 3.0) > 0.9 && at(Demand::Resident, 1, 10.0) < 0.6);
        assert!(at(Demand::Garage, 5, 13.0) > at(Demand::Garage, 1, 13.0));
        assert!(at(Demand::Evening, 4, 19.5) > 2.0 * at(Demand::Evening, 4, 10.0));
    }

    #[test]
    fn occupancy_is_continuous_over_midnight() {
        for demand in [Demand::Centre, Demand::Resident, Demand::Garage] {
            for weekday in 0..7 {
                let before = demand.occupancy(weekday, 23.999, 1.0);
                let after = demand.occupancy((weekday + 1) % 7, 0.0, 1.0);
                assert!((before - after).abs() < 0.01);
            }
        }
    }
}

//! The faults of a trial, by code, and what counts as having found each.

use anyhow::{Result, bail};
use domain::health::Code;
use sensor_sim::Faults;

/// Of each kind of fault, by default.
const DEFAULT_SHARE: f64 = 0.02;

/// A fault of the simulator, the code by which it is found, and what else is as right.
pub(super) struct Known {
    /// Its name among the simulator's faults.
    pub(super) fault: &'static str,
    pub(super) code: Code,
    /// Codes that may come up as well, or before: not false alarms.
    pub(super) also: &'static [Code],
    /// Of those, what counts as found: the device cannot do anything else that would decide between the two.
    pub(super) as_right: &'static [Code],
}

#[rustfmt::skip]
pub(super) const KNOWN: [Known; 11] = [
    Known { fault: "stuck", code: Code::Stuck, also: &[], as_right: &[] },
    Known { fault: "flapping", code: Code::Flapping, also: &[], as_right: &[] },
    // Until its heartbeat is due a dead device is one that reports no change.
    Known { fault: "dead", code: Code::Silent, also: &[Code::Stuck], as_right: &[] },
    // A value that never changes is stuck as well.
    Known { fault: "restamp", code: Code::Restamped, also: &[Code::Stuck], as_right: &[] },
    // In a place that no counter knows it can only be found that it does not lie where it should. The place that it lies in
    // has another rhythm than the one that it learned.
    Known { fault: "misbound", code: Code::Misbound, also: &[Code::ContradictsSite, Code::Stuck, Code::Flapping], as_right: &[Code::ContradictsSite] },
    Known { fault: "drift", code: Code::ClockDrift, also: &[], as_right: &[] },
    Known { fault: "wrong_clock", code: Code::ClockDrift, also: &[], as_right: &[] },
    // An empty battery ends in silence.
    Known { fault: "battery", code: Code::Battery, also: &[Code::Silent, Code::Stuck], as_right: &[] },
    Known { fault: "low_battery", code: Code::Battery, also: &[], as_right: &[] },
    // Two lost heartbeats are a silence.
    Known { fault: "frame_loss", code: Code::FrameLoss, also: &[Code::Silent], as_right: &[] },
    Known { fault: "signal", code: Code::Signal, also: &[], as_right: &[] },
];

/// The fault of this name.
pub(super) fn known(fault: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.fault == fault)
}

/// Reads `stuck=0.02,flapping=0.01`; also the simulator's names are known. A wrong clock and one that drifts have the same
/// code, and get half of its share each.
///
/// # Errors
/// A name is not known, or what follows it is no share.
pub(super) fn parse(text: Option<&str>) -> Result<Faults> {
    let mut faults = Faults::default();
    let usual = || {
        let codes = [
            "stuck",
            "flapping",
            "silent",
            "restamped",
            "misbound",
            "clock_drift",
            "battery",
            "frame_loss",
            "signal",
        ];
        codes.map(|code| format!("{code}={DEFAULT_SHARE}")).join(",")
    };
    let text = text.map_or_else(usual, str::to_owned);
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "none") {
        let Some((name, share)) = part.split_once('=') else {
            bail!("--faults '{part}': write a code and its share of the devices, for example stuck=0.02");
        };
        let share: f64 = match share.trim().parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => share,
            _ => bail!("--faults '{part}': '{share}' is no share; it lies between 0 and 1"),
        };
        match name.trim() {
            "stuck" => faults.stuck = share,
            "flapping" => faults.flapping = share,
            "silent" | "dead" => faults.dead = share,
            "restamped" | "restamp" => faults.restamp = share,
            "misbound" => faults.misbound = share,
            "clock_drift" => (faults.drift, faults.wrong_clock) = (share / 2.0, share / 2.0),
            "drift" => faults.drift = share,
            "wrong_clock" => faults.wrong_clock = share,
            "battery" => faults.battery = share,
            "low_battery" => faults.low_battery = share,
            "frame_loss" => faults.frame_loss = share,
            "signal" => faults.signal = share,
            other => bail!(
                "--faults '{other}': the simulator has no such fault; it has stuck, flapping, silent, restamped, misbound, \
                 clock_drift (or drift, wrong_clock), battery (or low_battery), frame_loss, signal"
            ),
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_by_code_or_refused_by_name() {
        let faults = parse(Some("stuck=0.02, silent=0.1,clock_drift=0.04")).unwrap();
        assert_eq!((faults.stuck, faults.dead, faults.drift, faults.wrong_clock), (0.02, 0.1, 0.02, 0.02));
        assert_eq!(parse(Some("none")).unwrap(), Faults::default());
        assert_eq!(parse(None).unwrap().signal, DEFAULT_SHARE);
        for (wrong, named) in [("stuk=0.1", "stuk"), ("stuck", "stuck=0.02"), ("stuck=2", "between 0 and 1")]
        {
            let error = parse(Some(wrong)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}

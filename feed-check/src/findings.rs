//! What follows from the figures of a check.

use domain::feed_check::{Finding, Verdict};

use crate::report::{Coverage, Report};

/// A median offset of clocks worth a warning, seconds.
const OFFSET_S: f64 = 60.0;

/// Findings that rest on the figures of the report alone.
pub fn of_figures(report: &Report) -> Vec<Finding> {
    let mut found = Vec::new();
    for field in &report.fields {
        let personal = field.personal.iter();
        found.extend(personal.map(|(what, count)| Finding::Personal {
            what: *what,
            field: field.path.clone(),
            count: *count,
        }));
    }
    if let Some(lorawan) = &report.lorawan {
        if lorawan.unread > 0 {
            found.push(Finding::NoDecoder { count: lorawan.unread, of: lorawan.uplinks });
        }
        if lorawan.impossible_clocks > 0 {
            found.push(Finding::ImpossibleClocks { count: lorawan.impossible_clocks });
        }
        let of_all = lorawan.decoders.iter().filter(|d| d.accepted == d.of).count() as u64;
        if of_all > 1 {
            found.push(Finding::ChooseDecoder { count: of_all });
        }
    }
    let Coverage { expected, silent, .. } = report.coverage;
    if let (Some(of), 1..) = (expected, silent) {
        found.push(Finding::Silent { count: silent, of });
    }
    let dropped: u64 = report.dropped_fields.iter().map(|field| field.count).sum();
    let counted = [
        (dropped, Finding::DroppedFields { count: dropped }),
        (report.qos0, Finding::Qos0 { count: report.qos0 }),
        (report.retained, Finding::Retained { count: report.retained }),
        (report.duplicates, Finding::Duplicates { count: report.duplicates }),
        (report.out_of_order, Finding::OutOfOrder { count: report.out_of_order }),
    ];
    found.extend(counted.into_iter().filter(|(n, _)| *n > 0).map(|(_, finding)| finding));
    found.extend(
        report
            .clocks
            .median_s
            .filter(|s| s.abs() > OFFSET_S)
            .map(|median_s| Finding::ClockOffset { median_s }),
    );
    found
}

/// What they come to; `judged`: messages that were read.
pub fn verdict(findings: &[Finding], judged: u64) -> Verdict {
    let is_grave = |finding: &Finding| {
        matches!(finding, Finding::Rejected { .. } | Finding::Personal { .. } | Finding::NoDecoder { .. })
    };
    let unread: bool = findings.iter().any(|f| matches!(f, Finding::Unread { .. }));
    match (findings.iter().any(is_grave), judged) {
        (true, 1..) => Verdict::Faults,
        (_, 0) => Verdict::NotChecked,
        // Some of it is read, and some of it never will be.
        _ if unread => Verdict::Faults,
        _ => Verdict::Good,
    }
}

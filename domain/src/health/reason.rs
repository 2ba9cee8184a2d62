//! A finding as it is stored: whose it is, and what it is about.

use crate::ids::{BayId, MunicipalityId, SourceKey};
use crate::time::UtcMicros;

/// What is wrong with a source, from when to when. Its identity is the source, the bay, the code and the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Whose source it is.
    pub municipality: MunicipalityId,
    /// The sensor, or the feed that names the bay itself.
    pub source: SourceKey,
    /// What its statements are about; `None`: no bay.
    pub bay: Option<BayId>,
    /// What is wrong.
    pub code: &'static str,
    /// Whether its statements about the bay are not believed meanwhile.
    pub hides: bool,
    /// Since when it is so.
    pub since: UtcMicros,
    /// Until when it was; `None`: it still is.
    pub until: Option<UtcMicros>,
    /// What was measured; its unit depends on the code.
    pub value: Option<f64>,
    /// What would be right, in the same unit.
    pub limit: Option<f64>,
}

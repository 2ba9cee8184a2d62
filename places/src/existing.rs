//! Definitions that exist already.

use domain::catalogue::Catalogue;

/// The database's content as definitions.
pub type Existing = Catalogue;

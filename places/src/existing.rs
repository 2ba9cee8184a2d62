//! What is there already.

use domain::catalogue::Catalogue;

/// What the database holds, in the words of the files.
pub type Existing = Catalogue;

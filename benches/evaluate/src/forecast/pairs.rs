//! Every forecast beside the outcome, as CSV: for comparisons with other methods.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::UtcMicros;
use domain::forecast::{STEP_S, Scored};

/// Longest horizon: longer ones make the file large, and few other methods have them.
const LONGEST_MINUTES: i64 = 120;

/// The file being written.
pub struct Pairs {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Pairs {
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("--pairs {} cannot be written", path.display()))?;
        let mut file = BufWriter::new(file);
        writeln!(file, "site,minutes,at,truth,forecast,p,sign")?;
        Ok(Pairs { path: path.to_owned(), file, failed: None })
    }

    /// Adds a line: shares of the capacity, and the chance of at least 5 % vacant.
    pub fn write(&mut self, site: &str, at: UtcMicros, s: &Scored) {
        let minutes = s.horizon * STEP_S / 60;
        if minutes > LONGEST_MINUTES || self.failed.is_some() {
            return;
        }
        let [truth, forecast, p, persistence] =
            [s.truth.share, s.forecast.share, s.forecast.p_not_full, s.persistence.share];
        let line =
            writeln!(self.file, "{site},{minutes},{at},{truth:.5},{forecast:.5},{p:.5},{persistence:.5}");
        self.failed = line.err();
    }

    /// # Errors
    /// Something could not be written.
    pub fn finish(mut self) -> Result<()> {
        let written = self.failed.map_or_else(|| self.file.flush(), Err);
        written.with_context(|| format!("--pairs {} cannot be written", self.path.display()))
    }
}

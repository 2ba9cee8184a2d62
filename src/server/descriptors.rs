//! File descriptors: how many this process may have open, and what share of them HTTP takes.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Descriptors that are not for HTTP, however few there are: connections to the database and to brokers,
/// files, the embedded broker's clients.
const RESERVED: u64 = 256;

/// More connections than this take more memory than a county's machine has to spare: each some ten kilobytes.
const MOST: usize = 4_096;

/// With fewer nobody can work; then something else must give way.
const FEWEST: usize = 16;

/// Raises the soft limit of open files to the hard one: the soft one of most systems, 1,024, is for programs
/// that use `select`. Returns what holds now.
pub fn raise() -> u64 {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    raised.unwrap_or_else(|error| {
        warn!("the limit of open files cannot be raised: {error}");
        getrlimit(Resource::RLIMIT_NOFILE).map_or(1_024, |(soft, _)| soft)
    })
}

/// How many HTTP connections fit into `limit` descriptors: half of what is not reserved.
pub fn connections(limit: u64) -> usize {
    let half = limit.saturating_sub(RESERVED) / 2;
    usize::try_from(half).unwrap_or(MOST).clamp(FEWEST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_leaves_room_for_the_rest() {
        for (limit, connections_in_it) in
            [(64, 16), (512, 128), (1_024, 384), (20_000, 4_096), (u64::MAX, 4_096)]
        {
            assert_eq!(connections(limit), connections_in_it, "of {limit}");
        }
    }

    #[test]
    fn the_soft_limit_is_the_hard_one_afterwards() {
        let limit = raise();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((limit, limit)));
    }
}

//! Numbers on the command line.

use std::num::NonZeroUsize;

/// How many of something, where none would make no sense; for clap.
///
/// # Errors
/// What it has to be.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "a whole number, at least 1".to_owned())
}

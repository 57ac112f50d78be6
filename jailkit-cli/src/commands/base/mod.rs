//! `jailkit base`

mod cached;
mod extract;
mod fetch;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jailkit::base::Cache;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Get base systems of releases, check them and unpack them
#[derive(Subcommand)]
pub(crate) enum Base {
    Fetch(fetch::Fetch),
    List(cached::List),
    Verify(cached::Verify),
    Remove(cached::Remove),
    Extract(extract::Extract),
}

impl Base {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self {
            Self::Fetch(command) => command.run(terminal),
            Self::List(command) => command.run(terminal),
            Self::Verify(command) => command.run(terminal),
            Self::Remove(command) => command.run(terminal),
            Self::Extract(command) => command.run(terminal),
        }
    }
}

/// Where the cache is.
#[derive(Args)]
struct CacheDir {
    /// The cache [default: /var/cache/jailkit for root, else jailkit in the user's cache directory]
    #[arg(long, value_name = "DIR", env = "JAILKIT_CACHE")]
    cache: Option<PathBuf>,
}

impl CacheDir {
    fn open(&self) -> Result<Cache, Failure> {
        let named = self.cache.as_ref().map(Cache::new);
        let missing =
            || Failure::Usage("there is no home directory to keep the cache in; say where with --cache".into());
        named.or_else(Cache::standard).ok_or_else(missing)
    }
}

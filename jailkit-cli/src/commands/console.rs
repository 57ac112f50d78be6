//! `jailkit console`

use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::host;
use crate::inside::{self, Entry};
use crate::terminal::Terminal;

/// Log in to a jail: the login shell of its root, or of another user of the jail, in a clean environment
#[derive(Args)]
pub(crate) struct Console {
    /// The user of the jail to be
    #[arg(short = 'U', long, value_name = "USER", default_value = "root")]
    user: String,

    /// The jail, by name or number
    jail: String,
}

impl Console {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        inside::enter(&*host, &Entry::login(self.user), &self.jail, &[], terminal)
    }
}

//! `jailkit exec`

use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::host;
use crate::inside::{self, Entry};
use crate::terminal::Terminal;

/// Run a command in a jail (jexec(8)); its exit status and its signals are the command's
#[derive(Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    entry: Entry,

    /// The jail, by name or number
    jail: String,

    /// The command with its arguments; the user's shell unless given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<std::ffi::OsString>,
}

impl Exec {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        inside::enter(&*host, &self.entry, &self.jail, &self.command, terminal)
    }
}

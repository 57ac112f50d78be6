//! `jailkit man`

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Write the man pages, one for each command
///
/// For example: jailkit man /usr/local/share/man/man1
#[derive(Args)]
pub(crate) struct Man {
    /// The directory to write them to; it must exist
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let command = Cli::command().disable_help_subcommand(true);
        if terminal.dry_run() {
            terminal.say(format_args!("would write jailkit.1 and a page a command to {}", self.dir.display()))?;
        } else {
            let failed = |error: io::Error| {
                io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.dir.display()))
            };
            clap_mangen::generate_to(command, &self.dir).map_err(failed)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

//! `jailkit completions`

use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::failure::Failure;

/// Print the completions of a shell
///
/// For example: jailkit completions fish > ~/.config/fish/completions/jailkit.fish
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "jailkit", &mut script);
        crate::terminal::write_stdout(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}

//! One module a command: its arguments, and how its answer is shown.

mod completions;
mod man;
mod pf;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Subcommand)]
pub(crate) enum Command {
    Completions(completions::Completions),
    Man(man::Man),
    Pf(pf::Pf),
}

/// Runs the command; the exit code is 0, or 1 where the command found something wrong and has said so.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<ExitCode, Failure> {
    match command {
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(terminal),
        Command::Pf(command) => command.run(terminal),
    }
}

//! One module a command: its arguments, and how its answer is shown.

mod base;
mod completions;
mod down;
mod man;
mod plan;
mod status;
mod up;
mod r#where;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Subcommand)]
pub(crate) enum Command {
    Up(up::Up),
    Plan(plan::Plan),
    Down(down::Down),
    Status(status::Status),
    Where(r#where::Where),
    #[command(subcommand)]
    Base(base::Base),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the command; the exit code is 0, or 1 where the command found something wrong and has said so.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(command) => command.run(terminal),
        Command::Plan(command) => command.run(terminal),
        Command::Down(command) => command.run(terminal),
        Command::Status(command) => command.run(terminal),
        Command::Where(command) => command.run(terminal),
        Command::Base(command) => command.run(terminal),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(terminal),
    }
}

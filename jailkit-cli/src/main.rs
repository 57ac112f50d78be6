//! The `jailkit` command. It reads the command line, calls the library, and shows what came of it; the logic is there.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod diff;
mod failure;
mod happenings;
mod host;
mod inside;
mod life;
mod number;
mod progress;
mod render;
mod stack;
mod terminal;
mod text_file;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(&cli.global);
    match commands::run(cli.command, &terminal) {
        Ok(code) => code,
        Err(failure) => {
            terminal.fail(&failure);
            failure.exit_code()
        }
    }
}

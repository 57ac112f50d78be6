//! One module a command: its arguments, and how its answer is shown.

mod base;
mod completions;
mod conf;
mod console;
mod down;
mod exec;
mod fstab;
mod host;
mod ls;
mod man;
mod modify;
mod pf;
mod plan;
mod remove;
mod restart;
mod start;
mod status;
mod stop;
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
    Start(start::Start),
    Stop(stop::Stop),
    Restart(restart::Restart),
    Modify(modify::Modify),
    Remove(remove::Remove),
    Ls(ls::Ls),
    Exec(exec::Exec),
    Console(console::Console),
    Host(host::Host),
    #[command(subcommand)]
    Base(base::Base),
    Conf(conf::Conf),
    Fstab(fstab::Fstab),
    Pf(pf::Pf),
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
        Command::Start(command) => command.run(terminal),
        Command::Stop(command) => command.run(terminal),
        Command::Restart(command) => command.run(terminal),
        Command::Modify(command) => command.run(terminal),
        Command::Remove(command) => command.run(terminal),
        Command::Ls(command) => command.run(terminal),
        Command::Exec(command) => command.run(terminal),
        Command::Console(command) => command.run(terminal),
        Command::Host(command) => command.run(terminal),
        Command::Base(command) => command.run(terminal),
        Command::Conf(command) => command.run(terminal),
        Command::Fstab(command) => command.run(terminal),
        Command::Pf(command) => command.run(terminal),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(terminal),
    }
}

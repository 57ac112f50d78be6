//! The command line as a value; help, completions and man pages are made from it.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, ValueEnum};

use crate::commands::Command;

/// FreeBSD jails from one stack file: see what it takes, make the host run it, look at it, take it back.
///
/// On FreeBSD jailkit works on the host itself. Elsewhere, and with --host sim, it works on a simulated host: a
/// directory as its file system and a model of FreeBSD's kernel for its jails, mounts and interfaces.
#[derive(Parser)]
#[command(name = "jailkit", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed or found wrong, 2 usage.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that stand before or after any command. A command that needs one of the letters itself (`ls -n`, as in
/// jls(8)) declares an argument of the same id, and clap leaves the global one out there.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The host to work on; native on FreeBSD, sim elsewhere
    #[arg(long, global = true, value_enum, value_name = "HOST")]
    pub(crate) host: Option<HostChoice>,

    /// Where the simulated host lives: the directory is its root file system; ~/.local/state/jailkit/host unless given
    #[arg(long, global = true, value_name = "DIR", env = "JAILKIT_ROOT")]
    pub(crate) root: Option<PathBuf>,

    /// Print for programs instead of for people
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show what would be done and do nothing
    #[arg(short = 'n', long, global = true)]
    pub(crate) dry_run: bool,

    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostChoice {
    /// This FreeBSD system
    Native,
    /// A simulated FreeBSD system in a directory
    Sim,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}

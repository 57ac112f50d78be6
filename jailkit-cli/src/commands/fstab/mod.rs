//! `jailkit fstab`: read, check and edit an fstab.

mod check;
mod edit;
mod fmt;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jailkit::fstab::Fstab as Model;
use jailkit::source::Source;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Read, check and edit an fstab
#[derive(Args)]
pub(crate) struct Fstab {
    #[command(subcommand)]
    command: FstabCommand,
}

#[derive(Subcommand)]
enum FstabCommand {
    Check(check::Check),
    Fmt(fmt::Fmt),
    List(list::List),
    Add(edit::Add),
    Remove(edit::Remove),
}

impl Fstab {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self.command {
            FstabCommand::Check(command) => command.run(terminal),
            FstabCommand::Fmt(command) => command.run(terminal),
            FstabCommand::List(command) => command.run(terminal),
            FstabCommand::Add(command) => command.run(terminal),
            FstabCommand::Remove(command) => command.run(terminal),
        }
    }
}

/// The file a command reads.
#[derive(Args)]
struct FstabFile {
    /// The file, for example /etc/fstab or /etc/fstab.www
    file: PathBuf,
}

impl FstabFile {
    fn read(&self) -> Result<Source, Failure> {
        Ok(Source::read(&self.file).map_err(|error| crate::text_file::unreadable(&self.file, &error))?)
    }

    fn parse(&self) -> Result<Model, Failure> {
        Ok(Model::parse(&self.read()?))
    }
}

//! `jailkit conf`: read, check and edit a jail.conf.

mod check;
mod edit;
mod explain;
pub(super) mod fmt;
mod get;
mod param_name;
mod params;
mod relocate;
mod rename;
mod resolve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jailkit::jailconf::JailConf;
use jailkit::replace::replace_file;
use jailkit::source::Source;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Read, check and edit a jail.conf
#[derive(Args)]
pub(crate) struct Conf {
    #[command(subcommand)]
    command: ConfCommand,
}

#[derive(Subcommand)]
enum ConfCommand {
    Check(check::Check),
    Explain(explain::Explain),
    Fmt(fmt::Fmt),
    Resolve(resolve::Resolve),
    Get(get::Get),
    Set(edit::Set),
    Append(edit::Append),
    Unset(edit::Unset),
    Rename(rename::Rename),
    Move(relocate::Move),
    Params(params::Params),
}

impl Conf {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self.command {
            ConfCommand::Check(command) => command.run(terminal),
            ConfCommand::Explain(command) => command.run(terminal),
            ConfCommand::Fmt(command) => command.run(terminal),
            ConfCommand::Resolve(command) => command.run(terminal),
            ConfCommand::Get(command) => command.run(terminal),
            ConfCommand::Set(command) => command.run(terminal),
            ConfCommand::Append(command) => command.run(terminal),
            ConfCommand::Unset(command) => command.run(terminal),
            ConfCommand::Rename(command) => command.run(terminal),
            ConfCommand::Move(command) => command.run(terminal),
            ConfCommand::Params(command) => command.run(terminal),
        }
    }
}

/// The file a command reads.
#[derive(Args)]
struct ConfFile {
    /// The file, for example /etc/jail.conf
    file: PathBuf,
}

impl ConfFile {
    fn read(&self) -> Result<Source, Failure> {
        Ok(Source::read(&self.file).map_err(|error| crate::text_file::unreadable(&self.file, &error))?)
    }

    fn parse(&self) -> Result<JailConf, Failure> {
        Ok(JailConf::parse(&self.read()?)?)
    }

    /// Replaces the file with what the edit made of it, or shows the difference where that is all that is wanted.
    fn write(&self, old: &[u8], new: &[u8], terminal: &Terminal) -> Result<ExitCode, Failure> {
        write(&self.file, old, new, terminal)
    }
}

/// Replaces a file whole and at once, or shows the difference where that is all that is wanted.
pub(super) fn write(path: &Path, old: &[u8], new: &[u8], terminal: &Terminal) -> Result<ExitCode, Failure> {
    if terminal.dry_run() {
        terminal.say_diff(&path.display().to_string(), old, new)?;
    } else if old != new {
        replace_file(path, new, 0o644)?;
    }
    Ok(ExitCode::SUCCESS)
}

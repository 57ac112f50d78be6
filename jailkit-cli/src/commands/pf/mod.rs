//! `jailkit pf`

mod check;
mod fmt;
mod print;
mod reach;
mod set;
mod trace;
mod zones;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jailkit::pf::{Environment, HostFiles, Interfaces, MAX_RULES, Ruleset};
use jailkit::source::Source;

use crate::failure::Failure;
use crate::number::at_least_one;
use crate::terminal::Terminal;

/// Read, check, print and change pf.conf files
#[derive(Args)]
pub(crate) struct Pf {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Check),
    Fmt(fmt::Fmt),
    Print(print::Print),
    Reach(reach::Reach),
    Set(set::Set),
    Trace(trace::Trace),
}

impl Pf {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Check(command) => command.run(terminal),
            Command::Fmt(command) => command.run(terminal),
            Command::Print(command) => command.run(),
            Command::Reach(command) => command.run(terminal),
            Command::Set(command) => command.run(terminal),
            Command::Trace(command) => command.run(terminal),
        }
    }
}

/// The file and what it is read with.
#[derive(Args)]
struct Input {
    /// The pf.conf
    file: PathBuf,

    /// An interface with its addresses, beside lo0: igb0=203.0.113.5/24,2001:db8::5/64
    #[arg(long, value_name = "NAME=ADDR,...")]
    iface: Vec<String>,

    /// How many rules the file may expand to
    #[arg(long, value_name = "N", default_value_t = MAX_RULES, value_parser = max_rules, allow_negative_numbers = true)]
    max_rules: usize,
}

fn max_rules(text: &str) -> Result<usize, String> {
    at_least_one(text).map(NonZeroUsize::get)
}

impl Input {
    fn read(&self) -> Result<Ruleset, Failure> {
        self.read_with(&self.interfaces()?)
    }

    fn read_with(&self, interfaces: &Interfaces) -> Result<Ruleset, Failure> {
        let env = Environment { interfaces, files: &HostFiles, max_rules: self.max_rules };
        Ok(Ruleset::read(&source(&self.file)?, &env)?)
    }

    fn interfaces(&self) -> Result<Interfaces, Failure> {
        let mut interfaces = Interfaces::default();
        for text in &self.iface {
            interfaces.add(text).map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(interfaces)
    }
}

fn source(file: &Path) -> Result<Source, Failure> {
    Source::read(file).map_err(|error| {
        let told = format!("cannot read {}: {error}", file.display());
        Failure::from(std::io::Error::new(error.kind(), told))
    })
}

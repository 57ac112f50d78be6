//! `jailkit conf set`, `jailkit conf append` and `jailkit conf unset`

use std::process::ExitCode;

use clap::Args;
use jailkit::jailconf::JailConf;
use jailkit::jailparam;
use jailkit::source::Diagnostics;

use super::ConfFile;
use super::param_name::ParamName;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Which parameter is meant.
#[derive(Args)]
struct Place {
    #[command(flatten)]
    file: ConfFile,
    /// The jail's block, or a wildcard's; the top level where it is not given
    #[arg(short, long, value_name = "JAIL")]
    jail: Option<String>,
    /// The parameter
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: String,
}

impl Place {
    /// Edits the file, the block and the parameter given, and writes it.
    fn edit(
        &self,
        terminal: &Terminal,
        edit: impl FnOnce(&mut JailConf, Option<&str>, &str) -> Result<(), Diagnostics>,
    ) -> Result<ExitCode, Failure> {
        let mut conf = self.file.parse()?;
        let old = conf.text().to_vec();
        if let Some(jail) = self.jail.as_ref().filter(|jail| !conf.has_jail(jail)) {
            return Err(Failure::Usage(format!("the file has no block '{jail}'")));
        }
        edit(&mut conf, self.jail.as_deref(), &self.param)?;
        self.file.write(&old, conf.text(), terminal)
    }

    /// Says what is wrong with the values, which are written all the same.
    fn advise(&self, values: &[String], terminal: &Terminal) {
        for fault in jailparam::advice(&self.param, values) {
            terminal.note(format_args!("warning: {fault}"));
        }
    }
}

/// Give a parameter its values in a jail.conf; everything else in the file stays as it is
///
/// For example: jailkit conf set /etc/jail.conf -j www ip4.addr 10.0.0.2
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    place: Place,
    /// Its values; none for a bare boolean. $name stands for a variable
    values: Vec<String>,
}

impl Set {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.place.edit(terminal, |conf, block, param| {
            conf.set(block, param, &self.values)?;
            self.place.advise(&self.values, terminal);
            Ok(())
        })
    }
}

/// Give a parameter more values in a jail.conf, beside those it has: name += value
///
/// For example: jailkit conf append /etc/jail.conf -j www ip4.addr 10.0.0.3
#[derive(Args)]
pub(crate) struct Append {
    #[command(flatten)]
    place: Place,
    /// The values. $name stands for a variable
    #[arg(required = true)]
    values: Vec<String>,
}

impl Append {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.place.edit(terminal, |conf, block, param| {
            conf.append(block, param, &self.values)?;
            self.place.advise(&self.values, terminal);
            Ok(())
        })
    }
}

/// Take a parameter out of a jail.conf; everything else in the file stays as it is
#[derive(Args)]
pub(crate) struct Unset {
    #[command(flatten)]
    place: Place,
}

impl Unset {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.place.edit(terminal, JailConf::unset)
    }
}

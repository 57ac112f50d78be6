//! `jailkit conf set`, `jailkit conf append` and `jailkit conf unset`

use std::process::ExitCode;

use clap::Args;
use jailkit::jailconf::JailConf;
use jailkit::jailparam;

use super::ConfFile;
use super::param_name::ParamName;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Which block of the file is meant.
#[derive(Args)]
struct Block {
    /// The jail's block, or a wildcard's; the top level where it is not given
    #[arg(short, long, value_name = "JAIL")]
    jail: Option<String>,
}

impl Block {
    fn check(&self, conf: &JailConf) -> Result<Option<&str>, Failure> {
        match &self.jail {
            Some(jail) if !conf.has_jail(jail) => Err(Failure::Usage(format!("the file has no block '{jail}'"))),
            jail => Ok(jail.as_deref()),
        }
    }
}

/// Says what is wrong with what is written, which is written all the same.
fn advise(param: &str, values: &[String], terminal: &Terminal) {
    for fault in jailparam::advice(param, values) {
        terminal.note(format_args!("warning: {fault}"));
    }
}

/// Give a parameter its values in a jail.conf; everything else in the file stays as it is
///
/// For example: jailkit conf set /etc/jail.conf -j www ip4.addr 10.0.0.2
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    file: ConfFile,
    #[command(flatten)]
    block: Block,
    /// The parameter
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: String,
    /// Its values; none for a bare boolean. $name stands for a variable
    values: Vec<String>,
}

impl Set {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut conf = self.file.parse()?;
        let old = conf.text().to_vec();
        let block = self.block.check(&conf)?;
        conf.set(block, &self.param, &self.values)?;
        advise(&self.param, &self.values, terminal);
        self.file.write(&old, conf.text(), terminal)
    }
}

/// Give a parameter more values in a jail.conf, beside those it has: name += value
///
/// For example: jailkit conf append /etc/jail.conf -j www ip4.addr 10.0.0.3
#[derive(Args)]
pub(crate) struct Append {
    #[command(flatten)]
    file: ConfFile,
    #[command(flatten)]
    block: Block,
    /// The parameter
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: String,
    /// The values. $name stands for a variable
    #[arg(required = true)]
    values: Vec<String>,
}

impl Append {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut conf = self.file.parse()?;
        let old = conf.text().to_vec();
        let block = self.block.check(&conf)?;
        conf.append(block, &self.param, &self.values)?;
        advise(&self.param, &self.values, terminal);
        self.file.write(&old, conf.text(), terminal)
    }
}

/// Take a parameter out of a jail.conf; everything else in the file stays as it is
#[derive(Args)]
pub(crate) struct Unset {
    #[command(flatten)]
    file: ConfFile,
    #[command(flatten)]
    block: Block,
    /// The parameter
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: String,
}

impl Unset {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut conf = self.file.parse()?;
        let old = conf.text().to_vec();
        let block = self.block.check(&conf)?;
        conf.unset(block, &self.param)?;
        self.file.write(&old, conf.text(), terminal)
    }
}

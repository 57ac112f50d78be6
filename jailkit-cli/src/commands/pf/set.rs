//! `jailkit pf set`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::pf::PfRules;
use jailkit::replace::replace_file;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Give a macro its value, in place; without one, take its definition out
///
/// For example: jailkit pf set /etc/pf.conf ext_if=igb0
#[derive(Args)]
pub(super) struct Set {
    /// The pf.conf
    file: PathBuf,

    /// The macro: NAME=VALUE sets it, NAME takes it out
    #[arg(value_name = "NAME[=VALUE]", required = true)]
    macros: Vec<String>,
}

impl Set {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let source = super::source(&self.file)?;
        let mut rules = PfRules::parse(&source)?;
        for text in &self.macros {
            match text.split_once('=') {
                Some((name, value)) => rules.set_macro(name, value)?,
                None => rules.unset_macro(text)?,
            }
        }
        write(terminal, &self.file, source.text(), rules.text())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows what changes with `-n`, else writes it.
pub(super) fn write(terminal: &Terminal, file: &Path, old: &[u8], new: &[u8]) -> Result<(), Failure> {
    if terminal.dry_run() {
        terminal.say_diff(&file.display().to_string(), old, new)?;
    } else if old != new {
        replace_file(file, new, 0o600)?;
    }
    Ok(())
}

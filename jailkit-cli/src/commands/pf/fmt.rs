//! `jailkit pf fmt`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jailkit::pf::PfRules;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Tidy the blanks of a file: none at the ends of lines, one empty line at most, a newline at the end
#[derive(Args)]
pub(super) struct Fmt {
    /// The pf.conf
    file: PathBuf,
}

impl Fmt {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let source = super::source(&self.file)?;
        let rules = PfRules::parse(&source)?;
        super::set::write(terminal, &self.file, source.text(), &rules.tidied()?)?;
        Ok(ExitCode::SUCCESS)
    }
}

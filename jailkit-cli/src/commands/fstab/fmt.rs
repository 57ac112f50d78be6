//! `jailkit fstab fmt`

use std::process::ExitCode;

use clap::Args;

use super::FstabFile;
use crate::commands::conf::fmt::write_or_check;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Put the columns of an fstab in line, by tabs or spaces as most of it has them; comments stay
///
/// For example: jailkit fstab fmt -n /etc/fstab
#[derive(Args)]
pub(crate) struct Fmt {
    #[command(flatten)]
    file: FstabFile,
    /// Change nothing; exit code 1 where the columns are not in line
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let fstab = self.file.parse()?;
        write_or_check(&self.file.file, fstab.text(), &fstab.formatted(), self.check, terminal)
    }
}

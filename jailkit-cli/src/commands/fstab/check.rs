//! `jailkit fstab check`

use std::process::ExitCode;

use clap::Args;

use super::FstabFile;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say which lines of an fstab getfsent(3) cannot read, and which mounts get in each other's way
///
/// For example: jailkit fstab check /etc/fstab.www
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    file: FstabFile,
}

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let found = self.file.parse()?.check()?;
        found.iter().for_each(|one| terminal.report(one));
        Ok(ExitCode::SUCCESS)
    }
}

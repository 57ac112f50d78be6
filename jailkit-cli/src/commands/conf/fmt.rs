//! `jailkit conf fmt`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{ConfFile, write};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Give a jail.conf an even layout; what it says, its comments and its quotes stay
///
/// A statement a line, blocks indented as most of the file is, a blank beside = and +=, one blank line where there were
/// several.
///
/// For example: jailkit conf fmt -n /etc/jail.conf
#[derive(Args)]
pub(crate) struct Fmt {
    #[command(flatten)]
    file: ConfFile,
    /// Change nothing; exit code 1 where the layout is not even
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let conf = self.file.parse()?;
        let formatted = conf.formatted()?;
        write_or_check(&self.file.file, conf.text(), &formatted, self.check, terminal)
    }
}

/// Replaces a file with its even layout, shows the difference, or says that there is one.
pub(in crate::commands) fn write_or_check(
    path: &Path,
    old: &[u8],
    new: &[u8],
    check: bool,
    terminal: &Terminal,
) -> Result<ExitCode, Failure> {
    if !check || terminal.dry_run() {
        write(path, old, new, terminal)?;
    }
    if check && old != new {
        terminal.note(format_args!("{} would be laid out anew", path.display()));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

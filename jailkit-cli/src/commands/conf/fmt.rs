//! `jailkit conf fmt`

use std::process::ExitCode;

use clap::Args;

use super::ConfFile;
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
        if self.check && !terminal.dry_run() {
            return Ok(checked(&self.file.file, conf.text() == formatted, terminal));
        }
        self.file.write(conf.text(), &formatted, terminal)?;
        Ok(if self.check { checked(&self.file.file, conf.text() == formatted, terminal) } else { ExitCode::SUCCESS })
    }
}

/// Says where a file is not laid out as it would be.
pub(in crate::commands) fn checked(file: &std::path::Path, is_even: bool, terminal: &Terminal) -> ExitCode {
    if is_even {
        return ExitCode::SUCCESS;
    }
    terminal.note(format_args!("{} would be laid out anew", file.display()));
    ExitCode::FAILURE
}

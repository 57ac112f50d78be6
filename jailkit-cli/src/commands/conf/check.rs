//! `jailkit conf check`

use std::process::ExitCode;

use clap::Args;
use jailkit::source::printable;

use super::ConfFile;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say whether jail(8) would take a jail.conf, with every error at its place
///
/// For example: jailkit conf check /etc/jail.conf
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    file: ConfFile,
}

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let resolved = self.file.parse()?.resolve()?;
        let mut code = ExitCode::SUCCESS;
        for jail in &resolved.jails {
            if let Some(reason) = &jail.failed {
                terminal.note(format_args!("jail {}: {}", printable(&jail.name), printable(reason.message.as_bytes())));
                code = ExitCode::FAILURE;
            }
        }
        Ok(code)
    }
}

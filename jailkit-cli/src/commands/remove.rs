//! `jailkit remove`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::{self, Options};

use crate::failure::Failure;
use crate::happenings::Happenings;
use crate::host;
use crate::terminal::Terminal;

/// Remove running jails without what a jail.conf may say of them (jail -R)
///
/// Their processes are asked to end, then the jails are removed; what they have mounted stays.
#[derive(Args)]
pub(crate) struct Remove {
    /// The jails, by name or number; '*' is all of them, 'web.*' those in the jail web
    #[arg(required = true)]
    names: Vec<String>,
}

impl Remove {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        if terminal.dry_run() {
            let found = life::find_running(&*host, &self.names)?;
            let outline: Vec<_> = found.into_iter().map(life::outline_removal).collect();
            return crate::life::show_outline(&outline, terminal);
        }
        let happenings = Happenings::new(terminal, false, false);
        let summary = life::remove(&*host, &self.names, &Options::default(), &happenings)?;
        crate::life::show(&summary, "removed", terminal)
    }
}

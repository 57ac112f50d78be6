//! `jailkit restart`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::Operation;

use crate::failure::Failure;
use crate::life::Jails;
use crate::terminal::Terminal;

/// Stop jails with those that depend on them, and start them again (jail -rc)
#[derive(Args)]
pub(crate) struct Restart {
    #[command(flatten)]
    jails: Jails,
}

impl Restart {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.jails.run(Operation::Restart, terminal)
    }
}

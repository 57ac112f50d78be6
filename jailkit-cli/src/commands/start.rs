//! `jailkit start`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::Operation;

use crate::failure::Failure;
use crate::life::Jails;
use crate::terminal::Terminal;

/// Start jails of a jail.conf, and first those that they depend on (jail -c)
#[derive(Args)]
pub(crate) struct Start {
    #[command(flatten)]
    jails: Jails,
}

impl Start {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.jails.run(Operation::Start, terminal)
    }
}

//! `jailkit stop`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::Operation;

use crate::failure::Failure;
use crate::life::Jails;
use crate::terminal::Terminal;

/// Stop jails of a jail.conf, and first those that depend on them (jail -r)
#[derive(Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    jails: Jails,
}

impl Stop {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.jails.run(Operation::Stop, terminal)
    }
}

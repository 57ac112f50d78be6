//! `jailkit modify`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::Operation;

use crate::failure::Failure;
use crate::life::Jails;
use crate::terminal::Terminal;

/// Change running jails to what a jail.conf says of them (jail -m)
///
/// What a running jail cannot change is named, and nothing is changed then.
#[derive(Args)]
pub(crate) struct Modify {
    /// Start a jail that does not run (jail -cm)
    #[arg(short, long, conflicts_with = "restart")]
    create: bool,

    /// Restart a jail where that is the only way (jail -mr)
    #[arg(short, long)]
    restart: bool,

    #[command(flatten)]
    jails: Jails,
}

impl Modify {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let operation = match (self.create, self.restart) {
            (true, _) => Operation::StartOrModify,
            (_, true) => Operation::ModifyOrRestart,
            _ => Operation::Modify,
        };
        self.jails.run(operation, terminal)
    }
}

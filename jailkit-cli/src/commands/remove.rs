//! `jailkit remove`

use std::process::ExitCode;

use clap::Args;
use jailkit::life::{self, Options};

use crate::failure::Failure;
use crate::host;
use crate::life::Lines;
use crate::terminal::Terminal;

/// Remove running jails without what a jail.conf may say of them (jail -R)
///
/// Their processes are asked to end, then the jails are removed; what they have mounted stays.
#[derive(Args)]
pub(crate) struct Remove {
    /// The jails, by name or number, '*' standing for a part of a name
    #[arg(required = true)]
    names: Vec<String>,
}

impl Remove {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        if terminal.dry_run() {
            for name in &self.names {
                terminal.say(format_args!("would remove {name}"))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let summary = life::remove(&*host, &self.names, &Options::default(), &Lines { terminal })?;
        crate::life::show(&summary, terminal)
    }
}

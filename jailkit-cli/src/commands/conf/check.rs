//! `jailkit conf check`

use std::process::ExitCode;

use clap::Args;
use jailkit::jailparam::Since;
use jailkit::source::{Diagnostic, Severity};

use super::ConfFile;
use crate::failure::Failure;
use crate::host::native_release;
use crate::terminal::Terminal;

/// Say whether jail(8) would take a jail.conf and start its jails, with every finding at its place
///
/// Syntax, unknown parameters, values that they cannot have, and jails that do not fit together. Warnings alone leave
/// the exit code at 0.
///
/// For example: jailkit conf check /etc/jail.conf
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    file: ConfFile,
    /// Warn of parameters that came after this release of FreeBSD, for example 13.2; by default that of the host
    #[arg(long, value_name = "RELEASE")]
    release: Option<Since>,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let release = self.release.or_else(|| native_release(terminal));
        let found = match self.file.parse().and_then(|conf| Ok(conf.check(release)?)) {
            Ok(warnings) => warnings,
            Err(Failure::Found(found)) => found,
            Err(other) => return Err(other),
        };
        if terminal.json() {
            terminal.say_json(&serde_json::json!({"found": found}))?;
        } else {
            found.iter().for_each(|one| terminal.report(one));
        }
        let fails = |one: &Diagnostic| self.strict || one.severity == Severity::Error;
        Ok(if found.iter().any(fails) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

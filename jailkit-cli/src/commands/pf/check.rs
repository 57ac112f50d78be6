//! `jailkit pf check`

use std::net::IpAddr;
use std::process::ExitCode;

use clap::Args;
use jailkit::pf::check;
use jailkit::source::Severity;

use super::Input;
use super::zones::ZoneSources;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say whether pf would take the file, what is wrong with it, and what may not do what is meant
///
/// Warned of are rules that never match as a quick rule before them takes all they would, macros and tables that nothing
/// uses, redirections that the filter blocks or, where the jails are named, that no jail holds the address of, and rules
/// on an interface of set skip.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    zones: ZoneSources,

    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let zones = self.zones.zones(terminal, self.input.interfaces()?, None)?;
        let interfaces = zones.interfaces();
        let (rules, mut found) = match self.input.read_with(interfaces) {
            Err(Failure::Found(found)) => (None, found),
            Err(other) => return Err(other),
            Ok(set) => {
                let jails: Vec<IpAddr> = zones.of_jails().collect();
                let jails = self.zones.are_given().then_some(jails.as_slice());
                (Some(set.len()), check::warnings(&set, interfaces, jails))
            }
        };
        if self.strict {
            found.iter_mut().for_each(|one| one.severity = Severity::Error);
        }
        let bad = found.iter().any(|one| one.severity == Severity::Error);
        if terminal.json() {
            terminal.say_json(&serde_json::json!({"rules": rules, "found": found}))?;
            return Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        if bad {
            return Err(Failure::Found(found));
        }
        found.iter().for_each(|one| terminal.report(one));
        let warnings = match found.len() {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            len => format!(", {len} warnings"),
        };
        terminal.say(format_args!("{}: {} rules{warnings}", self.input.file.display(), rules.unwrap_or(0)))?;
        Ok(ExitCode::SUCCESS)
    }
}

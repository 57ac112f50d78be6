//! `jailkit pf reach`

use std::process::ExitCode;

use clap::Args;
use jailkit::pf::reach::Reach as Matrix;

use super::Input;
use super::zones::ZoneSources;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say which ports the outside, the host and the jails reach in each other, and through which rules
///
/// For example: jailkit pf reach /etc/pf.conf --stack jailkit.toml
#[derive(Args)]
pub(super) struct Reach {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    zones: ZoneSources,

    /// The interface that the outside is behind; where a stack file is given, it says so
    #[arg(long, value_name = "IF", required_unless_present = "stack")]
    outside: Option<String>,

    /// What a table holds, in place of what the file puts into it: bad=198.51.100.0/24,!198.51.100.7
    #[arg(long, value_name = "NAME=ADDR,...")]
    table: Vec<String>,
}

impl Reach {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let zones = self.zones.zones(terminal, self.input.interfaces()?, self.outside.as_deref())?;
        let set = self.input.read_with(zones.interfaces())?;
        let reach = Matrix::of(&set, &zones, &self.table).map_err(|error| Failure::Usage(error.to_string()))?;
        if terminal.json() {
            terminal.say_json(&reach)?;
        } else {
            terminal.say(reach)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

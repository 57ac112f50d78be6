//! `jailkit pf check`

use std::process::ExitCode;

use clap::Args;

use super::Input;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say whether pf would take the file, and what is wrong with it
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    input: Input,
}

impl Check {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let found = match self.input.read() {
            Err(Failure::Found(found)) => found,
            Err(other) => return Err(other),
            Ok(set) => {
                if terminal.json() {
                    terminal.say_json(&serde_json::json!({"rules": set.len(), "found": []}))?;
                } else {
                    terminal.say(format_args!("{}: {} rules", self.input.file.display(), set.len()))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
        };
        if !terminal.json() {
            return Err(Failure::Found(found));
        }
        terminal.say_json(&serde_json::json!({"found": found}))?;
        Ok(ExitCode::FAILURE)
    }
}

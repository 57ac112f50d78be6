//! `jailkit pf print`

use std::process::ExitCode;

use clap::Args;

use super::Input;
use crate::failure::Failure;

/// Print the expanded ruleset, as pfctl -o none -nvf FILE does
#[derive(Args)]
pub(super) struct Print {
    #[command(flatten)]
    input: Input,
}

impl Print {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        crate::terminal::write_stdout(&self.input.read()?.print())?;
        Ok(ExitCode::SUCCESS)
    }
}

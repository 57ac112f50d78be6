//! `jailkit plan`

use std::process::ExitCode;

use clap::Args;
use jailkit::journal::Journal;

use crate::failure::Failure;
use crate::stack::{StackFile, show_plan};
use crate::terminal::Terminal;

/// Show what `up` would do: the steps, and a diff of each file
#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    file: StackFile,
}

impl Plan {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let stack = self.file.read(terminal)?;
        let host = crate::host::open(terminal)?;
        let journal = Journal::open(host.files())?;
        let plan = jailkit::plan::up(&stack, &*host, &journal)?;
        if plan.steps.is_empty() {
            terminal.note(format_args!("nothing to do: {} is as the stack '{}' says", host.describe(), stack.name));
        }
        show_plan(&plan, terminal)?;
        Ok(ExitCode::SUCCESS)
    }
}

//! `jailkit down`

use std::process::ExitCode;

use clap::Args;
use jailkit::apply::Session;
use jailkit::journal::{Journal, JournalError};
use jailkit::plan::{self, Purge};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stack::{StackFile, show_plan};
use crate::terminal::Terminal;

/// Stop a stack's jails and take back what `up` added
///
/// The jails' data stays: their trees, and the logs and shared directories in which anything lies. With --purge it goes
/// too, for good, once the stack's name has been given.
#[derive(Args)]
pub(crate) struct Down {
    #[command(flatten)]
    file: StackFile,

    /// Do it without asking
    #[arg(short, long)]
    yes: bool,

    /// Remove the jails' data too; asks for the stack's NAME, unless it is given here
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    purge: Option<Option<String>>,

    /// Wait where another jailkit is at work on the host
    #[arg(long)]
    wait: bool,
}

impl Down {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let stack = self.file.read_if_there(terminal)?;
        let host = crate::host::open(terminal)?;
        let purge = if self.purge.is_some() { Purge::Purge } else { Purge::Keep };
        let is_ours = |journal: &Journal| match (journal.stack(), &stack) {
            (Some(up), Some(stack)) if up != stack.name => Err(JournalError::OtherStack { other: up.to_owned() }),
            _ => Ok(()),
        };
        if terminal.dry_run() {
            let journal = Journal::open(host.files())?;
            is_ours(&journal)?;
            show_plan(&plan::down(&*host, &journal, purge)?, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut session = Session::open(&*host, "down", self.wait)?;
        is_ours(session.journal())?;
        let plan = session.plan_down(purge)?;
        if plan.steps.is_empty() {
            terminal.note(format_args!("nothing to do: no stack is up on {}", host.describe()));
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes {
            show_plan(&plan, terminal)?;
        }
        if !self.is_confirmed(&plan.stack, &host.describe(), terminal)? {
            terminal.note("nothing has been done");
            return Ok(ExitCode::FAILURE);
        }
        let progress = Progress::new(terminal);
        let done = session.carry_out(&plan, &progress);
        progress.finish();
        done?;
        for kept in &plan.kept {
            terminal.note(format_args!("kept: {}", kept.display()));
        }
        if terminal.json() {
            terminal.say_json(&plan)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Whether the user means it: data is only removed by the stack's name.
    fn is_confirmed(&self, stack: &str, host: &str, terminal: &Terminal) -> Result<bool, Failure> {
        let nobody = |say: &str| Failure::Usage(format!("nobody is there to ask; say {say} to do it all the same"));
        match &self.purge {
            Some(Some(name)) if name == stack => Ok(true),
            Some(Some(name)) => Err(Failure::Usage(format!("--purge={name}: the stack that is up is '{stack}'"))),
            Some(None) => {
                let question = "This removes the jails' data for good. The stack's name, to go on:";
                let answer = terminal.ask(question)?.ok_or_else(|| nobody(&format!("--purge={stack}")))?;
                Ok(answer == stack)
            }
            None if self.yes => Ok(true),
            None => {
                let answer = terminal.ask(&format!("Do this on {host}? [y/N]"))?.ok_or_else(|| nobody("--yes"))?;
                Ok(matches!(answer.as_str(), "y" | "yes" | "Y"))
            }
        }
    }
}

//! `jailkit up`

use std::process::ExitCode;

use clap::Args;
use jailkit::apply::Session;
use jailkit::journal::Journal;

use crate::commands::status;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::stack::{StackFile, show_plan};
use crate::terminal::Terminal;

/// Make the host run a stack
///
/// Shows what it takes, asks, and does it: directories, jails' trees from the base archive, mounts, configuration
/// files, interface and addresses, pf's rules, and the jails themselves. Files are edited in place; what is not
/// jailkit's in them stays as it is. Run again, it changes what differs from the stack, and nothing where nothing
/// does. A run that was broken off is taken up where it stopped.
#[derive(Args)]
pub(crate) struct Up {
    #[command(flatten)]
    file: StackFile,

    /// Do it without asking
    #[arg(short, long)]
    yes: bool,

    /// Wait where another jailkit is at work on the host
    #[arg(long)]
    wait: bool,
}

impl Up {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let stack = self.file.read(terminal)?;
        let host = crate::host::open(terminal)?;
        if terminal.dry_run() {
            let journal = Journal::open(host.files())?;
            let plan = jailkit::plan::up(&stack, &*host, &journal)?;
            show_plan(&plan, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut session = Session::open(&*host, "up", self.wait)?;
        let plan = session.plan_up(&stack)?;
        if plan.steps.is_empty() {
            terminal.note(format_args!("nothing to do: {} is as the stack '{}' says", host.describe(), stack.name));
        } else {
            if !self.yes {
                show_plan(&plan, terminal)?;
                match terminal.ask(&format!("Do this on {}? [y/N]", host.describe()))?.as_deref() {
                    Some("y" | "yes" | "Y") => {}
                    Some(_) => {
                        terminal.note("nothing has been done");
                        return Ok(ExitCode::FAILURE);
                    }
                    None => {
                        return Err(Failure::Usage("nobody is there to ask; say --yes to do it all the same".into()));
                    }
                }
            }
            let progress = Progress::new(terminal);
            let done = session.carry_out(&plan, &progress);
            progress.finish();
            done?;
        }
        status::show(&jailkit::status::status(&stack, &*host, session.journal())?, terminal)
    }
}

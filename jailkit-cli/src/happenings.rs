//! What happens to jails, as lines; and on a terminal, what each of them is at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bstr::BString;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jailkit::kernel::MountRequest;
use jailkit::life::{Event, Observer, What};
use jailkit::source::printable;

use crate::terminal::Terminal;

/// Tells what happens: jail(8)'s words on standard output, the rest beside it.
pub(crate) struct Happenings<'a> {
    terminal: &'a Terminal,
    /// Every step is told.
    verbose: bool,
    /// Each jail that is worked on has a line, for as long as it takes.
    shows_work: bool,
    at_work: MultiProgress,
    jails: Mutex<HashMap<BString, ProgressBar>>,
}

const STYLE: &str = "{spinner} {prefix}: {wide_msg}";

impl<'a> Happenings<'a> {
    /// `capture` says whether what programs print comes through here: those that print themselves have the terminal.
    pub(crate) fn new(terminal: &'a Terminal, verbose: bool, capture: bool) -> Self {
        let shows_work = capture && terminal.is_watched() && !terminal.json();
        Self { terminal, verbose, shows_work, at_work: MultiProgress::new(), jails: Mutex::default() }
    }

    /// Shows what a jail is at.
    fn is_at(&self, event: &Event<'_>, text: String) {
        if !self.shows_work {
            return;
        }
        let mut jails = self.jails.lock().unwrap_or_else(PoisonError::into_inner);
        let line = jails.entry(event.jail.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style).with_prefix(printable(event.jail));
            line.enable_steady_tick(Duration::from_millis(120));
            self.at_work.add(line)
        });
        line.set_message(text);
    }

    fn is_done(&self, event: &Event<'_>) {
        if let Some(line) = self.jails.lock().unwrap_or_else(PoisonError::into_inner).remove(event.jail) {
            line.finish_and_clear();
            self.at_work.remove(&line);
        }
    }
}

impl Observer for Happenings<'_> {
    fn happens(&self, event: &Event<'_>) {
        match event.what {
            What::Done(_) => self.is_done(event),
            What::Output(_) | What::Failed(_) => {}
            what => line(event).or_else(|| small_line(what)).into_iter().for_each(|text| self.is_at(event, text)),
        }
        if self.terminal.json() && !is_important(event.what) {
            return;
        }
        let jail = printable(event.jail);
        let said = self.at_work.suspend(|| match event.what {
            What::Created(_) => self.terminal.say(format_args!("{jail}: created")),
            What::Removed(_) => self.terminal.say(format_args!("{jail}: removed")),
            What::Updated(_) => self.terminal.say(format_args!("{jail}: updated")),
            What::Output(text) => self.terminal.say(format_args!("{jail}: {}", printable(text))),
            What::Done(Err(error)) => {
                self.terminal.note(format_args!("error: {jail}: {error}"));
                Ok(())
            }
            what => {
                let is_told = self.verbose || is_important(what);
                let text = line(event).or_else(|| small_line(what)).filter(|_| is_told);
                text.into_iter().for_each(|text| self.terminal.note(format_args!("{jail}: {text}")));
                Ok(())
            }
        });
        // Whoever closed standard output does not want to know.
        said.unwrap_or_default();
    }
}

/// Whether it is told to whoever has not asked for each step.
fn is_important(what: What<'_>) -> bool {
    matches!(
        what,
        What::HalfMade
            | What::RulesetMissing(_)
            | What::Waiting(_)
            | What::WaitingForRun
            | What::OtherMounts
            | What::LeftBehind
            | What::Ready
    )
}

/// An event as a line about its jail; none where it is too small for one.
pub(crate) fn line(event: &Event<'_>) -> Option<String> {
    Some(match event.what {
        What::Command { param, program } => format!("{param} {}", printable(&program.command)),
        What::Output(text) => printable(text),
        What::Created(jid) => format!("created, jid {jid}"),
        What::Removed(_) => "removed".to_owned(),
        What::Updated(_) => "updated".to_owned(),
        What::HalfMade => "a run that was killed made it by half; beginning anew".to_owned(),
        What::RulesetMissing(ruleset) => format!(
            "the devfs ruleset {ruleset} is not loaded, so the jail will see every device of the host; \
             'service devfs restart' loads those of /etc/devfs.rules"
        ),
        What::LeftBehind => "its mounts and addresses are left; 'jailkit stop' takes them away".to_owned(),
        What::OtherMounts => {
            "jail.conf has other mounts for it than it runs with; 'jailkit restart' changes them".to_owned()
        }
        What::WaitingForRun => "another run of jailkit is at work on it; waiting".to_owned(),
        What::Waiting(ready) => format!("waiting until {}, {} s at most", ready.when, ready.patience.as_secs()),
        What::Ready => "ready".to_owned(),
        _ => return None,
    })
}

/// A small step as a line.
fn small_line(what: What<'_>) -> Option<String> {
    let text = match what {
        What::Terminating => "asking its processes to end".to_owned(),
        What::AddressAdded { interface, address } => format!("added {address} to {interface}"),
        What::AddressRemoved { interface, address } => format!("removed {address} from {interface}"),
        What::InterfaceMoved(interface) => format!("moved {interface} into the jail"),
        What::InterfaceReclaimed(interface) => format!("moved {interface} back to the host"),
        What::Mounted(MountRequest { fstype, source, target, .. }) => match source {
            Some(source) => format!("mounted {fstype} {} on {}", source.display(), target.display()),
            None => format!("mounted {fstype} on {}", target.display()),
        },
        What::Unmounted(path) => format!("unmounted {}", path.display()),
        _ => return None,
    };
    Some(printable(text.as_bytes()))
}

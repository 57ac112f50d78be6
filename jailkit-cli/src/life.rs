//! What happens to jails, as lines; and what became of them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::host::Host;
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::life::{self, Event, Observer, Operation, Options, Outcome, Summary, What};
use jailkit::source::{Source, printable};

use crate::failure::Failure;
use crate::host;
use crate::terminal::Terminal;

/// Which jails, of which file.
#[derive(Args)]
pub(crate) struct Jails {
    /// The jail.conf, on the host
    #[arg(short, long, value_name = "CONF", default_value = "/etc/jail.conf")]
    file: PathBuf,

    /// How many jails to work on side by side; the number of cores unless given
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Take dying jails too (jail -d)
    #[arg(short, long)]
    dying: bool,

    /// The jails, '*' standing for a part of a name; all of the file where none is named
    names: Vec<String>,
}

impl Jails {
    pub(crate) fn options(&self) -> Options {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let jobs = self.jobs.unwrap_or_else(cores);
        // One jail's programs print for themselves, as under jail(8); those of several are told apart.
        let capture = self.names.len() != 1 || self.names.iter().any(|name| name.contains('*'));
        Options { jobs, capture, dying: self.dying, ..Options::default() }
    }

    /// Does the operation, and shows what came of it.
    pub(crate) fn run(&self, operation: Operation, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        let conf = read(&*host, &self.file, operation)?;
        let options = self.options();
        if terminal.dry_run() {
            let outline = life::outline(&*host, &conf, &self.names, operation, &options)?;
            let mut code = ExitCode::SUCCESS;
            for (name, steps) in outline {
                let steps = steps.unwrap_or_else(|error| {
                    terminal.note(format_args!("error: {name}: {error}"));
                    code = ExitCode::FAILURE;
                    Vec::new()
                });
                for step in steps {
                    terminal.say(format_args!("{name}: would {}", printable(step.as_bytes())))?;
                }
            }
            return Ok(code);
        }
        let summary = life::run(&*host, &conf, &self.names, operation, &options, &Lines { terminal })?;
        show(&summary, terminal)
    }
}

/// The jails of a file of the host. Jails can be stopped where there is none.
fn read(host: &dyn Host, path: &Path, operation: Operation) -> Result<Resolved, Failure> {
    let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, format!("{} is not there", path.display()));
    match host.files().read(path)? {
        Some(text) => Ok(JailConf::parse(&Source::new(path, text))?.resolve()?),
        None if operation == Operation::Stop => Ok(Resolved::default()),
        None => Err(missing().into()),
    }
}

/// Says what became of the jails.
pub(crate) fn show(summary: &Summary, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let code = if summary.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if terminal.json() {
        let jails = summary.jails.iter().map(|(name, outcome)| match outcome {
            Ok(outcome) => serde_json::json!({ "name": name.to_string(), "outcome": word(*outcome) }),
            Err(error) => serde_json::json!({
                "name": name.to_string(), "outcome": "failed", "error": error.to_string()
            }),
        });
        terminal.say_json(&jails.collect::<Vec<_>>())?;
        return Ok(code);
    }
    for (name, error) in summary.failures() {
        terminal.note(format_args!("error: {name}: {error}"));
    }
    if summary.jails.len() > 1 {
        let outcomes = [
            Outcome::Started,
            Outcome::Restarted,
            Outcome::Updated,
            Outcome::Stopped,
            Outcome::AlreadyRunning,
            Outcome::NotRunning,
        ];
        let counts = outcomes.into_iter().map(|outcome| (summary.count(outcome), word(outcome)));
        let counts = counts.chain([(summary.failures().count(), "failed")]).filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        terminal.note(counts.join(", "));
    }
    Ok(code)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Started => "started",
        Outcome::AlreadyRunning => "running already",
        Outcome::Stopped => "stopped",
        Outcome::NotRunning => "not running",
        Outcome::Restarted => "restarted",
        Outcome::Updated => "updated",
    }
}

/// What happens, as lines: jail(8)'s words on standard output, the rest beside it.
pub(crate) struct Lines<'a> {
    pub(crate) terminal: &'a Terminal,
}

impl Observer for Lines<'_> {
    fn happens(&self, event: &Event<'_>) {
        let jail = printable(event.jail);
        let said = match event.what {
            _ if self.terminal.json() => Ok(()),
            What::Created(_) => self.terminal.say(format_args!("{jail}: created")),
            What::Removed(_) => self.terminal.say(format_args!("{jail}: removed")),
            What::Updated(_) => self.terminal.say(format_args!("{jail}: updated")),
            What::Output(text) => self.terminal.say(format_args!("{jail}: {}", printable(text))),
            What::HalfMade | What::Waiting(_) | What::Ready => {
                line(event).into_iter().for_each(|line| self.terminal.note(line));
                Ok(())
            }
            _ => Ok(()),
        };
        // Whoever closed standard output does not want to know.
        said.unwrap_or_default();
    }
}

/// An event as a line; none where it is too small for one.
pub(crate) fn line(event: &Event<'_>) -> Option<String> {
    let jail = printable(event.jail);
    Some(match event.what {
        What::Command { param, program } => format!("{jail}: {param} {}", printable(&program.command)),
        What::Output(text) => format!("{jail}: {}", printable(text)),
        What::Created(jid) => format!("{jail}: created, jid {jid}"),
        What::Removed(_) => format!("{jail}: removed"),
        What::Updated(_) => format!("{jail}: updated"),
        What::HalfMade => format!("{jail}: a run that was killed made it by half; beginning anew"),
        What::Waiting(ready) => {
            format!("{jail}: waiting until {}, {} s at most", ready.when, ready.patience.as_secs())
        }
        What::Ready => format!("{jail}: ready"),
        What::Terminating | What::Mounted(_) | What::Unmounted(_) | What::Failed(_) => return None,
    })
}

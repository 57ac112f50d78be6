//! Starting, stopping and changing the jails of a jail.conf; and what became of them.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::host::{Host, Includes};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::life::{self, Operation, Options, Outcome, Outline, Summary};
use jailkit::source::{Source, printable};

use crate::failure::Failure;
use crate::happenings::Happenings;
use crate::host;
use crate::number::at_least_one;
use crate::terminal::Terminal;

/// The jail.conf of a host, unless another one is named.
const JAIL_CONF: &str = "/etc/jail.conf";

/// Which jails, of which file.
#[derive(Args)]
pub(crate) struct Jails {
    /// The jail.conf, on the host; /etc/jail.conf unless given, and standard input for -
    #[arg(short, long, value_name = "CONF")]
    file: Option<PathBuf>,

    /// How many jails to work on side by side; the number of cores unless given
    #[arg(short, long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    jobs: Option<NonZeroUsize>,

    /// Take dying jails too (jail -d)
    #[arg(short, long)]
    dying: bool,

    /// Wait for each jail to be ready as this stack file says, before those that depend on it start
    #[arg(long, value_name = "STACK")]
    stack: Option<PathBuf>,

    /// Show each step as it is taken (jail -v)
    #[arg(short, long)]
    verbose: bool,

    /// The jails; all of the file where none is named. 'web.*' are the jails in the jail web
    names: Vec<String>,
}

impl Jails {
    fn options(&self, terminal: &Terminal) -> Result<Options, Failure> {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let jobs = self.jobs.unwrap_or_else(cores);
        // One jail's programs print for themselves, as under jail(8); those of several are told apart.
        let is_one = matches!(self.names.as_slice(), [name] if !name.contains('*'));
        let capture = !is_one || terminal.json();
        let stack = self.stack.as_deref().map(crate::stack::read).transpose()?;
        let jails = stack.map(|(stack, _)| stack.jails).unwrap_or_default();
        let ready = jails.into_iter().filter_map(|jail| Some((jail.name.into(), jail.ready?))).collect();
        Ok(Options { jobs, capture, dying: self.dying, ready, ..Options::default() })
    }

    /// Does the operation, and shows what came of it.
    pub(crate) fn run(&self, operation: Operation, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        let conf = self.read(&*host, operation)?;
        let options = self.options(terminal)?;
        let happenings = Happenings::new(terminal, self.verbose, options.capture);
        if terminal.dry_run() {
            let outline = life::outline(&*host, &conf, &self.names, operation, &options, &happenings)?;
            return show_outline(&outline, terminal);
        }
        let summary = life::run(&*host, &conf, &self.names, operation, &options, &happenings)?;
        show(&summary, "stopped", terminal)
    }

    /// The jails of the file. Jails can be stopped where there is none, as long as none was asked for.
    fn read(&self, host: &dyn Host, operation: Operation) -> Result<Resolved, Failure> {
        let path = self.file.clone().unwrap_or_else(|| JAIL_CONF.into());
        if path.as_os_str() == "-" {
            let mut text = Vec::new();
            io::stdin().lock().read_to_end(&mut text)?;
            return Ok(JailConf::parse(&Source::new("standard input", text))?.resolve_in(&Includes(host.files()))?);
        }
        match host.files().read(&path)? {
            Some(text) => Ok(JailConf::parse(&Source::new(&path, text))?.resolve_in(&Includes(host.files()))?),
            None if operation == Operation::Stop && self.file.is_none() => Ok(Resolved::default()),
            None => Err(missing(host, &path).into()),
        }
    }
}

/// A jail.conf that is not there. On a simulated host it is looked for in another place than a shell would look.
fn missing(host: &dyn Host, path: &Path) -> io::Error {
    let shown = path.display();
    let message = if host.is_simulated() && path.is_relative() {
        format!(
            "{shown} is not there: -f names a file of the simulated host, whose directory is /; \
             put it there, or hand over one from here with -f - < {shown}"
        )
    } else {
        format!("{shown} is not there")
    };
    io::Error::new(io::ErrorKind::NotFound, message)
}

/// Shows what would be done.
pub(crate) fn show_outline(outline: &[Outline], terminal: &Terminal) -> Result<ExitCode, Failure> {
    let is_well = outline.iter().all(|(_, steps)| steps.is_ok());
    let code = if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if terminal.json() {
        let jails = outline.iter().map(|(name, steps)| match steps {
            Ok(steps) => serde_json::json!({ "name": name.to_string(), "steps": steps }),
            Err(error) => serde_json::json!({ "name": name.to_string(), "error": error.to_string() }),
        });
        terminal.say_json(&jails.collect::<Vec<_>>())?;
        return Ok(code);
    }
    for (name, steps) in outline {
        let name = printable(name);
        match steps {
            Ok(steps) => steps
                .iter()
                .try_for_each(|step| terminal.say(format_args!("{name}: would {}", printable(step.as_bytes()))))?,
            Err(error) => terminal.note(format_args!("error: {name}: {error}")),
        }
    }
    if outline.iter().all(|(_, steps)| steps.as_ref().is_ok_and(Vec::is_empty)) {
        terminal.note("nothing to do");
    }
    Ok(code)
}

/// Says what became of the jails; of one that runs no more with the word `gone`. Why one failed has been said when it
/// did.
pub(crate) fn show(summary: &Summary, gone: &str, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let word = |outcome| if outcome == Outcome::Stopped { gone } else { word(outcome) };
    let code = if summary.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if terminal.json() {
        let jails = summary.jails.iter().map(|(name, outcome)| match outcome {
            Ok(outcome) => serde_json::json!({ "name": name.to_string(), "outcome": word(*outcome) }),
            Err(error) => {
                let outcome = if error.is_skip() { "skipped" } else { "failed" };
                serde_json::json!({ "name": name.to_string(), "outcome": outcome, "error": error.to_string() })
            }
        });
        terminal.say_json(&jails.collect::<Vec<_>>())?;
        return Ok(code);
    }
    if summary.jails.is_empty() {
        terminal.note("nothing to do");
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
        let skipped = summary.skipped().count();
        let counts = counts.chain([(summary.failures().count() - skipped, "failed"), (skipped, "skipped")]);
        let counts: Vec<_> =
            counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        terminal.note(counts.join(", "));
    }
    Ok(code)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Started => "started",
        Outcome::AlreadyRunning => "already running",
        Outcome::Stopped => "stopped",
        Outcome::NotRunning => "not running",
        Outcome::Restarted => "restarted",
        Outcome::Updated => "updated",
    }
}

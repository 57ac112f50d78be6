//! `jailkit status`

use std::process::ExitCode;

use clap::Args;
use jailkit::journal::Journal;

use crate::failure::Failure;
use crate::stack::StackFile;
use crate::terminal::Terminal;

/// Show a stack's jails, and where the host differs from the stack
///
/// Exits with 1 where it does.
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    file: StackFile,
}

impl Status {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let stack = self.file.read(terminal)?;
        let host = crate::host::open(terminal)?;
        let journal = Journal::open(host.files())?;
        show(&jailkit::status::status(&stack, &*host, &journal)?, terminal)
    }
}

/// Shows a status; the exit code says whether the host is as declared.
pub(crate) fn show(status: &jailkit::status::Status, terminal: &Terminal) -> Result<ExitCode, Failure> {
    if terminal.json() {
        terminal.say_json(status)?;
    } else {
        show_tables(status, terminal)?;
    }
    Ok(if status.is_as_declared() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_tables(status: &jailkit::status::Status, terminal: &Terminal) -> Result<(), Failure> {
    let rows = status.jails.iter().map(|jail| {
        let addresses: Vec<_> = jail.addresses.iter().map(ToString::to_string).collect();
        [
            jail.jid.map_or_else(|| "-".to_owned(), |jid| jid.to_string()),
            jail.name.clone(),
            addresses.join(" "),
            jail.hostname.clone(),
            jail.path.display().to_string(),
            if jail.published.is_empty() { "-".to_owned() } else { jail.published.join(", ") },
        ]
    });
    terminal.say_table(["JID", "NAME", "ADDRESS", "HOSTNAME", "PATH", "PUBLISHED"], rows.collect())?;
    for jail in status.jails.iter().filter(|jail| !jail.mounts.is_empty()) {
        terminal.say("")?;
        let rows = jail.mounts.iter().map(|mount| {
            let at = mount.target.strip_prefix(&jail.path).unwrap_or(&mount.target);
            let access = if mount.flags.read_only { "ro" } else { "rw" };
            [format!("/{}", at.display()), mount.fstype.clone(), mount.source.display().to_string(), access.to_owned()]
        });
        terminal.say_table([&format!("MOUNTS OF {}", jail.name), "TYPE", "SOURCE", "ACCESS"], rows.collect())?;
    }
    let of_jails = status.jails.iter().flat_map(|jail| &jail.drift);
    let mut drift: Vec<&String> = status.drift.iter().chain(of_jails).collect();
    let mut seen = std::collections::HashSet::new();
    drift.retain(|step| seen.insert(*step));
    if let Some(problem) = &status.problem {
        terminal.say(format_args!("\nThe host cannot be compared with the stack: {problem}"))?;
    } else if !drift.is_empty() {
        terminal.say("\nThe host differs from the stack; 'jailkit up' would:")?;
        for step in drift {
            terminal.say(format_args!("  {step}"))?;
        }
    }
    Ok(())
}

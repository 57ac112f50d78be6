//! A command in a jail, at this terminal.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jailkit::host::Host;
use jailkit::life::{self, Enter};
use jailkit::process::{Exit, Passwd, Program};
use jailkit::source::printable;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// How a jail is entered.
#[derive(Args)]
pub(crate) struct Entry {
    /// In a clean environment: what the user's login class sets, and TERM
    #[arg(short = 'l', long = "login")]
    clean: bool,

    /// As a user of the host
    #[arg(short = 'u', value_name = "USER", conflicts_with = "jail_user")]
    host_user: Option<String>,

    /// As a user of the jail
    #[arg(short = 'U', value_name = "USER")]
    jail_user: Option<String>,

    /// With this variable in its environment; may be given more than once
    #[arg(short = 'e', value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,

    /// In this directory of the jail
    #[arg(short = 'd', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// With a shell as login(1) runs it
    #[arg(skip)]
    login: bool,
}

impl Entry {
    /// As by login(1).
    pub(crate) fn login(user: String) -> Self {
        Self {
            clean: true,
            host_user: None,
            jail_user: Some(user),
            environment: Vec::new(),
            directory: None,
            login: true,
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}

/// Becomes the command. Comes back only where it cannot, and on a simulated host.
pub(crate) fn enter(
    host: &dyn Host,
    entry: &Entry,
    jail: &str,
    command: &[OsString],
    terminal: &Terminal,
) -> Result<ExitCode, Failure> {
    // Without a user, a clean environment is the host's idea of whoever runs jailkit, as under jexec(8).
    let (user, passwd) = match (&entry.host_user, &entry.jail_user) {
        (None, Some(user)) => (Some(user.clone()), Passwd::Jail),
        (user, _) => (user.clone(), Passwd::Host),
    };
    let command = command.iter().map(|word| word.as_encoded_bytes().into()).collect();
    let environment = entry.environment.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into()));
    let environment = environment.collect();
    let (login, clean, directory) = (entry.login, entry.clean, entry.directory.clone());
    let enter = Enter { command, login, clean, environment, user, passwd, directory };
    let program = life::enter(host, jail.as_bytes().into(), enter)?;
    let line = match program.argv.as_slice() {
        [only] if *only == Program::LOGIN_SHELL => "the login shell".to_owned(),
        [only] if *only == Program::SHELL => "the user's shell".to_owned(),
        _ => printable(&program.line()),
    };
    if terminal.dry_run() {
        terminal.note(format_args!("would run in {jail}: {line}"));
        return Ok(ExitCode::SUCCESS);
    }
    if host.is_simulated() {
        terminal.note(format_args!("not run, only written down: {line}"));
    }
    Ok(match host.processes().become_program(&program)? {
        Exit::Status(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Exit::Signal(signal) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        Exit::TimedOut => ExitCode::FAILURE,
    })
}

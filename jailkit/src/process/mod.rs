//! Programs that jailkit runs: the hooks of jail.conf(5) and what jexec(8) is given, on the host and in jails.

mod account;
#[cfg(any(test, target_os = "freebsd"))]
mod background;
#[cfg(any(test, target_os = "freebsd"))]
mod console_log;
#[cfg(any(test, target_os = "freebsd"))]
mod context;
#[cfg(any(test, target_os = "freebsd"))]
mod getcap;
#[cfg(any(test, target_os = "freebsd"))]
mod login;
#[cfg(any(test, target_os = "freebsd"))]
mod output;
mod sim;

#[cfg(target_os = "freebsd")]
mod native;

#[cfg(target_os = "freebsd")]
pub(crate) use context::{Context, Cpus};
#[cfg(target_os = "freebsd")]
pub use native::NativeProcesses;
pub use sim::{Recorded, SimProcesses};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use crate::kernel::{Jail, Kernel};

/// A program to run, as a value: a command of jail.conf(5) or of jexec(8) with all that is said of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Program {
    /// The command line, as it was written.
    pub command: BString,
    /// What is executed: the program and its arguments.
    pub argv: Vec<BString>,
    /// Not waited for: a command line that ends in `&`.
    pub background: bool,
    /// The jail to run it in; none for the host.
    pub jail: Option<Arc<Jail>>,
    /// `exec.clean`: no environment but what login.conf(5) gives the user, and `TERM`.
    pub clean: bool,
    /// What its environment has besides (`jexec -e`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(BString, BString)>,
    /// `exec.jail_user` or `exec.system_user`: whom to run it as; none for whoever runs jailkit.
    pub user: Option<String>,
    /// Whose passwd(5) knows the user.
    pub passwd: Passwd,
    /// `exec.fib`: which routing table it has.
    pub fib: Option<i32>,
    /// Where it begins, as its jail or host sees it; none for jail(8)'s choice.
    pub directory: Option<PathBuf>,
    /// `exec.consolelog`: the host's file that takes what it prints.
    pub console_log: Option<PathBuf>,
    /// `exec.timeout`: how long it may take.
    pub timeout: Option<Duration>,
}

/// Where a user is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Passwd {
    /// On the host: `exec.system_user`, `exec.system_jail_user`, `jexec -u`.
    #[default]
    Host,
    /// In the jail: `exec.jail_user`, `jexec -U`.
    Jail,
}

/// What makes jail(8) hand a command line to sh(1).
const SHELL_CHARACTERS: &[u8] = b"!\"$&'()*;<>?[\\]`{|}~";

/// The blanks between the words of a command line.
const BLANKS: &[u8] = b" \t\x0c\x0b\r\n";

impl Program {
    /// What stands for the user's shell, or `SHELL` of the environment, as the only word of a program: interactive, as
    /// jexec(8) runs it.
    pub const SHELL: &str = "-i";

    /// What stands for the same shell as login(1) runs it, which reads the user's profile.
    pub const LOGIN_SHELL: &str = "-";

    /// A program of the host from a command line of jail.conf(5): for sh(1) where it has a character that sh(1)
    /// minds, by itself where it has none, and in the background where `&` at its end is the only one.
    ///
    /// # Example
    /// ```
    /// use jailkit::process::Program;
    /// assert_eq!(Program::from_line("/bin/sh /etc/rc".into()).argv, ["/bin/sh", "/etc/rc"]);
    /// assert_eq!(Program::from_line("echo $HOME".into()).argv, ["/bin/sh", "-c", "echo $HOME"]);
    /// assert!(Program::from_line("daemon &".into()).background);
    /// ```
    pub fn from_line(line: &BStr) -> Self {
        let special = line.find_byteset(SHELL_CHARACTERS);
        let background = special.is_some_and(|at| line[at..] == *b"&");
        let argv = match special {
            Some(_) if !background => vec!["/bin/sh".into(), "-c".into(), line.to_owned()],
            Some(at) => words(&line[..at]),
            None => words(line),
        };
        Self { background, ..Self::from_argv(line.to_owned(), argv) }
    }

    /// A program of the host from its arguments, called `command` where it is spoken of.
    pub fn from_argv(command: BString, argv: Vec<BString>) -> Self {
        Self {
            command,
            argv,
            background: false,
            jail: None,
            clean: false,
            environment: Vec::new(),
            user: None,
            passwd: Passwd::Host,
            fib: None,
            directory: None,
            console_log: None,
            timeout: None,
        }
    }

    /// What is executed, as one line: how jail(8) names a command that failed.
    pub fn line(&self) -> BString {
        bstr::join(" ", &self.argv).into()
    }
}

fn words(line: &[u8]) -> Vec<BString> {
    let words = line.split(|byte| BLANKS.contains(byte));
    words.filter(|word| !word.is_empty()).map(BString::from).collect()
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status; 0 is well.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// It took longer than it was given and was killed.
    TimedOut,
}

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {}: {source}", named(.command.as_bstr()))]
pub struct ProgramError {
    /// Its command line.
    pub command: BString,
    /// Why.
    pub source: std::io::Error,
}

/// A command as it is spoken of.
fn named(command: &BStr) -> String {
    match command {
        shell if shell == Program::LOGIN_SHELL => "the login shell".to_owned(),
        shell if shell == Program::SHELL => "the user's shell".to_owned(),
        command => format!("'{command}'"),
    }
}

/// Refuses a program whose jail is not there any more, whatever jail has its number now.
fn check_jail(program: &Program, kernel: &dyn Kernel) -> std::io::Result<()> {
    match &program.jail {
        Some(jail) if !jail.is_there(kernel).map_err(std::io::Error::other)? => {
            let message = format!("the jail {} ({}) is gone", jail.name, jail.jid);
            Err(std::io::Error::new(std::io::ErrorKind::NotFound, message))
        }
        _ => Ok(()),
    }
}

/// The jail's root directory, where the user is one of the jail.
fn passwd_root(program: &Program) -> Option<&Path> {
    let jail = program.jail.as_ref().filter(|_| program.passwd == Passwd::Jail);
    jail.map(|jail| jail.path.as_path())
}

/// Where programs run: a FreeBSD system, or a simulated host, which writes down what it is told to run.
pub trait Processes: Send + Sync {
    /// Runs a program and waits for its end, or only starts it where it is for the background.
    ///
    /// # Errors
    /// [`ProgramError`] where it cannot be started.
    fn run(&self, program: &Program) -> Result<Exit, ProgramError>;

    /// [`Processes::run`], with what the program prints handed to `lines` line by line instead of printed.
    ///
    /// # Errors
    /// Likewise.
    fn run_captured(&self, program: &Program, _lines: &mut dyn FnMut(&[u8])) -> Result<Exit, ProgramError> {
        self.run(program)
    }

    /// Becomes the program: this process, its terminal and its signals are the program's from now on. Returns where
    /// programs are written down instead of run.
    ///
    /// # Errors
    /// [`ProgramError`] where it cannot be executed.
    fn become_program(&self, program: &Program) -> Result<Exit, ProgramError> {
        self.run(program)
    }

    /// Asks every process of a jail to end (`SIGTERM`), and waits at most `patience` until they have; whether they
    /// have.
    ///
    /// # Errors
    /// What the system failed with.
    fn terminate(&self, jail: &Jail, patience: Duration) -> std::io::Result<bool>;
}

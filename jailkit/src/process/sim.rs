//! Programs on the simulated host: written down instead of run.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Exit, Processes, Program, ProgramError, check_jail};
use crate::kernel::sim::{SIM_DIR, SimKernel};
use crate::kernel::{Jail, Jid};

/// The programs of a simulated host. They are written down, one JSON line each, in `.jailkit-sim/programs`.
///
/// A few have an outcome that a jail's life depends on: `/bin/sh /etc/rc` leaves a daemon, as rc(8) does, and
/// `/etc/rc.shutdown` ends it; `false` and `exit N` fail; `sleep N` takes N seconds, which pass at once.
#[derive(Debug)]
pub struct SimProcesses {
    kernel: SimKernel,
}

/// A program that the simulated host was told to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// What was to be run.
    pub program: Program,
}

impl SimProcesses {
    /// The programs of the host that has this kernel.
    pub fn new(kernel: SimKernel) -> Self {
        Self { kernel }
    }

    /// Everything that was run since the host was made, in order.
    ///
    /// # Errors
    /// What reading the record failed with.
    pub fn recorded(&self) -> io::Result<Vec<Recorded>> {
        match std::fs::read(self.path()) {
            Ok(text) => Ok(serde_json::Deserializer::from_slice(&text).into_iter().collect::<Result<_, _>>()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> PathBuf {
        self.kernel.root().join(SIM_DIR).join("programs")
    }

    fn record(&self, program: &Program) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Recorded { program: program.clone() })?;
        line.push(b'\n');
        std::fs::File::options().append(true).create(true).open(self.path())?.write_all(&line)
    }

    fn set_processes(&self, jid: Jid, count: u32) -> io::Result<()> {
        self.kernel.set_processes(jid, count).map_err(|errno| io::Error::other(errno.to_string()))
    }
}

impl Processes for SimProcesses {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        let act = || {
            check_jail(program, &self.kernel)?;
            self.record(program)?;
            let outcome = outcome(&program.command, program.timeout);
            if let (Some(jail), Outcome::Daemons(count)) = (&program.jail, &outcome) {
                self.set_processes(jail.jid, *count)?;
            }
            Ok(match outcome {
                Outcome::Exit(exit) => exit,
                Outcome::Daemons(_) => Exit::Status(0),
            })
        };
        act().map_err(|source| ProgramError { command: program.command.clone(), source })
    }

    fn terminate(&self, jail: &Jail, _patience: Duration) -> io::Result<bool> {
        if jail.is_there(&self.kernel).map_err(io::Error::other)? {
            self.set_processes(jail.jid, 0)?;
        }
        Ok(true)
    }
}

/// What a command comes to.
enum Outcome {
    Exit(Exit),
    /// So many processes run in its jail afterwards.
    Daemons(u32),
}

fn outcome(command: &[u8], timeout: Option<Duration>) -> Outcome {
    let command = String::from_utf8_lossy(command);
    let words: Vec<_> = command.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    match words.as_slice() {
        ["sh", "rc", ..] => Outcome::Daemons(1),
        ["sh", "rc.shutdown", ..] => Outcome::Daemons(0),
        ["false", ..] => Outcome::Exit(Exit::Status(1)),
        ["exit", status, ..] => Outcome::Exit(Exit::Status(status.parse().unwrap_or(2))),
        ["sleep", seconds, ..] => {
            let takes = seconds.parse().map(Duration::from_secs).unwrap_or_default();
            let timed_out = timeout.is_some_and(|timeout| takes > timeout);
            Outcome::Exit(if timed_out { Exit::TimedOut } else { Exit::Status(0) })
        }
        _ => Outcome::Exit(Exit::Status(0)),
    }
}

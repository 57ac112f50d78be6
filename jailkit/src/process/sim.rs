//! Programs on the simulated host: written down instead of run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::{self, Who};
use super::{Exit, Processes, Program, ProgramError, check_jail, passwd_root};
use crate::host::host_path;
use crate::kernel::sim::{SIM_DIR, SimKernel};
use crate::kernel::{Jail, Jid};

/// The programs of a simulated host. They are written down, one JSON line each, in `.jailkit-sim/programs`, and fail
/// as on FreeBSD where their jail or their user is not there.
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

    /// Refuses a user whom the passwd(5) of the host or the jail does not have. Where there is none at all, there is
    /// nothing to look him up in: a simulated host begins without users.
    fn check_user(&self, program: &Program) -> io::Result<()> {
        let Some(user) = &program.user else { return Ok(()) };
        let read = |path: &Path| {
            let path = passwd_root(program).map_or_else(|| path.to_owned(), |root| host_path(root, path));
            let found = self.kernel.locate(&path, true).map_err(io::Error::from);
            match found.and_then(|found| std::fs::read(found.real)) {
                Ok(text) => Ok(Some(text)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        for file in ["/etc/master.passwd", "/etc/passwd"] {
            if read(Path::new(file))?.is_some() {
                return account::find(Who::Named(user), read).map(drop);
            }
        }
        Ok(())
    }

    fn set_processes(&self, jid: Jid, count: u32) -> io::Result<()> {
        self.kernel.set_processes(jid, count).map_err(|errno| io::Error::other(errno.to_string()))
    }
}

impl Processes for SimProcesses {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        let act = || {
            check_jail(program, &self.kernel)?;
            self.check_user(program)?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Passwd;
    use super::*;
    use crate::kernel::{Param, SetFlags, Value};

    /// As on FreeBSD: `jexec -u` asks the host and `-U` the jail.
    #[test]
    fn a_user_who_is_not_there_runs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = SimKernel::open(dir.path()).unwrap();
        for path in ["etc", "jail/etc", "bare"] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let jail = |name: &str| {
            let text = |name: &str, text: String| Param::new(name, Value::String(text.into()));
            let params = [text("name", name.to_owned()), text("path", format!("/{name}")), Param::flag("persist")];
            let create = SetFlags { create: true, ..SetFlags::default() };
            Some(Arc::new(Jail::create(&kernel, &params, create).unwrap()))
        };
        let (full, bare) = (jail("jail"), jail("bare"));
        let processes = SimProcesses::new(kernel.clone());
        let run = |jail: &Option<Arc<Jail>>, user: &str, passwd: Passwd| {
            let program = Program::from_argv("id".into(), vec!["id".into()]);
            let program = Program { jail: jail.clone(), user: Some(user.to_owned()), passwd, ..program };
            processes.run(&program).map_err(|error| error.to_string())
        };
        // Nobody has users yet.
        assert_eq!(run(&full, "nosuch", Passwd::Jail), Ok(Exit::Status(0)));
        std::fs::write(dir.path().join("etc/passwd"), "admin:*:1000:1000::/home/admin:/bin/sh\n").unwrap();
        let users = "root:*:0:0::0:0::/root:/bin/sh\nwww:*:80:80::0:0::/nonexistent:/usr/sbin/nologin\n";
        std::fs::write(dir.path().join("jail/etc/master.passwd"), users).unwrap();
        let missing = |user: &str| Err(format!("cannot run 'id': {user}: no such user"));
        for (jail, user, passwd, expected) in [
            (&full, "www", Passwd::Jail, Ok(Exit::Status(0))),
            (&full, "nosuch", Passwd::Jail, missing("nosuch")),
            (&full, "admin", Passwd::Jail, missing("admin")),
            (&full, "admin", Passwd::Host, Ok(Exit::Status(0))),
            (&full, "www", Passwd::Host, missing("www")),
            (&None, "www", Passwd::Jail, missing("www")),
            (&bare, "nosuch", Passwd::Jail, Ok(Exit::Status(0))),
        ] {
            assert_eq!(run(jail, user, passwd), expected, "{user} {passwd:?}");
        }
        assert_eq!(processes.recorded().unwrap().len(), 4);
        let shell = Program::from_argv(Program::LOGIN_SHELL.into(), vec![Program::LOGIN_SHELL.into()]);
        let error = processes.run(&Program { user: Some("nosuch".to_owned()), ..shell }).unwrap_err();
        assert_eq!(error.to_string(), "cannot run the login shell: nosuch: no such user");
    }
}

//! Programs on FreeBSD.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Exit, Processes, Program, ProgramError};
use crate::kernel::Jid;
use crate::kernel::native;

/// The programs of the system that jailkit runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeProcesses;

/// Where a program in a jail is looked for, where `exec.clean` leaves no path of the caller's.
const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

impl Processes for NativeProcesses {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        let run = || -> io::Result<Exit> {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(bstr::ByteSlice::to_os_str_lossy(program.command.as_slice()));
            command.stdin(Stdio::null());
            if program.clean {
                command.env_clear().env("HOME", "/").env("SHELL", "/bin/sh").env("USER", "root").env("PATH", PATH);
                command.envs(std::env::vars_os().filter(|(name, _)| name == "TERM"));
            }
            if let Some(log) = &program.console_log {
                let log = std::fs::File::options().append(true).create(true).open(log)?;
                command.stdout(log.try_clone()?).stderr(log);
            }
            let user = program.user.as_deref().map(ids_of).transpose()?;
            match (&program.jail, user) {
                (Some((jid, _)), user) => native::attach_before_exec(&mut command, *jid, user),
                (None, Some((uid, gid))) => {
                    command.uid(uid).gid(gid);
                }
                (None, None) => {}
            }
            wait(command.spawn()?, program.timeout)
        };
        run().map_err(|source| ProgramError { command: program.command.clone(), source })
    }

    fn terminate(&self, jail: Jid, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        native::signal_processes(jail, nix::sys::signal::Signal::SIGTERM)?;
        while native::has_processes(jail)? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(true)
    }
}

/// The user and group ids of a user of the host.
fn ids_of(user: &str) -> io::Result<(u32, u32)> {
    let found = nix::unistd::User::from_name(user).map_err(io::Error::from)?;
    let found = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no user '{user}'")))?;
    Ok((found.uid.as_raw(), found.gid.as_raw()))
}

fn wait(mut child: Child, timeout: Option<Duration>) -> io::Result<Exit> {
    let status = match timeout {
        None => child.wait()?,
        Some(timeout) => match wait_timeout::ChildExt::wait_timeout(&mut child, timeout)? {
            Some(status) => status,
            None => {
                child.kill()?;
                child.wait()?;
                return Ok(Exit::TimedOut);
            }
        },
    };
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    })
}

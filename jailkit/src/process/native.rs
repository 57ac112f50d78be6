//! Programs on FreeBSD.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::account::{self, Account, Who};
use super::background;
use super::console_log::open_log;
use super::login::LoginConf;
use super::output::Output;
use super::{Exit, Processes, Program, ProgramError, check_jail, passwd_root};
use crate::host::{Files, NativeFiles};
use crate::kernel::native::{self, Entry, NativeKernel, Way};
use crate::kernel::{Jail, Kernel};

/// The programs of the system that jailkit runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeProcesses;

impl Processes for NativeProcesses {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        // It reads what jailkit would, as under jail(8).
        run_reading(Stdio::inherit(), program).map_err(failed(program))
    }

    fn run_captured(&self, program: &Program, lines: &mut dyn FnMut(&[u8])) -> Result<Exit, ProgramError> {
        if program.console_log.is_some() || program.background {
            return run_reading(Stdio::null(), program).map_err(failed(program));
        }
        let mut run = || {
            let output = Output::new()?;
            let (mut command, way) = command(program, OpenFiles::Standard)?;
            command.stdin(Stdio::null()).stdout(output.writer()?).stderr(output.writer()?);
            let exit = wait(command.spawn().map_err(|error| way.explain(error))?, program.timeout)?;
            output.each_line(&mut *lines)?;
            Ok(exit)
        };
        run().map_err(failed(program))
    }

    fn become_program(&self, program: &Program) -> Result<Exit, ProgramError> {
        let become_it = || -> io::Result<Exit> {
            let (mut command, way) = command(program, OpenFiles::All)?;
            Err(way.explain(command.exec()))
        };
        become_it().map_err(failed(program))
    }

    fn terminate(&self, jail: &Jail, patience: Duration) -> io::Result<bool> {
        native::terminate(jail, patience)
    }
}

fn run_reading(input: Stdio, program: &Program) -> io::Result<Exit> {
    let (mut command, way) = command(program, OpenFiles::Standard)?;
    let child = command.stdin(input).spawn().map_err(|error| way.explain(error))?;
    if program.background {
        background::leave(child);
        return Ok(Exit::Status(0));
    }
    wait(child, program.timeout)
}

fn failed(program: &Program) -> impl FnOnce(io::Error) -> ProgramError {
    let command = program.command.clone();
    move |source| ProgramError { command, source }
}

/// Which open files a program gets of those that jailkit was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenFiles {
    /// The first three, as under jail(8).
    Standard,
    /// Whatever the shell has opened for it, as under jexec(8).
    All,
}

/// The command that a program is, with all that happens before it is executed.
fn command(program: &Program, files: OpenFiles) -> io::Result<(Command, Way)> {
    let account = account_for(program)?;
    let mut command = match program.argv.as_slice() {
        [] => return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no program to run")),
        [only] if *only == Program::SHELL => interactive_shell(program, account.as_ref()),
        [only] if *only == Program::LOGIN_SHELL => login_shell(program, account.as_ref()),
        [name, arguments @ ..] => {
            let mut command = Command::new(OsStr::from_bytes(name));
            command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
            command
        }
    };
    if let Some(log) = &program.console_log {
        let log = open_log(log, &jail_trees(program)?)?;
        command.stdout(log.try_clone()?).stderr(log);
    }
    let mut entry = Entry {
        new_session: program.background,
        all_cpus: files == OpenFiles::Standard,
        fib: program.fib,
        jail: program.jail.clone(),
        directory: program.directory.as_deref().map(c_path).transpose()?,
        only_standard_files: files == OpenFiles::Standard,
        ..Entry::default()
    };
    if let Some(account) = &account {
        become_user(program, account, &mut command, &mut entry)?;
    }
    let besides = program.environment.iter();
    command.envs(besides.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))));
    // Right before the fork. Where there is a descriptor it would be found out there, too, but with less to say.
    check_jail(program, &NativeKernel)?;
    let way = native::enter_before_exec(&mut command, entry)?;
    Ok((command, way))
}

/// The directories of the host in which whoever is root in the program's jail may put what he likes: its root directory,
/// and what is mounted below it from elsewhere.
fn jail_trees(program: &Program) -> io::Result<Vec<PathBuf>> {
    let Some(jail) = &program.jail else { return Ok(Vec::new()) };
    let root = jail.path.as_path();
    let mounts = NativeKernel.mounts().map_err(io::Error::other)?;
    let inside = mounts.into_iter().filter(|mount| mount.target.starts_with(root) && !mount.flags.read_only);
    let sources = inside.map(|mount| {
        let source = mount.source.into_os_string().into_encoded_bytes();
        // unionfs(4) puts this before the directory it mounts.
        let directory = source.strip_prefix(b"<above>:").or(source.strip_prefix(b"<below>:")).unwrap_or(&source);
        PathBuf::from(OsStr::from_bytes(directory))
    });
    let sources = sources.filter(|source| source.is_absolute());
    Ok(std::iter::once(root.to_owned()).chain(sources).collect())
}

/// The user that the program is to be, or that its clean environment is for.
fn account_for(program: &Program) -> io::Result<Option<Account>> {
    if program.clean || program.user.is_some() {
        account_of(program.user.as_deref(), passwd_root(program)).map(Some)
    } else {
        Ok(None)
    }
}

/// The user's shell: the one that is `SHELL` in the environment it will have.
fn shell(program: &Program, account: Option<&Account>) -> OsString {
    if let Some((_, given)) = program.environment.iter().rev().find(|(name, _)| name == "SHELL") {
        return OsStr::from_bytes(given).to_owned();
    }
    let own = || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    account.map_or_else(own, |account| OsStr::from_bytes(&account.shell).to_owned())
}

fn interactive_shell(program: &Program, account: Option<&Account>) -> Command {
    let mut command = Command::new(shell(program, account));
    command.arg("-i");
    command
}

fn login_shell(program: &Program, account: Option<&Account>) -> Command {
    let shell = shell(program, account);
    let mut command = Command::new(&shell);
    // The leading minus is how a shell knows that it is a login shell.
    let mut first = OsString::from("-");
    first.push(Path::new(&shell).file_name().unwrap_or(&shell));
    command.arg0(first);
    command
}

/// Environment, groups and directory of a user, as jail(8) and jexec(8) give them.
fn become_user(program: &Program, account: &Account, command: &mut Command, entry: &mut Entry) -> io::Result<()> {
    if program.clean {
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "TERM"));
    }
    // login.conf(5) is read where the process is by then: in the jail, for one that enters it first.
    let conf = read_in(passwd_root(program), Path::new("/etc/login.conf"))?;
    let conf = LoginConf::parse(conf.as_deref());
    let class = conf.class(account).map_err(io::Error::other)?;
    let has = |name: &str| (name == "TERM" || !program.clean) && std::env::var_os(name).is_some();
    for (name, value) in class.environment(has).map_err(io::Error::other)?.iter() {
        command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
    }
    entry.groups = Some((account.groups.clone(), account.gid));
    if program.user.is_some() {
        entry.uid = Some(account.uid);
        entry.class = Some(CString::new(class.name())?);
        entry.context = Some(class.context());
    }
    if program.clean && entry.directory.is_none() {
        entry.directory = Some(c_path(&account.home)?);
    }
    Ok(())
}

/// The user of that name, or the one that this process runs as; in the passwd(5) of the jail whose root directory
/// is `root`, or of the host.
fn account_of(user: Option<&str>, root: Option<&Path>) -> io::Result<Account> {
    let own = nix::unistd::getuid().as_raw();
    let who = user.map_or(Who::Uid(own), Who::Named);
    if root.is_some() {
        return account::find(who, |path| read_in(root, path));
    }
    let found = match who {
        Who::Named(name) => nix::unistd::User::from_name(name),
        Who::Uid(uid) => nix::unistd::User::from_uid(uid.into()),
    };
    let found = found.map_err(io::Error::from)?.ok_or_else(|| who.missing())?;
    let name = CString::new(found.name.as_str())?;
    let groups = nix::unistd::getgrouplist(&name, found.gid).map_err(io::Error::from)?;
    let shell = found.shell.into_os_string().into_encoded_bytes();
    Ok(Account {
        name: found.name,
        uid: found.uid.as_raw(),
        gid: found.gid.as_raw(),
        groups: groups.iter().map(|gid| gid.as_raw()).collect(),
        class: found.class.to_string_lossy().into_owned(),
        home: found.dir,
        shell: if shell.is_empty() { "/bin/sh".into() } else { shell.into() },
    })
}

/// A file of a jail, or of the host.
fn read_in(root: Option<&Path>, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let read = match root {
        Some(root) => NativeFiles.read_in_jail(root, path),
        None => NativeFiles.read(path),
    };
    read.map_err(|error| io::Error::new(error.source.kind(), error))
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
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

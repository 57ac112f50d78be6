//! A program in a jail that runs, as jexec(8) has it.

use std::path::PathBuf;

use bstr::{BStr, BString};

use super::LifeError;
use super::running::Handle;
use crate::host::Host;
use crate::process::{Inside, Passwd, Program};

/// How a jail is entered, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enter {
    /// The program and its arguments; the user's shell where there are none.
    pub command: Vec<BString>,
    /// Without a command: the shell as login(1) runs it, which reads the user's profile.
    pub login: bool,
    /// In a clean environment (`jexec -l`).
    pub clean: bool,
    /// With these in its environment (`jexec -e`).
    pub environment: Vec<(BString, BString)>,
    /// As this user; none for whoever runs jailkit.
    pub user: Option<String>,
    /// Whose user that is: the host's (`jexec -u`) or the jail's (`jexec -U`).
    pub passwd: Passwd,
    /// In this directory of the jail (`jexec -d`).
    pub directory: Option<PathBuf>,
}

/// The program with which a jail is entered. The number it bears is the jail's at the time of the call.
///
/// # Errors
/// [`LifeError::NotRunning`] where no jail has that name or number.
pub fn enter(host: &dyn Host, jail: &BStr, enter: Enter) -> Result<Program, LifeError> {
    let found = Handle::find(host.kernel(), jail)?;
    let found = found.ok_or_else(|| LifeError::NotRunning { name: jail.to_owned() })?;
    let argv = match enter.command {
        command if !command.is_empty() => command,
        _ if enter.login => vec![Program::LOGIN_SHELL.into()],
        _ => vec![Program::SHELL.into()],
    };
    let root = found.path.as_path().to_owned();
    Ok(Program {
        jail: Some(Inside { jid: found.jid, name: found.name.into(), root }),
        clean: enter.clean,
        environment: enter.environment,
        user: enter.user,
        passwd: enter.passwd,
        directory: enter.directory,
        ..Program::from_argv(bstr::join(" ", &argv).into(), argv)
    })
}

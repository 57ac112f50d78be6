//! Which host a command works on.

use std::io;
use std::path::PathBuf;

use jailkit::host::{Host, SimHost};
use jailkit::jailparam::Since;

use crate::cli::HostChoice;
use crate::terminal::Terminal;

/// The host that the command line names could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[cfg(not(target_os = "freebsd"))]
    #[error("the native host is a FreeBSD system, and this is none; leave --host native away for a simulated one")]
    NotFreeBsd,
    #[error("there is no home directory to keep the simulated host in; say where with --root DIR")]
    NoHome,
    #[error("cannot open a simulated host in {}: {source}", path.display())]
    Sim { path: PathBuf, source: io::Error },
}

/// Opens the host that the command line names, and says so where it is a simulated one.
pub(crate) fn open(terminal: &Terminal) -> Result<Box<dyn Host>, HostError> {
    let Some(host) = simulated(terminal)? else { return native() };
    terminal.note(format_args!("simulated: {}", host.describe()));
    Ok(Box::new(host))
}

/// The host that the command line names, where that is a simulated one; it is made where there is none yet.
pub(crate) fn simulated(terminal: &Terminal) -> Result<Option<SimHost>, HostError> {
    let global = terminal.global();
    let native_by_default = cfg!(target_os = "freebsd") && global.root.is_none();
    let default = if native_by_default { HostChoice::Native } else { HostChoice::Sim };
    if global.host.unwrap_or(default) == HostChoice::Native {
        return Ok(None);
    }
    let path = match &global.root {
        Some(root) => root.clone(),
        None => state_dir().ok_or(HostError::NoHome)?.join("jailkit/host"),
    };
    SimHost::open(&path).map(Some).map_err(|source| HostError::Sim { path, source })
}

/// The release of this FreeBSD system, where commands work on it and it says so.
pub(crate) fn native_release(terminal: &Terminal) -> Option<Since> {
    let global = terminal.global();
    if !cfg!(target_os = "freebsd") || global.root.is_some() || global.host == Some(HostChoice::Sim) {
        return None;
    }
    let osreldate = native().ok()?.kernel().sysctl("kern.osreldate").ok()?;
    Some(Since::of_kernel(u32::try_from(osreldate).ok()?))
}

#[cfg(target_os = "freebsd")]
fn native() -> Result<Box<dyn Host>, HostError> {
    Ok(Box::new(jailkit::host::NativeHost))
}

#[cfg(not(target_os = "freebsd"))]
fn native() -> Result<Box<dyn Host>, HostError> {
    Err(HostError::NotFreeBsd)
}

/// The user's state directory, as the XDG base directories have it.
fn state_dir() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".local/state")))
}

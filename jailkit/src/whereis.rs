//! Where a path that a jail sees really lies on the host, and whether the jail may write there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::host::{FileError, Host, host_path};
use crate::kernel::{self, GetFlags, Jail, JailKey, KernelError, Mount, MountFlags};
use crate::plan;
use crate::stack::Stack;

/// Where a jail's path lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The jail.
    pub jail: String,
    /// The path as the jail sees it, links followed.
    pub in_jail: PathBuf,
    /// The path of the host, below every nullfs(5).
    pub on_host: PathBuf,
    /// Whether something is there.
    pub exists: bool,
    /// Whether the jail's root may write there: no mount on the way is read-only.
    pub writable: bool,
    /// Whether the jail runs; where it does not, this is where the path will lie once it does.
    pub running: bool,
    /// The mounts that the path leads through, the topmost first.
    pub through: Vec<Mount>,
}

/// The path could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum WhereError {
    /// There is no such jail, neither on the host nor in the stack.
    #[error("there is no jail '{0}' on this host or in the stack")]
    NoJail(String),
    /// It is relative.
    #[error("{} is not absolute: say where it is from the jail's root directory", .0.display())]
    Relative(PathBuf),
    /// Links lead in a circle.
    #[error("{}: too many levels of symbolic links", .0.display())]
    Loop(PathBuf),
    /// The kernel does not answer.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A part of the path cannot be looked at.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Finds the path of a jail: of one that runs, or of one of the stack.
///
/// # Errors
/// [`WhereError`]
pub fn locate(host: &dyn Host, stack: Option<&Stack>, jail: &str, path: &Path) -> Result<Location, WhereError> {
    if !path.is_absolute() {
        return Err(WhereError::Relative(path.to_owned()));
    }
    let running = running_root(host, jail)?;
    let declared = stack.and_then(|stack| stack.jail(jail).map(|found| (stack, found)));
    let mut mounts = host.kernel().mounts()?;
    let root = match (&running, declared) {
        (Some(root), _) => root.clone(),
        (None, Some((stack, found))) => {
            mounts.extend(plan::mounts(stack, found).iter().map(|entry| declared_mount(host, entry)));
            kernel::real_path(host.kernel(), &plan::jail_path(stack, found))
        }
        (None, None) => return Err(WhereError::NoJail(jail.to_owned())),
    };
    let seen = follow(host, &root, &mounts, path)?;
    let (on_host, through) = below(&mounts, &host_path(&root, &seen));
    let exists = host.files().stat(&on_host)?.is_some();
    let writable = !through.iter().any(|mount| mount.flags.read_only);
    let through = through.into_iter().filter(|mount| mount.target.starts_with(&root)).collect();
    Ok(Location {
        jail: jail.to_owned(),
        in_jail: seen,
        on_host,
        exists,
        writable,
        running: running.is_some(),
        through,
    })
}

/// The root directory of a jail that runs.
fn running_root(host: &dyn Host, jail: &str) -> Result<Option<PathBuf>, KernelError> {
    let Ok(key) = JailKey::new(jail) else { return Ok(None) };
    let found = Jail::open(host.kernel(), &key, GetFlags::default())?;
    Ok(found.map(|found| found.path.as_path().to_owned()))
}

fn declared_mount(host: &dyn Host, entry: &crate::fstab::Entry) -> Mount {
    use bstr::ByteSlice;
    Mount {
        fstype: entry.vfstype.to_str_lossy().into_owned(),
        source: entry.spec.to_path_lossy().into_owned(),
        target: kernel::real_path(host.kernel(), &entry.file.to_path_lossy()),
        flags: MountFlags { read_only: entry.has_option("ro"), ..MountFlags::default() },
    }
}

/// The path in the jail that a path of the jail leads to, through links, which start at the jail's root.
fn follow(host: &dyn Host, root: &Path, mounts: &[Mount], path: &Path) -> Result<PathBuf, WhereError> {
    const MAX_LINKS: usize = 32;
    let mut left = parts(path);
    let mut seen = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            seen.pop();
            continue;
        }
        let next = seen.join(&part);
        let (on_host, _) = below(mounts, &host_path(root, &next));
        match host.files().read_link(&on_host) {
            Ok(Some(target)) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(WhereError::Loop(path.to_owned()));
                }
                if target.is_absolute() {
                    seen = PathBuf::from("/");
                }
                let rest = std::mem::replace(&mut left, parts(&target));
                left.extend(rest);
            }
            Ok(None) => seen = next,
            // What is not there has no links in it.
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => seen = next,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seen)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// What lies below every nullfs at `path`, and the mounts passed on the way down, the root file system's last.
fn below(mounts: &[Mount], path: &Path) -> (PathBuf, Vec<Mount>) {
    let mut path = path.to_owned();
    // The part of the path that lies on the mount found next; what is mounted further down does not show through.
    let mut on = path.clone();
    let mut through: Vec<Mount> = Vec::new();
    loop {
        let fits = |mount: &&Mount| on.starts_with(&mount.target) && !through.contains(mount);
        let deepest = mounts.iter().filter(fits).max_by_key(|mount| mount.target.components().count());
        let Some(mount) = deepest else { return (path, through) };
        through.push(mount.clone());
        if mount.fstype != "nullfs" {
            return (path, through);
        }
        let Ok(rest) = path.strip_prefix(&mount.target) else { return (path, through) };
        path = if rest.as_os_str().is_empty() { mount.source.clone() } else { mount.source.join(rest) };
        on = mount.source.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(fstype: &str, source: &str, target: &str, read_only: bool) -> Mount {
        let flags = MountFlags { read_only, ..MountFlags::default() };
        Mount { fstype: fstype.into(), source: source.into(), target: target.into(), flags }
    }

    #[test]
    fn a_path_leads_through_nullfs_to_where_it_lies() {
        let mounts = [
            mount("ufs", "/dev/ada0p2", "/", false),
            mount("nullfs", "/srv/share/mysql", "/srv/jail/www/fs/var/run/mysql", true),
            mount("nullfs", "/srv/jail/www/fs/var/run", "/mnt", false),
        ];
        let case = |path: &str| {
            let (found, through) = below(&mounts, Path::new(path));
            (found.display().to_string(), through.iter().any(|mount| mount.flags.read_only))
        };
        assert_eq!(case("/srv/jail/www/fs/var/run/mysql/mysql.sock"), ("/srv/share/mysql/mysql.sock".into(), true));
        assert_eq!(case("/srv/jail/www/fs/var/log"), ("/srv/jail/www/fs/var/log".into(), false));
        // What is mounted below a nullfs's source does not show through it.
        assert_eq!(case("/mnt/mysql"), ("/srv/jail/www/fs/var/run/mysql".into(), false));
    }
}

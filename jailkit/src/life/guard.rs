//! Paths that lead into a jail's tree, where whoever is root in the jail may have put traps.

use std::path::{Path, PathBuf};

use super::JailError;
use crate::host::{FileKind, Host};
use crate::kernel;

/// Refuses a path that is not absolute, or that passes a symbolic link below the root directory of one of these jails.
/// The last part may be missing where `may_be_new` says so.
///
/// # Errors
/// [`JailError::Path`], as jail(8) refuses it.
pub(super) fn check(
    host: &dyn Host,
    roots: &[PathBuf],
    param: &str,
    path: &Path,
    may_be_new: bool,
) -> Result<(), JailError> {
    let wrong = |path: &Path, reason: &str| {
        Err(JailError::Path { param: param.to_owned(), path: path.to_owned(), reason: reason.to_owned() })
    };
    if !path.is_absolute() {
        return wrong(path, "not an absolute pathname");
    }
    // In a jail that has the host's own root directory, it is the host's root who makes links.
    let roots = roots.iter().filter(|root| root.parent().is_some());
    let ways: Vec<_> = roots.filter_map(|root| below_root(host, root, path)).collect();
    for (mut at, below) in ways.iter().cloned() {
        for part in below {
            if part == ".." {
                return wrong(path, "leads back out with '..'");
            }
            at.push(part);
            if host.files().read_link(&at)?.is_some() {
                return wrong(&at, "is a symbolic link; look at who put it there");
            }
        }
    }
    if !ways.is_empty() && !may_be_new && host.files().stat(path)?.is_none() {
        return wrong(path, "No such file or directory");
    }
    Ok(())
}

/// Where a path reaches a jail's root directory, by whatever name of it, and the rest; none for one that leads elsewhere.
fn below_root<'p>(host: &dyn Host, root: &Path, path: &'p Path) -> Option<(PathBuf, &'p Path)> {
    if let Ok(below) = path.strip_prefix(root) {
        return Some((root.to_owned(), below));
    }
    let real = |path: &Path| kernel::real_path(host.kernel(), path);
    let root = real(root);
    let ways: Vec<_> = path.ancestors().collect();
    let at = ways.into_iter().rev().find(|at| real(at).starts_with(&root))?;
    Some((at.to_owned(), path.strip_prefix(at).ok()?))
}

/// The path by which the kernel tells a directory. What is below a root directory is taken as it is written, so that no
/// link there leads elsewhere.
pub(super) fn place(host: &dyn Host, roots: &[PathBuf], path: &Path) -> PathBuf {
    let real = |path: &Path| kernel::real_path(host.kernel(), path);
    let roots = roots.iter().filter(|root| root.parent().is_some());
    let outermost =
        roots.filter_map(|root| below_root(host, root, path)).max_by_key(|(_, below)| below.as_os_str().len());
    outermost.map_or_else(|| real(path), |(at, below)| real(&at).join(below))
}

/// Refuses a jail's root directory that is none, with better words than the kernel has.
///
/// # Errors
/// [`JailError::Path`].
pub(super) fn check_root(host: &dyn Host, root: &Path) -> Result<(), JailError> {
    let wrong = |reason: &str| {
        Err(JailError::Path { param: "path".to_owned(), path: root.to_owned(), reason: reason.to_owned() })
    };
    if !root.is_absolute() {
        return wrong("not an absolute pathname");
    }
    match host.files().stat(root)? {
        None => wrong("No such file or directory"),
        Some(found) if found.kind != FileKind::Dir => wrong("Not a directory"),
        Some(_) => Ok(()),
    }
}

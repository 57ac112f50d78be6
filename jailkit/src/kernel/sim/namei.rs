//! From a path to what it names: through links and mounts, as namei(9) goes.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SIM_DIR;
use super::devfs;
use super::param::PATH_LEN;
use super::state::State;
use super::unionfs;
use crate::kernel::Errno;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where the system that jailkit runs on keeps it.
    pub real: PathBuf,
    /// The path without links and `..`, as the host sees it.
    pub path: PathBuf,
    /// Whether the file system it is on is mounted read-only.
    pub read_only: bool,
    /// The mount it is on, by its place in the order of mounts.
    pub(super) place: Place,
}

/// A file: which mount it is on, and where from the root directory of the simulated host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) mount: u32,
    pub(super) at: PathBuf,
}

impl Place {
    /// The root directory of the host.
    pub(super) fn root() -> Self {
        Self { mount: 0, at: PathBuf::new() }
    }
}

/// What a process sees: its root directory.
pub(super) struct View {
    host: PathBuf,
    /// Its root directory, and the path of that on the host.
    root: Step,
}

/// A directory on the way, and what the host calls it.
#[derive(Clone, Debug)]
struct Step {
    place: Place,
    path: PathBuf,
}

impl View {
    /// The view of a process in a prison.
    pub(super) fn of(state: &State, host: &Path, prison: i32) -> Result<Self, Errno> {
        let found = state.prison(prison).ok_or(Errno::EINVAL)?;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(found.root_path()));
        Ok(Self { host: host.to_owned(), root: Step { place: found.root.clone(), path } })
    }

    /// The root directory, which a jail may not cover.
    pub(super) fn root(&self) -> &Place {
        &self.root.place
    }
}

/// How many links a path may lead through (`MAXSYMLINKS`).
const MAX_LINKS: usize = 32;
/// The longest name of a file (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// Where a path leads; what it names must be there. A relative path begins at the root directory.
pub(super) fn lookup(state: &State, view: &View, path: &Path) -> Result<Located, Errno> {
    let found = locate(state, view, path, true)?;
    match found.real.metadata() {
        // Only a directory has a name with a slash at its end.
        Ok(real) if !real.is_dir() && path.as_os_str().as_bytes().ends_with(b"/") => Err(Errno::ENOTDIR),
        Ok(_) => Ok(found),
        Err(error) => Err(errno(&error)),
    }
}

/// Where a path leads; its last part may be missing, and is followed through a link if `follow` is set.
pub(super) fn locate(state: &State, view: &View, path: &Path, follow: bool) -> Result<Located, Errno> {
    if path.as_os_str().is_empty() {
        return Err(Errno::ENOENT);
    }
    if path.as_os_str().len() >= PATH_LEN {
        return Err(Errno::ENAMETOOLONG);
    }
    // A root directory whose file system was unmounted by force is none any more.
    if state.mounted(view.root.place.mount).is_none() {
        return Err(Errno::ENOTDIR);
    }
    let mut way = vec![view.root.clone()];
    let mut left: VecDeque<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        let here = &way[way.len() - 1];
        if part == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        if part.len() > MAX_NAME {
            return Err(Errno::ENAMETOOLONG);
        }
        let next = step(state, here, &part);
        let real = kept_at(state, &view.host, &next.place);
        let is_last = left.is_empty();
        // The simulated host's own folder is none of the host's files.
        if next.place.at == Path::new(SIM_DIR) {
            return Err(Errno::ENOENT);
        }
        match real.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_last => way.push(next),
            Err(error) => return Err(errno(&error)),
            Ok(found) if found.is_symlink() && (follow || !is_last) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::ELOOP);
                }
                let target = real.read_link().map_err(|error| errno(&error))?;
                if target.is_absolute() {
                    way.truncate(1);
                }
                let rest = std::mem::take(&mut left);
                left = parts(&target);
                left.extend(rest);
            }
            Ok(found) if !found.is_dir() && !is_last => return Err(Errno::ENOTDIR),
            Ok(_) => {
                if !is_last && unionfs::is_in(state, &next.place) && !is_read_only(state, next.place.mount) {
                    unionfs::shadow(state, &view.host, &next.place).map_err(|error| errno(&error))?;
                }
                way.push(next);
            }
        }
    }
    let Step { place, path } = way.pop().unwrap_or_else(|| view.root.clone());
    let read_only = is_read_only(state, place.mount);
    Ok(Located { real: kept_at(state, &view.host, &place), path, read_only, place })
}

/// Where the system that jailkit runs on keeps a file.
pub(super) fn kept_at(state: &State, host: &Path, place: &Place) -> PathBuf {
    let Some(shown) = state.showing(place.mount) else { return host.join(&place.at) };
    match &shown.union {
        Some(layers) => unionfs::kept_at(state, host, layers, &place.at),
        None => match devfs::device(state, place) {
            Some(device) => host.join(devfs::kept_at(device)),
            None => host.join(&place.at),
        },
    }
}

/// The same file on the file system that keeps it: below each nullfs, in the upper directory of each unionfs.
pub(super) fn stored(state: &State, place: &Place) -> Place {
    let mut place = place.clone();
    while let Some(below) = below(state, &place) {
        place = below;
    }
    place
}

/// The same file one layer down, where what it is on is a layer.
fn below(state: &State, place: &Place) -> Option<Place> {
    let mounted = state.mounted(place.mount)?;
    match &mounted.union {
        Some(layers) => Some(layers.above(&place.at)),
        None => mounted.lower.map(|mount| Place { mount, at: place.at.clone() }),
    }
}

/// Whether a mount, or one that it hands each call down to, is read-only.
pub(super) fn is_read_only(state: &State, mount: u32) -> bool {
    let mut place = Some(Place { mount, at: PathBuf::new() });
    while let Some(at) = place {
        if state.mounted(at.mount).is_some_and(|mounted| mounted.mount.flags.read_only) {
            return true;
        }
        place = below(state, &at);
    }
    false
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let named = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}

/// One name further, onto the topmost mount that lies there.
fn step(state: &State, here: &Step, name: &OsString) -> Step {
    let mut place = Place { mount: here.place.mount, at: here.place.at.join(name) };
    while let Some(found) = state.covering(&place) {
        place = Place { mount: found.id, at: found.backing.clone() };
    }
    Step { place, path: here.path.join(name) }
}

/// What FreeBSD would have answered where the system below answered `error`.
pub(super) fn errno(error: &io::Error) -> Errno {
    match error.kind() {
        io::ErrorKind::NotFound => Errno::ENOENT,
        io::ErrorKind::NotADirectory => Errno::ENOTDIR,
        io::ErrorKind::IsADirectory => Errno::EISDIR,
        io::ErrorKind::AlreadyExists => Errno::EEXIST,
        io::ErrorKind::PermissionDenied => Errno::EACCES,
        io::ErrorKind::DirectoryNotEmpty => Errno::ENOTEMPTY,
        io::ErrorKind::ReadOnlyFilesystem => Errno::EROFS,
        io::ErrorKind::StorageFull => Errno::ENOSPC,
        io::ErrorKind::InvalidFilename => Errno::ENAMETOOLONG,
        _ => Errno::EIO,
    }
}

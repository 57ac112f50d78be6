//! From a path to what it names: through links and mounts, as namei(9) goes.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::SIM_DIR;
use super::state::{Mounted, State};
use crate::kernel::{Errno, Jid};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) mount: u32,
    pub(super) at: PathBuf,
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
    pub(super) fn of(state: &State, host: &Path, prison: Jid) -> Result<Self, Errno> {
        let root = Step { place: Place { mount: 0, at: PathBuf::new() }, path: PathBuf::from("/") };
        let view = Self { host: host.to_owned(), root };
        if prison == Jid::HOST {
            return Ok(view);
        }
        let path = &state.jail(prison).ok_or(Errno::EINVAL)?.path;
        let found = locate(state, &view, path, true)?;
        Ok(Self { root: Step { place: found.place, path: found.path }, ..view })
    }
}

/// How many links a path may lead through (`MAXSYMLINKS`).
const MAX_LINKS: usize = 32;

pub(super) fn locate(state: &State, view: &View, path: &Path, follow: bool) -> Result<Located, Errno> {
    if !path.is_absolute() {
        return Err(Errno::ENOENT);
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
        let next = step(state, here, &part);
        let real = view.host.join(&next.place.at);
        let is_last = left.is_empty();
        match real.symlink_metadata() {
            // The simulated host's own folder is none of the host's files.
            _ if next.place.at == Path::new(SIM_DIR) => return Err(Errno::ENOENT),
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
            Ok(_) => way.push(next),
        }
    }
    let Step { place, path } = way.pop().unwrap_or_else(|| view.root.clone());
    let read_only = state.mounts.iter().any(|found| found.id == place.mount && found.mount.flags.read_only);
    Ok(Located { real: view.host.join(&place.at), path, read_only, place })
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
    let place = Place { mount: here.place.mount, at: here.place.at.join(name) };
    Step { place: topmost(state, place), path: here.path.join(name) }
}

/// What shows at a place: the root of what is mounted over it, however many times.
pub(super) fn topmost(state: &State, mut place: Place) -> Place {
    let covering = |place: &Place| -> Option<&Mounted> {
        let covers = |found: &&Mounted| {
            found.covers.as_ref().is_some_and(|(mount, at)| (*mount, at) == (place.mount, &place.at))
        };
        state.mounts.iter().rfind(covers)
    };
    while let Some(found) = covering(&place) {
        place = Place { mount: found.id, at: found.backing.clone() };
    }
    place
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

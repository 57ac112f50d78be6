//! nmount(2) and unmount(2).

use std::path::{Path, PathBuf};

use super::namei::{self, Place, View};
use super::state::{Mounted, State};
use super::{Refusal, SIM_DIR};
use crate::kernel::{Errno, Mount, MountRequest};

/// File systems that make their files up and take no directory to show.
const SYNTHETIC: &[&str] = &["devfs", "fdescfs", "linprocfs", "linsysfs", "procfs", "tmpfs"];

pub(super) fn mount(state: &mut State, host: &Path, view: &View, request: &MountRequest) -> Result<(), Refusal> {
    if request.fstype.is_empty() || request.target.as_os_str().is_empty() {
        return Err(Errno::EINVAL.into());
    }
    let target = namei::locate(state, view, &request.target, true)?;
    if request.flags.update {
        return update(state, &target.place, request);
    }
    if !target.real.is_dir() {
        return Err(if target.real.exists() { Errno::ENOTDIR } else { Errno::ENOENT }.into());
    }
    let id = state.last_mount + 1;
    let (backing, from) = match request.fstype.as_str() {
        "nullfs" => nullfs_source(state, view, request)?,
        fstype if SYNTHETIC.contains(&fstype) => {
            let backing = PathBuf::from(SIM_DIR).join(format!("mount-{id}"));
            std::fs::create_dir_all(host.join(&backing)).map_err(|error| namei::errno(&error))?;
            (backing, request.source.clone().unwrap_or_else(|| fstype.into()))
        }
        _ => return Err(Refusal::new(Errno::EINVAL, "Invalid fstype")),
    };
    let mount = Mount { fstype: request.fstype.clone(), source: from, target: target.path, flags: request.flags };
    state.mounts.push(Mounted { id, mount, backing, covers: Some((target.place.mount, target.place.at)) });
    state.last_mount = id;
    Ok(())
}

/// The directory a nullfs shows, and what the mount table calls it.
fn nullfs_source(state: &State, view: &View, request: &MountRequest) -> Result<(PathBuf, PathBuf), Refusal> {
    let source = request.source.as_deref().ok_or(Errno::EINVAL)?;
    let found = namei::locate(state, view, source, true)?;
    if !found.real.exists() {
        return Err(Errno::ENOENT.into());
    }
    Ok((found.place.at, found.path))
}

fn update(state: &mut State, place: &Place, request: &MountRequest) -> Result<(), Refusal> {
    let is_root = |found: &&mut Mounted| found.id == place.mount && found.backing == place.at;
    let found = state.mounts.iter_mut().find(is_root).ok_or(Errno::EINVAL)?;
    found.mount.flags = crate::kernel::MountFlags { update: false, ..request.flags };
    Ok(())
}

pub(super) fn unmount(state: &mut State, host: &Path, view: &View, path: &Path, force: bool) -> Result<(), Refusal> {
    let found = namei::locate(state, view, path, true)?;
    let is_root = |mounted: &Mounted| mounted.id == found.place.mount && mounted.backing == found.place.at;
    let index = state.mounts.iter().position(is_root).ok_or(Errno::EINVAL)?;
    let mounted = state.mounts[index].clone();
    let in_use = state.mounts.iter().any(|other| other.covers.as_ref().is_some_and(|(mount, _)| *mount == mounted.id))
        || state.jails.iter().any(|jail| jail.path.starts_with(&mounted.mount.target));
    if mounted.covers.is_none() || (in_use && !force) {
        return Err(Errno::EBUSY.into());
    }
    if SYNTHETIC.contains(&mounted.mount.fstype.as_str()) {
        std::fs::remove_dir_all(host.join(&mounted.backing)).map_err(|error| namei::errno(&error))?;
    }
    state.mounts.remove(index);
    Ok(())
}

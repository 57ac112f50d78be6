//! nmount(2) and unmount(2).
//!
//! Source: vfs_donmount, vfs_domount, vfs_domount_first, vfs_domount_update, kern_unmount and dounmount in
//! `sys/kern/vfs_mount.c`, and the mount routine of each file system ([`super::fstype`]).

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::devfs::{self, Devfs};
use super::fstype;
use super::mount_options::Call;
use super::namei::{self, Located, View};
use super::param::PATH_LEN;
use super::prison::{Prison, has_privileges};
use super::state::{Mounted, State};
use super::unionfs::Whiteouts;
use super::{Refusal, SIM_DIR};
use crate::kernel::{Errno, Mount, MountFlags, MountRequest};

/// The room for a type's name, its NUL included (`MFSNAMELEN`).
const TYPE_LEN: usize = 16;

/// Mounts, or changes what is mounted, for a process in the prison `mine`.
pub(super) fn mount(state: &mut State, host: &Path, mine: i32, request: &MountRequest) -> Result<(), Refusal> {
    if request.fstype.is_empty() {
        return Err(Refusal::new(Errno::EINVAL, "Invalid fstype"));
    }
    // An option that is there and says nothing is a path that leads nowhere.
    if request.target.as_os_str().is_empty() && !request.options.iter().any(|(name, _)| name == "fspath") {
        return Err(Refusal::new(Errno::EINVAL, "Invalid fspath"));
    }
    if request.fstype.len() >= TYPE_LEN || request.target.as_os_str().len() >= PATH_LEN {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let mut call = Call::new(request, mine);
    let newer = state.rest().release.has(14);
    domount(state, host, &mut call).map_err(|refusal| match refusal.errno {
        // Until 14 the kernel took every missing thing for a missing type.
        Errno::ENOENT | Errno::ENODEV if !newer => Refusal::new(Errno::EINVAL, "Invalid fstype"),
        _ => refusal,
    })
}

fn domount(state: &mut State, host: &Path, call: &mut Call<'_>) -> Result<(), Refusal> {
    may_mount(state, call.mine)?;
    let view = View::of(state, host, call.mine)?;
    if call.flags.update {
        let found = namei::lookup(state, &view, &call.request.target)?;
        return update(state, &found, call);
    }
    let fstype = fstype::find(&call.request.fstype).ok_or(Errno::ENODEV)?;
    if call.mine != 0 && fstype.comes_late() && !fstype.module.is_some_and(|name| state.rest().modules.contains(name)) {
        return Err(Errno::ENODEV.into());
    }
    let target = namei::lookup(state, &view, &call.request.target)?;
    if call.nocover && state.rooted_at(&target.place).is_some() {
        return Err(Errno::EBUSY.into());
    }
    if call.emptydir && target.real.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Errno::ENOTEMPTY.into());
    }
    if call.mine != 0 && (!allows(state, call.mine, fstype.allow) || target.place == *view.root()) {
        return Err(Errno::EPERM.into());
    }
    let shows_files = fstype.shows_files && state.rest().release.has(14);
    if !target.real.is_dir() && !shows_files {
        return Err(Errno::ENOTDIR.into());
    }
    let id = state.counters().last_mount + 1;
    let shown = (fstype.mount)(state, &view, call, &target)?;
    let (backing, lower, union) = match shown {
        fstype::Shown::Directory(place) => (place.at, Some(place.mount), None),
        fstype::Shown::Union(source, layers) => (layers.upper().at.clone(), Some(source), Some(layers)),
        fstype::Shown::Own => {
            let backing = PathBuf::from(SIM_DIR).join(format!("mount-{id}"));
            let real = host.join(&backing);
            // One that a process that was killed, or an earlier boot, has left.
            let swept = std::fs::remove_dir_all(&real).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            });
            swept.and_then(|()| std::fs::create_dir_all(real)).map_err(|error| namei::errno(&error))?;
            (backing, None, None)
        }
    };
    let devfs = if call.request.fstype == "devfs" {
        devfs::make_devices(host).map_err(|error| namei::errno(&error))?;
        Some(Devfs::new(fstype::ruleset(state, call)?))
    } else {
        None
    };
    // The upper directory of a unionfs makes it read-only.
    let read_only = call.flags.read_only
        || union
            .as_ref()
            .and_then(|layers| state.mounted(layers.upper().mount))
            .is_some_and(|upper| upper.mount.flags.read_only);
    let mount = Mount {
        fstype: call.request.fstype.clone(),
        source: (fstype.source)(call),
        target: target.path,
        flags: MountFlags { update: false, force: false, read_only, ..call.flags },
    };
    state.load(fstype.module);
    state.add_mount(Mounted {
        id,
        mount,
        backing,
        covers: Some(target.place),
        lower,
        owner: call.mine,
        own_read_only: read_only,
        options: std::mem::take(&mut call.options),
        devfs,
        union,
        whiteouts: Whiteouts::default(),
    });
    state.counters_mut().last_mount = id;
    Ok(())
}

/// Whether a process in a prison may mount and unmount at all (`PRIV_VFS_MOUNT` and its like in prison_priv_check, and
/// then as with every privilege).
fn may_mount(state: &State, mine: i32) -> Result<(), Errno> {
    has_privileges(state, mine)?;
    let may = |jail: &super::prison::Prison| jail.allows("allow.mount") && jail.enforce_statfs < 2;
    if mine == 0 || state.prison(mine).is_some_and(may) { Ok(()) } else { Err(Errno::EPERM) }
}

/// Whether a jail has the `allow.mount.` parameter of a file system; those without one are not for jails.
fn allows(state: &State, mine: i32, allow: Option<&str>) -> bool {
    allow.is_some_and(|allow| state.prison(mine).is_some_and(|jail| jail.allows(allow)))
}

/// Whether a process in a prison may touch a mount (`vfs_suser`): in a jail, only what was mounted there or below.
fn owns(state: &State, mine: i32, mounted: &Mounted) -> bool {
    let allow = fstype::find(&mounted.mount.fstype).and_then(|found| found.allow);
    mine == 0 || (allows(state, mine, allow) && (mounted.owner == mine || state.is_below(mine, mounted.owner)))
}

fn update(state: &mut State, found: &Located, call: &mut Call<'_>) -> Result<(), Refusal> {
    let mounted = state.rooted_at(&found.place).ok_or(Errno::EINVAL)?;
    if call.reload && !mounted.mount.flags.read_only {
        return Err(Errno::EOPNOTSUPP.into());
    }
    if !owns(state, call.mine, mounted) {
        return Err(Errno::EPERM.into());
    }
    let (id, earlier) = (mounted.id, mounted.options.clone());
    call.merge(&earlier);
    match fstype::find(&mounted.mount.fstype) {
        Some(fstype) => (fstype.update)(state, call, &earlier)?,
        None => fstype::ufs_update(call)?,
    }
    let ruleset = if mounted.devfs.is_some() { Some(fstype::ruleset(state, call)?) } else { None };
    let Some(mounted) = state.mounted_mut(id) else { return Ok(()) };
    if let (Some(devfs), Some(ruleset)) = (&mut mounted.devfs, ruleset) {
        devfs.update(ruleset);
    }
    // The flag can be set by itself but not cleared; the file system goes by the option.
    let mut read_only = mounted.mount.flags.read_only || call.flags.read_only;
    let goes_by_option = matches!(mounted.mount.fstype.as_str(), "tmpfs" | "ufs");
    if goes_by_option && call.has("ro") != mounted.own_read_only {
        mounted.own_read_only = call.has("ro");
        read_only = mounted.own_read_only;
    }
    mounted.mount.flags = MountFlags { update: false, force: false, read_only, ..call.flags };
    let is_exported = call.has("export");
    mounted.options = std::mem::take(&mut call.options);
    // The update has been made by now; what says to whom is no structure of the kernel's.
    if is_exported { Err(Errno::EINVAL.into()) } else { Ok(()) }
}

/// Takes away the newest file system at a path, for a process in the prison `mine`. The folder with its files is to be
/// removed once that is settled.
pub(super) fn unmount(
    state: &mut State,
    host: &Path,
    mine: i32,
    path: &Path,
    force: bool,
) -> Result<Option<PathBuf>, Refusal> {
    may_mount(state, mine)?;
    if path.as_os_str().len() >= PATH_LEN {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let view = View::of(state, host, mine)?;
    let listed = |target: &Path| {
        let found = state.mounted_at(target);
        found.filter(|mounted| mounted.target_bytes() == target.as_os_str().as_bytes())
    };
    // As on FreeBSD: what the host sees in the mount table goes by its id there, wherever the path leads by now. And a
    // path that leads nowhere may still be what the table says.
    let target = match listed(path) {
        Some(_) if mine == 0 => path.to_owned(),
        _ => namei::lookup(state, &view, path).map_or_else(|_| path.to_owned(), |found| found.path),
    };
    let mounted = listed(&target).ok_or(Errno::EINVAL)?;
    let Some(covers) = mounted.covers.clone() else { return Err(Errno::EINVAL.into()) };
    let (id, owner) = (mounted.id, mounted.owner);
    if state.covering(&covers).is_none_or(|top| top.id != id) {
        return Err(Errno::EBUSY.into());
    }
    if !owns(state, mine, mounted) {
        return Err(Errno::EPERM.into());
    }
    // A nullfs keeps what it shows, whatever the force; a unionfs does not.
    let shown = state.mounts().any(|other| other.lower == Some(id) && other.union.is_none());
    let busy = state.is_used_by_mounts(id) || state.prisons().any(|jail| jail.root.mount == id);
    if shown || (busy && !force) {
        return Err(Errno::EBUSY.into());
    }
    let files = mounted.lower.is_none().then(|| host.join(&mounted.backing));
    state.remove_mount(id);
    state.let_go(owner);
    Ok(files)
}

/// What the mount table tells a process in the prison `mine` (`prison_canseemount`, `prison_enforce_statfs`).
pub(super) fn visible(state: &State, mine: i32) -> Vec<Mount> {
    let Some(prison) = state.prison(mine) else { return Vec::new() };
    state.mounts().filter_map(|mounted| as_seen(prison, mounted)).collect()
}

/// What a process in the prison `mine` is told of the file system that a file of its is on.
pub(super) fn as_told(state: &State, mine: i32, mount: u32) -> Option<Mount> {
    let mounted = state.mounted(mount)?;
    let hidden = || Mount { target: "[restricted]".into(), ..mounted.mount.clone() };
    Some(as_seen(state.prison(mine)?, mounted).unwrap_or_else(hidden))
}

fn as_seen(prison: &Prison, mounted: &Mounted) -> Option<Mount> {
    let path = Path::new(std::ffi::OsStr::from_bytes(&prison.path));
    let mount = mounted.mount.clone();
    if prison.enforce_statfs == 0 {
        return Some(mount);
    }
    if mounted.id == prison.root.mount {
        return Some(Mount { target: "/".into(), ..mount });
    }
    if prison.enforce_statfs == 2 {
        return None;
    }
    let below = mount.target.strip_prefix(path).ok()?;
    Some(Mount { target: Path::new("/").join(below), ..mount })
}

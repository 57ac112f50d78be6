//! The file systems that can be mounted, and what each refuses.
//!
//! Source: nullfs_mount, devfs_mount, tmpfs_mount, fdescfs_mount, pfs_mount, unionfs_domount.

use std::path::{Path, PathBuf};

use super::Refusal;
use super::mount_options::{self, Call, MountOption};
use super::namei::{self, Located, Place, View};
use super::state::State;
use super::unionfs::{self, Layers};
use crate::kernel::{DevfsRuleset, Errno};

/// A file system.
pub(super) struct Fstype {
    pub(super) name: &'static str,
    /// The module that is loaded for it; none for what every kernel has.
    pub(super) module: Option<&'static str>,
    /// The parameter that lets a jail mount it; none for what no jail may mount.
    pub(super) allow: Option<&'static str>,
    /// Whether it may be mounted on a file, from 14 on (`VFCF_FILEMOUNT`).
    pub(super) shows_files: bool,
    pub(super) mount: fn(&State, &View, &Call<'_>, &Located) -> Result<Shown, Refusal>,
    /// What an update is refused with, which comes with the options of now and with those that were there before.
    pub(super) update: fn(&State, &Call<'_>, &[MountOption]) -> Result<(), Refusal>,
    /// What it says that it shows (`f_mntfromname`).
    pub(super) source: fn(&Call<'_>) -> PathBuf,
}

/// What a mounted file system shows.
pub(super) enum Shown {
    /// A directory of another one.
    Directory(Place),
    /// Two directories, one over the other, and the mount that the one named is on.
    Union(u32, Layers),
    /// Files of its own.
    Own,
}

const fn fstype(
    name: &'static str,
    allow: Option<&'static str>,
    mount: fn(&State, &View, &Call<'_>, &Located) -> Result<Shown, Refusal>,
    update: fn(&State, &Call<'_>, &[MountOption]) -> Result<(), Refusal>,
) -> Fstype {
    Fstype { name, module: Some(name), allow, shows_files: false, mount, update, source: own_name }
}

const KNOWN: &[Fstype] = &[
    Fstype { module: None, ..fstype("devfs", Some("allow.mount.devfs"), devfs, devfs_update) },
    fstype("fdescfs", Some("allow.mount.fdescfs"), own, no_update),
    fstype("linprocfs", Some("allow.mount.linprocfs"), own, no_update),
    fstype("linsysfs", Some("allow.mount.linsysfs"), own, no_update),
    Fstype {
        shows_files: true,
        source: |call| source(call).map(PathBuf::from).unwrap_or_default(),
        ..fstype("nullfs", Some("allow.mount.nullfs"), nullfs, nullfs_update)
    },
    fstype("procfs", Some("allow.mount.procfs"), own, no_update),
    fstype("tmpfs", Some("allow.mount.tmpfs"), tmpfs, tmpfs_update),
    Fstype { source: unionfs::source, ..fstype("unionfs", None, unionfs, unionfs_update) },
];

impl Fstype {
    /// Whether it comes as a module that is loaded the first time it is mounted, and that a jail cannot load. The others
    /// are there from the start, as on a host where `security.jail.param.allow.mount` knows them.
    pub(super) fn comes_late(&self) -> bool {
        matches!(self.name, "linprocfs" | "linsysfs" | "unionfs")
    }
}

pub(super) fn find(name: &str) -> Option<&'static Fstype> {
    KNOWN.iter().find(|known| known.name == name)
}

fn own(_: &State, _: &View, _: &Call<'_>, _: &Located) -> Result<Shown, Refusal> {
    Ok(Shown::Own)
}

fn own_name(call: &Call<'_>) -> PathBuf {
    call.request.fstype.clone().into()
}

fn no_update(_: &State, _: &Call<'_>, _: &[MountOption]) -> Result<(), Refusal> {
    Err(Errno::EOPNOTSUPP.into())
}

fn nullfs(state: &State, view: &View, call: &Call<'_>, target: &Located) -> Result<Shown, Refusal> {
    let source = source(call).ok_or(Errno::EINVAL)?;
    let shown = namei::lookup(state, view, source)?;
    // The kernel would lock the one directory twice.
    let lower = state.mounted(target.place.mount).and_then(|mounted| mounted.lower.filter(|_| is_nullfs(mounted)));
    let is_same = lower.is_some_and(|mount| shown.place == Place { mount, at: target.place.at.clone() });
    if is_same || shown.place == target.place {
        return Err(Errno::EDEADLK.into());
    }
    if shown.real.is_dir() != target.real.is_dir() {
        let newer = state.rest().release.has(14);
        return Err(if newer { Errno::EOPNOTSUPP } else { Errno::ENOTDIR }.into());
    }
    Ok(Shown::Directory(shown.place))
}

fn is_nullfs(mounted: &super::state::Mounted) -> bool {
    mounted.mount.fstype == "nullfs"
}

fn source<'a>(call: &'a Call<'_>) -> Option<&'a Path> {
    let option = || call.value("from").or(call.value("target")).map(Path::new);
    call.request.source.as_deref().or_else(option)
}

fn nullfs_update(_: &State, call: &Call<'_>, _: &[MountOption]) -> Result<(), Refusal> {
    // Only for NFS.
    if call.has("export") { Ok(()) } else { Err(Errno::EOPNOTSUPP.into()) }
}

fn devfs(state: &State, _: &View, call: &Call<'_>, _: &Located) -> Result<Shown, Refusal> {
    devfs_update(state, call, &[])?;
    Ok(Shown::Own)
}

fn devfs_update(state: &State, call: &Call<'_>, _: &[MountOption]) -> Result<(), Refusal> {
    ruleset(state, call).map(drop)
}

/// The ruleset that a call gives a devfs: in a jail always the jail's.
pub(super) fn ruleset(state: &State, call: &Call<'_>) -> Result<DevfsRuleset, Refusal> {
    call.filter(&["from", "export", "ruleset"])?;
    if call.has("export") {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let asked = match call.value("ruleset") {
        None if call.has("ruleset") => None,
        None => Some(0),
        Some(text) => leading_number(text).and_then(|number| u16::try_from(number).ok()),
    };
    let asked = asked.ok_or_else(|| Refusal::new(Errno::EINVAL, "invalid ruleset specification"))?;
    if call.mine == 0 {
        return Ok(DevfsRuleset(asked));
    }
    let own = state.prison(call.mine).map_or(0, |prison| prison.devfs_ruleset);
    if asked != 0 && i32::from(asked) != own {
        return Err(Errno::EPERM.into());
    }
    Ok(DevfsRuleset(u16::try_from(own).unwrap_or_default()))
}

/// The number a text begins with, as sscanf(9) reads `%d`.
fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number: i64 = digits[..end].parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}

const TMPFS_OPTIONS: &[&str] =
    &["from", "size", "maxfilesize", "inodes", "uid", "gid", "mode", "export", "union", "nonc", "nomtime", "pgread"];

fn tmpfs(_: &State, _: &View, call: &Call<'_>, _: &Located) -> Result<Shown, Refusal> {
    call.filter(TMPFS_OPTIONS)?;
    Ok(Shown::Own)
}

fn tmpfs_update(_: &State, call: &Call<'_>, earlier: &[MountOption]) -> Result<(), Refusal> {
    const PAGE: u64 = 4096;
    call.filter(TMPFS_OPTIONS)?;
    if let Err(refusal) = call.filter(&["from", "export", "nomtime", "size"]) {
        return Err(Refusal { errno: Errno::EOPNOTSUPP, ..refusal });
    }
    let had = earlier.iter().find(|(name, _)| name == "size").and_then(|(_, size)| size.as_deref());
    let had = had.and_then(mount_options::size).unwrap_or(0).next_multiple_of(PAGE);
    // It is not resized.
    match call.size("size") {
        Some(size) if size != had => Err(Errno::EOPNOTSUPP.into()),
        _ => Ok(()),
    }
}

/// An update of the root file system.
pub(super) fn ufs_update(call: &Call<'_>) -> Result<(), Refusal> {
    call.filter(&[
        "acls",
        "async",
        "noatime",
        "noclusterr",
        "noclusterw",
        "noexec",
        "export",
        "force",
        "from",
        "groupquota",
        "multilabel",
        "nfsv4acls",
        "fsckpid",
        "snapshot",
        "nosuid",
        "suiddir",
        "nosymfollow",
        "sync",
        "union",
        "userquota",
        "untrusted",
    ])
}

fn unionfs(state: &State, view: &View, call: &Call<'_>, target: &Located) -> Result<Shown, Refusal> {
    unionfs::check(call)?;
    let source = unionfs::named(call).ok_or_else(|| Refusal::new(Errno::EINVAL, "Invalid target"))?;
    let named = namei::lookup(state, view, source)?;
    if !named.real.is_dir() {
        return Err(Errno::EINVAL.into());
    }
    Ok(Shown::Union(named.place.mount, Layers::new(call, named.place, target.place.clone())))
}

fn unionfs_update(_: &State, _: &Call<'_>, _: &[MountOption]) -> Result<(), Refusal> {
    Err(Refusal::new(Errno::EOPNOTSUPP, "unionfs does not support mount update"))
}

//! unionfs: one directory laid over another.
//!
//! Source: unionfs_domount in `sys/fs/unionfs/union_vfsops.c`; unionfs_lookup, unionfs_create, unionfs_mkdir,
//! unionfs_remove and unionfs_rmdir in `union_vnops.c`. What is changed is changed in the upper directory; what is only
//! in the lower one is copied there first, and taken away by a whiteout. The file system of the upper directory keeps
//! the whiteouts, so that they outlive the unionfs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::mount_options::Call;
use super::namei::{self, Place};
use super::state::State;
use crate::kernel::Errno;

/// The two directories of a unionfs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Layers {
    upper: Place,
    lower: Place,
    /// Whether a whiteout is left where the lower directory has nothing.
    always: bool,
}

impl Layers {
    /// The directory named is laid over the one it is mounted on, or under it.
    pub(super) fn new(call: &Call<'_>, named: Place, covered: Place) -> Self {
        let always = call.value("whiteout").is_none_or(|mode| mode.eq_ignore_ascii_case("always"));
        let (upper, lower) = if call.has("below") { (covered, named) } else { (named, covered) };
        Self { upper, lower, always }
    }

    pub(super) fn upper(&self) -> &Place {
        &self.upper
    }

    /// The same file in the upper directory, which it is called by.
    pub(super) fn above(&self, at: &Path) -> Place {
        Place { mount: self.upper.mount, at: at.to_owned() }
    }

    fn below(&self, at: &Path) -> Option<Place> {
        let rest = at.strip_prefix(&self.upper.at).ok()?;
        Some(Place { mount: self.lower.mount, at: self.lower.at.join(rest) })
    }
}

/// What unionfs has taken away from the names of a file system's directories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Whiteouts {
    names: BTreeSet<PathBuf>,
    /// Directories made where a whiteout was: nothing below shows through them.
    opaque: BTreeSet<PathBuf>,
}

impl Whiteouts {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.opaque.is_empty()
    }
}

/// Refuses options with values that mean nothing.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let is_number = |text: &str, radix| i64::from_str_radix(text.trim_start(), radix).is_ok() || text.is_empty();
    let one_of = |text: &str, known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(text));
    type Check<'c> = &'c dyn Fn(&str) -> bool;
    if named(call).is_none() {
        return Err(Refusal::new(Errno::EINVAL, "Invalid target"));
    }
    let checks: [(&str, &str, Check<'_>); 6] = [
        ("udir", "Invalid udir", &|text| is_number(text, 8)),
        ("ufile", "Invalid ufile", &|text| is_number(text, 8)),
        ("uid", "Invalid uid", &|text| is_number(text, 10)),
        ("gid", "Invalid gid", &|text| is_number(text, 10)),
        ("copymode", "Invalid copymode", &|text| one_of(text, &["traditional", "transparent", "masquerade"])),
        ("whiteout", "Invalid whiteout mode", &|text| one_of(text, &["always", "whenneeded"])),
    ];
    for (name, message, is_right) in checks {
        if call.has(name) && !call.value(name).is_some_and(is_right) {
            return Err(Refusal::new(Errno::EINVAL, message));
        }
    }
    Ok(())
}

/// The directory that a call names.
pub(super) fn named<'a>(call: &'a Call<'_>) -> Option<&'a Path> {
    let from = || call.request.source.as_deref().or(call.value("from").map(Path::new));
    call.value("target").map(Path::new).or_else(from)
}

/// What the mount table says of where it comes from.
pub(super) fn source(call: &Call<'_>) -> PathBuf {
    let mut text = OsString::from(if call.has("below") { "<below>:" } else { "<above>:" });
    text.push(named(call).unwrap_or(Path::new("")));
    text.into()
}

/// Whether the lower directory shows through at a path of the upper one.
fn shows_through(state: &State, layers: &Layers, at: &Path) -> bool {
    let kept = namei::stored(state, &layers.above(at));
    let Some(whiteouts) = state.mounted(kept.mount).map(|mounted| &mounted.whiteouts) else { return true };
    let depth = at.strip_prefix(&layers.upper.at).map_or(0, |rest| rest.components().count());
    let is_covered =
        |(up, path): (usize, &Path)| whiteouts.names.contains(path) || (up > 0 && whiteouts.opaque.contains(path));
    !kept.at.ancestors().take(depth).enumerate().any(is_covered)
}

/// Where the system that jailkit runs on keeps a file of a unionfs.
pub(super) fn kept_at(state: &State, host: &Path, layers: &Layers, at: &Path) -> PathBuf {
    let above = namei::kept_at(state, host, &layers.above(at));
    if above.symlink_metadata().is_ok() {
        return above;
    }
    let below = layers.below(at).filter(|_| shows_through(state, layers, at));
    let below = below.map(|below| namei::kept_at(state, host, &below));
    below.filter(|below| below.symlink_metadata().is_ok()).unwrap_or(above)
}

/// Makes the directories above a file in the upper directory, and copies the file itself there if it is in the lower
/// one alone; where the file is then, or is to be made.
pub(super) fn raise(state: &State, host: &Path, place: &Place) -> std::io::Result<PathBuf> {
    let Some(layers) = layers_of(state, place) else {
        return Ok(namei::kept_at(state, host, place));
    };
    let shown = namei::kept_at(state, host, place);
    let above = raise(state, host, &layers.above(&place.at))?;
    if let Some(dir) = above.parent() {
        fs::create_dir_all(dir)?;
    }
    if shown != above && shown.symlink_metadata().is_ok_and(|found| found.is_file()) {
        fs::copy(shown, &above)?;
    }
    Ok(above)
}

/// A directory that a path leads through is made in the upper directory, where the lower one alone has it.
pub(super) fn shadow(state: &State, host: &Path, place: &Place) -> std::io::Result<()> {
    fs::create_dir_all(raise(state, host, place)?)
}

/// The layers of the unionfs that a place is in.
fn layers_of<'s>(state: &'s State, place: &Place) -> Option<&'s Layers> {
    state.showing(place.mount)?.union.as_ref()
}

/// A name was made: no whiteout is there any more, and a directory that takes its place is opaque.
pub(super) fn made(state: &mut State, place: &Place, is_dir: bool) {
    let kept = namei::stored(state, place);
    if state.mounted(kept.mount).is_none_or(|mounted| !mounted.whiteouts.names.contains(&kept.at)) {
        return;
    }
    if let Some(mounted) = state.mounted_mut(kept.mount) {
        mounted.whiteouts.names.remove(&kept.at);
        if is_dir {
            mounted.whiteouts.opaque.insert(kept.at);
        }
    }
}

/// A name was removed from the file system that keeps it.
pub(super) fn unlinked(state: &mut State, place: &Place) {
    let kept = namei::stored(state, place);
    if state.mounted(kept.mount).is_some_and(|mounted| mounted.whiteouts.opaque.contains(&kept.at))
        && let Some(mounted) = state.mounted_mut(kept.mount)
    {
        mounted.whiteouts.opaque.remove(&kept.at);
    }
}

/// A name of a unionfs was removed: a whiteout takes its place where it may be in the lower directory.
pub(super) fn removed(state: &mut State, host: &Path, place: &Place) {
    unlinked(state, place);
    let kept = namei::stored(state, place);
    let Some(layers) = layers_of(state, place) else { return };
    let is_below =
        layers.below(&place.at).is_some_and(|below| namei::kept_at(state, host, &below).symlink_metadata().is_ok());
    if (layers.always || is_below)
        && let Some(mounted) = state.mounted_mut(kept.mount)
    {
        mounted.whiteouts.names.insert(kept.at);
    }
}

/// Whether a directory of a unionfs shows anything.
pub(super) fn is_empty(state: &State, host: &Path, place: &Place) -> bool {
    let Some(layers) = layers_of(state, place) else { return false };
    let entries = |dir: Place| fs::read_dir(namei::kept_at(state, host, &dir)).into_iter().flatten().flatten();
    let below = layers.below(&place.at).into_iter().flat_map(entries);
    let names = entries(layers.above(&place.at)).chain(below).map(|entry| entry.file_name());
    let is_shown = |name: OsString| {
        let real = kept_at(state, host, layers, &place.at.join(name));
        real.symlink_metadata().is_ok()
    };
    !names.into_iter().any(is_shown)
}

/// Whether a place is in a unionfs.
pub(super) fn is_in(state: &State, place: &Place) -> bool {
    layers_of(state, place).is_some()
}

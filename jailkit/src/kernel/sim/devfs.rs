//! The devices of the simulated host, and what a devfs shows of them.
//!
//! Source: devfs_populate_loop and devfs_mount in `sys/fs/devfs`, `sys/fs/devfs/devfs_rule.c`, and the rulesets of
//! `sbin/devfs/devfs.rules`, which rc(8) loads at boot. Every devfs shows the same devices; what else is in a
//! devfs, such as links made there, is its own.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::namei::{self, Place, View};
use super::state::State;
use super::{Refusal, SIM_DIR};
use crate::kernel::{DevfsRuleset, Errno};

/// The folder of what stands for the devices: a file for every device, a directory for every folder, and the links.
const FOLDER: &str = "dev";
const DEVICE: &str = "device";
const DIRECTORY: &str = "directory";

/// What a host of the GENERIC kernel has.
const DEVICES: &str = "acpi ada0 ada0p1 ada0p2 apm apmctl atkbd0 audit auditpipe bpf bpf0 bpsm0 cd0 console consolectl \
    crypto ctty cuau0 cuau0.init cuau0.lock devctl devctl2 devstat fd/0 fd/1 fd/2 fido full geom.ctl io kbd0 kbd1 \
    kbdmux0 klog kmem mem midistat netmap null pass0 pass1 pci psm0 ptmx pts/0 random reroot sndstat sysmouse ttyu0 \
    ttyu0.init ttyu0.lock ttyv0 ttyv1 ttyv2 ttyv3 ttyv4 ttyv5 ttyv6 ttyv7 ttyv8 ttyv9 ttyva ttyvb ufssuspend uinput \
    usb/0.1.0 usb/0.1.1 usbctl xpt0 zero";
/// The folders among them.
const FOLDERS: &[&str] = &["fd", "pts", "usb"];
/// Other names of some.
const LINKS: &[(&str, &str)] = &[
    ("dumpdev", "null"),
    ("stderr", "fd/2"),
    ("stdin", "fd/0"),
    ("stdout", "fd/1"),
    ("ugen0.1", "usb/0.1.0"),
    ("urandom", "random"),
];
/// What there is once a module of this name is loaded.
const OF_MODULES: &[&str] = &["pf", "zfs"];

fn is_device(state: &State, name: &str) -> bool {
    if OF_MODULES.contains(&name) {
        return state.rest().modules.contains(name);
    }
    DEVICES.split_whitespace().any(|device| device == name)
        || FOLDERS.contains(&name)
        || LINKS.iter().any(|(link, _)| *link == name)
}

/// Makes the devices, where nobody has yet.
pub(super) fn make_devices(host: &Path) -> std::io::Result<()> {
    let folder = host.join(SIM_DIR).join(FOLDER);
    if folder.is_dir() {
        return Ok(());
    }
    // Under another name until it is whole: the simulation may be killed meanwhile.
    let half = host.join(SIM_DIR).join("dev-half");
    if half.is_dir() {
        std::fs::remove_dir_all(&half)?;
    }
    std::fs::create_dir_all(half.join(DIRECTORY))?;
    std::fs::File::create(half.join(DEVICE))?;
    for (name, target) in LINKS {
        symlink(target, half.join(name))?;
    }
    std::fs::rename(half, folder)
}

/// What a rule does with the devices that it is about.
enum Rule {
    HideAll,
    /// A pattern of fnmatch(3).
    Unhide(&'static str),
    Include(DevfsRuleset),
}

use Rule::{HideAll, Include, Unhide};

/// The rulesets that are loaded at boot.
const LOADED: &[(DevfsRuleset, &[Rule])] = &[
    (DevfsRuleset(1), &[HideAll]),
    (DevfsRuleset(2), &[Unhide("null"), Unhide("zero"), Unhide("crypto"), Unhide("random"), Unhide("urandom")]),
    (
        DevfsRuleset(3),
        &[
            Unhide("pty[pqrsPQRSlmnoLMNO]*"),
            Unhide("tty[pqrsPQRSlmnoLMNO]*"),
            Unhide("ptmx"),
            Unhide("pts"),
            Unhide("pts/*"),
            Unhide("fd"),
            Unhide("fd/*"),
            Unhide("stdin"),
            Unhide("stdout"),
            Unhide("stderr"),
        ],
    ),
    (
        DevfsRuleset(4),
        &[Include(DevfsRuleset(1)), Include(DevfsRuleset(2)), Include(DevfsRuleset(3)), Unhide("fuse"), Unhide("zfs")],
    ),
    (
        DevfsRuleset(5),
        &[
            Include(DevfsRuleset(1)),
            Include(DevfsRuleset(2)),
            Include(DevfsRuleset(3)),
            Include(DevfsRuleset(4)),
            Unhide("pf"),
        ],
    ),
];

fn rules(ruleset: DevfsRuleset) -> Option<&'static [Rule]> {
    LOADED.iter().find(|(number, _)| *number == ruleset).map(|(_, rules)| *rules)
}

/// Whether a device is hidden once the rules have been applied to it.
fn hidden_by(ruleset: DevfsRuleset, name: &str, before: bool) -> bool {
    rules(ruleset).unwrap_or_default().iter().fold(before, |hidden, rule| match rule {
        HideAll => true,
        Unhide(pattern) => hidden && !matches(pattern.as_bytes(), name.as_bytes()),
        Include(other) => hidden_by(*other, name, hidden),
    })
}

/// fnmatch(3) with `FNM_PATHNAME`, of the patterns above: `*` at the end, `[...]` and plain letters.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (b"*", rest) => !rest.contains(&b'/'),
        ([b'[', rest @ ..], [first, name @ ..]) => {
            let end = rest.iter().position(|&byte| byte == b']').unwrap_or(rest.len());
            rest[..end].contains(first) && matches(rest.get(end + 1..).unwrap_or_default(), name)
        }
        ([plain, pattern @ ..], [first, name @ ..]) => plain == first && matches(pattern, name),
        _ => false,
    }
}

/// A mounted devfs: its ruleset, and what has shown and hidden its devices, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Devfs {
    ruleset: DevfsRuleset,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    Applied(DevfsRuleset),
    Removed(String),
}

impl Devfs {
    /// One that shows its devices by a ruleset from the start.
    pub(super) fn new(ruleset: DevfsRuleset) -> Self {
        let mut devfs = Self { ruleset, steps: Vec::new() };
        devfs.apply(ruleset);
        devfs
    }

    /// An update with a ruleset, which is used and applied.
    pub(super) fn update(&mut self, ruleset: DevfsRuleset) {
        self.ruleset = ruleset;
        self.apply(ruleset);
    }

    fn apply(&mut self, ruleset: DevfsRuleset) {
        let step = Step::Applied(ruleset);
        if rules(ruleset).is_some() && self.steps.last() != Some(&step) {
            self.steps.push(step);
        }
    }

    fn shows(&self, name: &str) -> bool {
        let is_hidden = self.steps.iter().fold(false, |hidden, step| match step {
            Step::Applied(ruleset) => hidden_by(*ruleset, name, hidden),
            Step::Removed(removed) => hidden || removed == name,
        });
        !is_hidden
    }
}

/// The device that a place in a devfs is, where the devfs has it and shows it.
pub(super) fn device<'p>(state: &State, place: &'p Place) -> Option<&'p str> {
    let mounted = state.showing(place.mount)?;
    let devfs = mounted.devfs.as_ref()?;
    let name = place.at.strip_prefix(&mounted.backing).ok()?.to_str()?;
    (is_device(state, name) && devfs.shows(name)).then_some(name)
}

/// Where the system that jailkit runs on keeps a device, from the root directory of the simulated host.
pub(super) fn kept_at(device: &str) -> PathBuf {
    let file = match device {
        folder if FOLDERS.contains(&folder) => DIRECTORY,
        link if LINKS.iter().any(|(name, _)| *name == link) => link,
        _ => DEVICE,
    };
    Path::new(SIM_DIR).join(FOLDER).join(file)
}

/// unlink(2) of a device, which hides it until a rule shows it again; whether it is one.
pub(super) fn remove(state: &mut State, place: &Place) -> bool {
    let Some(mounted) = state.showing(place.mount) else { return false };
    let (id, name) = (mounted.id, device(state, place).map(str::to_owned));
    let devfs = state.mounted_mut(id).and_then(|mounted| mounted.devfs.as_mut());
    let (Some(devfs), Some(name)) = (devfs, name) else { return false };
    devfs.steps.push(Step::Removed(name));
    true
}

/// The rulesets that are loaded, for a process in the prison `mine`.
pub(super) fn rulesets(mine: i32) -> Result<Vec<DevfsRuleset>, Refusal> {
    may_rule(mine)?;
    Ok(LOADED.iter().map(|(ruleset, _)| *ruleset).collect())
}

/// Whether a process in a prison may handle rulesets (`PRIV_DEVFS_RULE`): no jail may.
fn may_rule(mine: i32) -> Result<(), Errno> {
    if mine == 0 { Ok(()) } else { Err(Errno::EPERM) }
}

/// The devfs that a path leads into, and that a process in the prison `mine` may give rules to.
fn at<'s>(state: &'s mut State, host: &Path, mine: i32, path: &Path) -> Result<&'s mut Devfs, Errno> {
    let found = namei::lookup(state, &View::of(state, host, mine)?, path)?;
    if !found.real.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    let id = found.place.mount;
    state.mounted(id).and_then(|mounted| mounted.devfs.as_ref()).ok_or(Errno::ENOTTY)?;
    may_rule(mine)?;
    state.mounted_mut(id).and_then(|mounted| mounted.devfs.as_mut()).ok_or(Errno::ENOTTY)
}

/// `DEVFSIO_SUSE`
pub(super) fn use_ruleset(
    state: &mut State,
    host: &Path,
    mine: i32,
    path: &Path,
    ruleset: DevfsRuleset,
) -> Result<(), Refusal> {
    at(state, host, mine, path)?.ruleset = ruleset;
    Ok(())
}

/// `DEVFSIO_SAPPLY`
pub(super) fn apply_ruleset(
    state: &mut State,
    host: &Path,
    mine: i32,
    path: &Path,
    ruleset: DevfsRuleset,
) -> Result<(), Refusal> {
    let devfs = at(state, host, mine, path)?;
    let ruleset = if ruleset == DevfsRuleset::NONE { devfs.ruleset } else { ruleset };
    rules(ruleset).ok_or(Errno::ESRCH)?;
    devfs.apply(ruleset);
    Ok(())
}

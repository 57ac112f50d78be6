//! What the simulated kernel keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use bstr::BStr;
use serde::{Deserialize, Serialize};

use super::devfs::Devfs;
use super::family::Family;
use super::linux;
use super::mount_options::MountOption;
use super::namei::Place;
use super::prison::Prison;
use super::release::Release;
use super::unionfs::{Layers, Whiteouts};
use super::zfs;
use crate::kernel::{Interface, Jid, Mount, MountFlags};

/// Modules that can be loaded.
pub(super) const MODULES: &[&str] = &[
    "fdescfs",
    "fusefs",
    "if_bridge",
    "if_epair",
    "linprocfs",
    "linsysfs",
    "linux",
    "linux64",
    "nullfs",
    "pf",
    "pflog",
    "procfs",
    "tmpfs",
    "unionfs",
    "vmm",
    "zfs",
];

/// Everything the kernel keeps, with what has changed since it was last written down.
#[derive(Debug, Default)]
pub(super) struct State {
    prisons: BTreeMap<i32, Prison>,
    family: Family,
    mounts: BTreeMap<u32, Mounted>,
    counters: Counters,
    rest: Rest,
    changed: Changed,
    /// The topmost mount on each directory that has one.
    covering: HashMap<Place, u32>,
    /// The mounts of each mount point, by path, the newest last.
    by_target: HashMap<PathBuf, Vec<u32>>,
    /// How many other mounts a mount is needed by: those on it, and those that show it.
    users: HashMap<u32, usize>,
}

/// The numbers given last.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) last_jid: i32,
    /// The number that a dying jail was given last, when a new one wanted its own.
    #[serde(default)]
    pub(super) last_dead: i32,
    pub(super) last_mount: u32,
    #[serde(default)]
    pub(super) last_serial: u64,
}

/// What changes seldom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rest {
    pub(super) release: Release,
    pub(super) interfaces: Vec<Interface>,
    /// Interfaces that are in a jail's network stack, and whose.
    pub(super) moved: BTreeMap<String, (Jid, Interface)>,
    pub(super) modules: BTreeSet<String>,
    /// Modules that have ever been loaded: the permissions they brought stay.
    #[serde(default)]
    pub(super) brought: BTreeSet<String>,
    pub(super) sysctls: BTreeMap<String, i64>,
    pub(super) pf: Pf,
}

/// The simulated packet filter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pf {
    pub(crate) enabled: bool,
    /// The text of the rules that are loaded.
    pub(crate) rules: Option<bstr::BString>,
}

/// A mounted file system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mounted {
    pub(super) id: u32,
    pub(super) mount: Mount,
    /// The directory that shows through, from the root directory of the simulated host.
    pub(super) backing: PathBuf,
    /// The directory it is mounted over. The root file system covers nothing.
    pub(super) covers: Option<Place>,
    /// For a nullfs: the mount that the directory it shows is on.
    pub(super) lower: Option<u32>,
    /// The prison whose process mounted it.
    pub(super) owner: i32,
    /// Whether the file system itself takes itself for read-only, whatever the flag of the mount.
    #[serde(default)]
    pub(super) own_read_only: bool,
    /// The options it was mounted and updated with, those that mean flags of the call aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) options: Vec<MountOption>,
    /// For a devfs: which devices it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) devfs: Option<Devfs>,
    /// For a unionfs: its two directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) union: Option<Layers>,
    /// What a unionfs over it has taken away.
    #[serde(default, skip_serializing_if = "Whiteouts::is_empty")]
    pub(super) whiteouts: Whiteouts,
}

#[derive(Debug, Default)]
struct Changed {
    prisons: BTreeSet<i32>,
    mounts: BTreeSet<u32>,
    counters: bool,
    rest: bool,
}

/// A change of the state, as it is written down; the whole state is a change of nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prisons: Vec<(i32, Option<Prison>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mounts: Vec<(u32, Option<Mounted>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
}

impl State {
    /// A host just booted.
    pub(super) fn boot(release: Release) -> Self {
        let slash = Mount {
            fstype: "ufs".into(),
            source: "/dev/ada0p2".into(),
            target: "/".into(),
            flags: MountFlags::default(),
        };
        let loopback = ["127.0.0.1/8", "::1/128"].iter().filter_map(|address| address.parse().ok()).collect();
        let rest = Rest {
            release,
            interfaces: vec![Interface { name: "lo0".into(), addresses: loopback }],
            sysctls: [
                ("net.inet.ip.forwarding", 0),
                ("net.inet6.ip6.forwarding", 0),
                ("security.jail.enforce_statfs", 2),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            ..Rest::default()
        };
        let mut state = Self { rest, ..Self::default() };
        state.add_prison(Prison::host(release));
        state.add_mount(Mounted {
            id: 0,
            mount: slash,
            backing: PathBuf::new(),
            covers: None,
            lower: None,
            owner: 0,
            own_read_only: false,
            options: Vec::new(),
            devfs: None,
            union: None,
            whiteouts: Whiteouts::default(),
        });
        state.changed.rest = true;
        state.changed.counters = true;
        state
    }

    pub(super) fn prison(&self, jid: i32) -> Option<&Prison> {
        self.prisons.get(&jid)
    }

    pub(super) fn prison_mut(&mut self, jid: i32) -> Option<&mut Prison> {
        let prison = self.prisons.get_mut(&jid)?;
        self.family.open(prison);
        self.changed.prisons.insert(jid);
        Some(prison)
    }

    /// How many prisons there are, the host among them.
    pub(super) fn prison_count(&self) -> usize {
        self.prisons.len()
    }

    /// The host and every jail, by jid.
    pub(super) fn prisons(&self) -> impl DoubleEndedIterator<Item = &Prison> {
        self.prisons.values()
    }

    /// The jails with a greater jid than this.
    pub(super) fn prisons_after(&self, jid: i32) -> impl Iterator<Item = &Prison> {
        self.prisons.range((Bound::Excluded(jid), Bound::Unbounded)).map(|(_, prison)| prison)
    }

    pub(super) fn add_prison(&mut self, prison: Prison) {
        self.changed.prisons.insert(prison.jid);
        if let Some(before) = self.prisons.get(&prison.jid) {
            self.family.remove(before);
        }
        self.family.add(&prison);
        self.prisons.insert(prison.jid, prison);
    }

    pub(super) fn remove_prison(&mut self, jid: i32) {
        self.changed.prisons.insert(jid);
        if let Some(prison) = self.prisons.remove(&jid) {
            self.family.remove(&prison);
        }
    }

    /// The children of a prison, by jid.
    pub(super) fn children(&self, of: i32) -> BTreeSet<i32> {
        self.family.children(of, &self.prisons)
    }

    /// The prisons of a full name, by jid.
    pub(super) fn prisons_named(&self, name: &BStr) -> impl Iterator<Item = &Prison> {
        self.family.named(name, &self.prisons).into_iter().filter_map(|jid| self.prisons.get(&jid))
    }

    /// What is mounted, in the order it was mounted.
    pub(super) fn mounts(&self) -> impl DoubleEndedIterator<Item = &Mounted> {
        self.mounts.values()
    }

    pub(super) fn mounted(&self, id: u32) -> Option<&Mounted> {
        self.mounts.get(&id)
    }

    /// The file system whose files a mount shows: itself, or what a nullfs leads to.
    pub(super) fn showing(&self, id: u32) -> Option<&Mounted> {
        let mut found = self.mounted(id)?;
        while let ("nullfs", Some(lower)) = (found.mount.fstype.as_str(), found.lower) {
            found = self.mounted(lower)?;
        }
        Some(found)
    }

    pub(super) fn mounted_mut(&mut self, id: u32) -> Option<&mut Mounted> {
        let mounted = self.mounts.get_mut(&id)?;
        self.changed.mounts.insert(id);
        Some(mounted)
    }

    /// The newest mount that is called this in the mount table.
    pub(super) fn mounted_at(&self, target: &Path) -> Option<&Mounted> {
        self.by_target.get(target)?.last().and_then(|id| self.mounts.get(id))
    }

    /// What a jail has of its own of something, or the nearest above it has; none where that is the host.
    pub(super) fn nearest<T>(&self, jid: i32, own: impl Fn(&Prison) -> Option<T>) -> Option<T> {
        let mut at = self.prison(jid).filter(|prison| prison.jid != 0);
        while let Some(prison) = at {
            if let Some(own) = own(prison) {
                return Some(own);
            }
            at = self.prison(prison.parent).filter(|prison| prison.jid != 0);
        }
        None
    }

    /// Changes every jail that lacks something.
    pub(super) fn give(&mut self, lacks: impl Fn(&Prison) -> bool, give: impl Fn(&mut Prison)) {
        let jails: Vec<i32> = self.prisons().filter(|jail| jail.jid != 0 && lacks(jail)).map(|jail| jail.jid).collect();
        for jid in jails {
            if let Some(prison) = self.prison_mut(jid) {
                give(prison);
            }
        }
    }

    /// The mount whose root directory this is.
    pub(super) fn rooted_at(&self, place: &Place) -> Option<&Mounted> {
        self.mounted(place.mount).filter(|mounted| mounted.backing == place.at)
    }

    /// The mount that covers a directory.
    pub(super) fn covering(&self, place: &Place) -> Option<&Mounted> {
        self.covering.get(place).and_then(|id| self.mounts.get(id))
    }

    /// Whether other mounts are on a mount or show it.
    pub(super) fn is_used_by_mounts(&self, id: u32) -> bool {
        self.users.contains_key(&id)
    }

    pub(super) fn add_mount(&mut self, mounted: Mounted) {
        if let Some(place) = &mounted.covers {
            self.covering.insert(place.clone(), mounted.id);
        }
        for user in mounted.covers.iter().map(|place| place.mount).chain(mounted.lower) {
            *self.users.entry(user).or_default() += 1;
        }
        self.by_target.entry(mounted.mount.target.clone()).or_default().push(mounted.id);
        self.changed.mounts.insert(mounted.id);
        self.mounts.insert(mounted.id, mounted);
    }

    pub(super) fn remove_mount(&mut self, id: u32) {
        let Some(mounted) = self.mounts.remove(&id) else { return };
        self.changed.mounts.insert(id);
        if let Some(place) = &mounted.covers
            && self.covering.get(place) == Some(&id)
        {
            self.covering.remove(place);
        }
        for user in mounted.covers.iter().map(|place| place.mount).chain(mounted.lower) {
            if let Some(count) = self.users.get_mut(&user) {
                *count -= 1;
                if *count == 0 {
                    self.users.remove(&user);
                }
            }
        }
        if let Some(ids) = self.by_target.get_mut(&mounted.mount.target) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_target.remove(&mounted.mount.target);
            }
        }
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        self.changed.counters = true;
        &mut self.counters
    }

    pub(super) fn rest(&self) -> &Rest {
        &self.rest
    }

    pub(super) fn rest_mut(&mut self) -> &mut Rest {
        self.changed.rest = true;
        &mut self.rest
    }

    /// Loads the module of a file system, as nmount(2) does where it is missing.
    pub(super) fn load(&mut self, module: Option<&str>) {
        if let Some(module) = module.filter(|module| !self.rest.modules.contains(*module)) {
            let (knew_linux, knew_zfs) = (linux::is_known(&self.rest), zfs::is_known(&self.rest));
            self.rest_mut().modules.insert(module.to_owned());
            self.rest_mut().brought.insert(module.to_owned());
            if !knew_linux && linux::is_known(&self.rest) {
                linux::load(self);
            }
            if !knew_zfs && zfs::is_known(&self.rest) {
                zfs::load(self);
            }
        }
    }

    /// What has changed since this was last asked; none where nothing has.
    pub(super) fn take_change(&mut self) -> Option<Change> {
        self.family.close(&self.prisons);
        let changed = std::mem::take(&mut self.changed);
        if changed.prisons.is_empty() && changed.mounts.is_empty() && !changed.counters && !changed.rest {
            return None;
        }
        Some(Change {
            prisons: changed.prisons.iter().map(|&jid| (jid, self.prisons.get(&jid).cloned())).collect(),
            mounts: changed.mounts.iter().map(|&id| (id, self.mounts.get(&id).cloned())).collect(),
            counters: changed.counters.then_some(self.counters),
            rest: changed.rest.then(|| self.rest.clone()),
        })
    }

    /// The whole state as one change.
    pub(super) fn whole(&self) -> Change {
        Change {
            prisons: self.prisons.iter().map(|(&jid, prison)| (jid, Some(prison.clone()))).collect(),
            mounts: self.mounts.iter().map(|(&id, mounted)| (id, Some(mounted.clone()))).collect(),
            counters: Some(self.counters),
            rest: Some(self.rest.clone()),
        }
    }

    /// Follows a change that was written down.
    pub(super) fn apply(&mut self, change: Change) {
        for (jid, prison) in change.prisons {
            match prison {
                Some(prison) => self.add_prison(prison),
                None => self.remove_prison(jid),
            }
        }
        for (id, mounted) in change.mounts {
            self.remove_mount(id);
            if let Some(mounted) = mounted {
                self.add_mount(mounted);
            }
        }
        self.counters = change.counters.unwrap_or(self.counters);
        if let Some(rest) = change.rest {
            self.rest = rest;
        }
        self.changed = Changed::default();
    }
}

impl Mounted {
    /// What the mount table calls its mount point (`f_mntonname`).
    pub(super) fn target_bytes(&self) -> &[u8] {
        std::os::unix::ffi::OsStrExt::as_bytes(self.mount.target.as_os_str())
    }
}

//! A prison: what the kernel keeps of a jail, and when it lets go of one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use super::linux::Linux;
use super::meta::META;
use super::namei::Place;
use super::network;
use super::param::{SYSV, allow_bit};
use super::release::Release;
use super::state::State;
use crate::kernel::{Errno, Jid};

/// The `host.hostuuid` of whom nothing was said.
pub(super) const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// What the kernel keeps of a jail (`struct prison`); the host is prison 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prison {
    pub(super) jid: i32,
    /// Which jail it is of all since the kernel was booted.
    #[serde(default)]
    pub(super) serial: u64,
    pub(super) parent: i32,
    /// Its whole name, its parents' included.
    pub(super) name: BString,
    /// The prison path, as the host sees it.
    pub(super) path: BString,
    /// Where its root directory lies.
    pub(super) root: Place,
    /// What the host calls the root directory, where that is not the prison path: a jail without a path of its own has
    /// the path `/` and the root directory of the prison that made it.
    #[serde(default)]
    pub(super) root_path: Option<BString>,
    /// It is being removed, or nothing holds it any more.
    pub(super) dying: bool,
    /// It is alive though nothing holds it: a dying jail that was changed with `JAIL_DYING`.
    #[serde(default)]
    pub(super) unheld: bool,
    pub(super) persist: bool,
    pub(super) vnet: bool,
    /// It has host information of its own (`PR_HOST`).
    pub(super) own_host: bool,
    /// Addresses are restricted, here or in a parent (`PR_IP4`, `PR_IP6`).
    pub(super) ip4: bool,
    pub(super) ip6: bool,
    /// They are restricted here (`PR_IP4_USER`, `PR_IP6_USER`).
    pub(super) ip4_user: bool,
    pub(super) ip6_user: bool,
    pub(super) ip4_addr: Vec<Ipv4Addr>,
    pub(super) ip6_addr: Vec<Ipv6Addr>,
    pub(super) ip4_saddrsel: bool,
    pub(super) ip6_saddrsel: bool,
    /// Bits of [`super::param::ALLOW`].
    pub(super) allow: u64,
    pub(super) securelevel: i32,
    pub(super) children_max: i32,
    pub(super) enforce_statfs: i32,
    pub(super) devfs_ruleset: i32,
    pub(super) hostname: BString,
    pub(super) domainname: BString,
    pub(super) hostuuid: BString,
    pub(super) hostid: u64,
    pub(super) osreldate: i32,
    pub(super) osrelease: BString,
    pub(super) cpuset: i32,
    /// `meta` and `env`.
    #[serde(default)]
    pub(super) meta: [BString; META.len()],
    /// What its Linux programs are told, where that is not what the parent's are.
    #[serde(default)]
    pub(super) linux: Option<Linux>,
    /// Whether it may mount snapshots of ZFS, where that is not what the parent may.
    #[serde(default)]
    pub(super) zfs: Option<i32>,
    /// Whose System V objects it sees: its own, a parent's, or none.
    pub(super) sysv: [Option<i32>; SYSV.len()],
    /// Processes that run in it.
    pub(super) processes: u32,
    /// Processes that run in it and whose parent does not wait for them.
    pub(super) held: u32,
    /// Killed processes that the kernel has not let go of: they keep a dying jail.
    pub(super) zombies: u32,
}

impl Prison {
    /// The host.
    pub(super) fn host(release: Release) -> Self {
        Self {
            jid: 0,
            serial: 0,
            parent: -1,
            name: "0".into(),
            path: "/".into(),
            root: Place::root(),
            root_path: None,
            dying: false,
            unheld: false,
            persist: true,
            vnet: true,
            own_host: true,
            ip4: false,
            ip6: false,
            ip4_user: false,
            ip6_user: false,
            ip4_addr: Vec::new(),
            ip6_addr: Vec::new(),
            ip4_saddrsel: true,
            ip6_saddrsel: true,
            allow: release.allow_all(),
            securelevel: -1,
            children_max: 999_999,
            enforce_statfs: 0,
            devfs_ruleset: 0,
            hostname: BString::default(),
            domainname: BString::default(),
            hostuuid: NO_UUID.into(),
            hostid: 0,
            osreldate: release.osreldate(),
            osrelease: format!("{release}-RELEASE").into(),
            cpuset: 1,
            meta: Default::default(),
            linux: None,
            zfs: None,
            sysv: [Some(0); SYSV.len()],
            processes: 0,
            held: 0,
            zombies: 0,
        }
    }

    /// Whether it has the `allow.` parameter of this name.
    pub(super) fn allows(&self, name: &str) -> bool {
        self.allow & allow_bit(name) != 0
    }

    /// What the host calls its root directory.
    pub(super) fn root_path(&self) -> &bstr::BStr {
        self.root_path.as_ref().unwrap_or(&self.path).as_bstr()
    }

    /// Where the name of a child begins, after this one's and a dot.
    pub(super) fn child_prefix(&self) -> usize {
        if self.jid == 0 { 0 } else { self.name.len() + 1 }
    }
}

impl State {
    /// The jails below a prison, at whatever depth, by jid.
    pub(super) fn descendants(&self, of: i32) -> Vec<i32> {
        let mut found = BTreeSet::new();
        let mut open = self.children(of);
        while let Some(jid) = open.pop_first() {
            if found.insert(jid) {
                open.extend(self.children(jid));
            }
        }
        found.into_iter().collect()
    }

    /// Whether `jid` is a jail below the prison `of` (`prison_ischild`).
    pub(super) fn is_below(&self, of: i32, jid: i32) -> bool {
        let mut at = self.prison(jid);
        while let Some(prison) = at {
            if prison.parent == of {
                return true;
            }
            at = self.prison(prison.parent);
        }
        false
    }

    /// How far below `of` a jail is: 1 for a child.
    pub(super) fn depth_below(&self, of: i32, jid: i32) -> i32 {
        let mut depth = 0;
        let mut at = jid;
        while at != of {
            match self.prison(at) {
                Some(prison) => at = prison.parent,
                None => break,
            }
            depth += 1;
        }
        depth
    }

    /// How many jails there are below a prison, dying ones included.
    pub(super) fn child_count(&self, of: i32) -> i32 {
        let count = if of == 0 { self.prison_count() - 1 } else { self.descendants(of).len() };
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    /// The jail of a name as `mine` says it; a living one before a dying one, of those the oldest (`prison_find_name`).
    pub(super) fn named(&self, mine: i32, name: &[u8]) -> Option<&Prison> {
        let found: Vec<&Prison> = match mine {
            0 => self.prisons_named(name.as_bstr()).filter(|prison| prison.jid != 0).collect(),
            _ => {
                let prefix = self.prison(mine)?.child_prefix();
                let below = self.descendants(mine).into_iter().filter_map(|jid| self.prison(jid));
                below.filter(|prison| prison.name.get(prefix..) == Some(name)).collect()
            }
        };
        let alive = found.iter().find(|prison| !prison.dying);
        alive.or_else(|| found.iter().min_by_key(|prison| prison.serial)).copied()
    }

    /// The children of a prison whose names end with this, after what comes before the names of all of them.
    pub(super) fn children_named(&self, parent: i32, last: &[u8]) -> impl Iterator<Item = &Prison> {
        let prefix = self.prison(parent).map_or(0, Prison::child_prefix);
        let found: Vec<&Prison> = match parent {
            0 => self.prisons_named(last.as_bstr()).collect(),
            _ => self.children(parent).into_iter().filter_map(|jid| self.prison(jid)).collect(),
        };
        let is_so = move |prison: &&Prison| prison.parent == parent && prison.name.get(prefix..) == Some(last);
        found.into_iter().filter(is_so)
    }

    /// A jail's name as `mine` sees it: without as many parts as `mine` is deep (`prison_name`).
    pub(super) fn name_as_seen<'a>(&self, mine: i32, prison: &'a Prison) -> &'a [u8] {
        let depth = usize::try_from(self.depth_below(0, mine)).unwrap_or_default();
        prison.name.splitn_str(depth + 1, ".").nth(depth).unwrap_or_default()
    }

    /// The lowest number of a cpuset that nobody has; 0 to 2 are the kernel's own.
    pub(super) fn next_cpuset(&self) -> i32 {
        let mut used: Vec<i32> = self.prisons().map(|prison| prison.cpuset).collect();
        used.sort_unstable();
        let mut free = 3;
        for number in used {
            if number == free {
                free += 1;
            }
        }
        free
    }

    /// Takes permissions from a jail and all below it.
    pub(super) fn forbid(&mut self, jid: i32, bits: u64) {
        for jid in self.descendants(jid).into_iter().chain([jid]) {
            if self.prison(jid).is_some_and(|prison| prison.allow & bits != 0)
                && let Some(prison) = self.prison_mut(jid)
            {
                prison.allow &= !bits;
            }
        }
    }

    /// jail_remove(2): marks a jail and those below it as dying, and kills their processes.
    pub(super) fn kill(&mut self, jid: i32) {
        for jid in self.descendants(jid).into_iter().chain([jid]) {
            if let Some(prison) = self.prison_mut(jid) {
                prison.dying = true;
                prison.unheld = false;
                prison.persist = false;
                prison.processes = 0;
                prison.zombies += std::mem::take(&mut prison.held);
            }
        }
        self.let_go(jid);
    }

    /// Looks whether anything still holds a jail, and frees it and its parents where not. Processes and children keep
    /// it alive; killed processes and file systems mounted from within keep it dying.
    pub(super) fn let_go(&mut self, jid: i32) {
        if jid <= 0 {
            return;
        }
        // The deepest first: a child keeps its parent.
        let mut below = self.descendants(jid);
        below.sort_by_key(|&below| std::cmp::Reverse(self.depth_below(jid, below)));
        for jid in below {
            self.let_go_of(jid);
        }
        let mut at = jid;
        while at > 0 {
            let Some(parent) = self.prison(at).map(|prison| prison.parent) else { return };
            self.let_go_of(at);
            at = parent;
        }
    }

    /// Whether a jail has something that keeps it alive (`pr_uref`).
    fn is_held(&self, jid: i32) -> bool {
        let is_used = |prison: &Prison| prison.persist || prison.processes + prison.held > 0;
        self.prison(jid).is_some_and(is_used) || !self.children(jid).is_empty()
    }

    /// A process that ran in a jail has ended. Where it was the last thing that held the jail, the kernel has not let
    /// go of it by then: the jail is dying.
    pub(super) fn end_process(&mut self, jid: i32, count: impl FnOnce(&mut Prison) -> &mut u32) {
        let Some(prison) = self.prison_mut(jid) else { return };
        let running = count(prison);
        if *running == 0 {
            return;
        }
        *running -= 1;
        if !self.is_held(jid)
            && let Some(prison) = self.prison_mut(jid)
        {
            prison.zombies += 1;
        }
        self.let_go(jid);
    }

    fn let_go_of(&mut self, jid: i32) {
        let Some(prison) = self.prison(jid) else { return };
        let (was_dying, unheld) = (prison.dying, prison.unheld);
        if self.is_held(jid) {
            if unheld && let Some(prison) = self.prison_mut(jid) {
                prison.unheld = false;
            }
            return;
        }
        if prison.zombies > 0 || self.mounts().any(|mounted| mounted.owner == jid) {
            if !was_dying
                && !unheld
                && let Some(prison) = self.prison_mut(jid)
            {
                prison.dying = true;
            }
            return;
        }
        network::give_back(self, Jid(jid));
        self.remove_prison(jid);
    }
}

/// Whether root in the prison `mine` has privileges at all (`suser_enabled` in `sys/kern/kern_priv.c`): to create, change,
/// remove and enter jails (`PRIV_JAIL_SET` and its like), and what else asks for one.
pub(super) fn has_privileges(state: &State, mine: i32) -> Result<(), Errno> {
    let may = state.prison(mine).is_some_and(|own| own.jid == 0 || own.allows("allow.suser"));
    if may { Ok(()) } else { Err(Errno::EPERM) }
}

/// Whether a jail's root directory is one still: not where its file system was unmounted by force.
pub(super) fn may_enter_root(state: &State, jid: i32) -> Result<(), Errno> {
    let root = state.prison(jid).and_then(|prison| state.mounted(prison.root.mount));
    if root.is_some() { Ok(()) } else { Err(Errno::ENOTDIR) }
}

/// jail_attach(2): whether a process in the prison `mine` may move into a jail.
pub(super) fn may_attach(state: &State, mine: i32, jid: Jid) -> Result<(), Errno> {
    has_privileges(state, mine)?;
    match state.prison(jid.0) {
        Some(prison) if !prison.dying && state.is_below(mine, jid.0) => may_enter_root(state, jid.0),
        _ => Err(Errno::EINVAL),
    }
}

/// jail_remove(2), by a process in the prison `mine`.
pub(super) fn remove(state: &mut State, mine: i32, jid: Jid) -> Result<(), Errno> {
    has_privileges(state, mine)?;
    if !state.is_below(mine, jid.0) {
        return Err(Errno::EINVAL);
    }
    let dying = state.prison(jid.0).is_some_and(|prison| prison.dying);
    if !dying {
        state.kill(jid.0);
    }
    Ok(())
}

//! What a start would be refused for, as far as that is sure before anything is done.
//!
//! Commands of the host that come first may make what is missing: the jail's own `exec.prepare` and `exec.prestart`, and
//! those of the jails that are stopped and started before it. What they might cure is not held against it, nor what lies
//! in directories that others may change by then.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::JailError;
use super::held::HeldAddresses;
use super::mount::MountPoint;
use super::observer::What;
use super::spec::JailSpec;
use super::world::World;
use crate::jailconf::{ResolvedJail, Text};
use crate::kernel::{DevfsRuleset, Errno, KernelError, MountRequest};

/// The commands of the host that a start runs.
const ON_START: &[&str] = &["exec.prepare", "exec.prestart", "exec.created", "exec.poststart"];
/// Those that a stop runs.
const ON_STOP: &[&str] = &["exec.prestop", "exec.poststop", "exec.release"];

/// A host as it is, and what will be done to it before a jail's turn comes.
pub(super) struct Foresight<'w> {
    world: &'w World<'w>,
    interfaces: HashSet<String>,
    held: HeldAddresses,
    /// Where file systems are mounted.
    mounted: BTreeSet<PathBuf>,
    /// Resolved directories in which others may change things first.
    unsure: HashSet<PathBuf>,
    stopped: HashSet<BString>,
    started: HashSet<BString>,
    /// A stop runs commands of the host.
    has_stop_hooks: bool,
}

/// A mount that will be there by then, and its target as the kernel has it.
type Layer<'s> = (PathBuf, &'s MountRequest);

/// Whether a jail has any of these commands.
fn runs(jail: &ResolvedJail, params: &[&str]) -> bool {
    params.iter().any(|param| jail.values(param).iter().any(|command| !command.is_empty()))
}

/// Refuses a jail in which nothing would run and that is not to stay without: the kernel makes none.
///
/// # Errors
/// [`JailError::Param`].
pub(super) fn check_persist(spec: &JailSpec, jail: &ResolvedJail) -> Result<(), JailError> {
    let runs = |param: &&str| jail.param(param).is_some();
    if spec.persist || ["exec.start", "command", "exec.poststart"].iter().any(runs) {
        return Ok(());
    }
    let reason = "the jail has nothing to run and would be gone at once; give it an exec.start, or persist".to_owned();
    Err(JailError::Param { param: "persist".into(), reason })
}

/// Whether a ruleset is not loaded, as far as the kernel tells: in a jail it does not.
pub(super) fn is_missing(world: &World<'_>, ruleset: DevfsRuleset) -> bool {
    let loaded = world.host.kernel().devfs_rulesets();
    ruleset != DevfsRuleset::NONE && loaded.is_ok_and(|loaded| !loaded.contains(&ruleset))
}

impl<'w> Foresight<'w> {
    pub(super) fn of(world: &'w World<'w>) -> Result<Self, KernelError> {
        let interfaces = world.host.kernel().interfaces()?.into_iter().map(|interface| interface.name);
        Ok(Self {
            world,
            interfaces: interfaces.collect(),
            held: held(world)?,
            mounted: world.host.kernel().mounts()?.into_iter().map(|mount| mount.target).collect(),
            unsure: HashSet::new(),
            stopped: HashSet::new(),
            started: HashSet::new(),
            has_stop_hooks: false,
        })
    }

    /// A jail will be stopped.
    pub(super) fn will_stop(&mut self, jail: &ResolvedJail) {
        self.has_stop_hooks |= runs(jail, ON_STOP);
        self.stopped.insert(jail.name.clone());
        if let Some(root) = jail.value("path").map(|path| path.to_path_lossy().into_owned()) {
            let root = self.resolved(&root);
            let below = self.mounted.range(root.clone()..).take_while(|target| target.starts_with(&root));
            self.unsure.extend(below.cloned());
            self.unsure.insert(root);
        }
    }

    /// A jail will be started. Whether commands of the host are run for it.
    pub(super) fn will_start(&mut self, jail: &ResolvedJail, spec: &JailSpec) -> bool {
        self.started.insert(jail.name.clone());
        let targets = spec.on_host.mounts.iter().map(|point| point.request.target.as_path());
        let dirs: Vec<PathBuf> = targets.chain(spec.on_host.root.as_deref()).map(|dir| self.resolved(dir)).collect();
        self.unsure.extend(dirs);
        runs(jail, ON_START)
    }

    /// What a start would be refused for, all at once. `has_hooks` says whether commands of the host are run for the jails
    /// that it waits for.
    ///
    /// # Errors
    /// [`JailError`].
    pub(super) fn check(&self, jail: &ResolvedJail, spec: &JailSpec, has_hooks: bool) -> Result<(), JailError> {
        let prepares = has_hooks || self.has_stop_hooks || runs(jail, &["exec.prepare"]);
        let makes_ready = prepares || runs(jail, &["exec.prestart"]);
        let mut faults: Vec<JailError> = check_persist(spec, jail).err().into_iter().collect();
        if !prepares {
            let interfaces = spec.on_host.addresses.iter().map(|address| (address.param(), address.interface.as_str()));
            faults.extend(interfaces.filter_map(|(param, interface)| self.lacks_interface(param, interface)));
        }
        let layers: Vec<Layer<'_>> =
            spec.on_host.mounts.iter().map(|point| (self.resolved(&point.request.target), &point.request)).collect();
        let unmounted = if prepares { Vec::new() } else { self.cannot_mount(spec, &layers) };
        if !makes_ready && unmounted.is_empty() {
            faults.extend(self.lacks_root(spec, &layers));
        }
        faults.extend(unmounted);
        if !makes_ready {
            faults.extend(self.lacks_parent(jail));
            faults.extend(self.clash(jail, spec));
            // What a jail that is stopped has comes back.
            if self.stopped.is_empty() && !runs(jail, &["exec.created"]) {
                let interfaces = jail.values("vnet.interface").iter().filter(|value| !value.is_empty());
                let lacks = |name: &Text| self.lacks_interface("vnet.interface", &name.to_str_lossy());
                faults.extend(interfaces.filter_map(lacks));
            }
        }
        JailError::none_of(faults)
    }

    /// Tells of rulesets that are not loaded, as the start will where nothing loads them first.
    pub(super) fn tell_of_rulesets(&self, jail: &ResolvedJail, spec: &JailSpec, has_hooks: bool) {
        if has_hooks || runs(jail, &["exec.prepare"]) {
            return;
        }
        let rulesets = spec.on_host.mounts.iter().filter_map(MountPoint::ruleset);
        for ruleset in rulesets.filter(|&ruleset| is_missing(self.world, ruleset)) {
            self.world.tell(jail.name.as_bstr(), What::RulesetMissing(ruleset));
        }
    }

    /// The directories that are missing for a jail's mounts; the jail's own is told of once.
    fn cannot_mount(&self, spec: &JailSpec, layers: &[Layer<'_>]) -> Vec<JailError> {
        let mut faults = Vec::new();
        let mut is_rootless = false;
        for (at, MountPoint { param, request }) in spec.on_host.mounts.iter().enumerate() {
            let before = &layers[..at];
            let is_inside = spec.on_host.root.as_ref().is_some_and(|root| request.target.starts_with(root));
            if is_inside && is_rootless {
                continue;
            }
            if let Some(fault) = self.lacks_root(spec, before).filter(|_| is_inside) {
                is_rootless = true;
                faults.push(fault);
                continue;
            }
            let source = request.source.as_deref();
            let source = source.filter(|_| request.shows_a_directory());
            let needed = source.into_iter().chain([request.target.as_path()]);
            faults.extend(needed.filter_map(|dir| self.lacks(param, dir, before)));
        }
        faults
    }

    fn lacks_root(&self, spec: &JailSpec, layers: &[Layer<'_>]) -> Option<JailError> {
        spec.on_host.root.as_deref().and_then(|root| self.lacks("path", root, layers))
    }

    /// The path as the kernel has it, as far as it is there.
    fn resolved(&self, path: &Path) -> PathBuf {
        let found = path.ancestors().find_map(|dir| {
            let found = self.world.host.kernel().find(dir).ok()?;
            Some(found.path.join(path.strip_prefix(dir).ok()?))
        });
        found.unwrap_or_else(|| path.to_owned())
    }

    /// Where a path leads once these mounts are made; none where nobody knows yet.
    fn behind(&self, path: &Path, layers: &[Layer<'_>]) -> Option<PathBuf> {
        let path = self.resolved(path);
        for (at, (target, request)) in layers.iter().enumerate().rev() {
            let Ok(below) = path.strip_prefix(target) else { continue };
            let source = request.source.as_deref().filter(|_| request.fstype == "nullfs")?;
            return self.behind(&source.join(below), &layers[..at]);
        }
        let is_unsure = path.ancestors().any(|dir| self.unsure.contains(dir));
        (!is_unsure).then_some(path)
    }

    /// A directory that will not be there once these mounts are made.
    fn lacks(&self, param: &str, dir: &Path, layers: &[Layer<'_>]) -> Option<JailError> {
        let refused = self.world.host.kernel().find(&self.behind(dir, layers)?).err()?;
        let is_missing = matches!(refused.errno, Errno::ENOENT | Errno::ENOTDIR) && dir.is_absolute();
        let reason = refused.errno.to_string();
        is_missing.then(|| JailError::Path { param: param.to_owned(), path: dir.to_owned(), reason })
    }

    fn lacks_interface(&self, param: &str, name: &str) -> Option<JailError> {
        let wrong = || JailError::Param { param: param.into(), reason: format!("there is no interface '{name}'") };
        (!self.interfaces.contains(name)).then(wrong)
    }

    /// A jail in a jail that will not run.
    fn lacks_parent(&self, jail: &ResolvedJail) -> Option<JailError> {
        let parent = &jail.name[..jail.name.rfind_byte(b'.')?];
        let runs =
            || !self.stopped.contains(parent.as_bstr()) && self.world.find(parent.as_bstr(), false).ok() != Some(None);
        let is_there = self.started.contains(parent.as_bstr()) || runs();
        (!is_there).then(|| JailError::NoParent(parent.into()))
    }

    /// An address that a jail has that will still run; the kernel lets two jails share one where neither has another of
    /// its kind.
    fn clash(&self, jail: &ResolvedJail, spec: &JailSpec) -> Option<JailError> {
        let is_plain = |param: &str| jail.param(param).is_none();
        if jail.name.contains(&b'.') || !["vnet", "ip4", "ip6"].into_iter().all(is_plain) {
            return None;
        }
        for (param, is_four) in [("ip4.addr", true), ("ip6.addr", false)] {
            let is_of = |address: &&IpAddr| address.is_ipv4() == is_four;
            let wanted: Vec<&IpAddr> = spec.all_addresses.iter().filter(is_of).collect();
            let stays = |other: &BString| !other.contains(&b'.') && !self.stopped.contains(other);
            for (other, addresses) in self.held.by_jail().filter(|(other, _)| stays(other)) {
                let theirs: Vec<&IpAddr> = addresses.iter().filter(is_of).collect();
                if let Some(shared) = wanted.iter().find(|address| theirs.contains(address))
                    && wanted.len() + theirs.len() > 2
                {
                    let reason = format!(
                        "{shared} is the jail '{other}'s, and jails share an address only where neither has another one"
                    );
                    return Some(JailError::Param { param: param.into(), reason });
                }
            }
        }
        None
    }
}

/// The addresses of the jails that run; none where this is a jail, whose rules are others.
fn held(world: &World<'_>) -> Result<HeldAddresses, KernelError> {
    let kernel = world.host.kernel();
    match kernel.sysctl("security.jail.jailed") {
        Ok(jailed) if jailed != 0 => Ok(HeldAddresses::default()),
        _ => HeldAddresses::look(kernel, &world.kinds()),
    }
}

//! What is done for a jail, step by step, in jail(8)'s order.

use std::fmt;

use bstr::{BStr, ByteSlice};

use super::addresses::Address;
use super::mount::MountPoint;
use super::spec::{JailSpec, OnHost};
use crate::jailconf::ResolvedJail;

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action<'s> {
    /// A command, on the host or in the jail.
    Hook {
        param: &'static str,
        command: &'s BStr,
        inside: bool,
    },
    AddAddress(&'s Address),
    Mount(&'s MountPoint),
    Create,
    /// `zfs jail`
    Zfs(&'s BStr),
    /// `ifconfig NAME vnet`
    Vnet(&'s BStr),
    /// SIGTERM, and `stop.timeout` to heed it.
    Terminate,
    Remove,
    Unmount(&'s MountPoint),
    RemoveAddress(&'s Address),
}

/// The values of a parameter that say anything.
fn given<'s>(jail: &'s ResolvedJail, param: &str) -> impl Iterator<Item = &'s BStr> {
    jail.values(param).iter().map(|value| value.as_bstr()).filter(|value| !value.is_empty())
}

fn hooks<'s>(jail: &'s ResolvedJail, param: &'static str, inside: bool) -> impl Iterator<Item = Action<'s>> {
    given(jail, param).map(move |command| Action::Hook { param, command, inside })
}

/// From nothing to a jail that runs.
pub(super) fn up<'s>(spec: &'s JailSpec, jail: &'s ResolvedJail) -> Vec<Action<'s>> {
    let mut actions: Vec<Action<'s>> = hooks(jail, "exec.prepare", false).collect();
    actions.extend(spec.on_host.addresses.iter().map(Action::AddAddress));
    actions.extend(spec.on_host.mounts.iter().map(Action::Mount));
    actions.extend(hooks(jail, "exec.prestart", false));
    actions.push(Action::Create);
    actions.extend(hooks(jail, "exec.created", false));
    actions.extend(given(jail, "zfs.dataset").map(Action::Zfs));
    actions.extend(given(jail, "vnet.interface").map(Action::Vnet));
    actions.extend(hooks(jail, "exec.start", true));
    actions.extend(hooks(jail, "command", true));
    actions.extend(hooks(jail, "exec.poststart", false));
    actions
}

/// What ends a jail that runs, up to its removal.
pub(super) fn down(jail: &ResolvedJail) -> Vec<Action<'_>> {
    let mut actions: Vec<Action<'_>> = hooks(jail, "exec.prestop", false).collect();
    actions.extend(hooks(jail, "exec.stop", true));
    actions.extend([Action::Terminate, Action::Remove]);
    actions
}

/// What takes back all that a jail had on the host, once it is gone.
pub(super) fn after<'s>(spec: &'s JailSpec, jail: &'s ResolvedJail) -> Vec<Action<'s>> {
    let mut actions: Vec<Action<'s>> = hooks(jail, "exec.poststop", false).collect();
    actions.extend(back(&spec.on_host));
    actions.extend(hooks(jail, "exec.release", false));
    actions
}

/// The same, without its commands.
pub(super) fn back(on_host: &OnHost) -> Vec<Action<'_>> {
    let unmounts = on_host.mounts.iter().rev().map(Action::Unmount);
    unmounts.chain(on_host.addresses.iter().rev().map(Action::RemoveAddress)).collect()
}

impl Action<'_> {
    /// What takes the step back, where a later one fails.
    pub(super) fn undo(self) -> Option<Self> {
        match self {
            Self::AddAddress(address) => Some(Self::RemoveAddress(address)),
            Self::Mount(point) => Some(Self::Unmount(point)),
            Self::Create => Some(Self::Remove),
            _ => None,
        }
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook { param, command, inside: true } => write!(f, "run {param} in the jail: {command}"),
            Self::Hook { param, command, inside: false } => write!(f, "run {param}: {command}"),
            Self::AddAddress(address) => write!(f, "add {} to {}", address.net, address.interface),
            Self::RemoveAddress(address) => write!(f, "remove {} from {}", address.net.addr(), address.interface),
            Self::Mount(point) => match &point.request.source {
                Some(source) => write!(
                    f,
                    "mount {} {} on {}",
                    point.request.fstype,
                    source.display(),
                    point.request.target.display()
                ),
                None => write!(f, "mount {} on {}", point.request.fstype, point.request.target.display()),
            },
            Self::Unmount(point) => write!(f, "unmount {}", point.request.target.display()),
            Self::Create => f.write_str("create the jail"),
            Self::Zfs(dataset) => write!(f, "zfs jail {dataset}"),
            Self::Vnet(interface) => write!(f, "move {interface} into the jail"),
            Self::Terminate => f.write_str("ask its processes to end"),
            Self::Remove => f.write_str("remove the jail"),
        }
    }
}

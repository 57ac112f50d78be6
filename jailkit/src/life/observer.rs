//! Who is told how far the jails are.

use std::net::IpAddr;
use std::path::Path;

use bstr::BStr;
use ipnet::IpNet;

use super::{JailError, Outcome};
use crate::kernel::{DevfsRuleset, Jid, MountRequest};
use crate::process::Program;
use crate::stack::Ready;

/// Something that happens in the life of a jail.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The jail's name.
    pub jail: &'a BStr,
    /// What happens.
    pub what: What<'a>,
}

/// What happens to a jail.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A command of this parameter begins.
    Command {
        /// `exec.start`
        param: &'static str,
        /// What is run.
        program: &'a Program,
    },
    /// A line that a command printed.
    Output(&'a BStr),
    /// An address was put on an interface of the host. What ifconfig(8) does for it is a [`What::Command`].
    AddressAdded {
        /// `lo1`
        interface: &'a str,
        /// The address with its prefix.
        address: IpNet,
    },
    /// An address was taken from an interface of the host.
    AddressRemoved {
        /// `lo1`
        interface: &'a str,
        /// The address.
        address: IpAddr,
    },
    /// An interface was moved into the jail.
    InterfaceMoved(&'a BStr),
    /// An interface was moved back from the jail, where a later step has failed.
    InterfaceReclaimed(&'a BStr),
    /// A devfs is about to be mounted with a ruleset that is not loaded: it will show the jail every device of the
    /// host. jail(8) says nothing of it.
    RulesetMissing(DevfsRuleset),
    /// Something was mounted.
    Mounted(&'a MountRequest),
    /// Something was unmounted.
    Unmounted(&'a Path),
    /// The jail was created.
    Created(Jid),
    /// The jail was removed.
    Removed(Jid),
    /// The jail was changed.
    Updated(Jid),
    /// Its processes are asked to end.
    Terminating,
    /// A killed run had made it by half; it begins anew.
    HalfMade,
    /// The jail was removed by itself: what was mounted for it and its addresses stay until it is started or stopped.
    LeftBehind,
    /// The file has other mounts for the jail than it was started with, which only a restart changes.
    OtherMounts,
    /// Another run is at work on the jail, and is waited for.
    WaitingForRun,
    /// It is waited for to be ready.
    Waiting(&'a Ready),
    /// It is ready.
    Ready,
    /// A step failed; what was done is undone now.
    Failed(&'a JailError),
    /// Nothing more is done to the jail, and this is what has become of it.
    Done(&'a Result<Outcome, JailError>),
}

/// Who is told what happens, from several threads.
pub trait Observer: Sync {
    /// Something happens.
    fn happens(&self, event: &Event<'_>);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn happens(&self, _event: &Event<'_>) {}
}

//! The addresses that a running jail has on an interface, changed with its parameters. jail(8) leaves them as they were.

use std::net::IpAddr;
use std::path::PathBuf;

use bstr::ByteSlice;

use super::JailError;
use super::action::Action;
use super::addresses::Address;
use super::claim::{self, Claim, Left, Note};
use super::mount::MountPoint;
use super::observer::What;
use super::perform::{Run, lines};
use super::spec::{JailSpec, OnHost};
use super::world::World;
use crate::jailconf::ResolvedJail;
use crate::kernel::{Jail, MountRequest};

/// A running jail whose file has other addresses for it than its start has made.
pub(super) struct Move {
    claim: Claim,
    change: Change,
}

/// What a running jail has on the host, and the addresses that it is to have, save for what the host has itself.
struct Change {
    spec: JailSpec,
    made: OnHost,
    wanted: Vec<Address>,
}

impl Change {
    /// None where nothing is to be moved, or it is not known what the jail's start has made.
    fn of(world: &World<'_>, spec: JailSpec, held: &Jail, left: Option<&Left>) -> Result<Option<Self>, JailError> {
        let own = left.filter(|left| matches!(left.note, Note::Running(_)) && left.is_of(world.host.kernel(), held));
        let Some(made) = own.map(|left| left.on_host.clone()) else { return Ok(None) };
        // What is wrong with what the file has keeps nothing else from being changed.
        if !spec.faults.is_empty() {
            return Ok(None);
        }
        let mut wanted = Vec::new();
        for address in &spec.on_host.addresses {
            if made.addresses.iter().any(|made| is_same(made, address)) || !world.is_the_hosts(address)? {
                wanted.push(address.clone());
            }
        }
        // A run that was killed may have noted one that it has not added.
        let mut is_other = made.addresses != wanted;
        for address in &wanted {
            is_other |= !world.is_on_interface(address)?;
        }
        Ok(is_other.then_some(Self { spec, made, wanted }))
    }

    fn added(&self) -> Vec<&Address> {
        self.wanted.iter().filter(|wanted| !self.made.addresses.contains(wanted)).collect()
    }

    /// What the jail no longer has, where it has these addresses by then.
    fn gone(&self, has: &[IpAddr]) -> Vec<&Address> {
        let is_gone = |old: &&Address| {
            let new = self.wanted.iter().find(|new| new.net.addr() == old.net.addr());
            new.map_or(!has.contains(&old.net.addr()), |new| new.interface != old.interface)
        };
        self.made.addresses.iter().filter(is_gone).collect()
    }

    fn with<'a>(&self, addresses: impl Iterator<Item = &'a Address>) -> OnHost {
        OnHost { addresses: addresses.cloned().collect(), ..self.made.clone() }
    }
}

/// The addresses that would be added and removed, as lines.
pub(super) fn outline(world: &World<'_>, jail: &ResolvedJail, held: &Jail) -> Result<Vec<String>, JailError> {
    let left = claim::peek(world.host, jail.name.as_bstr())?;
    let spec = JailSpec::of_running(world.host, jail)?;
    let has = spec.all_addresses.clone();
    let Some(change) = Change::of(world, spec, held, left.as_ref())? else { return Ok(Vec::new()) };
    let mut actions: Vec<_> = change.added().into_iter().map(Action::AddAddress).collect();
    actions.extend(change.gone(&has).into_iter().map(Action::RemoveAddress));
    Ok(lines(&actions))
}

impl Move {
    /// None where nothing is to be moved, or it is not known what the jail's start has made. Says where mounts would be
    /// other ones, too, which stay as they are.
    pub(super) fn of(world: &World<'_>, jail: &ResolvedJail, held: &Jail) -> Result<Option<Self>, JailError> {
        let Some(left) = claim::peek(world.host, jail.name.as_bstr())? else { return Ok(None) };
        let spec = JailSpec::of_running(world.host, jail)?;
        let real = |points: &[MountPoint]| -> Vec<MountRequest> {
            let real = |path: &PathBuf| world.real_path(path);
            let request = |MountPoint { request, .. }: &MountPoint| MountRequest {
                source: request.source.as_ref().map(real),
                target: real(&request.target),
                ..request.clone()
            };
            points.iter().map(request).collect()
        };
        let is_other = real(&left.on_host.mounts) != real(&spec.on_host.mounts);
        if is_other && spec.faults.is_empty() {
            world.tell(jail.name.as_bstr(), What::OtherMounts);
        }
        let Some(Change { spec, .. }) = Change::of(world, spec, held, Some(&left))? else { return Ok(None) };
        // Only now, as a command of the jail's may change the jail while it is started.
        let claim = world.claim(jail.name.as_bstr())?;
        match Change::of(world, spec, held, claim.left())? {
            Some(change) => Ok(Some(Self { claim, change })),
            None => claim.release().map(|()| None),
        }
    }

    /// Adds what is new, does `set`, and removes what the jail no longer has then.
    pub(super) fn around(
        mut self,
        world: &World<'_>,
        held: &Jail,
        set: impl FnOnce() -> Result<(), JailError>,
    ) -> Result<(), JailError> {
        let (running, change) = (Note::Running(held.jid), &self.change);
        let (made, new) = (&change.made.addresses, change.added());
        self.claim.begin(running, &change.with(made.iter().chain(new.iter().copied())))?;
        let mut run = Run::new(world, &change.spec, true);
        world.begins(change.spec.name.as_bstr(), &change.wanted);
        let added = change.wanted.iter().try_for_each(|address| {
            // One that gets another prefix length or interface.
            let is_old = |old: &&Address| old.net.addr() == address.net.addr() && *old != address;
            if let Some(old) = made.iter().find(is_old) {
                run.perform(Action::RemoveAddress(old))?;
            }
            run.perform(Action::AddAddress(address)).map(|_| ())
        });
        let added = added.and_then(|()| set());
        world.has_begun(change.spec.name.as_bstr());
        if let Err(error) = added {
            let mut undo: Vec<_> = new.iter().map(|&address| Action::RemoveAddress(address)).collect();
            undo.extend(made.iter().map(Action::AddAddress));
            let undone = match run.all(&undo) {
                None => self.claim.begin(running, &change.made).err(),
                undone => undone,
            };
            return Err(error.and(undone));
        }
        let gone = change.gone(&world.addresses_of(held)?);
        let stays = |old: &&Address| !gone.contains(old) && !change.wanted.iter().any(|new| is_same(new, old));
        let now = change.with(change.wanted.iter().chain(made.iter().filter(stays)));
        match run.all(&gone.iter().map(|&address| Action::RemoveAddress(address)).collect::<Vec<_>>()) {
            Some(failed) => Err(failed),
            None => self.claim.begin(running, &now),
        }
    }
}

/// The same address on the same interface, whatever its prefix length.
fn is_same(one: &Address, other: &Address) -> bool {
    (&one.interface, one.net.addr()) == (&other.interface, other.net.addr())
}

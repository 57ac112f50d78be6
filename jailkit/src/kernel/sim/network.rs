//! Interfaces and their addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Refusal;
use super::state::State;
use crate::kernel::{Errno, Interface, Jid};

/// Interfaces that can be cloned: their names without the unit.
const CLONERS: &[&str] = &["bridge", "disc", "epair", "gif", "lo", "tap", "tun", "vlan", "wg"];

fn find<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Interface, Refusal> {
    state.rest_mut().interfaces.iter_mut().find(|found| found.name == name).ok_or(Errno::ENXIO.into())
}

pub(super) fn create(state: &mut State, name: &str) -> Result<(), Refusal> {
    let cloner = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if !CLONERS.contains(&cloner) || cloner.len() == name.len() {
        return Err(Errno::EINVAL.into());
    }
    if state.rest_mut().interfaces.iter().any(|found| found.name == name) {
        return Err(Errno::EEXIST.into());
    }
    state.rest_mut().interfaces.push(Interface { name: name.to_owned(), addresses: Vec::new() });
    Ok(())
}

/// An interface that comes without being cloned: a name of letters, and a unit (`IFNAMSIZ`).
pub(super) fn plug_in(state: &mut State, name: &str) -> Result<(), Refusal> {
    let driver = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_name =
        !driver.is_empty() && name.len() < 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(Errno::EINVAL.into());
    }
    let rest = state.rest();
    if !rest.moved.contains_key(name) && rest.interfaces.iter().all(|found| found.name != name) {
        state.rest_mut().interfaces.push(Interface { name: name.to_owned(), addresses: Vec::new() });
    }
    Ok(())
}

pub(super) fn destroy(state: &mut State, name: &str) -> Result<(), Refusal> {
    find(state, name)?;
    if name == "lo0" {
        return Err(Errno::EINVAL.into());
    }
    state.rest_mut().interfaces.retain(|found| found.name != name);
    Ok(())
}

pub(super) fn add_address(state: &mut State, interface: &str, address: IpNet) -> Result<(), Refusal> {
    let interface = find(state, interface)?;
    if interface.addresses.iter().any(|found| found.addr() == address.addr()) {
        return Err(Errno::EEXIST.into());
    }
    interface.addresses.push(address);
    Ok(())
}

pub(super) fn remove_address(state: &mut State, interface: &str, address: IpAddr) -> Result<(), Refusal> {
    let interface = find(state, interface)?;
    let index = interface.addresses.iter().position(|found| found.addr() == address).ok_or(Errno::EADDRNOTAVAIL)?;
    interface.addresses.remove(index);
    Ok(())
}

pub(super) fn move_to(state: &mut State, name: &str, to: Jid) -> Result<(), Refusal> {
    find(state, name)?;
    let has_stack = state.prison(to.0).is_some_and(|jail| jail.vnet && jail.jid != 0);
    if !has_stack {
        return Err(Errno::ENOENT.into());
    }
    let index = state.rest_mut().interfaces.iter().position(|found| found.name == name).ok_or(Errno::ENXIO)?;
    // An interface loses its addresses on the way.
    let interface = Interface { addresses: Vec::new(), ..state.rest_mut().interfaces.remove(index) };
    state.rest_mut().moved.insert(name.to_owned(), (to, interface));
    Ok(())
}

/// A jail's network stack ends: its interfaces go back to the host's (`vnet_if_return` in if.c).
pub(super) fn give_back(state: &mut State, jid: Jid) {
    let names = state.rest().moved.iter().filter(|(_, (holder, _))| *holder == jid).map(|(name, _)| name.clone());
    for name in names.collect::<Vec<_>>() {
        if let Some((_, interface)) = state.rest_mut().moved.remove(&name) {
            state.rest_mut().interfaces.push(Interface { addresses: Vec::new(), ..interface });
        }
    }
}

pub(super) fn reclaim(state: &mut State, name: &str, from: Jid) -> Result<(), Refusal> {
    match state.rest_mut().moved.remove(name) {
        Some((holder, interface)) if holder == from => {
            state.rest_mut().interfaces.push(Interface { addresses: Vec::new(), ..interface });
            Ok(())
        }
        _ => Err(Errno::ENXIO.into()),
    }
}

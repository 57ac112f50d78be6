//! Interfaces and their addresses.
//!
//! Source: in_aifaddr_ioctl in `sys/netinet/in.c`, in6_validate_ifra in `sys/netinet6/in6.c`, if_vmove_loan and
//! if_vmove_reclaim in `sys/net/if.c`.

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

/// An IPv4 address that is there is removed and added anew (`in_aifaddr_ioctl`); an IPv6 one keeps its prefix length
/// (`in6_update_ifa`).
pub(super) fn add_address(state: &mut State, interface: &str, address: IpNet) -> Result<(), Refusal> {
    let interface = find(state, interface)?;
    match (interface.addresses.iter().position(|found| found.addr() == address.addr()), address) {
        (Some(index), IpNet::V4(_)) => drop(interface.addresses.remove(index)),
        (Some(index), IpNet::V6(_)) if interface.addresses[index] == address => return Ok(()),
        (Some(_), IpNet::V6(_)) => return Err(Errno::EINVAL.into()),
        (None, _) => {}
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
    match state.prison(to.0) {
        Some(jail) if jail.jid == 0 => return Err(Errno::ENXIO.into()),
        Some(jail) if jail.vnet => {}
        // It has the host's, where the interface is.
        Some(_) => return Err(Errno::EEXIST.into()),
        None => return Err(Errno::ENXIO.into()),
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

//! Interfaces and their addresses, through ioctl(2) on a socket, as ifconfig(8) does it.

use std::ffi::c_char;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use ipnet::IpNet;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, socket};

use super::ioctl::ask;
use crate::kernel::abi::{self, IfReq, In6AliasReq, In6IfReq, InAliasReq, SockaddrIn, SockaddrIn6};

fn inet() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
}

fn inet6() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
}

/// The name of an interface in the room that the kernel has for it.
fn named(name: &str) -> Result<[c_char; 16], Errno> {
    let mut room = [0; 16];
    if name.is_empty() || name.len() >= room.len() || name.bytes().any(|byte| byte == 0) {
        return Err(Errno::ENXIO);
    }
    for (to, from) in room.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    Ok(room)
}

fn request(name: &str) -> Result<IfReq, Errno> {
    Ok(IfReq { name: named(name)?, value: [0; 16] })
}

/// Creates a cloned interface and brings it up.
pub(super) fn create(name: &str) -> Result<(), Errno> {
    let socket = inet()?;
    let mut made = request(name)?;
    ask(&socket, abi::SIOCIFCREATE2, &mut made)?;
    // The kernel has completed a name without a number, and says so.
    let mut flags = IfReq { name: made.name, value: [0; 16] };
    let up = ask(&socket, abi::SIOCGIFFLAGS, &mut flags).and_then(|()| {
        let low = u16::from_ne_bytes([flags.value[0], flags.value[1]]) | abi::IFF_UP;
        flags.value[..2].copy_from_slice(&low.to_ne_bytes());
        ask(&socket, abi::SIOCSIFFLAGS, &mut flags)
    });
    // An interface that cannot be brought up is not left behind.
    up.inspect_err(|_| {
        let _ = ask(&socket, abi::SIOCIFDESTROY, &mut made);
    })
}

pub(super) fn destroy(name: &str) -> Result<(), Errno> {
    ask(&inet()?, abi::SIOCIFDESTROY, &mut request(name)?)
}

fn with_jid(name: &str, jid: i32) -> Result<IfReq, Errno> {
    let mut request = request(name)?;
    request.value[..4].copy_from_slice(&jid.to_ne_bytes());
    Ok(request)
}

pub(super) fn move_to(name: &str, jid: i32) -> Result<(), Errno> {
    ask(&inet()?, abi::SIOCSIFVNET, &mut with_jid(name, jid)?)
}

pub(super) fn reclaim(name: &str, jid: i32) -> Result<(), Errno> {
    ask(&inet()?, abi::SIOCSIFRVNET, &mut with_jid(name, jid)?)
}

fn v4(addr: Ipv4Addr) -> SockaddrIn {
    let len = size_of::<SockaddrIn>() as u8;
    SockaddrIn { len, family: abi::AF_INET, addr: addr.octets(), ..SockaddrIn::default() }
}

fn v6(addr: Ipv6Addr) -> SockaddrIn6 {
    let len = size_of::<SockaddrIn6>() as u8;
    SockaddrIn6 { len, family: abi::AF_INET6, addr: addr.octets(), ..SockaddrIn6::default() }
}

pub(super) fn add_address(interface: &str, address: IpNet) -> Result<(), Errno> {
    match address {
        IpNet::V4(net) => {
            let mut alias = InAliasReq {
                name: named(interface)?,
                addr: v4(net.addr()),
                // Left to the kernel, as by ifconfig(8): it takes what the mask makes of it.
                broadaddr: SockaddrIn::default(),
                mask: v4(net.netmask()),
                vhid: 0,
            };
            let socket = inet()?;
            match ask(&socket, abi::SIOCAIFADDR, &mut alias) {
                // A point-to-point interface wants to know its other end, in the same place. To a jail that is itself.
                Err(Errno::EDESTADDRREQ) => {
                    alias.broadaddr = alias.addr;
                    ask(&socket, abi::SIOCAIFADDR, &mut alias)
                }
                added => added,
            }
        }
        IpNet::V6(net) => {
            // SAFETY: numbers and arrays of them, for which all zeroes are a value.
            let mut alias: In6AliasReq = unsafe { zeroed() };
            alias.name = named(interface)?;
            alias.addr = v6(net.addr());
            alias.prefixmask = v6(net.netmask());
            (alias.lifetime.vltime, alias.lifetime.pltime) = (abi::FOREVER, abi::FOREVER);
            ask(&inet6()?, abi::SIOCAIFADDR_IN6, &mut alias)
        }
    }
}

pub(super) fn remove_address(interface: &str, address: IpAddr) -> Result<(), Errno> {
    match address {
        IpAddr::V4(address) => {
            let mut request = request(interface)?;
            request.value[0] = size_of::<SockaddrIn>() as u8;
            request.value[1] = abi::AF_INET;
            request.value[4..8].copy_from_slice(&address.octets());
            ask(&inet()?, abi::SIOCDIFADDR, &mut request)
        }
        IpAddr::V6(address) => {
            // SAFETY: numbers and arrays of them, for which all zeroes are a value.
            let mut request: In6IfReq = unsafe { zeroed() };
            request.name = named(interface)?;
            request.value.addr = v6(address);
            ask(&inet6()?, abi::SIOCDIFADDR_IN6, &mut request)
        }
    }
}

/// An address with its mask as a network address; none where it is of another family.
pub(super) fn network(address: &SockaddrStorage, mask: &SockaddrStorage) -> Option<IpNet> {
    if let (Some(address), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) {
        let prefix = u32::from(mask.ip()).count_ones() as u8;
        return IpNet::new(address.ip().into(), prefix).ok();
    }
    let address = address.as_sockaddr_in6()?;
    let mask = mask.as_sockaddr_in6().map_or(Ipv6Addr::from(u128::MAX), nix::sys::socket::SockaddrIn6::ip);
    IpNet::new(address.ip().into(), u128::from(mask).count_ones() as u8).ok()
}

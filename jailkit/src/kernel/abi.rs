//! What the kernel's binary interface is made of and the libc crate does not have: flags, requests and structures.
//!
//! The same on x86_64 and aarch64, FreeBSD 13 to 15. `jailkit/tests/freebsd/abi.c` says each number again, and FreeBSD's
//! own headers check it there when that file is compiled; a test here compares the two.

#![cfg_attr(not(target_os = "freebsd"), allow(dead_code))]

mod borrowed;

use std::ffi::{c_char, c_int, c_ulong};

/// `desc` is the jail (this and the next three: FreeBSD 15).
pub(crate) const JAIL_USE_DESC: c_int = 0x10;
/// `desc` is the jail below which others are looked for.
pub(crate) const JAIL_AT_DESC: c_int = 0x20;
/// `desc` receives a descriptor of the jail.
pub(crate) const JAIL_GET_DESC: c_int = 0x40;
/// `desc` receives a descriptor that removes the jail when it is closed.
pub(crate) const JAIL_OWN_DESC: c_int = 0x80;

/// close_range(2) marks instead of closing (FreeBSD 14).
pub(crate) const CLOSE_RANGE_CLOEXEC: c_int = 0x4;
/// The numbers of the system calls that libc has no functions for.
pub(crate) const SYS_JAIL_ATTACH_JD: c_int = 597;
pub(crate) const SYS_JAIL_REMOVE_JD: c_int = 598;

/// `struct ifreq`, with the members used here.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct IfReq {
    pub(crate) name: [c_char; 16],
    pub(crate) value: [u8; 16],
}

/// `struct sockaddr_in`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct SockaddrIn {
    pub(crate) len: u8,
    pub(crate) family: u8,
    pub(crate) port: u16,
    pub(crate) addr: [u8; 4],
    pub(crate) zero: [u8; 8],
}

/// `struct sockaddr_in6`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct SockaddrIn6 {
    pub(crate) len: u8,
    pub(crate) family: u8,
    pub(crate) port: u16,
    pub(crate) flowinfo: u32,
    pub(crate) addr: [u8; 16],
    pub(crate) scope_id: u32,
}

/// `struct in_aliasreq`
#[repr(C)]
pub(crate) struct InAliasReq {
    pub(crate) name: [c_char; 16],
    pub(crate) addr: SockaddrIn,
    pub(crate) broadaddr: SockaddrIn,
    pub(crate) mask: SockaddrIn,
    pub(crate) vhid: c_int,
}

/// `struct in6_aliasreq`
#[repr(C)]
pub(crate) struct In6AliasReq {
    pub(crate) name: [c_char; 16],
    pub(crate) addr: SockaddrIn6,
    pub(crate) dstaddr: SockaddrIn6,
    pub(crate) prefixmask: SockaddrIn6,
    pub(crate) flags: c_int,
    pub(crate) lifetime: In6AddrLifetime,
    pub(crate) vhid: c_int,
}

/// `struct in6_addrlifetime`
#[repr(C)]
pub(crate) struct In6AddrLifetime {
    pub(crate) expire: i64,
    pub(crate) preferred: i64,
    pub(crate) vltime: u32,
    pub(crate) pltime: u32,
}

/// `struct in6_ifreq`: its union is as long as its longest member, the statistics.
#[repr(C)]
pub(crate) struct In6IfReq {
    pub(crate) name: [c_char; 16],
    pub(crate) value: In6IfReqValue,
}

/// The union of `struct in6_ifreq`.
#[repr(C, align(8))]
pub(crate) struct In6IfReqValue {
    pub(crate) addr: SockaddrIn6,
    pub(crate) rest: [u8; 244],
}

/// `ND6_INFINITE_LIFETIME`
pub(crate) const FOREVER: u32 = u32::MAX;
pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 28;
pub(crate) const IFF_UP: u16 = 0x1;

/// `struct devfs_rule`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DevfsRule {
    pub(crate) magic: u32,
    /// The ruleset in the upper half, the rule's own number in the lower.
    pub(crate) id: u32,
    pub(crate) conditions: c_int,
    pub(crate) dswflags: c_int,
    pub(crate) pattern: [u8; 200],
    pub(crate) actions: c_int,
    pub(crate) shows: c_int,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u16,
    pub(crate) included: u16,
}

pub(crate) const DEVFS_MAGIC: u32 = 0xdb0a_087a;

/// `_IOW`: a request that hands a `T` to the kernel.
const fn write<T>(group: u8, number: c_ulong) -> c_ulong {
    0x8000_0000 | ((size_of::<T>() as c_ulong & 0x1fff) << 16) | ((group as c_ulong) << 8) | number
}

/// `_IOWR`: a request that hands a `T` to the kernel and back.
const fn write_read<T>(group: u8, number: c_ulong) -> c_ulong {
    0x4000_0000 | write::<T>(group, number)
}

pub(crate) const SIOCSIFFLAGS: c_ulong = write::<IfReq>(b'i', 16);
pub(crate) const SIOCGIFFLAGS: c_ulong = write_read::<IfReq>(b'i', 17);
pub(crate) const SIOCDIFADDR: c_ulong = write::<IfReq>(b'i', 25);
pub(crate) const SIOCAIFADDR: c_ulong = write::<InAliasReq>(b'i', 43);
pub(crate) const SIOCDIFADDR_IN6: c_ulong = write::<In6IfReq>(b'i', 25);
pub(crate) const SIOCAIFADDR_IN6: c_ulong = write::<In6AliasReq>(b'i', 27);
pub(crate) const SIOCSIFVNET: c_ulong = write_read::<IfReq>(b'i', 90);
pub(crate) const SIOCSIFRVNET: c_ulong = write_read::<IfReq>(b'i', 91);
pub(crate) const SIOCIFDESTROY: c_ulong = write::<IfReq>(b'i', 121);
pub(crate) const SIOCIFCREATE2: c_ulong = write_read::<IfReq>(b'i', 124);

pub(crate) const DEVFSIO_RGETNEXT: c_ulong = write_read::<DevfsRule>(b'D', 4);
pub(crate) const DEVFSIO_SUSE: c_ulong = write::<u16>(b'D', 10);
pub(crate) const DEVFSIO_SAPPLY: c_ulong = write::<u16>(b'D', 11);
pub(crate) const DEVFSIO_SGETNEXT: c_ulong = write_read::<u16>(b'D', 12);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Errno;
    use std::mem::offset_of;

    #[test]
    fn the_numbers_are_those_that_freebsd_checks() {
        let ours: &[(&str, u64)] = &[
            ("JAIL_USE_DESC", JAIL_USE_DESC as u64),
            ("JAIL_AT_DESC", JAIL_AT_DESC as u64),
            ("JAIL_GET_DESC", JAIL_GET_DESC as u64),
            ("JAIL_OWN_DESC", JAIL_OWN_DESC as u64),
            ("SYS_jail_attach_jd", SYS_JAIL_ATTACH_JD as u64),
            ("SYS_jail_remove_jd", SYS_JAIL_REMOVE_JD as u64),
            ("CLOSE_RANGE_CLOEXEC", CLOSE_RANGE_CLOEXEC as u64),
            ("AF_INET", AF_INET.into()),
            ("AF_INET6", AF_INET6.into()),
            ("IFF_UP", IFF_UP.into()),
            ("ND6_INFINITE_LIFETIME", FOREVER.into()),
            ("SIOCSIFFLAGS", SIOCSIFFLAGS),
            ("SIOCGIFFLAGS", SIOCGIFFLAGS),
            ("SIOCDIFADDR", SIOCDIFADDR),
            ("SIOCAIFADDR", SIOCAIFADDR),
            ("SIOCDIFADDR_IN6", SIOCDIFADDR_IN6),
            ("SIOCAIFADDR_IN6", SIOCAIFADDR_IN6),
            ("SIOCSIFVNET", SIOCSIFVNET),
            ("SIOCSIFRVNET", SIOCSIFRVNET),
            ("SIOCIFDESTROY", SIOCIFDESTROY),
            ("SIOCIFCREATE2", SIOCIFCREATE2),
            ("DEVFS_MAGIC", DEVFS_MAGIC.into()),
            ("DEVFSIO_RGETNEXT", DEVFSIO_RGETNEXT),
            ("DEVFSIO_SUSE", DEVFSIO_SUSE),
            ("DEVFSIO_SAPPLY", DEVFSIO_SAPPLY),
            ("DEVFSIO_SGETNEXT", DEVFSIO_SGETNEXT),
            ("sizeof(struct devfs_rule)", size_of::<DevfsRule>() as u64),
            ("offsetof(struct devfs_rule, dr_id)", offset_of!(DevfsRule, id) as u64),
            ("sizeof(struct ifreq)", size_of::<IfReq>() as u64),
            ("offsetof(struct ifreq, ifr_ifru)", offset_of!(IfReq, value) as u64),
            ("sizeof(struct sockaddr_in)", size_of::<SockaddrIn>() as u64),
            ("offsetof(struct sockaddr_in, sin_addr)", offset_of!(SockaddrIn, addr) as u64),
            ("sizeof(struct sockaddr_in6)", size_of::<SockaddrIn6>() as u64),
            ("offsetof(struct sockaddr_in6, sin6_addr)", offset_of!(SockaddrIn6, addr) as u64),
            ("sizeof(struct in_aliasreq)", size_of::<InAliasReq>() as u64),
            ("offsetof(struct in_aliasreq, ifra_mask)", offset_of!(InAliasReq, mask) as u64),
            ("sizeof(struct in6_aliasreq)", size_of::<In6AliasReq>() as u64),
            ("offsetof(struct in6_aliasreq, ifra_prefixmask)", offset_of!(In6AliasReq, prefixmask) as u64),
            ("offsetof(struct in6_aliasreq, ifra_lifetime)", offset_of!(In6AliasReq, lifetime) as u64),
            ("offsetof(struct in6_addrlifetime, ia6t_vltime)", offset_of!(In6AddrLifetime, vltime) as u64),
            ("sizeof(struct in6_ifreq)", size_of::<In6IfReq>() as u64),
            ("offsetof(struct in6_ifreq, ifr_ifru)", offset_of!(In6IfReq, value) as u64),
        ];
        let probe = include_str!("../../tests/freebsd/abi.c");
        let checked: Vec<(&str, u64)> = probe
            .lines()
            .filter_map(|line| line.strip_prefix("CHECK("))
            .map(|line| {
                let (what, number) = line.trim_end_matches(");").rsplit_once(", ").unwrap();
                let number =
                    number.strip_prefix("0x").map_or_else(|| number.parse(), |hex| u64::from_str_radix(hex, 16));
                (what, number.unwrap())
            })
            .collect();
        let errnos: Vec<_> = Errno::ALL.iter().map(|(name, number)| (*name, *number as u64)).collect();
        for (what, number) in ours.iter().chain(borrowed::HELD).chain(&errnos) {
            assert!(checked.contains(&(*what, *number)), "abi.c does not check that {what} is {number:#x}");
        }
    }
}

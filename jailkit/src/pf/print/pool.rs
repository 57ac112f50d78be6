//! Pools.

use super::{address, number};
use crate::pf::rule::{Action, Family, Names, Pool, PoolKind};

/// A pool: of nat, of rdr, of binat, or, with no action, of a route.
pub(super) fn print(names: &Names, pool: &Pool, family: Option<Family>, action: Option<Action>, out: &mut Vec<u8>) {
    let several = pool.addresses.len() > 1;
    if several {
        out.extend_from_slice(b"{ ");
    }
    for (index, own) in pool.addresses.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        match own.interface {
            Some(interface) if own.address == crate::pf::rule::Address::Any => {
                out.extend_from_slice(names.get(interface));
            }
            Some(interface) => {
                out.push(b'(');
                out.extend_from_slice(names.get(interface));
                out.push(b' ');
                address(names, own.address, family, out);
                out.push(b')');
            }
            None => address(names, own.address, family, out),
        }
    }
    if several {
        out.extend_from_slice(b" }");
    }
    let (first, last) = pool.ports;
    match action {
        Some(Action::Nat) if pool.ports != Pool::NAT_PORTS && pool.ports != (0, 0) => {
            out.extend_from_slice(b" port ");
            number(first.into(), out);
            if first != last {
                out.push(b':');
                number(last.into(), out);
            }
        }
        Some(Action::Rdr) if first != 0 => {
            out.extend_from_slice(b" port ");
            number(first.into(), out);
            if last != 0 && last != first {
                out.push(b':');
                number(last.into(), out);
            }
        }
        _ => {}
    }
    match pool.kind {
        PoolKind::Single => {}
        PoolKind::Bitmask => out.extend_from_slice(b" bitmask"),
        PoolKind::Random => out.extend_from_slice(b" random"),
        PoolKind::RoundRobin => out.extend_from_slice(b" round-robin"),
        PoolKind::SourceHash(key) => {
            out.extend_from_slice(b" source-hash");
            if let Some([a, b, c, d]) = key {
                out.extend(format!(" 0x{a:08x}{b:08x}{c:08x}{d:08x}").bytes());
            }
        }
    }
    for (flag, word) in [
        (pool.sticky, " sticky-address"),
        (pool.endpoint_independent, " endpoint-independent"),
        (pool.prefer_ipv6, " prefer-ipv6-nexthop"),
        (action == Some(Action::Nat) && pool.ports == (0, 0), " static-port"),
    ] {
        if flag {
            out.extend_from_slice(word.as_bytes());
        }
    }
    if let Some(set) = pool.port_set {
        out.extend(format!(" map-e-portset {}/{}/{}", set.offset, set.length, set.psid).bytes());
    }
}

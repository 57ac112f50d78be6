//! Address pools: what packets are translated to, and where they are routed.

use super::{Address, Family, Name};

/// One address of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolAddress {
    /// The interface, in the pools of `route-to` and its like.
    pub interface: Option<Name>,
    /// The address; [`Address::Any`] where only an interface is given.
    pub address: Address,
}

/// How an address of a pool is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolKind {
    /// The only address.
    #[default]
    Single,
    /// `bitmask`: the network part of the pool's, the host part of the packet's.
    Bitmask,
    /// `random`
    Random,
    /// `source-hash`, with its key where one is given.
    SourceHash(Option<[u32; 4]>),
    /// `round-robin`
    RoundRobin,
}

/// `map-e-portset offset/length/psid`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSet {
    /// The PSID offset, 1 to 15.
    pub offset: u8,
    /// The length of the PSID in bits, 1 to 15.
    pub length: u8,
    /// The PSID.
    pub psid: u16,
}

/// A pool and how it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Its addresses.
    pub addresses: Vec<PoolAddress>,
    /// How one is chosen.
    pub kind: PoolKind,
    /// `sticky-address`
    pub sticky: bool,
    /// `endpoint-independent`
    pub endpoint_independent: bool,
    /// `prefer-ipv6-nexthop`
    pub prefer_ipv6: bool,
    /// The ports: for nat the range to choose from, both 0 for `static-port`; for rdr the port, or a range's first
    /// and last, 0 where the port stays.
    pub ports: (u16, u16),
    /// `map-e-portset`
    pub port_set: Option<PortSet>,
}

impl Pool {
    /// The range of ports that nat chooses from where the rule names none.
    pub const NAT_PORTS: (u16, u16) = (50001, 65535);
}

/// What a rule with a route does with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// `route-to`
    RouteTo,
    /// `reply-to`
    ReplyTo,
    /// `dup-to`
    DupTo,
}

/// `route-to` and its like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which.
    pub kind: RouteKind,
    /// Where to.
    pub pool: Pool,
}

/// What a rule translates. `nat`, `rdr` and `binat` rules have the pool that `->` names; a pass or match rule may have
/// a source pool (`nat-to`, `af-to … from`) and a destination pool (`rdr-to`, `af-to … to`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// The new source.
    pub source: Option<Pool>,
    /// The new destination.
    pub destination: Option<Pool>,
    /// `af-to`: the family the packet is translated to.
    pub family: Option<Family>,
}

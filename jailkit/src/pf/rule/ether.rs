//! Rules on Ethernet frames.

use super::{AnchorCall, Direction, Dummynet, Endpoint, Family, Name, Origin};

/// A hardware address with its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The address.
    pub address: [u8; 6],
    /// Which bits of it count.
    pub mask: [u8; 6],
    /// `!`
    pub negated: bool,
}

/// `ether …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtherRule {
    /// Where the statement stands.
    pub origin: Origin,
    /// Its number among the Ethernet rules of its anchor, from 0.
    pub number: u32,
    /// Whether it passes; else it blocks.
    pub pass: bool,
    /// The anchor it calls.
    pub anchor: Option<AnchorCall>,
    /// The direction; none is both.
    pub direction: Option<Direction>,
    /// `quick`
    pub quick: bool,
    /// `on`
    pub interface: Option<Name>,
    /// Whether `on` is negated.
    pub interface_negated: bool,
    /// `bridge-to`
    pub bridge_to: Option<Name>,
    /// The EtherType, or 0
    pub protocol: u16,
    /// From which station.
    pub source: Option<Mac>,
    /// To which station.
    pub destination: Option<Mac>,
    /// `l3 from`
    pub ip_source: Endpoint,
    /// `l3 to`
    pub ip_destination: Endpoint,
    /// The labels.
    pub labels: Vec<Name>,
    /// `ridentifier`, or 0
    pub ridentifier: u32,
    /// `queue`
    pub queue: Option<Name>,
    /// `tag`
    pub tag: Option<Name>,
    /// `tagged`, and whether it is negated.
    pub tagged: Option<(Name, bool)>,
    /// `dnpipe`, `dnqueue`
    pub dummynet: Option<Dummynet>,
}

impl EtherRule {
    /// The family its addresses are of.
    pub fn family(&self) -> Family {
        if self.protocol == 0x0800 { Family::Inet } else { Family::Inet6 }
    }
}

//! The network of a stack: who is on it, and by which interfaces.

use super::Stack;
use crate::pf::Interfaces;
use crate::pf::reach::{BadZone, Zones};

impl Stack {
    /// The zones of the stack, for [`Reach`](crate::pf::reach::Reach): the outside, the host with the address that the
    /// stack names beside lo0, and the jails with theirs on the loopback interface.
    ///
    /// # Errors
    /// [`BadZone`] where a jail is named as the host or the outside is.
    pub fn zones(&self) -> Result<Zones, BadZone> {
        self.zones_with(Interfaces::default())
    }

    /// The same on a host that has other interfaces and addresses too.
    ///
    /// # Errors
    /// As [`Stack::zones`].
    pub fn zones_with(&self, interfaces: Interfaces) -> Result<Zones, BadZone> {
        let mut zones = Zones::new(interfaces, &self.host.interface);
        zones.add_address(&self.host.interface, self.host.address.into(), 32);
        for jail in &self.jails {
            zones.add_here(&jail.name, &[(jail.address.into(), 32)], Some(&self.host.loopback.interface))?;
        }
        Ok(zones)
    }
}

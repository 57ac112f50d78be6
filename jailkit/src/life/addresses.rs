//! The addresses of a jail: `ip4.addr`, `ip6.addr`, `interface` and `ip_hostname`.

use std::net::IpAddr;

use bstr::{BStr, ByteSlice};
use ipnet::IpNet;

use super::JailError;
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::jailparam::{self, Version};

/// An address that the host's interface gets for the jail.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Address {
    pub(super) interface: String,
    pub(super) net: IpNet,
    /// What else ifconfig(8) is told: `vhid 1`.
    pub(super) extra: Vec<String>,
}

impl Address {
    /// The parameter that says so.
    pub(super) fn param(&self) -> &'static str {
        if self.net.addr().is_ipv4() { "ip4.addr" } else { "ip6.addr" }
    }
}

/// The two lists of addresses that jail.conf(5) has.
const LISTS: [(&str, Version); 2] = [("ip4.addr", Version::V4), ("ip6.addr", Version::V6)];

/// The addresses that go on an interface: their own, `lo1|10.0.0.2/32`, or that of `interface`.
pub(super) fn on_host(jail: &ResolvedJail, looked_up: &[IpAddr], faults: &mut Vec<JailError>) -> Vec<Address> {
    let default = jail.value("interface").map(ToString::to_string).filter(|interface| !interface.is_empty());
    let mut addresses = Vec::new();
    for (param, version) in LISTS {
        for value in jail.values(param).iter().filter(|value| !value.is_empty()) {
            match on_interface(param, value.as_bstr(), version, default.as_deref()) {
                Ok(address) => addresses.extend(address),
                Err(error) => faults.push(error),
            }
        }
        let found = looked_up.iter().filter(|address| address.is_ipv4() == (version == Version::V4));
        let default = default.iter().cloned();
        addresses.extend(found.zip(default.cycle()).map(|(&address, interface)| Address {
            interface,
            net: IpNet::from(address),
            extra: Vec::new(),
        }));
    }
    addresses
}

/// What one value puts on an interface; nothing where it names none and there is no other.
fn on_interface(
    param: &'static str,
    value: &BStr,
    version: Version,
    default: Option<&str>,
) -> Result<Option<Address>, JailError> {
    let wrong = |reason: String| JailError::Param { param: param.into(), reason };
    if default.is_none() && !value.contains(&b'|') {
        return Ok(None);
    }
    let read = jailparam::address(value, version).map_err(|fault| wrong(fault.to_string()))?;
    let Some(interface) = read.interface.or(default.map(str::to_owned)) else { return Ok(None) };
    let [address] = read.addresses.as_slice() else {
        return Err(wrong(format!("'{value}' is not one address, and ifconfig(8) takes one at a time")));
    };
    let net = match read.prefix {
        Some(prefix) => IpNet::new(*address, prefix).map_err(|error| wrong(format!("'{value}': {error}")))?,
        None => IpNet::from(*address),
    };
    Ok(Some(Address { interface, net, extra: read.extra }))
}

/// The jail's own addresses, whether on an interface named here or not.
pub(super) fn all(jail: &ResolvedJail, looked_up: &[IpAddr]) -> Vec<IpAddr> {
    let read = |(param, version): (&str, Version)| {
        let values = jail.values(param).iter();
        values.filter_map(move |value| Some(jailparam::address(value.as_bstr(), version).ok()?.addresses))
    };
    LISTS.into_iter().flat_map(read).flatten().chain(looked_up.iter().copied()).collect()
}

/// `ip_hostname`: the addresses of the jail's hostname; none where it has no hostname.
///
/// # Errors
/// A hostname without an address.
pub(super) fn of_hostname(host: &dyn Host, jail: &ResolvedJail) -> Result<Vec<IpAddr>, JailError> {
    use std::net::ToSocketAddrs;
    let Some(hostname) = jail.value("host.hostname").filter(|_| jail.is_true("ip_hostname")) else {
        return Ok(Vec::new());
    };
    let hostname = hostname.to_string();
    let wrong = |reason: String| JailError::Param { param: "ip_hostname".into(), reason };
    let found: Vec<IpAddr> = if host.is_simulated() {
        let hosts = host.files().read("/etc/hosts".as_ref())?.unwrap_or_default();
        let lines = hosts.lines().map(|line| line.to_str_lossy().into_owned());
        let named = lines.filter(|line| line.split_whitespace().skip(1).any(|name| name == hostname));
        named.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
    } else {
        let found = (hostname.as_str(), 0).to_socket_addrs();
        found.map_err(|error| wrong(format!("{hostname}: {error}")))?.map(|address| address.ip()).collect()
    };
    if found.is_empty() {
        return Err(wrong(format!("{hostname} has no address")));
    }
    Ok(found)
}

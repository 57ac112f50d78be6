//! A jail of jail.conf(5) as values: what jail(8) checks before it does anything.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use ipnet::{IpNet, Ipv4Net};

use super::JailError;
use super::mount::{self, MountPoint};
use super::params::bare;
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::kernel::Jid;
use crate::process::{Inside, Passwd, Program};

/// How long the processes of a jail have to end by themselves, unless `stop.timeout` says otherwise.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// An address that the host's interface gets for the jail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) param: &'static str,
    pub(super) interface: String,
    pub(super) net: IpNet,
    /// What else ifconfig(8) is told: `vhid 1`.
    pub(super) extra: Vec<String>,
}

/// A jail with everything jail(8) does for it.
#[derive(Clone, Debug)]
pub(super) struct JailSpec {
    pub(super) name: BString,
    pub(super) root: Option<PathBuf>,
    pub(super) addresses: Vec<Address>,
    /// The jail's own addresses, whether on an interface named here or not.
    pub(super) all_addresses: Vec<IpAddr>,
    /// Addresses that `ip_hostname` has found.
    pub(super) looked_up: Vec<IpAddr>,
    pub(super) mounts: Vec<MountPoint>,
    pub(super) persist: bool,
    pub(super) allow_dying: bool,
    pub(super) stop_timeout: Duration,
    pub(super) clean: bool,
    jail_user: Option<String>,
    system_user: Option<String>,
    passwd: Passwd,
    fib: Option<i32>,
    pub(super) console_log: Option<PathBuf>,
    timeout: Option<Duration>,
}

impl JailSpec {
    /// # Errors
    /// A parameter with a value it cannot have; an fstab(5) that cannot be read.
    pub(super) fn of(host: &dyn Host, jail: &ResolvedJail) -> Result<Self, JailError> {
        if let Some(reason) = &jail.failed {
            return Err(JailError::Conf(reason.message.clone()));
        }
        let text = |param: &str| jail.value(param).map(ToString::to_string).filter(|text| !text.is_empty());
        let mut addresses = addresses_of(jail, "ip4.addr")?;
        addresses.extend(addresses_of(jail, "ip6.addr")?);
        let looked_up = if jail.is_true("ip_hostname") { look_up(host, jail)? } else { Vec::new() };
        let lists = ["ip4.addr", "ip6.addr"].map(|param| jail.values(param));
        let items = lists.into_iter().flatten().flat_map(|value| value.split(|&byte| byte == b','));
        let all_addresses = items.filter_map(|item| bare(&item.to_str_lossy()).trim().parse().ok());
        let all_addresses = all_addresses.chain(looked_up.iter().copied()).collect();
        let passwd = if jail.is_true("exec.system_jail_user") { Passwd::Host } else { Passwd::Jail };
        Ok(Self {
            name: jail.name.clone(),
            root: jail.value("path").map(|path| path.to_path_lossy().into_owned()),
            addresses,
            all_addresses,
            looked_up,
            mounts: mount::mount_points(host, jail)?,
            persist: jail.is_true("persist"),
            allow_dying: jail.is_true("allow.dying"),
            stop_timeout: seconds(jail, "stop.timeout")?.unwrap_or(STOP_TIMEOUT),
            clean: jail.is_true("exec.clean"),
            jail_user: text("exec.jail_user"),
            system_user: text("exec.system_user"),
            passwd,
            fib: number(jail, "exec.fib")?,
            console_log: text("exec.consolelog").map(PathBuf::from),
            timeout: seconds(jail, "exec.timeout")?.filter(|limit| !limit.is_zero()),
        })
    }

    /// A jail that runs and that no file has.
    pub(super) fn stray(name: &BStr) -> Self {
        Self {
            name: name.to_owned(),
            root: None,
            addresses: Vec::new(),
            all_addresses: Vec::new(),
            looked_up: Vec::new(),
            mounts: Vec::new(),
            persist: false,
            allow_dying: false,
            stop_timeout: STOP_TIMEOUT,
            clean: false,
            jail_user: None,
            system_user: None,
            passwd: Passwd::Jail,
            fib: None,
            console_log: None,
            timeout: None,
        }
    }

    /// A command of the jail as a program: in the jail where a number is given, else on the host.
    pub(super) fn program(&self, command: &BStr, inside: Option<Jid>) -> Program {
        let root = self.root.clone().unwrap_or_else(|| PathBuf::from("/"));
        let is_inside = inside.is_some();
        Program {
            jail: inside.map(|jid| Inside { jid, name: self.name.clone(), root }),
            clean: self.clean,
            user: if is_inside { self.jail_user.clone() } else { self.system_user.clone() },
            passwd: if is_inside { self.passwd } else { Passwd::Host },
            fib: self.fib.filter(|_| is_inside),
            console_log: self.console_log.clone().filter(|_| is_inside),
            timeout: self.timeout,
            ..Program::from_line(command)
        }
    }
}

fn number(jail: &ResolvedJail, param: &str) -> Result<Option<i32>, JailError> {
    let Some(value) = jail.value(param) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|value| value.trim().parse().ok());
    let wrong = || JailError::Param { param: param.into(), reason: format!("'{value}' is no number") };
    parsed.map(Some).ok_or_else(wrong)
}

fn seconds(jail: &ResolvedJail, param: &str) -> Result<Option<Duration>, JailError> {
    let wrong = || JailError::Param { param: param.into(), reason: "no number of seconds".to_owned() };
    let Some(number) = number(jail, param)? else { return Ok(None) };
    Ok(Some(Duration::from_secs(u64::try_from(number).map_err(|_| wrong())?)))
}

/// The addresses of a parameter that go on an interface: their own, `lo1|10.0.0.2/32`, or that of `interface`.
fn addresses_of(jail: &ResolvedJail, param: &'static str) -> Result<Vec<Address>, JailError> {
    let default = jail.value("interface").map(ToString::to_string).filter(|interface| !interface.is_empty());
    let values = jail.values(param).iter().flat_map(|value| value.split(|&byte| byte == b','));
    let mut addresses = Vec::new();
    for item in values.map(|item| item.trim().to_str_lossy().into_owned()).filter(|item| !item.is_empty()) {
        let (interface, rest) = match item.split_once('|') {
            Some((interface, rest)) => (Some(interface.to_owned()), rest),
            None => (default.clone(), item.as_str()),
        };
        let Some(interface) = interface else { continue };
        let mut words = rest.split_whitespace();
        let wrong = || JailError::Param { param: param.into(), reason: format!("'{item}' is no address") };
        let net = words.next().and_then(network).ok_or_else(wrong)?;
        addresses.push(Address { param, interface, net, extra: words.map(str::to_owned).collect() });
    }
    Ok(addresses)
}

/// An address with its netmask, given as a length or as a mask, or that of a single host.
fn network(text: &str) -> Option<IpNet> {
    let Some((address, mask)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    match mask.parse::<Ipv4Addr>() {
        Ok(mask) => Ipv4Net::with_netmask(address.parse().ok()?, mask).ok().map(IpNet::from),
        Err(_) => text.parse().ok(),
    }
}

/// `ip_hostname`: the addresses of the jail's hostname.
fn look_up(host: &dyn Host, jail: &ResolvedJail) -> Result<Vec<IpAddr>, JailError> {
    use std::net::ToSocketAddrs;
    let wrong = |reason: String| JailError::Param { param: "ip_hostname".into(), reason };
    let hostname = jail.value("host.hostname").ok_or_else(|| wrong("the jail has no host.hostname".to_owned()))?;
    let hostname = hostname.to_string();
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

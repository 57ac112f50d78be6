//! What a call of jail_set(2) asks for.
//!
//! Source: the first part of kern_jail_set in `sys/kern/kern_jail.c`, in its order: which of several errors a caller
//! gets depends on it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Refusal;
use super::namei::{self, Located, View};
use super::options::Options;
use super::param::{ALLOW, NAME_LEN, OSRELEASE_LEN, PATH_LEN, UUID_LEN};
use super::state::State;
use crate::kernel::{Errno, SetFlags};

/// How many addresses of a family a jail may have (`security.jail.jail_max_af_ips`).
const MOST_ADDRESSES: usize = 255;

/// A parameter of three values.
pub(super) const DISABLE: i32 = 0;
pub(super) const NEW: i32 = 1;
pub(super) const INHERIT: i32 = 2;

/// What a call asks for, checked as far as it can be without looking at jails.
pub(super) struct Request {
    pub(super) flags: SetFlags,
    pub(super) jid: i32,
    pub(super) securelevel: Option<i32>,
    pub(super) children_max: Option<i32>,
    pub(super) enforce_statfs: Option<i32>,
    pub(super) devfs_ruleset: Option<i32>,
    pub(super) persist: Option<bool>,
    pub(super) ip4_saddrsel: Option<bool>,
    pub(super) ip6_saddrsel: Option<bool>,
    pub(super) host: Option<bool>,
    pub(super) vnet: Option<bool>,
    /// Whether addresses are restricted.
    pub(super) ip4: Option<bool>,
    pub(super) ip6: Option<bool>,
    pub(super) ip4_addr: Vec<Ipv4Addr>,
    pub(super) ip6_addr: Vec<Ipv6Addr>,
    pub(super) allow: u64,
    pub(super) forbid: u64,
    pub(super) name: Option<Vec<u8>>,
    pub(super) hostname: Option<Vec<u8>>,
    pub(super) domainname: Option<Vec<u8>>,
    pub(super) hostuuid: Option<Vec<u8>>,
    pub(super) hostid: Option<u64>,
    pub(super) osrelease: Option<Vec<u8>>,
    pub(super) osreldate: Option<i32>,
    pub(super) path: Option<Located>,
}

fn flag(options: &mut Options, name: &str, no: &str) -> Option<bool> {
    let (yes, no) = (options.flag(name), options.flag(no));
    (yes || no).then_some(yes)
}

/// A parameter of three values: whether it is new, or disabled where that is allowed; none for one that is not there.
fn jailsys(options: &mut Options, name: &str, can_disable: bool) -> Result<Option<bool>, Errno> {
    Ok(match options.int(name)? {
        None => None,
        Some(DISABLE) if can_disable => Some(true),
        Some(NEW) => Some(true),
        Some(INHERIT) => Some(false),
        Some(_) => return Err(Errno::EINVAL),
    })
}

pub(super) fn refuse(condition: bool, message: &str) -> Result<(), Refusal> {
    if condition { Err(Refusal::new(Errno::EINVAL, message)) } else { Ok(()) }
}

pub(super) fn parse(
    state: &State,
    host_dir: &Path,
    mine: i32,
    options: &mut Options,
    flags: SetFlags,
) -> Result<Request, Refusal> {
    let jid = options.int("jid")?.unwrap_or(0);
    let securelevel = options.int("securelevel")?;
    let children_max = options.int("children.max")?;
    let enforce_statfs = options.int("enforce_statfs")?;
    if enforce_statfs.is_some_and(|value| !(0..=2).contains(&value)) {
        return Err(Errno::EINVAL.into());
    }
    let devfs_ruleset = options.int("devfs_ruleset")?;
    let persist = flag(options, "persist", "nopersist");
    let ip4_saddrsel = flag(options, "ip4.saddrsel", "ip4.nosaddrsel");
    let ip6_saddrsel = flag(options, "ip6.saddrsel", "ip6.nosaddrsel");
    let mut host = jailsys(options, "host", false)?;
    let vnet = jailsys(options, "vnet", false)?;
    let mut ip4 = jailsys(options, "ip4", true)?;
    let mut ip6 = jailsys(options, "ip6", true)?;
    let holds_nothing = flags.create && !flags.attach && persist != Some(true);
    refuse(holds_nothing, "new jail must persist or attach")?;
    refuse(flags.update && vnet.is_some(), "vnet cannot be changed after creation")?;
    refuse(flags.update && ip4.is_some(), "ip4 cannot be changed after creation")?;
    refuse(flags.update && ip6.is_some(), "ip6 cannot be changed after creation")?;
    let (mut allow, mut forbid) = (0, 0);
    for (bit, known) in ALLOW.iter().enumerate().filter(|(_, known)| known.is_known(state.rest())) {
        match flag(options, known.name, known.no) {
            Some(true) => allow |= 1 << bit,
            Some(false) => forbid |= 1 << bit,
            None => {}
        }
    }
    let name = options.text("name", NAME_LEN)?;
    let hostname = options.text("host.hostname", NAME_LEN)?;
    let domainname = options.text("host.domainname", NAME_LEN)?;
    let hostuuid = options.text("host.hostuuid", UUID_LEN)?;
    let hostid = options.long("host.hostid")?;
    if hostname.is_some() || domainname.is_some() || hostuuid.is_some() || hostid.is_some() {
        host = Some(true);
    }
    let ip4_addr = addresses(options, "ip4.addr", "IPv4", |bytes: [u8; 4]| Ipv4Addr::from(bytes))?;
    if ip4_addr.iter().flatten().any(|address| address.is_unspecified() || address.is_broadcast()) {
        return Err(Errno::EINVAL.into());
    }
    ip4 = if ip4_addr.is_some() { Some(true) } else { ip4 };
    let ip6_addr = addresses(options, "ip6.addr", "IPv6", |bytes: [u8; 16]| Ipv6Addr::from(bytes))?;
    if ip6_addr.iter().flatten().any(Ipv6Addr::is_unspecified) {
        return Err(Errno::EINVAL.into());
    }
    ip6 = if ip6_addr.is_some() { Some(true) } else { ip6 };
    refuse(vnet.is_some() && (ip4.is_some() || ip6.is_some()), "vnet jails cannot have IP address restrictions")?;
    let osrelease = options.bytes("osrelease");
    refuse(osrelease.is_some() && flags.update, "osrelease cannot be changed after creation")?;
    if osrelease.as_ref().is_some_and(|text| text.last() == Some(&0) && text.len() >= OSRELEASE_LEN) {
        let message = format!("osrelease string must be 1-{} bytes long", OSRELEASE_LEN - 1);
        return Err(Refusal::new(Errno::ENAMETOOLONG, message));
    }
    let osrelease = options.text("osrelease", OSRELEASE_LEN)?;
    let osreldate = options.int("osreldate")?;
    refuse(osreldate.is_some() && flags.update, "osreldate cannot be changed after creation")?;
    refuse(osreldate == Some(0), "osreldate cannot be 0")?;
    let path = options.bytes("path");
    refuse(path.is_some() && flags.update, "path cannot be changed after creation")?;
    let path = match options.text("path", usize::MAX)? {
        None => None,
        Some(path) => Some(root_directory(state, host_dir, mine, &path)?),
    };
    Ok(Request {
        flags,
        jid,
        securelevel,
        children_max,
        enforce_statfs,
        devfs_ruleset,
        persist,
        ip4_saddrsel,
        ip6_saddrsel,
        host,
        vnet,
        ip4,
        ip6,
        ip4_addr: ip4_addr.unwrap_or_default(),
        ip6_addr: ip6_addr.unwrap_or_default(),
        allow,
        forbid,
        name,
        hostname,
        domainname,
        hostuuid,
        hostid,
        osrelease,
        osreldate,
        path,
    })
}

fn root_directory(state: &State, host: &Path, mine: i32, path: &[u8]) -> Result<Located, Refusal> {
    let view = View::of(state, host, mine)?;
    let found = namei::lookup(state, &view, Path::new(std::ffi::OsStr::from_bytes(path)))?;
    if found.path.as_os_str().len() >= PATH_LEN {
        return Err(Errno::ENAMETOOLONG.into());
    }
    if !found.real.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    Ok(found)
}

/// A list of addresses: the first one stays where it is, the others are sorted, and none may be there twice.
fn addresses<T: Ord + Copy, const N: usize>(
    options: &mut Options,
    name: &str,
    family: &str,
    address: impl Fn([u8; N]) -> T,
) -> Result<Option<Vec<T>>, Refusal> {
    let Some(bytes) = options.bytes(name) else { return Ok(None) };
    let (packed, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(Errno::EINVAL.into());
    }
    refuse(packed.len() > MOST_ADDRESSES, &format!("too many {family} addresses"))?;
    let mut list: Vec<T> = packed.iter().map(|bytes| address(*bytes)).collect();
    if let Some((first, others)) = list.split_first_mut() {
        others.sort_unstable();
        if others.contains(first) || others.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Errno::EINVAL.into());
        }
    }
    Ok(Some(list))
}

/// A number as strtoul(9) reads it; none where the text is not all number.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let digits = &text[blank..];
    let (negative, digits) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, digits),
    };
    if text.is_empty() {
        return Some(0);
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |value: u64, &digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    Some(digits.iter().try_fold(0, add).map_or(u64::MAX, |value| if negative { value.wrapping_neg() } else { value }))
}

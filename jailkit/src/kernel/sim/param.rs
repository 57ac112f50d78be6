//! The parameters of jails that the simulated kernel knows: the `security.jail.param` tree.

use super::linux::{self, UTSNAME_LEN};
use super::meta::{META, META_LEN};
use super::state::Rest;
use super::zfs;
use crate::kernel::{ParamKind, ParamType};

/// The most a name or hostname takes, its NUL included (`MAXHOSTNAMELEN`).
pub(super) const NAME_LEN: usize = 256;
/// The most a path takes, its NUL included (`MAXPATHLEN`, `MNAMELEN`).
pub(super) const PATH_LEN: usize = 1024;
/// The most `host.hostuuid` takes, its NUL included (`HOSTUUIDLEN`).
pub(super) const UUID_LEN: usize = 64;
/// The room `osrelease` has, its NUL included (`OSRELEASELEN`).
pub(super) const OSRELEASE_LEN: usize = 32;

/// One `allow.` parameter; its place in [`ALLOW`] is its bit.
pub(super) struct Allow {
    pub(super) name: &'static str,
    pub(super) no: &'static str,
    /// Whether a new jail has it where nothing is said (`JAIL_DEFAULT_ALLOW`).
    pub(super) default: bool,
    /// The first major release that has it.
    pub(super) since: u8,
    /// The module it comes with; none where it is there from the start.
    pub(super) module: Option<&'static str>,
}

const fn allow(name: &'static str, no: &'static str, default: bool, since: u8) -> Allow {
    Allow { name, no, default, since, module: None }
}

impl Allow {
    /// Whether a kernel of this release, with these modules loaded before, knows it.
    pub(super) fn is_known(&self, rest: &Rest) -> bool {
        rest.release.has(self.since) && self.module.is_none_or(|module| rest.brought.contains(module))
    }
}

/// Every `allow.` parameter. State on disk holds their bits: add at the end.
pub(super) const ALLOW: &[Allow] = &[
    allow("allow.set_hostname", "allow.noset_hostname", true, 13),
    allow("allow.sysvipc", "allow.nosysvipc", false, 13),
    allow("allow.raw_sockets", "allow.noraw_sockets", false, 13),
    allow("allow.chflags", "allow.nochflags", false, 13),
    allow("allow.mount", "allow.nomount", false, 13),
    allow("allow.quotas", "allow.noquotas", false, 13),
    allow("allow.socket_af", "allow.nosocket_af", false, 13),
    allow("allow.mlock", "allow.nomlock", false, 13),
    allow("allow.reserved_ports", "allow.noreserved_ports", true, 13),
    allow("allow.read_msgbuf", "allow.noread_msgbuf", false, 13),
    allow("allow.unprivileged_proc_debug", "allow.nounprivileged_proc_debug", true, 13),
    allow("allow.suser", "allow.nosuser", true, 13),
    allow("allow.mount.devfs", "allow.mount.nodevfs", false, 13),
    allow("allow.mount.tmpfs", "allow.mount.notmpfs", false, 13),
    allow("allow.mount.nullfs", "allow.mount.nonullfs", false, 13),
    allow("allow.mount.procfs", "allow.mount.noprocfs", false, 13),
    allow("allow.mount.fdescfs", "allow.mount.nofdescfs", false, 13),
    allow("allow.nfsd", "allow.nonfsd", false, 14),
    allow("allow.extattr", "allow.noextattr", false, 15),
    allow("allow.adjtime", "allow.noadjtime", false, 15),
    allow("allow.settime", "allow.nosettime", false, 15),
    allow("allow.routing", "allow.norouting", false, 15),
    allow("allow.setaudit", "allow.nosetaudit", false, 15),
    allow("allow.unprivileged_parent_tampering", "allow.nounprivileged_parent_tampering", false, 15),
    Allow { module: Some("linprocfs"), ..allow("allow.mount.linprocfs", "allow.mount.nolinprocfs", false, 13) },
    Allow { module: Some("linsysfs"), ..allow("allow.mount.linsysfs", "allow.mount.nolinsysfs", false, 13) },
    Allow { module: Some("zfs"), ..allow("allow.mount.zfs", "allow.mount.nozfs", false, 13) },
    Allow { module: Some("fusefs"), ..allow("allow.mount.fusefs", "allow.mount.nofusefs", false, 13) },
    Allow { module: Some("vmm"), ..allow("allow.vmm", "allow.novmm", false, 13) },
];

/// The bit of an `allow.` parameter; 0 where there is none of that name.
pub(super) fn allow_bit(name: &str) -> u64 {
    ALLOW.iter().position(|allow| allow.name == name).map_or(0, |bit| 1 << bit)
}

/// The three System V parameters, in the order of [`super::prison::Prison::sysv`].
pub(super) const SYSV: [&str; 3] = ["sysvmsg", "sysvsem", "sysvshm"];

const FIXED: &[(&str, ParamKind)] = &[
    ("jid", ParamKind::Int),
    ("parent", ParamKind::Int),
    ("name", ParamKind::String(NAME_LEN)),
    ("path", ParamKind::String(PATH_LEN)),
    ("securelevel", ParamKind::Int),
    ("osreldate", ParamKind::Int),
    ("osrelease", ParamKind::String(OSRELEASE_LEN)),
    ("enforce_statfs", ParamKind::Int),
    ("devfs_ruleset", ParamKind::Int),
    ("persist", ParamKind::Bool),
    ("vnet", ParamKind::JailSys),
    ("dying", ParamKind::Bool),
    ("children.cur", ParamKind::Int),
    ("children.max", ParamKind::Int),
    ("host", ParamKind::JailSys),
    ("host.hostname", ParamKind::String(NAME_LEN)),
    ("host.domainname", ParamKind::String(NAME_LEN)),
    ("host.hostuuid", ParamKind::String(UUID_LEN)),
    ("host.hostid", ParamKind::ULong),
    ("cpuset.id", ParamKind::Int),
    ("ip4", ParamKind::JailSys),
    ("ip4.addr", ParamKind::Ipv4),
    ("ip4.saddrsel", ParamKind::Bool),
    ("ip6", ParamKind::JailSys),
    ("ip6.addr", ParamKind::Ipv6),
    ("ip6.saddrsel", ParamKind::Bool),
    ("sysvmsg", ParamKind::JailSys),
    ("sysvsem", ParamKind::JailSys),
    ("sysvshm", ParamKind::JailSys),
];

const LINUX: &[(&str, ParamKind)] = &[
    ("linux", ParamKind::JailSys),
    ("linux.osname", ParamKind::String(UTSNAME_LEN)),
    ("linux.osrelease", ParamKind::String(UTSNAME_LEN)),
    ("linux.oss_version", ParamKind::Int),
];

const ZFS: &[(&str, ParamKind)] = &[("zfs", ParamKind::JailSys), ("zfs.mount_snapshot", ParamKind::Int)];

/// Every parameter of a kernel.
pub(super) fn types(rest: &Rest) -> Vec<ParamType> {
    let fixed = FIXED.iter().map(|&(name, kind)| ParamType::new(name, kind));
    let allow = ALLOW.iter().filter(|allow| allow.is_known(rest));
    let meta = META.iter().filter(|_| rest.release.has(15)).map(|name| (*name, ParamKind::String(META_LEN)));
    let linux = LINUX.iter().filter(|_| linux::is_known(rest)).copied();
    let zfs = ZFS.iter().filter(|_| zfs::is_known(rest)).copied();
    let brought = meta.chain(linux).chain(zfs).map(|(name, kind)| ParamType::new(name, kind));
    let fixed = fixed.chain(brought);
    fixed.chain(allow.map(|allow| ParamType::new(allow.name, ParamKind::Bool))).collect()
}

//! The kernel's parameters (`sys/kern/kern_jail.c`), without the permissions.

use super::def::{Beyond, By, Fallback, Kind, Need, ParamDef};

const fn kernel(name: &'static str, kind: Kind, help: &'static str) -> ParamDef {
    ParamDef::new(name, By::Kernel, kind, help)
}

const fn int(least: i64, most: i64, beyond: Beyond) -> Kind {
    Kind::Int { least, most, beyond }
}

/// `MAXHOSTNAMELEN` less the NUL.
const NAME: Kind = Kind::Text(255);
const ANY: i64 = i32::MAX as i64;
const NEW_OR_INHERIT: Kind = Kind::JailSys(&["new", "inherit"]);
const ALL_THREE: Kind = Kind::JailSys(&["disable", "new", "inherit"]);
const NO_VNET: &[Need] = &[Need::NotNew("vnet")];
const INHERITED: Fallback = Fallback::Value("inherit");

pub(super) const PARAMS: &[ParamDef] = &[
    kernel("children.cur", int(0, ANY, Beyond::Refused), "How many jails are in this one, at any depth").read_only(),
    kernel("children.max", int(0, 999_998, Beyond::Taken), "How many jails may be in this one, at any depth")
        .default(Fallback::Int(0)),
    kernel("cpuset.id", int(0, ANY, Beyond::Refused), "The number of its cpuset(2)").read_only(),
    kernel("devfs_ruleset", int(0, 65535, Beyond::Refused), "The devfs(8) ruleset of every devfs in it; 0 for none")
        .default(Fallback::Said("0, and 4 for mount.devfs"))
        .needs(&[Need::On(&["mount.devfs", "allow.mount.devfs"])])
        .in_jail8(),
    kernel("dying", Kind::Bool, "Whether it is removed and waits for the last that holds on to it").read_only(),
    kernel(
        "enforce_statfs",
        int(0, 2, Beyond::Refused),
        "Which mounts it sees: 0 all, 1 those below its root, 2 its root",
    )
    .default(Fallback::Int(2)),
    kernel("host", NEW_OR_INHERIT, "Whether it has a hostname and what goes with that of its own")
        .default(Fallback::Said("inherit, and new with any host.*")),
    kernel("host.domainname", NAME, "Its NIS domain").default(Fallback::Said("the host's")),
    kernel("host.hostid", int(0, i64::MAX, Beyond::Refused), "Its host ID").default(Fallback::Int(0)),
    kernel("host.hostname", NAME, "Its hostname").default(Fallback::Said("the host's")).in_jail8(),
    kernel("host.hostuuid", Kind::Text(63), "Its host UUID").default(Fallback::Said("all zeros")),
    kernel("ip4", ALL_THREE, "IPv4: the host's addresses, those of ip4.addr, or none at all")
        .default(Fallback::Said("inherit, and new with ip4.addr"))
        .at_creation()
        .needs(NO_VNET),
    kernel(
        "ip4.addr",
        Kind::Ipv4,
        "Its IPv4 addresses; with an interface and netmask, jail(8) sets them up as aliases",
    )
    .needs(NO_VNET)
    .in_jail8(),
    kernel("ip4.saddrsel", Kind::Bool, "Choose the source address as the host does, not always the first one")
        .default(Fallback::Bool(true)),
    kernel("ip6", ALL_THREE, "IPv6: the host's addresses, those of ip6.addr, or none at all")
        .default(Fallback::Said("inherit, and new with ip6.addr"))
        .at_creation()
        .needs(NO_VNET),
    kernel("ip6.addr", Kind::Ipv6, "Its IPv6 addresses; with an interface and prefix, jail(8) sets them up as aliases")
        .needs(NO_VNET)
        .in_jail8(),
    kernel("ip6.saddrsel", Kind::Bool, "Choose the source address as the host does, not always the first one")
        .default(Fallback::Bool(true)),
    kernel("jid", int(1, 999_999, Beyond::Refused), "Its number")
        .default(Fallback::Said("the next free one"))
        .at_creation()
        .in_jail8(),
    kernel("name", NAME, "Its name; jail.conf(5) gives it with the block")
        .default(Fallback::Said("its jid"))
        .in_jail8(),
    kernel("osreldate", int(1, ANY, Beyond::Refused), "What kern.osreldate says in it")
        .default(Fallback::Said("the host's"))
        .at_creation(),
    kernel("osrelease", Kind::Text(31), "What kern.osrelease and uname -r say in it")
        .default(Fallback::Said("the host's"))
        .at_creation(),
    kernel("parent", int(0, ANY, Beyond::Refused), "The jid of the jail it is in; 0 for the host").read_only(),
    kernel("path", Kind::Path, "The directory that is its root").default(Fallback::Value("/")).at_creation().in_jail8(),
    kernel("persist", Kind::Bool, "Stay when the last process has ended").default(Fallback::Bool(false)).in_jail8(),
    kernel("securelevel", int(-1, 3, Beyond::Taken), "Its securelevel(7), never below the host's")
        .default(Fallback::Said("the host's"))
        .in_jail8(),
    kernel("vnet", NEW_OR_INHERIT, "A network stack of its own").default(INHERITED).at_creation().in_jail8(),
];

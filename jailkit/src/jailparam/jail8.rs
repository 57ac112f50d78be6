//! What jail(8) itself acts on: pseudo-parameters.

use super::def::{Beyond, By, Fallback, Kind, Need, ParamDef};

const fn pseudo(name: &'static str, kind: Kind, help: &'static str) -> ParamDef {
    ParamDef::new(name, By::Jail8, kind, help).in_jail8()
}

const fn switch(name: &'static str, help: &'static str) -> ParamDef {
    pseudo(name, Kind::Bool, help).default(Fallback::Bool(false))
}

const SECONDS: Kind = Kind::Int { least: 0, most: i32::MAX as i64, beyond: Beyond::Taken };
const FIB: Kind = Kind::Int { least: 0, most: 65535, beyond: Beyond::Refused };
const USER: Kind = Kind::Text(32);

/// A mount needs to know the jail's root.
const ROOT: &[Need] = &[Need::Must("path")];
const AN_ADDRESS: &[&str] = &["ip4.addr", "ip6.addr", "ip_hostname"];

pub(super) const PARAMS: &[ParamDef] = &[
    switch("allow.dying", "Change a jail that is dying, too"),
    pseudo("command", Kind::Commands, "The same as exec.start, for jail(8)'s command line"),
    pseudo("depend", Kind::Jails, "Jails that must run before this one starts, and stop after it"),
    switch("exec.clean", "Run commands with a fresh environment: only HOME, SHELL, TERM and USER"),
    pseudo("exec.consolelog", Kind::Path, "The file that the output of commands in the jail goes to"),
    pseudo("exec.created", Kind::Commands, "Commands on the host right after the jail is created"),
    pseudo("exec.fib", FIB, "The routing table of commands in the jail"),
    pseudo("exec.jail_user", USER, "Who commands in the jail run as")
        .default(Fallback::Said("the user who runs jail(8)")),
    pseudo("exec.poststart", Kind::Commands, "Commands on the host after the jail has started"),
    pseudo("exec.poststop", Kind::Commands, "Commands on the host after the jail is removed"),
    pseudo(
        "exec.prepare",
        Kind::Commands,
        "Commands on the host before anything is mounted or configured for the jail",
    )
    .since(13, 0),
    pseudo("exec.prestart", Kind::Commands, "Commands on the host before the jail is created"),
    pseudo("exec.prestop", Kind::Commands, "Commands on the host before the jail is stopped"),
    pseudo("exec.release", Kind::Commands, "Commands on the host after all of the jail is unmounted and taken down")
        .since(13, 0),
    pseudo("exec.start", Kind::Commands, "Commands in the jail that start it: /bin/sh /etc/rc"),
    pseudo("exec.stop", Kind::Commands, "Commands in the jail that stop it: /bin/sh /etc/rc.shutdown jail"),
    switch("exec.system_jail_user", "Look exec.jail_user up in the host's passwd(5), not in the jail's")
        .needs(&[Need::Given(&["exec.jail_user"])]),
    pseudo("exec.system_user", USER, "Who commands on the host run as")
        .default(Fallback::Said("the user who runs jail(8)")),
    pseudo("exec.timeout", SECONDS, "Seconds after which a command is given up; 0 for never").default(Fallback::Int(0)),
    pseudo("interface", Kind::Text(15), "The host's interface that gets the jail's addresses as aliases")
        .needs(&[Need::Given(AN_ADDRESS)]),
    switch("ip_hostname", "Give the jail the addresses that its host.hostname resolves to")
        .needs(&[Need::Given(&["host.hostname"])]),
    pseudo("mount", Kind::Mounts, "File systems to mount before the jail starts, each a line of fstab(5)"),
    switch("mount.devfs", "Mount devfs on the jail's /dev, with devfs_ruleset or else ruleset 4").needs(ROOT),
    switch("mount.fdescfs", "Mount fdescfs on the jail's /dev/fd").needs(ROOT),
    pseudo("mount.fstab", Kind::Paths, "Files in the format of fstab(5) with file systems to mount"),
    switch("mount.procfs", "Mount procfs on the jail's /proc").needs(ROOT),
    pseudo("stop.timeout", SECONDS, "Seconds that the jail's processes have to end after SIGTERM; 0 sends none")
        .default(Fallback::Int(10)),
    pseudo("vnet.interface", Kind::Names, "Interfaces that move into the jail's own network stack")
        .needs(&[Need::New("vnet")]),
    pseudo("zfs.dataset", Kind::Names, "ZFS datasets that are attached to the jail")
        .needs(&[Need::On(&["allow.mount.zfs"])])
        .since(14, 1),
];

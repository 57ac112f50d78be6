//! What the kernel lets a jail's root do (`pr_flag_allow` in `sys/kern/kern_jail.c`), and what the file systems add.

use super::def::{By, Fallback, Kind, Need, ParamDef};

const fn allow(name: &'static str, help: &'static str) -> ParamDef {
    ParamDef::new(name, By::Kernel, Kind::Bool, help).default(Fallback::Bool(false))
}

/// One that a jail has unless it is taken away (`JAIL_DEFAULT_ALLOW`).
const fn granted(name: &'static str, help: &'static str) -> ParamDef {
    allow(name, help).default(Fallback::Bool(true))
}

const fn file_system(name: &'static str, module: &'static str, help: &'static str) -> ParamDef {
    ParamDef::new(name, By::Module(module), Kind::Bool, help).default(Fallback::Bool(false)).needs(MOUNT)
}

const SEE_MOUNTS: Need = Need::Below("enforce_statfs", 2);
const MOUNT: &[Need] = &[Need::On(&["allow.mount"]), SEE_MOUNTS];

pub(super) const PARAMS: &[ParamDef] = &[
    allow("allow.adjtime", "Slew the host's clock with adjtime(2)").since(15, 0),
    allow("allow.chflags", "Change system file flags with chflags(2)").in_jail8(),
    allow("allow.extattr", "Use extended attributes of the system namespace").since(15, 0),
    allow("allow.mlock", "Lock memory with mlock(2)"),
    allow("allow.mount", "Mount the kinds of file systems that allow.mount.* names").needs(&[SEE_MOUNTS]).in_jail8(),
    file_system("allow.mount.devfs", "devfs", "Mount devfs"),
    file_system("allow.mount.fdescfs", "fdescfs", "Mount fdescfs"),
    file_system("allow.mount.fusefs", "fusefs", "Mount fusefs"),
    file_system("allow.mount.linprocfs", "linprocfs", "Mount linprocfs"),
    file_system("allow.mount.linsysfs", "linsysfs", "Mount linsysfs"),
    file_system("allow.mount.nullfs", "nullfs", "Mount nullfs"),
    file_system("allow.mount.procfs", "procfs", "Mount procfs"),
    file_system("allow.mount.tmpfs", "tmpfs", "Mount tmpfs"),
    file_system("allow.mount.zfs", "zfs", "Mount ZFS datasets and manage those attached to the jail"),
    allow("allow.nfsd", "Run mountd(8), nfsd(8) and what goes with them")
        .needs(&[Need::Given(&["vnet"]), SEE_MOUNTS])
        .since(14, 0),
    allow("allow.quotas", "Administer quotas, also of file systems shared with others"),
    allow("allow.raw_sockets", "Open raw sockets, as ping(8) does").in_jail8(),
    allow("allow.read_msgbuf", "Read the kernel's messages"),
    granted("allow.reserved_ports", "Bind to ports below 1024"),
    allow("allow.routing", "Change the host's routing table").since(15, 0),
    granted("allow.set_hostname", "Change its hostname").in_jail8(),
    allow("allow.setaudit", "Set the audit session state of processes").since(15, 0),
    allow("allow.settime", "Set the host's clock").since(15, 0),
    allow("allow.socket_af", "Open sockets of any protocol family, not just those made for jails").in_jail8(),
    granted("allow.suser", "Let its root have the privileges that jails have").since(13, 0),
    allow("allow.sysvipc", "Use System V IPC together with the host; sysvmsg, sysvsem and sysvshm say it better")
        .in_jail8(),
    allow("allow.unprivileged_parent_tampering", "Let the parent's users of the same uid meddle with its processes")
        .since(15, 0),
    granted("allow.unprivileged_proc_debug", "Let unprivileged users debug processes").since(12, 1),
];

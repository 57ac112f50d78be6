//! What kernel modules bring.

use super::def::{By, Fallback, Kind, Need, ParamDef};

const fn of(module: &'static str, name: &'static str, kind: Kind, help: &'static str) -> ParamDef {
    ParamDef::new(name, By::Module(module), kind, help)
}

const ALL_THREE: Kind = Kind::JailSys(&["disable", "new", "inherit"]);
const DISABLED: Fallback = Fallback::Value("disable");
/// `security.jail.meta_maxbufsize` less the NUL, as a host has it unless it is told otherwise.
const META: Kind = Kind::Text(4095);

pub(super) const PARAMS: &[ParamDef] = &[
    of("vmm", "allow.vmm", Kind::Bool, "Use bhyve(8)'s vmm(4)").default(Fallback::Bool(false)),
    ParamDef::new("env", By::Kernel, META, "Lines of KEY=VALUE that processes in it can read").since(15, 0),
    of("linux", "linux", Kind::JailSys(&["new", "inherit"]), "Whether its Linux environment is its own")
        .default(Fallback::Said("new, a copy of its parent's")),
    of("linux", "linux.osname", Kind::Text(63), "The name that Linux programs are told")
        .default(Fallback::Value("Linux")),
    of("linux", "linux.osrelease", Kind::Text(63), "The release that Linux programs are told")
        .default(Fallback::Said("the host's")),
    of(
        "linux",
        "linux.oss_version",
        Kind::Int { least: 0, most: i32::MAX as i64, beyond: super::Beyond::Taken },
        "The version of OSS that Linux programs are told",
    )
    .default(Fallback::Said("the host's")),
    of("mac_do", "mac.do", ALL_THREE, "Whether mac_do(4) has rules for it").default(DISABLED).since(14, 3),
    of("mac_do", "mac.do.rules", Kind::Text(1023), "Its rules of mac_do(4)").since(14, 3),
    ParamDef::new("meta", By::Kernel, META, "Lines of KEY=VALUE about it, for whoever manages jails").since(15, 0),
    of("sysvmsg", "sysvmsg", ALL_THREE, "System V message queues: none, its own, or the host's").default(DISABLED),
    of("sysvsem", "sysvsem", ALL_THREE, "System V semaphores: none, its own, or the host's").default(DISABLED),
    of("sysvshm", "sysvshm", ALL_THREE, "System V shared memory: none, its own, or the host's").default(DISABLED),
    of("zfs", "zfs.mount_snapshot", Kind::Bool, "Mount snapshots by entering .zfs/snapshot")
        .default(Fallback::Bool(false))
        .needs(&[Need::On(&["allow.mount.zfs"])])
        .since(14, 0),
];

//! Names of parameters, and which of them are one option: `persist` and `nopersist` are.

use bstr::{BString, ByteSlice};

/// Names of parameters that jail(8) itself knows: a variable cannot have one of them.
const INTERNAL: &[&str] = &[
    "allow.dying",
    "command",
    "depend",
    "exec.clean",
    "exec.consolelog",
    "exec.fib",
    "exec.jail_user",
    "exec.poststart",
    "exec.poststop",
    "exec.prepare",
    "exec.prestart",
    "exec.prestop",
    "exec.release",
    "exec.created",
    "exec.start",
    "exec.stop",
    "exec.system_jail_user",
    "exec.system_user",
    "exec.timeout",
    "interface",
    "ip_hostname",
    "mount",
    "mount.devfs",
    "mount.fdescfs",
    "mount.procfs",
    "mount.fstab",
    "stop.timeout",
    "vnet.interface",
    "zfs.dataset",
    "allow.chflags",
    "allow.mount",
    "allow.raw_sockets",
    "allow.set_hostname",
    "allow.socket_af",
    "allow.sysvipc",
    "devfs_ruleset",
    "host.hostname",
    "ip4.addr",
    "ip6.addr",
    "jid",
    "name",
    "path",
    "persist",
    "securelevel",
    "vnet",
];

/// How many of the names above are jail(8)'s own; the kernel's follow.
const PSEUDO: usize = 29;

/// Whether a parameter is one that jail(8) itself acts on and the kernel does not know.
pub(crate) fn is_internal(name: &[u8]) -> bool {
    INTERNAL[..PSEUDO].iter().any(|known| same_option(name, known.as_bytes()))
}

/// Names of parameters that can be set once only.
const IMMUTABLE: &[&str] = &["jid", "name"];

/// Whether jail(8) itself knows a parameter of this name.
pub(super) fn is_known(name: &[u8]) -> bool {
    INTERNAL.iter().any(|known| same_option(name, known.as_bytes()))
}

/// Whether a parameter can be set once only.
pub(super) fn is_immutable(name: &[u8]) -> bool {
    IMMUTABLE.iter().any(|known| same_option(name, known.as_bytes()))
}

/// Whether two names are of one option, as jail(8) compares them: the same, or with a `no` before one dotted part of
/// one of them.
pub(super) fn same_option(one: &[u8], other: &[u8]) -> bool {
    one == other || is_no_form(one, other) || is_no_form(other, one)
}

/// Whether `negated` is `plain` with a `no` before one of its parts.
fn is_no_form(negated: &[u8], plain: &[u8]) -> bool {
    if negated.len() != plain.len() + 2 {
        return false;
    }
    let same = negated.iter().zip(plain).take_while(|(one, other)| one == other).count();
    // The `no` begins where they part or before it: `nnoo` can be `no` in two ways.
    let starts = std::iter::once(0).chain(plain[..same].find_iter(b".").map(|dot| dot + 1));
    let mut starts = starts.filter(|&at| negated[at..].starts_with(b"no"));
    starts.any(|at| negated[at + 2..] == plain[at..])
}

/// What all names have in common that can be of one option: the name without any `no` before a part.
pub(super) fn option_key(name: &[u8]) -> BString {
    let mut key = BString::default();
    for (index, mut part) in name.split_str(b".").enumerate() {
        while let Some(rest) = part.strip_prefix(b"no") {
            part = rest;
        }
        if index > 0 {
            key.push(b'.');
        }
        key.extend_from_slice(part);
    }
    key
}

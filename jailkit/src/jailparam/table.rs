//! The table as a whole, and how a name is looked up in it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::def::{By, Kind, ParamDef};
use super::{allow, core, jail8, modules, plain_form};

/// Each family in the order of its names.
const FAMILIES: [&[ParamDef]; 4] = [jail8::PARAMS, core::PARAMS, allow::PARAMS, modules::PARAMS];

static BY_NAME: LazyLock<HashMap<&'static str, &'static ParamDef>> =
    LazyLock::new(|| all().map(|def| (def.name, def)).collect());

/// The names that jail(8) knows, which are looked up while a file is resolved.
static IN_JAIL8: LazyLock<Vec<&'static ParamDef>> = LazyLock::new(|| all().filter(|def| def.in_jail8).collect());
static OF_JAIL8: LazyLock<Vec<&'static ParamDef>> = LazyLock::new(|| of_jail8().collect());
static ONCE: LazyLock<Vec<&'static ParamDef>> = LazyLock::new(|| all().filter(|def| def.is_once()).collect());

/// Every parameter: jail(8)'s own, the kernel's, its permissions, those of modules.
pub fn all() -> impl Iterator<Item = &'static ParamDef> {
    FAMILIES.into_iter().flatten()
}

/// Those that jail(8) itself acts on.
pub fn of_jail8() -> impl Iterator<Item = &'static ParamDef> {
    all().filter(|def| def.by == By::Jail8)
}

/// A parameter found by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The parameter.
    pub def: &'static ParamDef,
    /// Whether the name is its `no` form.
    pub is_no: bool,
}

/// The parameter of a name, whether in its plain form or, for a boolean, its `no` form.
pub fn find(name: &[u8]) -> Option<Found> {
    let name = std::str::from_utf8(name).ok()?;
    if let Some(def) = BY_NAME.get(name) {
        return Some(Found { def, is_no: false });
    }
    let def = BY_NAME.get(plain_form(name)?.as_str())?;
    (def.kind == Kind::Bool).then_some(Found { def, is_no: true })
}

/// The parameters whose name is `prefix` or begins with `prefix.`; all for an empty one.
pub fn find_in(prefix: &str) -> impl Iterator<Item = &'static ParamDef> {
    all().filter(move |def| match def.name.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('.'),
        None => false,
    })
}

/// Whose a name is that the table does not have, by its first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// jail(8)'s and the kernel's own: there are no others of it.
    Closed,
    /// Modules may have more of it: `allow.mount.` has one for each file system that is made for jails.
    Open,
    /// Nobody's that is known.
    Unknown,
}

/// Beginnings of names that modules, or the administrator, fill.
const OPEN: &[&str] = &["allow.mount.", "env.", "linux.", "mac.", "meta.", "sysvmsg.", "sysvsem.", "sysvshm."];

/// First parts of names all of which are known.
const CLOSED: &[&str] =
    &["children", "cpuset", "exec", "host", "ip4", "ip6", "mount", "stop", "depend", "interface", "path", "persist"];

/// Whose a name is that the table does not have.
pub fn family(name: &str) -> Family {
    if OPEN.iter().any(|front| name.strip_prefix(front).is_some_and(|rest| !rest.is_empty())) {
        return Family::Open;
    }
    match name.split_once('.') {
        Some((front, _)) if !CLOSED.contains(&front) => Family::Unknown,
        // A module's parameters begin with its name and a dot; it may bring that name alone, too, but those are known.
        _ => Family::Closed,
    }
}

/// The parameter whose name is nearest to a word, where one is near enough to be meant; in the form that is meant.
pub fn nearest(word: &str) -> Option<&'static str> {
    crate::source::nearest(word, all().map(|def| def.name))
}

/// The parameters that jail(8) has in its own list, so that no variable can be called so.
pub(crate) fn in_jail8() -> &'static [&'static ParamDef] {
    &IN_JAIL8
}

/// Those of them that jail(8) keeps to itself.
pub(crate) fn kept_by_jail8() -> &'static [&'static ParamDef] {
    &OF_JAIL8
}

/// The parameters that a file can give once only.
pub(crate) fn once_in_file() -> &'static [&'static ParamDef] {
    &ONCE
}

#[cfg(test)]
mod tests {
    use super::super::{Change, no_form};
    use super::*;
    use crate::kernel::sim::SimKernel;
    use crate::kernel::{Kernel, ParamKind};

    #[test]
    fn every_name_stands_once_and_each_family_is_sorted() {
        assert_eq!(BY_NAME.len(), all().count());
        for family in FAMILIES {
            assert!(family.is_sorted_by_key(|def| def.name));
        }
        for def in all() {
            assert_eq!(find(def.name.as_bytes()), Some(Found { def, is_no: false }));
            let negated = find(no_form(def.name).as_bytes());
            assert_eq!(negated, (def.kind == Kind::Bool).then_some(Found { def, is_no: true }), "{}", def.name);
            assert!(!def.help.ends_with('.') && def.help.len() <= 95, "{}: {}", def.name, def.help);
            assert!(def.change != Change::Never || !def.in_jail8, "{}", def.name);
        }
    }

    #[test]
    fn the_kernels_parameters_are_in_the_table_with_their_types() {
        let dir = tempfile::tempdir().unwrap();
        for param in SimKernel::open(dir.path()).unwrap().jail_params().unwrap() {
            let found = find(param.name.as_bytes()).unwrap_or_else(|| panic!("{} is missing", param.name));
            let is_same = match (param.kind, found.def.kind) {
                (ParamKind::Bool, Kind::Bool)
                | (ParamKind::JailSys, Kind::JailSys(_))
                | (ParamKind::Int | ParamKind::ULong, Kind::Int { .. })
                | (ParamKind::Ipv4, Kind::Ipv4)
                | (ParamKind::Ipv6, Kind::Ipv6)
                | (ParamKind::String(_), Kind::Path) => true,
                (ParamKind::String(len), Kind::Text(most)) => len == most + 1,
                _ => false,
            };
            assert!(is_same, "{}: {:?}", param.name, found.def.kind);
        }
    }

    /// What config.c has in `intparams`.
    #[test]
    fn jail8_knows_just_what_it_knows() {
        let known = "allow.dying command depend exec.clean exec.consolelog exec.fib exec.jail_user exec.poststart \
            exec.poststop exec.prepare exec.prestart exec.prestop exec.release exec.created exec.start exec.stop \
            exec.system_jail_user exec.system_user exec.timeout interface ip_hostname mount mount.devfs mount.fdescfs \
            mount.procfs mount.fstab stop.timeout vnet.interface zfs.dataset allow.chflags allow.mount \
            allow.raw_sockets allow.set_hostname allow.socket_af allow.sysvipc devfs_ruleset host.hostname ip4.addr \
            ip6.addr jid name path persist securelevel vnet";
        let sorted = |mut names: Vec<&'static str>| {
            names.sort_unstable();
            names
        };
        let known = sorted(known.split_whitespace().collect());
        assert_eq!(sorted(in_jail8().iter().map(|def| def.name).collect()), known);
    }
}

//! sysctl(3): numbers that the kernel tells of itself, and of the jail that asks.
//!
//! Source: `security.jail.*` in `sys/kern/kern_jail.c`, `kern.osreldate` and `kern.securelevel` in
//! `sys/kern/kern_mib.c`.

use super::param::ALLOW;
use super::prison::Prison;
use super::state::State;
use crate::kernel::Errno;

/// The name of the sysctl under `security.jail.` for an `allow.` parameter; most are called after it.
const RENAMED: &[(&str, &str)] = &[
    ("allow_raw_sockets", "allow.raw_sockets"),
    ("chflags_allowed", "allow.chflags"),
    ("mount_allowed", "allow.mount"),
    ("set_hostname_allowed", "allow.set_hostname"),
    ("sysvipc_allowed", "allow.sysvipc"),
    ("vmm_allowed", "allow.vmm"),
];

/// What it is, for a process in the prison `mine`; `ENOENT` where there is none of that name.
pub(super) fn read(state: &State, mine: i32, name: &str) -> Result<i64, Errno> {
    let own = state.prison(mine).ok_or(Errno::ENOENT)?;
    let set = || state.rest().sysctls.get(name).copied();
    if let Some(jail) = name.strip_prefix("security.jail.") {
        return of_jail(state, own, jail).or_else(set).ok_or(Errno::ENOENT);
    }
    match name {
        "kern.osreldate" => Ok(own.osreldate.into()),
        "kern.securelevel" => Ok(own.securelevel.into()),
        _ => set().ok_or(Errno::ENOENT),
    }
}

/// Changes one; a process in a jail may not.
pub(super) fn write(state: &mut State, mine: i32, name: &str, value: i64) -> Result<(), Errno> {
    let old = read(state, mine, name)?;
    if mine != 0 || !state.rest().sysctls.contains_key(name) {
        return Err(Errno::EPERM);
    }
    if old != value {
        state.rest_mut().sysctls.insert(name.to_owned(), value);
    }
    Ok(())
}

/// What a jail without a word about it gets of `enforce_statfs`.
pub(super) fn default_enforce_statfs(state: &State) -> i32 {
    let told = state.rest().sysctls.get("security.jail.enforce_statfs");
    told.and_then(|value| i32::try_from(*value).ok()).unwrap_or(2)
}

fn of_jail(state: &State, own: &Prison, name: &str) -> Option<i64> {
    let (is_jail, newest) = (own.jid != 0, state.rest().release.has(15));
    let value = match name {
        "jailed" => is_jail.into(),
        "vnet" => (is_jail && own.vnet).into(),
        "jail_max_af_ips" => 255,
        "enforce_statfs" if is_jail => own.enforce_statfs,
        "enforce_statfs" => default_enforce_statfs(state),
        "children.cur" if newest => state.child_count(own.jid),
        "children.max" if newest => own.children_max,
        "mlock_allowed" if newest => allows(own, "allow.mlock")?.into(),
        "devfs_ruleset" => own.devfs_ruleset,
        "socket_unixiproute_only" => i32::from(!allows(own, "allow.socket_af")?),
        name => {
            let renamed = RENAMED.iter().find(|(sysctl, _)| *sysctl == name).map(|(_, allow)| (*allow).to_owned());
            let mounts = || Some(format!("allow.mount.{}", name.strip_prefix("mount_")?.strip_suffix("_allowed")?));
            let allow = renamed.or_else(mounts)?;
            ALLOW.iter().find(|known| known.name == allow && known.is_known(state.rest()))?;
            allows(own, &allow)?.into()
        }
    };
    Some(value.into())
}

/// Whether a jail has a permission; on the host, whether jail(2) would give it.
fn allows(own: &Prison, allow: &str) -> Option<bool> {
    let known = ALLOW.iter().find(|known| known.name == allow)?;
    Some(if own.jid == 0 { known.default } else { own.allows(allow) })
}

//! jail_set(2), jail_get(2), jail_attach(2) and jail_remove(2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::Refusal;
use super::namei::{self, View};
use super::state::{Jail, State};
use crate::kernel::{Errno, GetFlags, Jid, Param, ParamKind, ParamType, SetFlags, Value};

use std::os::unix::ffi::OsStrExt;

/// The most a name or hostname has, its NUL included (`MAXHOSTNAMELEN`).
const NAME_LEN: usize = 256;

/// Every parameter, how it is laid out, and its value in a jail that does not say.
const PARAMS: &[(&str, ParamKind, i32)] = &[
    ("jid", ParamKind::Int, 0),
    ("parent", ParamKind::Int, 0),
    ("name", ParamKind::String(NAME_LEN), 0),
    ("path", ParamKind::String(1024), 0),
    ("securelevel", ParamKind::Int, -1),
    ("osreldate", ParamKind::Int, 1_500_000),
    ("osrelease", ParamKind::String(32), 0),
    ("enforce_statfs", ParamKind::Int, 2),
    ("devfs_ruleset", ParamKind::Int, 0),
    ("persist", ParamKind::Bool, 0),
    ("dying", ParamKind::Bool, 0),
    ("vnet", ParamKind::JailSys, 2),
    ("host", ParamKind::JailSys, 1),
    ("host.hostname", ParamKind::String(NAME_LEN), 0),
    ("host.domainname", ParamKind::String(NAME_LEN), 0),
    ("host.hostuuid", ParamKind::String(64), 0),
    ("host.hostid", ParamKind::Int, 0),
    ("children.cur", ParamKind::Int, 0),
    ("children.max", ParamKind::Int, 0),
    ("cpuset.id", ParamKind::Int, 0),
    ("ip4", ParamKind::JailSys, 0),
    ("ip4.addr", ParamKind::Ipv4, 0),
    ("ip4.saddrsel", ParamKind::Bool, 1),
    ("ip6", ParamKind::JailSys, 0),
    ("ip6.addr", ParamKind::Ipv6, 0),
    ("ip6.saddrsel", ParamKind::Bool, 1),
    ("sysvmsg", ParamKind::JailSys, 0),
    ("sysvsem", ParamKind::JailSys, 0),
    ("sysvshm", ParamKind::JailSys, 0),
    ("allow.chflags", ParamKind::Bool, 0),
    ("allow.extattr", ParamKind::Bool, 0),
    ("allow.mlock", ParamKind::Bool, 0),
    ("allow.mount", ParamKind::Bool, 0),
    ("allow.mount.devfs", ParamKind::Bool, 0),
    ("allow.mount.fdescfs", ParamKind::Bool, 0),
    ("allow.mount.nullfs", ParamKind::Bool, 0),
    ("allow.mount.procfs", ParamKind::Bool, 0),
    ("allow.mount.tmpfs", ParamKind::Bool, 0),
    ("allow.nfsd", ParamKind::Bool, 0),
    ("allow.quotas", ParamKind::Bool, 0),
    ("allow.raw_sockets", ParamKind::Bool, 0),
    ("allow.read_msgbuf", ParamKind::Bool, 0),
    ("allow.reserved_ports", ParamKind::Bool, 1),
    ("allow.set_hostname", ParamKind::Bool, 1),
    ("allow.socket_af", ParamKind::Bool, 0),
    ("allow.suser", ParamKind::Bool, 1),
    ("allow.sysvipc", ParamKind::Bool, 0),
    ("allow.unprivileged_proc_debug", ParamKind::Bool, 1),
];

pub(super) fn param_types() -> Vec<ParamType> {
    PARAMS.iter().map(|&(name, kind, _)| ParamType::new(name, kind)).collect()
}

/// The parameter of a name, and whether the name is its `no` form.
fn known(name: &str) -> Option<(&'static str, ParamKind, bool)> {
    if let Some(&(name, kind, _)) = PARAMS.iter().find(|(known, ..)| *known == name) {
        return Some((name, kind, false));
    }
    let (front, last) = name.rsplit_once('.').map_or(("", name), |(front, last)| (front, last));
    let plain = last.strip_prefix("no")?;
    let plain = if front.is_empty() { plain.to_owned() } else { format!("{front}.{plain}") };
    let found = PARAMS.iter().find(|(known, kind, _)| *known == plain && *kind == ParamKind::Bool)?;
    Some((found.0, found.1, true))
}

fn text<'a>(params: &'a [Param], name: &str) -> Option<&'a [u8]> {
    params.iter().find_map(|param| match &param.value {
        Value::String(text) if param.name == name => Some(text.as_slice()),
        _ => None,
    })
}

fn number(params: &[Param], name: &str) -> Option<i32> {
    params.iter().find_map(|param| match param.value {
        Value::Int(number) if param.name == name => Some(number),
        _ => None,
    })
}

pub(super) fn set(
    state: &mut State,
    host: &Path,
    prison: Jid,
    params: &[Param],
    flags: SetFlags,
) -> Result<Jid, Refusal> {
    if !flags.create && !flags.update {
        return Err(Errno::EINVAL.into());
    }
    let values = values(params)?;
    let existing = existing(state, params)?;
    let index = match existing {
        Some(_) if !flags.update => return Err(already_there(params)),
        None if !flags.create => return Err(not_there(params)),
        Some(jid) => state.jails.iter().position(|jail| jail.jid == jid).ok_or(Errno::ENOENT)?,
        None => create(state, host, prison, params)?,
    };
    let jail = &mut state.jails[index];
    jail.params.extend(values);
    for (list, mode) in [("ip4.addr", "ip4"), ("ip6.addr", "ip6")] {
        if params.iter().any(|param| param.name == list) && !params.iter().any(|param| param.name == mode) {
            jail.params.insert(mode.to_owned(), Value::Int(1));
        }
    }
    let jid = jail.jid;
    if flags.attach {
        jail.processes += 1;
    }
    // A jail that nothing holds is gone as soon as the call is over; it has had its number all the same.
    if existing.is_some() {
        reap(state);
    } else if !flags.attach && state.jails[index].int("persist") == 0 {
        state.jails.remove(index);
    }
    Ok(jid)
}

/// The values to keep, their names checked.
fn values(params: &[Param]) -> Result<Vec<(String, Value)>, Refusal> {
    let mut values = Vec::new();
    for param in params {
        let Some((name, kind, is_no)) = known(&param.name) else {
            return Err(Refusal::new(Errno::EINVAL, format!("unknown parameter: {}", param.name)));
        };
        if matches!(name, "jid" | "name" | "path" | "lastjid") {
            continue;
        }
        let value = match (&param.value, kind) {
            (Value::Flag, ParamKind::Bool) => Value::Int(i32::from(!is_no)),
            (Value::Flag, ParamKind::JailSys) => Value::Int(1),
            (value, _) => value.clone(),
        };
        values.push((name.to_owned(), value));
    }
    Ok(values)
}

/// The jail that the parameters name, where it exists.
fn existing(state: &State, params: &[Param]) -> Result<Option<Jid>, Refusal> {
    match number(params, "jid") {
        Some(jid) if jid < 0 => Err(Refusal::new(Errno::EINVAL, "negative jid")),
        Some(jid) if jid > 0 => Ok(state.jail(Jid(jid)).map(|jail| jail.jid)),
        _ => Ok(text(params, "name").and_then(|name| state.jail_named(name)).map(|jail| jail.jid)),
    }
}

fn called(params: &[Param]) -> String {
    match (number(params, "jid"), text(params, "name")) {
        (Some(jid), _) if jid > 0 => jid.to_string(),
        (_, Some(name)) => format!("\"{}\"", name.as_bstr()),
        _ => "0".to_owned(),
    }
}

fn already_there(params: &[Param]) -> Refusal {
    Refusal::new(Errno::EEXIST, format!("jail {} already exists", called(params)))
}

fn not_there(params: &[Param]) -> Refusal {
    Refusal::new(Errno::ENOENT, format!("jail {} not found", called(params)))
}

/// Adds a jail with its number, name and path.
fn create(state: &mut State, host: &Path, prison: Jid, params: &[Param]) -> Result<usize, Refusal> {
    let path = match text(params, "path") {
        None => PathBuf::from("/"),
        Some(path) => Path::new(std::ffi::OsStr::from_bytes(path)).to_owned(),
    };
    let view = View::of(state, host, prison)?;
    let root = namei::locate(state, &view, &path, true)?;
    if !root.real.exists() {
        return Err(Errno::ENOENT.into());
    }
    if !root.real.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    let jid = match number(params, "jid") {
        Some(jid) if jid > 0 => jid,
        _ => next_jid(state),
    };
    let name = text(params, "name").map_or_else(|| jid.to_string().into(), bstr::BString::from);
    let params: BTreeMap<_, _> = PARAMS
        .iter()
        .filter(|(_, _, value)| *value != 0)
        .map(|&(name, _, value)| (name.to_owned(), Value::Int(value)))
        .collect();
    state.jails.push(Jail { jid: Jid(jid), name, path: root.path, params, processes: 0 });
    state.jails.sort_by_key(|jail| jail.jid);
    state.jails.iter().position(|jail| jail.jid == Jid(jid)).ok_or(Errno::ENOENT.into())
}

/// The number after the last one given that no jail has.
fn next_jid(state: &mut State) -> i32 {
    loop {
        state.last_jid = state.last_jid.checked_add(1).unwrap_or(1);
        if state.jail(Jid(state.last_jid)).is_none() {
            return state.last_jid;
        }
    }
}

pub(super) fn get(
    state: &State,
    _prison: Jid,
    keys: &[Param],
    wanted: &[ParamType],
    _flags: GetFlags,
) -> Result<(Jid, Vec<Value>), Refusal> {
    let found = if let Some(last) = number(keys, "lastjid") {
        state.jails.iter().find(|jail| jail.jid.0 > last).ok_or(Errno::ENOENT)?
    } else if let Some(jid) = number(keys, "jid") {
        let missing = || Refusal::new(Errno::ENOENT, format!("jail {jid} not found"));
        state.jail(Jid(jid)).ok_or_else(missing)?
    } else if let Some(name) = text(keys, "name") {
        let missing = || Refusal::new(Errno::ENOENT, format!("jail \"{}\" not found", name.as_bstr()));
        state.jail_named(name).ok_or_else(missing)?
    } else {
        return Err(Refusal::new(Errno::ENOENT, "no jail specified"));
    };
    let values = wanted.iter().map(|param| value_of(found, param)).collect::<Result<_, _>>()?;
    Ok((found.jid, values))
}

fn value_of(jail: &Jail, wanted: &ParamType) -> Result<Value, Refusal> {
    let Some((name, _, is_no)) = known(&wanted.name) else {
        return Err(Refusal::new(Errno::EINVAL, format!("unknown parameter: {}", wanted.name)));
    };
    let value = match name {
        "jid" => Some(Value::Int(jail.jid.0)),
        "name" => Some(Value::String(jail.name.to_vec())),
        "path" => Some(Value::String(jail.path.as_os_str().as_bytes().to_vec())),
        name => jail.params.get(name).cloned(),
    };
    Ok(match (value, wanted.kind) {
        (Some(Value::Int(value)), ParamKind::Bool) => Value::Int(i32::from((value != 0) != is_no)),
        (Some(value), _) => value,
        (None, ParamKind::String(_)) => Value::String(Vec::new()),
        (None, ParamKind::Ipv4) => Value::Ipv4(Vec::new()),
        (None, ParamKind::Ipv6) => Value::Ipv6(Vec::new()),
        (None, ParamKind::Raw(len)) => Value::Raw(vec![0; len]),
        (None, _) => Value::Int(i32::from(is_no)),
    })
}

pub(super) fn may_attach(state: &State, _prison: Jid, jid: Jid) -> Result<(), Refusal> {
    state.jail(jid).map(|_| ()).ok_or(Errno::EINVAL.into())
}

pub(super) fn remove(state: &mut State, _prison: Jid, jid: Jid) -> Result<(), Refusal> {
    let removed = state.jail(jid).ok_or(Errno::EINVAL)?.clone();
    let mut child = removed.name;
    child.push(b'.');
    state.jails.retain(|jail| jail.jid != jid && !jail.name.starts_with(&child));
    Ok(())
}

pub(super) fn set_processes(state: &mut State, jid: Jid, count: u32) -> Result<(), Refusal> {
    let jail = state.jails.iter_mut().find(|jail| jail.jid == jid).ok_or(Errno::EINVAL)?;
    jail.processes = count;
    reap(state);
    Ok(())
}

/// Removes the jails that are neither persistent nor have a process or child.
fn reap(state: &mut State) {
    let names: Vec<_> = state.jails.iter().map(|jail| jail.name.clone()).collect();
    state.jails.retain(|jail| {
        let is_child =
            |name: &bstr::BString| name.strip_prefix(&**jail.name).is_some_and(|rest| rest.starts_with(b"."));
        jail.int("persist") != 0 || jail.processes > 0 || names.iter().any(is_child)
    });
}

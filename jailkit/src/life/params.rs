//! From the words of jail.conf(5) to the parameters of jail_set(2), as libjail takes them.

use std::collections::HashMap;
use std::net::IpAddr;

use bstr::{BStr, ByteSlice};

use super::{JailError, modules};
use crate::jailconf::{ResolvedJail, ResolvedParam, Text, is_internal};
use crate::jailparam::{self, Kind, Version, no_form, plain_form};
use crate::kernel::{Param, ParamKind, Value};
use crate::source::Severity;

/// The parameters of a jail that are the kernel's.
///
/// # Errors
/// Every parameter that the kernel does not know, or with a value that it cannot have.
pub(super) fn import(jail: &ResolvedJail, kinds: &HashMap<String, ParamKind>) -> Result<Vec<Param>, JailError> {
    import_if(jail, kinds, |_| true)
}

/// The same, without those that a module may yet bring.
///
/// # Errors
/// Likewise.
pub(super) fn import_known(jail: &ResolvedJail, kinds: &HashMap<String, ParamKind>) -> Result<Vec<Param>, JailError> {
    import_if(jail, kinds, |name| !modules::may_bring(name, kinds))
}

fn import_if(
    jail: &ResolvedJail,
    kinds: &HashMap<String, ParamKind>,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Param>, JailError> {
    let mut imported = Vec::new();
    let mut faults = Vec::new();
    for param in jail.params.iter().filter(|param| !is_internal(&param.name)) {
        if !is_wanted(&param.name.to_str_lossy()) {
            continue;
        }
        let read = match versions(&param.name) {
            Some(version) if kinds.contains_key(&*param.name.to_str_lossy()) => addresses_of(param, version),
            _ => import_one(param, kinds),
        };
        match read {
            Ok(param) => imported.push(param),
            Err(error) => faults.push(error),
        }
    }
    JailError::none_of(faults).map(|()| imported)
}

/// Checks the truth values and numbers of the parameters that jail(8) keeps for itself.
///
/// # Errors
/// Every one with a value it cannot have.
pub(super) fn check_internal(jail: &ResolvedJail) -> Result<(), JailError> {
    let fault = |param: &ResolvedParam| {
        let value = param.values.last().filter(|_| is_internal(&param.name))?;
        let reason = match jailparam::find(&param.name)?.def.kind {
            Kind::Bool if jailparam::truth(value).is_none() => format!("'{value}' is neither true nor false"),
            Kind::Int { .. } if jailparam::integer(value).is_none() => format!("'{value}' is no number"),
            _ => return None,
        };
        Some(JailError::Param { param: param.name.clone().into(), reason })
    };
    JailError::none_of(jail.params.iter().filter_map(fault))
}

/// Which addresses a list has for whose values jail(8) takes more than addresses.
fn versions(name: &[u8]) -> Option<Version> {
    match name {
        b"ip4.addr" => Some(Version::V4),
        b"ip6.addr" => Some(Version::V6),
        _ => None,
    }
}

/// A list of addresses, each without the interface before it, and the netmask and what ifconfig(8) is told behind it.
fn addresses_of(param: &ResolvedParam, version: Version) -> Result<Param, JailError> {
    let wrong = |reason: String| JailError::Param { param: param.name.clone().into(), reason };
    let mut found = Vec::new();
    for value in &param.values {
        let read = jailparam::address(value.as_bstr(), version).map_err(|fault| wrong(fault.to_string()))?;
        // Alone, an empty value is an empty list.
        if read.addresses.is_empty() && param.values.len() > 1 {
            return Err(wrong(format!("'{value}' is no address")));
        }
        found.extend(read.addresses);
    }
    let name = param.name.to_str_lossy();
    let (four, six) = by_version(&found);
    Ok(Param::new(name, if version == Version::V4 { Value::Ipv4(four) } else { Value::Ipv6(six) }))
}

fn by_version(addresses: &[IpAddr]) -> (Vec<std::net::Ipv4Addr>, Vec<std::net::Ipv6Addr>) {
    let four = addresses.iter().filter_map(|address| if let IpAddr::V4(four) = address { Some(*four) } else { None });
    let six = addresses.iter().filter_map(|address| if let IpAddr::V6(six) = address { Some(*six) } else { None });
    (four.collect(), six.collect())
}

/// Adds the addresses that `ip_hostname` has found to the parameters.
pub(super) fn add_addresses(params: &mut Vec<Param>, found: &[IpAddr]) {
    let (four, six) = by_version(found);
    for (name, more) in [("ip4.addr", Value::Ipv4(four)), ("ip6.addr", Value::Ipv6(six))] {
        let list = params.iter_mut().find(|param| param.name == name).map(|param| &mut param.value);
        match (list, more) {
            (_, Value::Ipv4(more)) if more.is_empty() => {}
            (_, Value::Ipv6(more)) if more.is_empty() => {}
            (Some(Value::Ipv4(list)), Value::Ipv4(more)) => list.extend(more),
            (Some(Value::Ipv6(list)), Value::Ipv6(more)) => list.extend(more),
            (_, more) => params.push(Param::new(name, more)),
        }
    }
}

/// One parameter, from the text that libjail takes.
pub(super) fn import_one(param: &ResolvedParam, kinds: &HashMap<String, ParamKind>) -> Result<Param, JailError> {
    let wrong = |reason: String| JailError::Param { param: param.name.clone().into(), reason };
    let name = param.name.to_str().map_err(|_| wrong("unknown parameter".to_owned()))?;
    let (plain, kind, is_no) = match kinds.get(name) {
        Some(kind) => (name.to_owned(), *kind, false),
        None => negated(name, kinds).ok_or_else(|| wrong(unknown(name)))?,
    };
    // Where there can be one value only, the last one counts. Where there is none, the empty text does, save for
    // booleans.
    let last = param.values.last();
    let text = last.map_or(BStr::new(""), |value| value.as_bstr());
    let value = match kind {
        ParamKind::Bool => {
            let is_on = last.map_or(Some(true), |value| jailparam::truth(value));
            let is_on = is_on.ok_or_else(|| wrong(format!("'{text}' is neither true nor false")))?;
            return Ok(Param::flag(if is_on == is_no { no_form(&plain) } else { plain }));
        }
        ParamKind::JailSys => {
            let way = jail_sys(text);
            Value::Int(way.ok_or_else(|| wrong(format!("'{text}' is none of disable, new, inherit")))?)
        }
        ParamKind::Int => Value::Int(number(text, i32::try_from).map_err(wrong)?),
        // The largest are more than integer() counts to.
        ParamKind::ULong => Value::ULong(match text.to_str().ok().and_then(|text| text.parse().ok()) {
            Some(number) => number,
            None => number(text, u64::try_from).map_err(wrong)?,
        }),
        ParamKind::String(len) => {
            if len > 0 && text.len() >= len {
                return Err(wrong(format!("longer than the {} bytes it can have", len - 1)));
            }
            Value::String(text.to_vec())
        }
        ParamKind::Ipv4 => Value::Ipv4(addresses(&param.values).map_err(wrong)?),
        ParamKind::Ipv6 => Value::Ipv6(addresses(&param.values).map_err(wrong)?),
        ParamKind::Raw(_) => {
            return Err(wrong("its layout is not known; set it with the program that brings it".into()));
        }
    };
    Ok(Param::new(plain, value))
}

/// A whole number in the range of its type; none at all is 0.
fn number<T, E>(text: &BStr, narrow: impl Fn(i64) -> Result<T, E>) -> Result<T, String> {
    let number = if text.is_empty() { Some(0) } else { jailparam::integer(text) };
    let number = number.ok_or_else(|| format!("'{text}' is no number"))?;
    narrow(number).map_err(|_| format!("{number} is out of range"))
}

/// What a parameter such as `vnet` is set to: by its word, or the number that stands for it.
fn jail_sys(text: &BStr) -> Option<i32> {
    if text.is_empty() {
        return Some(1);
    }
    let words = ["disable", "new", "inherit"];
    match words.iter().position(|word| text.eq_ignore_ascii_case(word.as_bytes())) {
        Some(at) => i32::try_from(at).ok(),
        None => jailparam::integer(text).and_then(|number| i32::try_from(number).ok()),
    }
}

/// The addresses of a list, with commas between them; empty for the empty text and for `-`.
fn addresses<T: std::str::FromStr>(values: &[Text]) -> Result<Vec<T>, String> {
    if let [] | [_] = values
        && values.iter().all(|value| matches!(value.as_bytes(), b"" | b"-"))
    {
        return Ok(Vec::new());
    }
    let items = values.iter().flat_map(|value| value.split(|&byte| byte == b',')).map(ByteSlice::to_str_lossy);
    items.map(|item| item.parse().map_err(|_| format!("'{item}' is no address of this family"))).collect()
}

/// The parameter that a name means, itself or by its `no` form, and its kind; none for one the kernel does not know.
pub(super) fn kind_of(name: &str, kinds: &HashMap<String, ParamKind>) -> Option<(String, ParamKind)> {
    match kinds.get(name) {
        Some(kind) => Some((name.to_owned(), *kind)),
        None => negated(name, kinds).map(|(plain, kind, _)| (plain, kind)),
    }
}

/// The boolean of which this is the `no` form.
fn negated(name: &str, kinds: &HashMap<String, ParamKind>) -> Option<(String, ParamKind, bool)> {
    let plain = plain_form(name)?;
    let kind = *kinds.get(&plain)?;
    (kind == ParamKind::Bool).then_some((plain, kind, true))
}

fn unknown(name: &str) -> String {
    match jailparam::nearest(name) {
        Some(near) if near != name => format!("unknown parameter; did you mean '{near}'?"),
        _ => "unknown parameter".to_owned(),
    }
}

/// What the kernel has refused without a word, with what is known to be wrong with the parameters.
pub(super) fn explain(jail: &ResolvedJail, error: JailError) -> JailError {
    if !matches!(&error, JailError::Kernel(refused) if refused.message.is_none()) {
        return error;
    }
    let faults = jail.params.iter().flat_map(|param| {
        let found = jailparam::find(&param.name);
        found.map(|found| jailparam::faults(found.def, &param.values)).unwrap_or_default()
    });
    let wrong = faults.filter(|fault| fault.severity == Severity::Error);
    wrong.fold(error, |error, fault| error.and(Some(JailError::Conf(fault.to_string()))))
}

//! From the words of jail.conf(5) to the parameters of jail_set(2), as libjail takes them.

use std::collections::HashMap;
use std::str::FromStr;

use bstr::ByteSlice;

use super::JailError;
use crate::jailconf::{ResolvedJail, ResolvedParam, Text, is_internal};
use crate::jailparam::{no_form, plain_form};
use crate::kernel::{Param, ParamKind, Value};

/// The parameters of a jail that are the kernel's.
///
/// # Errors
/// A parameter that the kernel does not know, or with a value that it cannot have.
pub(super) fn import(jail: &ResolvedJail, kinds: &HashMap<String, ParamKind>) -> Result<Vec<Param>, JailError> {
    let own = jail.params.iter().filter(|param| !is_internal(&param.name));
    own.map(|param| import_one(param, kinds)).collect()
}

/// One of them.
pub(super) fn import_one(param: &ResolvedParam, kinds: &HashMap<String, ParamKind>) -> Result<Param, JailError> {
    let wrong = |reason: String| JailError::Param { param: param.name.clone().into(), reason };
    let name = param.name.to_str().map_err(|_| wrong("unknown parameter".to_owned()))?;
    let (plain, kind, is_no) = match kinds.get(name) {
        Some(kind) => (name.to_owned(), *kind, false),
        None => negated(name, kinds).ok_or_else(|| wrong("unknown parameter".to_owned()))?,
    };
    // Where there can be one value only, the last one counts.
    let last = param.values.last();
    let text = || last.map(|value| value.to_str_lossy().into_owned());
    let needs_value = || wrong("it needs a value".to_owned());
    let value = match kind {
        ParamKind::Bool => {
            let is_on = last.map_or(Some(true), truth);
            let is_on =
                is_on.ok_or_else(|| wrong(format!("'{}' is neither true nor false", text().unwrap_or_default())))?;
            return Ok(Param::flag(if is_on == is_no { no_form(&plain) } else { plain }));
        }
        ParamKind::JailSys => Value::Int(match text().as_deref() {
            Some("disable") => 0,
            Some("new") | None => 1,
            Some("inherit") => 2,
            Some(other) => return Err(wrong(format!("'{other}' is none of disable, new, inherit"))),
        }),
        ParamKind::Int => {
            let text = text().ok_or_else(needs_value)?;
            Value::Int(text.parse().map_err(|_| wrong(format!("'{text}' is no number")))?)
        }
        ParamKind::ULong => {
            let text = text().ok_or_else(needs_value)?;
            Value::ULong(text.parse().map_err(|_| wrong(format!("'{text}' is no number")))?)
        }
        ParamKind::String(len) => {
            let value = last.ok_or_else(needs_value)?;
            if len > 0 && value.len() >= len {
                return Err(wrong(format!("longer than the {} bytes it can have", len - 1)));
            }
            Value::String(value.to_vec())
        }
        ParamKind::Ipv4 => Value::Ipv4(addresses(&param.values).map_err(wrong)?),
        ParamKind::Ipv6 => Value::Ipv6(addresses(&param.values).map_err(wrong)?),
        ParamKind::Raw(_) => {
            return Err(wrong("its layout is not known; set it with the program that brings it".into()));
        }
    };
    Ok(Param::new(plain, value))
}

fn truth(value: &Text) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"true" => Some(true),
        b"false" => Some(false),
        number => std::str::from_utf8(number).ok()?.parse::<i64>().ok().map(|number| number != 0),
    }
}

/// The addresses of a list: without the `interface|` before them, and the netmask and what ifconfig(8) is told
/// behind them.
fn addresses<T: FromStr>(values: &[Text]) -> Result<Vec<T>, String> {
    let items = values.iter().flat_map(|value| value.split(|&byte| byte == b','));
    let items = items.map(|item| item.trim().to_str_lossy().into_owned()).filter(|item| !item.is_empty());
    items.map(|item| bare(&item).parse().map_err(|_| format!("'{item}' is no address of this family"))).collect()
}

/// An address alone.
pub(super) fn bare(item: &str) -> &str {
    let address = item.split_once('|').map_or(item, |(_, address)| address);
    address.split(['/', ' ']).next().unwrap_or_default()
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

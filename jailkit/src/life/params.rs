//! From the words of jail.conf(5) to the parameters of jail_set(2).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bstr::{BString, ByteSlice};

use super::{LifeError, Living};
use crate::jailconf::ResolvedParam;
use crate::kernel::{Param, ParamKind, ParamType, Value};

/// Parameters that jail(8) acts on itself and does not hand to the kernel.
const PSEUDO: &[&str] = &[
    "allow.dying",
    "command",
    "depend",
    "interface",
    "ip_hostname",
    "jail_user",
    "mount",
    "persist",
    "stop.timeout",
    "vnet.interface",
    "zfs.dataset",
];

impl Living<'_> {
    /// The parameters for the kernel, those of jail(8) itself left out.
    pub(super) fn kernel_params(&self) -> Result<Vec<Param>, LifeError> {
        let known = self.host.kernel().jail_params()?;
        let mut params = Vec::new();
        for param in &self.jail.params {
            let name = param.name.to_str_lossy();
            let is_pseudo = name.starts_with("exec.") || name.starts_with("mount.") || PSEUDO.contains(&&*name);
            if !is_pseudo && !PSEUDO.contains(&name.trim_start_matches("no")) {
                params.push(converted(&name, param, &known)?);
            }
        }
        if !params.iter().any(|param| param.name == "name") {
            params.insert(0, Param::new("name", Value::String(self.jail.name.to_vec())));
        }
        Ok(params)
    }
}

fn converted(name: &str, param: &ResolvedParam, known: &[ParamType]) -> Result<Param, LifeError> {
    let wrong = |reason: String| LifeError::Param { param: name.to_owned(), reason };
    let Some(kind) = known.iter().find(|known| known.name == name).map(|known| known.kind) else {
        return if known.iter().any(|known| known.kind == ParamKind::Bool && no_form(&known.name) == name) {
            Ok(Param::flag(name))
        } else {
            Err(wrong("this kernel does not know it".to_owned()))
        };
    };
    let last = param.values.last().map(|value| value.to_str_lossy().into_owned());
    let value = match (kind, last) {
        (ParamKind::Ipv4, _) => Value::Ipv4(addresses::<Ipv4Addr>(&param.values).map_err(wrong)?),
        (ParamKind::Ipv6, _) => Value::Ipv6(addresses::<Ipv6Addr>(&param.values).map_err(wrong)?),
        (ParamKind::Bool, None) => Value::Flag,
        (ParamKind::Bool, Some(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Int(1),
            "false" => Value::Int(0),
            number => Value::Int(number.parse().map_err(|_| wrong(format!("'{text}' is neither true nor false")))?),
        },
        (ParamKind::JailSys, text) => match text.as_deref() {
            Some("disable") => Value::Int(0),
            Some("new") | None => Value::Int(1),
            Some("inherit") => Value::Int(2),
            Some(other) => return Err(wrong(format!("'{other}' is none of new, inherit, disable"))),
        },
        (ParamKind::Int, Some(text)) => Value::Int(text.parse().map_err(|_| wrong(format!("'{text}' is no number")))?),
        (ParamKind::String(_) | ParamKind::Raw(_), Some(_)) => {
            Value::String(param.values.last().map(|value| value.to_vec()).unwrap_or_default())
        }
        (_, None) => return Err(wrong("it needs a value".to_owned())),
    };
    Ok(Param::new(name, value))
}

/// The addresses of a list: without the `interface|` before and the netmask behind them.
fn addresses<T: FromStr>(values: &[BString]) -> Result<Vec<T>, String> {
    let read = |value: &BString| {
        let text = value.to_str_lossy();
        let bare = text.rsplit('|').next().unwrap_or_default().split(['/', ' ']).next().unwrap_or_default();
        bare.parse().map_err(|_| format!("'{text}' is no address"))
    };
    values.iter().map(read).collect()
}

fn no_form(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((front, last)) => format!("{front}.no{last}"),
        None => format!("no{name}"),
    }
}

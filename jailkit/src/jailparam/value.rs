//! Values of parameters, as jail(8) and libjail read them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bstr::{BStr, ByteSlice};

use super::def::{Beyond, Change, Kind, ParamDef};
use super::{Family, plain_form};
use crate::source::{Severity, nearest, printable};

/// The longest path, without its NUL (`MAXPATHLEN`).
const PATH_LEN: usize = 1023;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which of the values; none where it is the parameter as a whole.
    pub value: Option<usize>,
    /// An error where jail(8) or the kernel would refuse the jail.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Fault {
    fn new(severity: Severity, value: Option<usize>, message: impl Into<String>) -> Self {
        Self { value, severity, message: message.into(), help: None }
    }

    fn error(value: Option<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, value, message)
    }

    fn warning(value: Option<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, value, message)
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

/// Everything that is wrong with a parameter's values.
///
/// # Example
/// ```
/// use jailkit::jailparam::{faults, find};
/// let enforce = find(b"enforce_statfs").unwrap().def;
/// assert!(faults(enforce, &["1"]).is_empty());
/// assert_eq!(faults(enforce, &["3"])[0].message, "enforce_statfs is a number 0 to 2, and 3 is not");
/// ```
pub fn faults<T: AsRef<[u8]>>(def: &ParamDef, values: &[T]) -> Vec<Fault> {
    let mut found = Vec::new();
    if def.change == Change::Never {
        found.push(Fault::error(None, format!("{} can be read only", def.name)).help("take it out"));
        return found;
    }
    if def.kind.is_list() {
        if values.is_empty() && !matches!(def.kind, Kind::Ipv4 | Kind::Ipv6) {
            found.push(Fault::warning(None, format!("{} is given nothing", def.name)));
        }
        for (index, value) in values.iter().enumerate() {
            found.extend(item_fault(def, index, value.as_ref().as_bstr()));
        }
        return found;
    }
    if values.len() > 1 {
        let message = format!("{} takes one value, and only the last one counts", def.name);
        found.push(Fault::warning(None, message).help("jail(8) passes over the others without a word"));
    }
    let last = values.last().map(|value| (values.len() - 1, value.as_ref().as_bstr()));
    found.extend(scalar_fault(def, last));
    found
}

/// What is wrong with the name of a parameter that the table does not have; nothing where it has it, or where modules
/// may well bring such a one.
pub fn unknown(name: &[u8]) -> Option<Fault> {
    if super::find(name).is_some() {
        return None;
    }
    let shown = printable(name);
    if let Some(plain) = plain_form(&shown).and_then(|plain| super::find(plain.as_bytes())) {
        return Some(Fault::error(None, format!("{} is no boolean, and has no form '{shown}'", plain.def.name)));
    }
    let severity = match super::family(&shown) {
        Family::Open => return None,
        Family::Closed => Severity::Error,
        Family::Unknown => Severity::Warning,
    };
    let fault = Fault::new(severity, None, format!("unknown parameter '{shown}'"));
    Some(match (super::nearest(&shown), severity) {
        (Some(near), _) => fault.help(format!("did you mean '{near}'?")),
        (None, Severity::Error) => fault,
        (None, Severity::Warning) => {
            fault.help("jail(8) leaves it to the kernel, which refuses it unless a module brings it")
        }
    })
}

/// What is wrong with a parameter as it is about to be written into a file, where a value may still have variables in
/// it.
///
/// # Example
/// ```
/// use jailkit::jailparam::advice;
/// assert!(advice("path", &["/srv/$name"]).is_empty());
/// assert_eq!(advice("pth", &["/srv"])[0].to_string(), "unknown parameter 'pth'; did you mean 'path'?");
/// ```
pub fn advice<T: AsRef<[u8]>>(name: &str, values: &[T]) -> Vec<Fault> {
    let has_variables = values.iter().any(|value| value.as_ref().contains(&b'$'));
    match super::find(name.as_bytes()) {
        Some(found) if !has_variables => faults(found.def, values),
        Some(_) => Vec::new(),
        None => unknown(name.as_bytes()).into_iter().collect(),
    }
}

fn scalar_fault(def: &ParamDef, value: Option<(usize, &BStr)>) -> Option<Fault> {
    let name = def.name;
    let Some((index, value)) = value else {
        let is_enough = matches!(def.kind, Kind::Bool | Kind::JailSys(_));
        return (!is_enough).then(|| Fault::error(None, format!("{name} needs a value: {}", def.kind)));
    };
    let (at, shown) = (Some(index), printable(value));
    match def.kind {
        Kind::Bool => match truth(value) {
            Some(_) => None,
            None => Some(
                Fault::error(at, format!("{name} is true or false, and '{shown}' is neither"))
                    .help(format!("write {name}; or {};", super::no_form(name))),
            ),
        },
        Kind::Int { least, most, beyond } => match integer(value) {
            None => Some(Fault::error(at, format!("{name} is a number, and '{shown}' is not"))),
            Some(number) if (least..=most).contains(&number) => None,
            Some(number) => {
                let severity = match beyond {
                    Beyond::Refused => Severity::Error,
                    Beyond::Taken => Severity::Warning,
                };
                Some(Fault::new(severity, at, format!("{name} is a {}, and {number} is not", def.kind)))
            }
        },
        Kind::JailSys(words) => {
            let is_one = words.iter().any(|word| value == *word);
            let near = nearest(&shown, words.iter().copied());
            let fault = Fault::error(at, format!("{name} is one of {}, and '{shown}' is not", def.kind));
            (!is_one).then(|| match near {
                Some(near) => fault.help(format!("did you mean '{near}'?")),
                None => fault,
            })
        }
        Kind::Text(most) if value.len() > most => {
            Some(Fault::error(at, format!("{name} has at most {most} bytes, and this is {}", value.len())))
        }
        Kind::Path => path_fault(name, index, value),
        _ => None,
    }
}

fn item_fault(def: &ParamDef, index: usize, value: &BStr) -> Option<Fault> {
    let at = Some(index);
    match def.kind {
        Kind::Paths if value.is_empty() => None,
        Kind::Paths => path_fault(def.name, index, value),
        Kind::Ipv4 => address(value, Version::V4).err().map(|fault| Fault { value: at, ..fault }),
        Kind::Ipv6 => address(value, Version::V6).err().map(|fault| Fault { value: at, ..fault }),
        Kind::Mounts => match value.fields().count() {
            0 | 3.. => None,
            _ => Some(
                Fault::error(at, format!("'{}' says too little for a mount", printable(value)))
                    .help("a line is: what, where, type, options"),
            ),
        },
        Kind::Names if value.is_empty() => Some(Fault::error(at, format!("{} has an empty name", def.name))),
        _ => None,
    }
}

fn path_fault(name: &str, index: usize, value: &BStr) -> Option<Fault> {
    let at = Some(index);
    if value.is_empty() {
        return Some(Fault::error(at, format!("{name} is empty")));
    }
    if value.len() > PATH_LEN {
        return Some(Fault::error(at, format!("{name} has at most {PATH_LEN} bytes, and this is {}", value.len())));
    }
    let relative = || {
        let message = format!("{name} '{}' depends on where jail(8) is started", printable(value));
        Fault::warning(at, message).help("begin it with /")
    };
    (!value.starts_with(b"/")).then(relative)
}

/// A truth value: `true`, `false`, or a number that is not 0.
pub(crate) fn truth(value: &[u8]) -> Option<bool> {
    if value.eq_ignore_ascii_case(b"true") {
        return Some(true);
    }
    if value.eq_ignore_ascii_case(b"false") || value.is_empty() {
        return Some(false);
    }
    integer(value).map(|number| number != 0)
}

/// A whole number with nothing behind it; strtol(3) with base 10.
pub(crate) fn integer(value: &[u8]) -> Option<i64> {
    let text = value.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'));
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude =
        digits.iter().fold(0i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if text.starts_with(b"-") { -magnitude } else { magnitude })
}

/// The two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
}

/// An address of `ip4.addr` or `ip6.addr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The interface before the `|`.
    pub(crate) interface: Option<String>,
    /// All addresses: jail(8) takes several in one value where they have neither interface nor netmask.
    pub(crate) addresses: Vec<IpAddr>,
    /// The netmask as a length.
    pub(crate) prefix: Option<u8>,
    /// What ifconfig(8) is told besides.
    pub(crate) extra: Vec<String>,
}

/// Reads one value of `ip4.addr` or `ip6.addr` as jail(8) does: the interface ends at the first `|`, the address at the
/// first `/` or blank, and what is left is split at commas.
pub(crate) fn address(value: &BStr, version: Version) -> Result<Address, Fault> {
    let (interface, rest) = match value.split_once_str("|") {
        Some((interface, rest)) => (Some(interface.to_str_lossy().into_owned()), rest),
        None => (None, value.as_bytes()),
    };
    let family = match version {
        Version::V4 => "IPv4",
        Version::V6 => "IPv6",
    };
    let end = rest.find_byteset(b"/ ").unwrap_or(rest.len());
    let (front, behind) = rest.split_at(end);
    let mut addresses = Vec::new();
    for item in front.split_str(",").filter(|_| !matches!(front, b"" | b"-")) {
        let text = item.to_str_lossy();
        let parsed = match version {
            Version::V4 => text.parse::<Ipv4Addr>().map(IpAddr::from).ok(),
            Version::V6 => text.parse::<Ipv6Addr>().map(IpAddr::from).ok(),
        };
        let Some(parsed) = parsed else {
            return Err(no_address(item.as_bstr(), front, behind, family, &text, version));
        };
        if parsed.is_unspecified() || parsed == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(Fault::error(None, format!("{parsed} is no address that a jail can have")));
        }
        addresses.push(parsed);
    }
    if behind.contains(&b',') {
        let message = format!("jail(8) reads only the first address of '{}'", printable(value));
        return Err(Fault::error(None, message).help("write each address with a netmask as a value of its own"));
    }
    let (mask, words) = match behind.strip_prefix(b"/") {
        Some(behind) => {
            behind.split_once_str(" ").map_or((Some(behind), &b""[..]), |(mask, words)| (Some(mask), words))
        }
        None => (None, behind),
    };
    let prefix = mask.map(|mask| prefix_of(mask.as_bstr(), version, interface.is_some())).transpose()?;
    let extra = words.fields().map(|word| word.to_str_lossy().into_owned()).collect();
    Ok(Address { interface, addresses, prefix, extra })
}

fn no_address(item: &BStr, front: &[u8], behind: &[u8], family: &str, text: &str, version: Version) -> Fault {
    let message = match item.is_empty() {
        true => format!("'{}' lacks an {family} address", printable(front)),
        false => format!("'{}' is no {family} address", printable(item)),
    };
    let fault = Fault::error(None, message);
    let other = match version {
        Version::V4 => text.parse::<Ipv6Addr>().is_ok().then_some("ip6.addr"),
        Version::V6 => text.parse::<Ipv4Addr>().is_ok().then_some("ip4.addr"),
    };
    match other {
        Some(other) => fault.help(format!("it belongs to {other}")),
        None if front.ends_with(b",") && behind.starts_with(b" ") => {
            fault.help("jail(8) reads nothing behind a blank: quote each address by itself, or leave the blanks out")
        }
        None => fault,
    }
}

/// The length of a netmask in either form. Without an interface nobody reads it.
fn prefix_of(mask: &BStr, version: Version, is_used: bool) -> Result<u8, Fault> {
    let most = match version {
        Version::V4 => 32,
        Version::V6 => 128,
    };
    let length = mask.to_str().ok().and_then(|text| text.parse::<u8>().ok()).filter(|&length| length <= most);
    let dotted = || {
        let text = mask.to_str().ok().filter(|_| version == Version::V4)?;
        ipnet::ipv4_mask_to_prefix(text.parse().ok()?).ok()
    };
    length.or_else(dotted).ok_or_else(|| {
        let severity = if is_used { Severity::Error } else { Severity::Warning };
        let form = if version == Version::V4 { "0 to 32, or dotted like 255.255.255.0" } else { "0 to 128" };
        Fault::new(severity, None, format!("'{}' is no netmask", printable(mask))).help(format!("it is {form}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn said(name: &str, values: &[&str]) -> String {
        let Some(found) = find(name.as_bytes()) else { return "unknown".to_owned() };
        let found = faults(found.def, values);
        let line = |fault: &Fault| {
            let help = fault.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            format!("{}: {}{help}", fault.severity, fault.message)
        };
        found.iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn values_that_jail8_and_the_kernel_take() {
        for (name, values) in [
            ("persist", &[][..]),
            ("persist", &["TRUE"]),
            ("mount.devfs", &["0"]),
            ("mount.devfs", &[""]),
            ("allow.noraw_sockets", &["false"]),
            ("enforce_statfs", &["0"]),
            ("enforce_statfs", &[" +1"]),
            ("securelevel", &["-1"]),
            ("vnet", &[]),
            ("vnet", &["inherit"]),
            ("ip4", &["disable"]),
            ("ip4.addr", &[]),
            ("ip4.addr", &["10.0.0.1,10.0.0.2"]),
            ("ip4.addr", &["em0|10.0.0.1/24 vhid 1", "10.0.0.2/255.255.255.0"]),
            ("ip6.addr", &["lo1|fd00::1/128"]),
            ("path", &["/srv/www"]),
            ("mount", &["/a /b nullfs ro", ""]),
            ("exec.start", &["/bin/sh /etc/rc"]),
        ] {
            assert_eq!(said(name, values), "", "{name} {values:?}");
        }
    }

    #[test]
    fn values_that_are_wrong_are_told() {
        let cases: [(&str, &[&str]); 22] = [
            ("persist", &["yes"]),
            ("enforce_statfs", &["3"]),
            ("enforce_statfs", &["two"]),
            ("enforce_statfs", &[]),
            ("enforce_statfs", &["9", "1"]),
            ("securelevel", &["4"]),
            ("devfs_ruleset", &["-1"]),
            ("devfs_ruleset", &["70000"]),
            ("vnet", &["disable"]),
            ("vnet", &["inherrit"]),
            ("ip4.addr", &["10.0.0.256"]),
            ("ip4.addr", &["fd00::1"]),
            ("ip4.addr", &["10.0.0.1, 10.0.0.2"]),
            ("ip4.addr", &["em0|10.0.0.1/24,em0|10.0.0.2/24"]),
            ("ip4.addr", &["em0|10.0.0.1/33"]),
            ("ip4.addr", &["10.0.0.1/255.0.255.0"]),
            ("ip4.addr", &["0.0.0.0"]),
            ("ip6.addr", &["lo1|fd00::1/129"]),
            ("path", &["srv"]),
            ("mount", &["/a /b"]),
            ("dying", &[]),
            ("exec.start", &[]),
        ];
        let told: Vec<_> =
            cases.iter().map(|(name, values)| format!("{name} {values:?}\n  {}", said(name, values))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}

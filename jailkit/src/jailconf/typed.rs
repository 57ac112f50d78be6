//! The parameters of a resolved jail as Rust types.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::check::places::Place;
use super::origin::Origin;
use super::resolved::{ResolvedJail, ResolvedParam};
use super::text::Text;
use crate::jailparam::{self, Fallback, Kind, ParamDef, Version};
use crate::source::{Severity, printable};

/// A resolved jail, seen through the table of parameters: each is read as what it is, with the default that jail(8) or
/// the kernel gives it where that is a value.
///
/// # Example
/// ```
/// use jailkit::jailconf::JailConf;
/// use jailkit::source::Source;
///
/// let text = "www {\n  path = /srv/www;\n  ip4.addr = \"em0|10.0.0.2/24\";\n  enforce_statfs = three;\n}\n";
/// let resolved = JailConf::parse(&Source::new("/etc/jail.conf", text))?.resolve()?;
/// let www = resolved.jails[0].typed();
/// assert_eq!(www.path()?.unwrap().to_str(), Some("/srv/www"));
/// assert_eq!(www.ip4_addr()?[0].to_string(), "em0|10.0.0.2/24");
/// assert_eq!(www.stop_timeout()?.as_secs(), 10);
/// let error = www.enforce_statfs().unwrap_err().to_string();
/// assert_eq!(error, "/etc/jail.conf:4:3: jail 'www': enforce_statfs is a number, and 'three' is not");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TypedJail<'a> {
    jail: &'a ResolvedJail,
}

/// A parameter that has no value of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}jail '{}': {message}", self.place(), printable(.jail))]
pub struct ValueError {
    /// The jail.
    pub jail: BString,
    /// The parameter.
    pub param: String,
    /// What is wrong with it.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Where it was set; none where it was not.
    pub origin: Option<Box<Origin>>,
}

impl ValueError {
    fn place(&self) -> String {
        self.origin.as_ref().map_or_else(String::new, |origin| format!("{origin}: "))
    }
}

/// The three values of a parameter such as `ip4` or `vnet` (`JAIL_SYS_*` in sys/jail.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JailSys {
    /// The jail does without.
    Disable,
    /// It has its own.
    New,
    /// It shares the host's.
    Inherit,
}

/// An address of `ip4.addr` or `ip6.addr`, printed as jail(8) reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JailAddr {
    /// The host's interface that gets it as an alias: its own, or that of `interface`.
    pub interface: Option<String>,
    /// The address.
    pub addr: IpAddr,
    /// The length of its netmask.
    pub prefix: Option<u8>,
    /// What ifconfig(8) is told besides.
    pub options: Vec<String>,
}

impl fmt::Display for JailAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface}|")?;
        }
        self.addr.fmt(f)?;
        if let Some(prefix) = self.prefix {
            write!(f, "/{prefix}")?;
        }
        self.options.iter().try_for_each(|option| write!(f, " {option}"))
    }
}

impl ResolvedJail {
    /// Its parameters as Rust types.
    pub fn typed(&self) -> TypedJail<'_> {
        TypedJail { jail: self }
    }
}

type Read<T> = Result<T, ValueError>;

/// Readers of any parameter by its name, in the plain form of a boolean.
///
/// # Errors
/// Each fails where jail(8) or the kernel would refuse the value, and where the table has the parameter with another
/// type.
impl<'a> TypedJail<'a> {
    /// The jail as it was resolved.
    pub fn resolved(self) -> &'a ResolvedJail {
        self.jail
    }

    /// A boolean; its default where it is not given.
    ///
    /// # Errors
    /// A value that is neither true nor false.
    pub fn bool(self, name: &str) -> Read<bool> {
        let def = self.def(name, |kind| kind == Kind::Bool)?;
        Ok(match self.given(def)? {
            Some(_) => self.jail.is_true(def.name),
            None => def.default == Fallback::Bool(true),
        })
    }

    /// A number; its default where it is not given and has one.
    ///
    /// # Errors
    /// A value that is no number, or out of range.
    pub fn int(self, name: &str) -> Read<Option<i64>> {
        let def = self.def(name, |kind| matches!(kind, Kind::Int { .. }))?;
        Ok(match (self.given(def)?, def.default) {
            (Some(param), _) => param.values.last().and_then(|value| jailparam::integer(value)),
            (None, Fallback::Int(number)) => Some(number),
            (None, _) => None,
        })
    }

    /// One of disable, new and inherit.
    ///
    /// # Errors
    /// Another word.
    pub fn jailsys(self, name: &str) -> Read<Option<JailSys>> {
        let def = self.def(name, |kind| matches!(kind, Kind::JailSys(_)))?;
        let Some(param) = self.given(def)? else { return Ok(None) };
        Ok(Some(match param.values.last().map(|value| value.as_bytes()) {
            Some(b"disable") => JailSys::Disable,
            Some(b"inherit") => JailSys::Inherit,
            _ => JailSys::New,
        }))
    }

    /// A text or path.
    ///
    /// # Errors
    /// One that is missing or too long.
    pub fn text(self, name: &str) -> Read<Option<&'a BStr>> {
        let def = self.def(name, |kind| matches!(kind, Kind::Text(_) | Kind::Path))?;
        Ok(self.given(def)?.and_then(|param| param.values.last()).map(|value| value.as_bstr()))
    }

    /// All values of a list: commands, jails, interfaces, fstab lines.
    ///
    /// # Errors
    /// A value that the parameter cannot have.
    pub fn list(self, name: &str) -> Read<&'a [Text]> {
        let def = self.def(name, Kind::is_list)?;
        Ok(self.given(def)?.map_or(&[], |param| &*param.values))
    }

    fn addresses(self, name: &str, version: Version) -> Read<Vec<JailAddr>> {
        let default = self.text("interface")?.map(ToString::to_string).filter(|name| !name.is_empty());
        let mut all = Vec::new();
        for value in self.list(name)? {
            // A value that cannot be read has been refused.
            let Ok(read) = jailparam::address(value, version) else { continue };
            let interface = read.interface.or_else(|| default.clone());
            all.extend(read.addresses.into_iter().map(|addr| JailAddr {
                interface: interface.clone(),
                addr,
                prefix: read.prefix,
                options: read.extra.clone(),
            }));
        }
        Ok(all)
    }

    fn def(self, name: &str, is_right: impl Fn(Kind) -> bool) -> Read<&'static ParamDef> {
        let wrong = |message: String| ValueError {
            jail: self.jail.name.clone(),
            param: name.to_owned(),
            message,
            help: None,
            origin: None,
        };
        match jailparam::find(name.as_bytes()) {
            Some(found) if is_right(found.def.kind) => Ok(found.def),
            Some(found) => Err(wrong(format!("{name} was asked for as another type than it has: {}", found.def.kind))),
            None => Err(wrong(format!("there is no parameter '{name}'"))),
        }
    }

    /// A parameter with values that it can have.
    fn given(self, def: &ParamDef) -> Read<Option<&'a ResolvedParam>> {
        let Some(index) = Place::index(self.jail, def.name) else { return Ok(None) };
        let param = &self.jail.params[index];
        let faults = jailparam::faults(def, &param.values);
        match faults.into_iter().find(|fault| fault.severity == Severity::Error) {
            None => Ok(Some(param)),
            Some(fault) => Err(ValueError {
                jail: self.jail.name.clone(),
                param: param.name.to_string(),
                message: fault.message,
                help: fault.help,
                origin: self.jail.params.origin(index).map(Box::new),
            }),
        }
    }

    /// A number that the table keeps within a type.
    fn number<T: TryFrom<i64>>(self, name: &str) -> Read<Option<T>> {
        let number = self.int(name)?;
        number.map(|number| T::try_from(number)).transpose().map_err(|_| ValueError {
            jail: self.jail.name.clone(),
            param: name.to_owned(),
            message: format!("{name} is out of range"),
            help: None,
            origin: self.jail.origin(name).map(Box::new),
        })
    }

    /// A number to which the table gives a default.
    fn with_default<T: TryFrom<i64> + Default>(self, name: &str) -> Read<T> {
        Ok(self.number(name)?.unwrap_or_default())
    }

    fn seconds(self, name: &str) -> Read<Duration> {
        self.with_default(name).map(Duration::from_secs)
    }

    fn path_of(self, name: &str) -> Read<Option<PathBuf>> {
        Ok(self.text(name)?.map(|path| path.to_path_lossy().into_owned()))
    }
}

/// What programs ask for most.
impl<'a> TypedJail<'a> {
    /// `path`: the directory that is its root. Where it is not given, the jail has the host's.
    ///
    /// # Errors
    /// An empty or overlong one.
    pub fn path(self) -> Read<Option<PathBuf>> {
        self.path_of("path")
    }

    /// `host.hostname`
    ///
    /// # Errors
    /// An overlong one.
    pub fn hostname(self) -> Read<Option<&'a BStr>> {
        self.text("host.hostname")
    }

    /// `ip4.addr`, each address by itself.
    ///
    /// # Errors
    /// What is no address or netmask.
    pub fn ip4_addr(self) -> Read<Vec<JailAddr>> {
        self.addresses("ip4.addr", Version::V4)
    }

    /// `ip6.addr`, each address by itself.
    ///
    /// # Errors
    /// What is no address or prefix.
    pub fn ip6_addr(self) -> Read<Vec<JailAddr>> {
        self.addresses("ip6.addr", Version::V6)
    }

    /// `vnet`: whether it has a network stack of its own.
    ///
    /// # Errors
    /// A word that is neither new nor inherit.
    pub fn vnet(self) -> Read<bool> {
        Ok(self.jailsys("vnet")? == Some(JailSys::New))
    }

    /// `vnet.interface`: the interfaces that move into it.
    ///
    /// # Errors
    /// An empty name.
    pub fn vnet_interface(self) -> Read<&'a [Text]> {
        self.list("vnet.interface")
    }

    /// `persist`
    ///
    /// # Errors
    /// A value that is neither true nor false.
    pub fn persist(self) -> Read<bool> {
        self.bool("persist")
    }

    /// A permission: `allow.raw_sockets` for `raw_sockets`.
    ///
    /// # Errors
    /// A value that is neither true nor false; a permission that the table does not have.
    pub fn allow(self, what: &str) -> Read<bool> {
        self.bool(&format!("allow.{what}"))
    }

    /// `enforce_statfs`, 2 where it is not given.
    ///
    /// # Errors
    /// What is not 0, 1 or 2.
    pub fn enforce_statfs(self) -> Read<u8> {
        self.with_default("enforce_statfs")
    }

    /// `securelevel`; that of the host where it is not given.
    ///
    /// # Errors
    /// What is no number.
    pub fn securelevel(self) -> Read<Option<i32>> {
        self.number("securelevel")
    }

    /// `devfs_ruleset`
    ///
    /// # Errors
    /// What is no number of a ruleset.
    pub fn devfs_ruleset(self) -> Read<Option<u16>> {
        self.number("devfs_ruleset")
    }

    /// `children.max`, 0 where it is not given.
    ///
    /// # Errors
    /// What is no number; a negative one.
    pub fn children_max(self) -> Read<u32> {
        self.with_default("children.max")
    }

    /// `depend`: the jails that must run first.
    pub fn depend(self) -> &'a [Text] {
        self.jail.values("depend")
    }

    /// `exec.start`: commands in the jail.
    pub fn exec_start(self) -> &'a [Text] {
        self.jail.values("exec.start")
    }

    /// `exec.stop`: commands in the jail.
    pub fn exec_stop(self) -> &'a [Text] {
        self.jail.values("exec.stop")
    }

    /// `exec.consolelog`
    ///
    /// # Errors
    /// An empty or overlong path.
    pub fn exec_consolelog(self) -> Read<Option<PathBuf>> {
        self.path_of("exec.consolelog")
    }

    /// `exec.timeout`; none where commands may take as long as they want.
    ///
    /// # Errors
    /// What is no number; a negative one.
    pub fn exec_timeout(self) -> Read<Option<Duration>> {
        Ok(Some(self.seconds("exec.timeout")?).filter(|limit| !limit.is_zero()))
    }

    /// `stop.timeout`, 10 seconds where it is not given.
    ///
    /// # Errors
    /// What is no number; a negative one.
    pub fn stop_timeout(self) -> Read<Duration> {
        self.seconds("stop.timeout")
    }

    /// `mount`: lines of fstab(5).
    ///
    /// # Errors
    /// A line that says too little.
    pub fn mount(self) -> Read<&'a [Text]> {
        self.list("mount")
    }

    /// `mount.fstab`: files with such lines.
    ///
    /// # Errors
    /// An overlong path.
    pub fn mount_fstab(self) -> Read<Vec<PathBuf>> {
        let files = self.list("mount.fstab")?.iter().filter(|file| !file.is_empty());
        Ok(files.map(|file| file.to_path_lossy().into_owned()).collect())
    }
}

//! The declared stack: what a host's jails are to be, as one value read from one TOML file.
//!
//! [`read`] turns a stack file into a [`Stack`] or into findings with file, line and column. A stack knows nothing of
//! the host it will run on; `plan` compares the two. Every key is described at the field it fills and,
//! with the whole file in view, in `docs/stack.md`.
//!
//! # Example
//! ```
//! use jailkit::source::Source;
//! use jailkit::stack;
//!
//! let text = r#"
//!     [host]
//!     interface = "igb0"
//!     address = "203.0.113.10"
//!     loopback = { interface = "lo1", network = "10.0.0.0/24" }
//!
//!     [base]
//!     archive = "base.txz"
//!     manifest = "MANIFEST"
//!
//!     [jails.www]
//!     publish = [{ ports = [80, 443] }]
//! "#;
//! let (stack, warnings) = stack::read(&Source::new("jailkit.toml", text))?;
//! assert!(warnings.is_empty());
//! assert_eq!(stack.jails[0].address.to_string(), "10.0.0.1");
//! # Ok::<(), jailkit::source::Diagnostics>(())
//! ```

mod check;
mod keys;
mod network;
mod places;
mod read;
mod ready;

pub use places::Places;
pub use read::read;
pub use ready::{Ready, ReadyWhen};

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::base::Sha256;

/// A whole stack file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stack {
    /// `name`: what this stack is called where jailkit speaks of it and asks to confirm; default: the name of the
    /// folder the stack file is in.
    pub name: String,
    /// `[host]`
    pub host: Host,
    /// `[base]`
    pub base: Base,
    /// `[defaults]`: parameters of jail.conf(5) that stand once before all jails. What is not given here is
    /// [`Stack::STANDARD_DEFAULTS`].
    pub defaults: Vec<JailParam>,
    /// `[jails.NAME]`, in the file's order.
    pub jails: Vec<Jail>,
    /// `[[shared]]`
    pub shared: Vec<Shared>,
    /// Where all that stands in the file.
    #[serde(skip)]
    pub places: Places,
}

impl Stack {
    /// The defaults a stack gets without declaring them: start and stop through rc(8), a clean environment, a devfs,
    /// and System V IPC of the jail's own.
    pub const STANDARD_DEFAULTS: &'static [(&'static str, Option<&'static str>)] = &[
        ("exec.start", Some("/bin/sh /etc/rc")),
        ("exec.stop", Some("/bin/sh /etc/rc.shutdown jail")),
        ("exec.clean", None),
        ("mount.devfs", None),
        ("sysvmsg", Some("new")),
        ("sysvsem", Some("new")),
        ("sysvshm", Some("new")),
    ];

    /// Where every jail of the stack has something mounted, as it sees it.
    pub(crate) fn own_mount_points(&self) -> &'static [&'static str] {
        match self.host.ports {
            Some(_) => &["/var/log", "/dev", "/usr/ports", "/var/ports/distfiles", "/var/ports/packages"],
            None => &["/var/log", "/dev"],
        }
    }

    /// The jail of this name.
    pub fn jail(&self, name: &str) -> Option<&Jail> {
        self.jails.iter().find(|jail| jail.name == name)
    }
}

/// `[host]`: where the jails live on the host and how it reaches the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// `interface`: the external interface, on which ports are published and jails are NATed out.
    pub interface: String,
    /// `address`: the external IPv4 address of that interface.
    pub address: Ipv4Addr,
    /// `jail_root`: each jail lives in a folder of its name here; default `/srv/jail`.
    pub jail_root: PathBuf,
    /// `log_root`: each jail's `/var/log` is the folder of its name here; default `/var/log/jail`.
    pub log_root: PathBuf,
    /// `loopback`
    pub loopback: Loopback,
    /// `ports`: the ports tree every jail mounts read-only, by default `/usr/ports`; `ports = false` for none.
    pub ports: Option<PathBuf>,
}

/// `host.loopback`: the cloned loopback interface that holds the jails' addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loopback {
    /// `interface`: its name; default `lo1`.
    pub interface: String,
    /// `network`: the network the jails' addresses are taken from.
    pub network: Ipv4Net,
    /// `isolate`: whether pf keeps the jails of the network from each other, and from the outside but for published
    /// ports; default true.
    pub isolate: bool,
}

/// `[base]`: the base system every jail is extracted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Base {
    /// `archive`: the base.txz; a relative path starts at the stack file.
    pub archive: PathBuf,
    /// `manifest` or `sha256`: one of the two.
    pub expect: BaseExpectation,
}

/// What vouches for a base archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseExpectation {
    /// `manifest`: the MANIFEST of the release, which has the archive's sha256 and its number of entries; a relative
    /// path starts at the stack file.
    Manifest(PathBuf),
    /// `sha256`: the digest itself, 64 hexadecimal digits.
    Sha256(Sha256),
}

/// `[jails.NAME]`: one jail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jail {
    /// The table's own name.
    pub name: String,
    /// `address`: an address of the loopback network; default: the first one there that no jail has.
    pub address: Ipv4Addr,
    /// `hostname`; default: the jail's name.
    pub hostname: String,
    /// `depends`: jails that must run before this one.
    pub depends: Vec<String>,
    /// `ready`: when it is ready for those that depend on it; unless given, as soon as it has started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// `publish`: the ports of this jail that the outside reaches.
    pub publish: Vec<Publish>,
    /// `mounts`: file systems of this jail besides those the stack itself makes.
    pub mounts: Vec<Mount>,
    /// `params`: further parameters of jail.conf(5), verbatim.
    pub params: Vec<JailParam>,
}

impl Jail {
    /// The pf macro that holds its address: `jailwww`. A macro's name has no dash.
    pub(crate) fn pf_macro(&self) -> String {
        format!("jail{}", self.name.replace('-', "_"))
    }
}

impl Publish {
    /// The pf macro that holds the source, where the stack names it: `dbrepl`.
    pub(crate) fn pf_macro(&self, jail: &Jail) -> Option<String> {
        let name = self.name.as_ref().filter(|_| self.from.is_some())?;
        Some(format!("{}{name}", jail.name.replace('-', "_")))
    }
}

/// One entry of `publish`: ports of the host's external address that pf redirects to the jail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Publish {
    /// `proto`: `tcp`, the default, or `udp`.
    pub proto: Proto,
    /// `ports`: the host's ports; `port = N` for a single one.
    pub ports: Vec<u16>,
    /// `to`: the port in the jail, where it is another one than the host's; goes with a single port.
    pub to: Option<u16>,
    /// `from`: the IPv4 address or network that may come in; default: any.
    pub from: Option<Ipv4Net>,
    /// `name`: names `from` in pf.conf: `name = "repl"` of jail `db` becomes the macro `$dbrepl`.
    pub name: Option<String>,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One entry of a jail's `mounts`: a line of its fstab(5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// `source`: the directory of the host, or what the type takes in its place.
    pub source: String,
    /// `at`: the mount point as the jail sees it: an absolute path.
    pub at: PathBuf,
    /// `type`: the file system; default `nullfs`.
    pub fstype: String,
    /// `access`: `ro`, the default, or `rw`.
    pub access: Access,
    /// `options`: further mount options, such as `nosuid`.
    pub options: Vec<String>,
}

/// Whether what is mounted may be written through the mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// `ro`
    Ro,
    /// `rw`
    Rw,
}

impl Access {
    /// `ro` or `rw`, as fstab(5) writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ro => "ro",
            Self::Rw => "rw",
        }
    }
}

/// `[[shared]]`: a directory of the host that several jails see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// `path`: the directory on the host.
    pub path: PathBuf,
    /// `owner`: `uid:gid`, by number; it also owns what jailkit makes for the mount points in the jails.
    pub owner: Owner,
    /// `mounts.NAME`: where each jail sees it.
    pub mounts: Vec<SharedMount>,
}

/// `shared.mounts.NAME`: `{ at = "/var/run/mysql", access = "ro" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedMount {
    /// The jail.
    pub jail: String,
    /// `at`: the mount point as the jail sees it: an absolute path.
    pub at: PathBuf,
    /// `access`: `ro` or `rw`; always said.
    pub access: Access,
}

/// A numeric owner and group, written `uid:gid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    /// root:wheel
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl std::str::FromStr for Owner {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self { uid: uid.parse()?, gid: gid.parse()? })
    }
}

/// A parameter of jail.conf(5): `allow.raw_sockets = true` is bare, `false` its `no` form, an array a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JailParam {
    /// Its name, in the `no` form where that is meant.
    pub name: String,
    /// Its values; none for a bare one.
    pub values: Vec<String>,
}

//! The seam to the kernel: what FreeBSD offers jails, as one trait with two implementations.
//!
//! `native` makes the system calls on FreeBSD; `sim` is a model of that kernel over a directory,
//! for every other system and for tests. Nothing above this module knows which of them it talks to.

#[cfg(any(test, target_os = "freebsd"))]
mod abi;
mod descriptor;
mod devfs;
mod errno;
mod jail;
mod marshal;
mod mount;
mod name;
#[cfg(target_os = "freebsd")]
pub mod native;
mod param;
pub(crate) mod path_json;
pub mod sim;

pub use descriptor::{Closing, Descriptors, Reach};
pub use devfs::DevfsRuleset;
pub use errno::{Errno, KernelError};
pub use jail::{Jail, JailKey, find_jail, next_jail, read_jail, running};
pub use mount::{mount, mounted_at, real_path};
pub use name::{JailName, NameError, PrisonPath};
pub use param::{GetFlags, Jid, Param, ParamKind, ParamType, SetFlags, Value};

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

/// What a process may ask of the kernel, seen from the prison that the process is in.
///
/// Source of the behaviour: jail(2), nmount(2), ifconfig(8), kldload(2).
pub trait Kernel: Send + Sync {
    /// jail_set(2): creates a jail, changes one, or both, as `flags` say; the jid of the jail.
    ///
    /// # Errors
    /// [`KernelError`] with errno and the kernel's own message, where it wrote one.
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError>;

    /// jail_get(2): finds the jail that `keys` name (`jid`, `name` or `lastjid`) and reads `wanted` of it, in order.
    ///
    /// # Errors
    /// `ENOENT` where no jail matches or the listing by `lastjid` has ended; `EINVAL` for an unknown parameter.
    fn jail_get(&self, keys: &[Param], wanted: &[ParamType], flags: GetFlags)
    -> Result<(Jid, Vec<Value>), KernelError>;

    /// jail_attach(2): moves this process into the jail, for good.
    ///
    /// # Errors
    /// `EINVAL` where there is no such jail, `EPERM` where the process may not.
    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError>;

    /// jail_remove(2): kills the jail's processes and removes it and its children.
    ///
    /// # Errors
    /// `EINVAL` where there is no such jail, `EPERM` where the process may not.
    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError>;

    /// Every jail parameter this kernel knows, from the `security.jail.param` sysctl tree, parameters of modules
    /// included.
    ///
    /// # Errors
    /// [`KernelError`] where the tree cannot be read.
    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError>;

    /// The calls with jail descriptors, which name one jail and no later one of the same number.
    ///
    /// # Errors
    /// `EOPNOTSUPP` and the words `jail descriptors need FreeBSD 15` where the kernel has none.
    fn descriptors(&self) -> Result<&dyn Descriptors, KernelError>;

    /// Where a path leads, as this process sees it: realpath(3), and whether it is a directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` or `ELOOP` where it leads nowhere.
    fn find(&self, path: &Path) -> Result<Found, KernelError>;

    /// nmount(2) with the options of `request`, as they are. What mounts for a user goes through [`mount`], which keeps
    /// from the kernel what it would not survive.
    ///
    /// # Errors
    /// What the kernel refused it with.
    fn mount(&self, request: &MountRequest) -> Result<(), KernelError>;

    /// unmount(2) of the topmost file system at `path`; by force where `force` says so.
    ///
    /// # Errors
    /// `EINVAL` where nothing is mounted there, `EBUSY` where it is in use.
    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError>;

    /// getmntinfo(3): what is mounted, in the order it was mounted.
    ///
    /// # Errors
    /// [`KernelError`] where the table cannot be read.
    fn mounts(&self) -> Result<Vec<Mount>, KernelError>;

    /// statfs(2): the file system that a path is on, the topmost where one is mounted over another.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` or `ELOOP` where the path leads nowhere.
    fn file_system(&self, path: &Path) -> Result<Mount, KernelError>;

    /// Makes a ruleset that of the devfs mounted at `at`: devices that come later are shown or hidden by it, those that
    /// are there stay as they are (`devfs ruleset`, devfs(8)).
    ///
    /// # Errors
    /// `ENOTTY` where no devfs is mounted there, `EPERM` in a jail.
    fn use_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError>;

    /// Shows and hides the devices of the devfs mounted at `at` by a ruleset, once (`devfs rule applyset`, devfs(8)).
    /// [`DevfsRuleset::NONE`] is the one that the devfs has.
    ///
    /// # Errors
    /// `ESRCH` where the ruleset is not loaded, `ENOTTY` where no devfs is mounted there, `EPERM` in a jail.
    fn apply_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError>;

    /// The rulesets of devfs(8) that are loaded, by number: those that have a rule. A devfs that is given another one
    /// shows every device.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked: `EPERM` in a jail.
    fn devfs_rulesets(&self) -> Result<Vec<DevfsRuleset>, KernelError>;

    /// The network interfaces with their addresses, in the kernel's order.
    ///
    /// # Errors
    /// [`KernelError`] where they cannot be read.
    fn interfaces(&self) -> Result<Vec<Interface>, KernelError>;

    /// Creates a cloned interface such as `lo1` (`ifconfig lo1 create up`).
    ///
    /// # Errors
    /// `EEXIST` where it is there, `EINVAL` for a name no cloner makes.
    fn create_interface(&self, name: &str) -> Result<(), KernelError>;

    /// Destroys a cloned interface.
    ///
    /// # Errors
    /// `ENXIO` where there is none of that name.
    fn destroy_interface(&self, name: &str) -> Result<(), KernelError>;

    /// Adds an alias address with its prefix length to an interface. One that is there is no error; an IPv4 address gets
    /// the prefix length.
    ///
    /// # Errors
    /// `ENXIO` where there is no such interface, `EINVAL` where an IPv6 address is there with another prefix length.
    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError>;

    /// Removes an address of an interface.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` where the interface does not have it.
    fn remove_address(&self, interface: &str, address: IpAddr) -> Result<(), KernelError>;

    /// Moves an interface into a vnet jail (`ifconfig epair0b vnet JID`).
    ///
    /// # Errors
    /// `ENXIO` where there is no such interface or jail, `EEXIST` where the jail has no network stack of its own.
    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError>;

    /// Takes an interface back from a vnet jail (`ifconfig epair0b -vnet JID`).
    ///
    /// # Errors
    /// `ENXIO` where the jail does not have it.
    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError>;

    /// kldload(2) of a module by name; loading a loaded one is no error.
    ///
    /// # Errors
    /// `ENOENT` where there is no such module.
    fn load_module(&self, name: &str) -> Result<(), KernelError>;

    /// kldunload(2) of a module by name; no error where it is not loaded.
    ///
    /// # Errors
    /// `EBUSY` where it is in use.
    fn unload_module(&self, name: &str) -> Result<(), KernelError>;

    /// Whether a module is there, loaded or compiled in (kld_isloaded(3)).
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    fn has_module(&self, name: &str) -> Result<bool, KernelError>;

    /// Reads an integer sysctl such as `net.inet.ip.forwarding`.
    ///
    /// # Errors
    /// `ENOENT` where there is none of that name.
    fn sysctl(&self, name: &str) -> Result<i64, KernelError>;

    /// Writes an integer sysctl.
    ///
    /// # Errors
    /// `ENOENT` where there is none of that name, `EPERM` where it may not be written.
    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError>;
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The path without links, `.` and `..`.
    pub path: PathBuf,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// What to mount where: the options nmount(2) takes, with the flags by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MountRequest {
    /// File system type: `nullfs`, `devfs`, `tmpfs`.
    pub fstype: String,
    /// What is mounted: the directory a nullfs shows, or a name such as `devfs`; none for types that take none.
    #[serde(with = "path_json::optional")]
    pub source: Option<PathBuf>,
    /// The directory it is mounted on: absolute, as this process sees it.
    #[serde(with = "path_json")]
    pub target: PathBuf,
    /// `MNT_` flags.
    pub flags: MountFlags,
    /// Further options, with a value or bare: `("ruleset", Some("4"))`.
    pub options: Vec<(String, Option<String>)>,
}

/// The `MNT_` flags jailkit knows by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct MountFlags {
    /// `MNT_RDONLY`
    pub read_only: bool,
    /// `MNT_NOSUID`
    pub nosuid: bool,
    /// `MNT_NOEXEC`
    pub noexec: bool,
    /// `MNT_NOATIME`
    pub noatime: bool,
    /// `MNT_UPDATE`: change the flags of what is mounted at the target.
    pub update: bool,
    /// `MNT_FORCE`
    pub force: bool,
}

/// One mounted file system, as getmntinfo(3) tells it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mount {
    /// File system type.
    pub fstype: String,
    /// What is mounted (`f_mntfromname`).
    pub source: PathBuf,
    /// Where (`f_mntonname`).
    pub target: PathBuf,
    /// Its flags.
    pub flags: MountFlags,
}

/// A network interface and its addresses.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interface {
    /// Name with unit: `lo1`.
    pub name: String,
    /// Addresses with their prefix length, in the kernel's order.
    pub addresses: Vec<IpNet>,
}

//! FreeBSD's kernel, through its system calls. The unsafe code of the library is in [`syscalls`], [`interfaces`], [`devfs`]
//! and [`exec`].

#[allow(unsafe_code)]
mod devfs;
#[allow(unsafe_code)]
mod exec;
#[allow(unsafe_code)]
mod interfaces;
#[allow(unsafe_code)]
mod syscalls;

use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ipnet::IpNet;
use nix::mount::{MntFlags, Nmount};

use super::abi;
use super::errno::needs_15;
use super::marshal::{self, Buffer};
use super::{
    DevfsRuleset, Errno, Found, GetFlags, Interface, Jid, Kernel, KernelError, Mount, MountRequest, Param, ParamType,
    SetFlags, Value,
};

pub(crate) use exec::{Entry, enter_before_exec, terminate};
pub(crate) use syscalls::{AclType, acl_set_fd, fchflags};

/// How often a jail is asked again for lists that grew meanwhile.
const MOST_TRIES: usize = 5;

/// The kernel of the system that jailkit runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeKernel;

fn errno(error: nix::errno::Errno) -> Errno {
    Errno(error as i32)
}

fn refused(call: impl Into<String>, error: nix::errno::Errno) -> KernelError {
    KernelError { call: call.into(), errno: errno(error), message: None }
}

/// A kernel without the calls would end the process that makes them.
fn has_descriptors(call: &str) -> Result<(), KernelError> {
    let release = syscalls::sysctl_int("kern.osreldate").map_err(|error| refused("sysctl kern.osreldate", error))?;
    if release >= abi::FIRST_WITH_DESCRIPTORS { Ok(()) } else { Err(needs_15(call.to_owned())) }
}

/// Which jail a call is about, for messages.
fn about(call: &str, params: &[Param]) -> String {
    let named = params.iter().find_map(|param| match (&param.value, param.name.as_str()) {
        (Value::String(name), "name") => Some(format!("{call} \"{}\"", String::from_utf8_lossy(name))),
        (Value::Int(jid), "jid") => Some(format!("{call} {jid}")),
        _ => None,
    });
    named.unwrap_or_else(|| call.to_owned())
}

impl Kernel for NativeKernel {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        let mut buffers: Vec<Buffer> = params.iter().map(marshal::given).collect();
        let (jid, message) = syscalls::jail_set(&mut buffers, flags);
        jid.map(Jid).map_err(|error| KernelError { message, ..refused(about("jail_set", params), error) })
    }

    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        // A list may grow between the question for its length and the one for what is in it.
        let mut tries = 0;
        let (buffers, jid) = loop {
            let mut buffers: Vec<Buffer> = keys.iter().map(marshal::given).collect();
            buffers.extend(wanted.iter().zip(self.list_lens(keys, wanted, flags)).map(|(param, len)| {
                // Some room more than is needed now.
                marshal::wanted(param, len + tries * 64)
            }));
            let (jid, message) = syscalls::jail_get(&mut buffers, flags);
            match jid {
                Ok(jid) => break (buffers, jid),
                Err(nix::errno::Errno::EINVAL) if message.is_none() && tries < MOST_TRIES => tries += 1,
                Err(error) => return Err(KernelError { message, ..refused(about("jail_get", keys), error) }),
            }
        };
        let values = buffers[keys.len()..].iter().zip(wanted).map(|(buffer, param)| marshal::read(buffer, param.kind));
        Ok((Jid(jid), values.collect()))
    }

    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        syscalls::jail_attach(jid).map_err(|error| refused(format!("jail_attach {jid}"), error))
    }

    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        syscalls::jail_remove(jid).map_err(|error| refused(format!("jail_remove {jid}"), error))
    }

    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        syscalls::jail_params().map_err(|error| refused("sysctl security.jail.param", error))
    }

    fn jail_attach_descriptor(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        has_descriptors("jail_attach_jd")?;
        syscalls::jail_attach_jd(jail).map_err(|error| refused("jail_attach_jd", error))
    }

    fn jail_remove_descriptor(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        has_descriptors("jail_remove_jd")?;
        syscalls::jail_remove_jd(jail).map_err(|error| refused("jail_remove_jd", error))
    }

    fn jail_descriptor(&self, jid: Jid) -> Result<OwnedFd, KernelError> {
        let call = format!("jail_get {jid}");
        let (descriptor, message) = syscalls::jail_descriptor(jid);
        descriptor.map_err(|error| match (error, message) {
            // A kernel without descriptors refuses the flag before it looks at anything, and says nothing.
            (nix::errno::Errno::EINVAL, None) => needs_15(call),
            (error, message) => KernelError { message, ..refused(call, error) },
        })
    }

    fn find(&self, path: &Path) -> Result<Found, KernelError> {
        let found = path.canonicalize().and_then(|path| path.metadata().map(|real| (path, real.is_dir())));
        let (path, is_dir) = found.map_err(|error| {
            let error = error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw);
            refused(format!("realpath {}", path.display()), error)
        })?;
        Ok(Found { path, is_dir })
    }

    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        let mut mount = Nmount::new();
        mount.str_opt_owned("fstype", request.fstype.as_str());
        mount.str_opt_owned("fspath", request.target.as_path());
        if let Some(source) = &request.source {
            // nullfs calls its source a target; everything else calls it from.
            let key = if request.fstype == "nullfs" { "target" } else { "from" };
            mount.str_opt_owned(key, source.as_path());
        }
        for (name, value) in &request.options {
            match value {
                Some(value) => mount.str_opt_owned(name.as_str(), value.as_str()),
                None => mount.null_opt_owned(name.as_str()),
            };
        }
        let flags = request.flags;
        let mut bits = MntFlags::empty();
        bits.set(MntFlags::MNT_RDONLY, flags.read_only);
        bits.set(MntFlags::MNT_NOSUID, flags.nosuid);
        bits.set(MntFlags::MNT_NOEXEC, flags.noexec);
        bits.set(MntFlags::MNT_NOATIME, flags.noatime);
        bits.set(MntFlags::MNT_UPDATE, flags.update);
        bits.set(MntFlags::MNT_FORCE, flags.force);
        mount.nmount(bits).map_err(|error| KernelError {
            call: format!("mount {} on {}", request.fstype, request.target.display()),
            errno: errno(error.error()),
            message: error.errmsg().map(str::to_owned),
        })
    }

    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        let flags = if force { MntFlags::MNT_FORCE } else { MntFlags::empty() };
        nix::mount::unmount(path, flags).map_err(|error| refused(format!("unmount {}", path.display()), error))
    }

    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        syscalls::mounts().map_err(|error| refused("getfsstat", error))
    }

    fn use_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        let used = devfs::use_ruleset(at, ruleset);
        used.map_err(|error| refused(format!("devfs ruleset {ruleset} of {}", at.display()), error))
    }

    fn apply_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        let applied = devfs::apply_ruleset(at, ruleset);
        applied.map_err(|error| refused(format!("apply devfs ruleset {ruleset} to {}", at.display()), error))
    }

    fn devfs_rulesets(&self) -> Result<Vec<DevfsRuleset>, KernelError> {
        devfs::rulesets().map_err(|error| refused("devfs rulesets", error))
    }

    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        let found = nix::ifaddrs::getifaddrs().map_err(|error| refused("getifaddrs", error))?;
        let mut interfaces: Vec<Interface> = Vec::new();
        for entry in found {
            let index = match interfaces.iter().position(|known| known.name == entry.interface_name) {
                Some(index) => index,
                None => {
                    interfaces.push(Interface { name: entry.interface_name.clone(), addresses: Vec::new() });
                    interfaces.len() - 1
                }
            };
            let (Some(address), Some(mask)) = (entry.address.as_ref(), entry.netmask.as_ref()) else { continue };
            interfaces[index].addresses.extend(interfaces::network(address, mask));
        }
        Ok(interfaces)
    }

    fn create_interface(&self, name: &str) -> Result<(), KernelError> {
        interfaces::create(name).map_err(|error| refused(format!("create {name}"), error))
    }

    fn destroy_interface(&self, name: &str) -> Result<(), KernelError> {
        interfaces::destroy(name).map_err(|error| refused(format!("destroy {name}"), error))
    }

    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        let added = interfaces::add_address(interface, address);
        added.map_err(|error| refused(format!("add {address} to {interface}"), error))
    }

    fn remove_address(&self, interface: &str, address: IpAddr) -> Result<(), KernelError> {
        let removed = interfaces::remove_address(interface, address);
        removed.map_err(|error| refused(format!("remove {address} from {interface}"), error))
    }

    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError> {
        let moved = interfaces::move_to(name, to.0);
        moved.map_err(|error| refused(format!("move {name} to jail {to}"), error))
    }

    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError> {
        let reclaimed = interfaces::reclaim(name, from.0);
        reclaimed.map_err(|error| refused(format!("reclaim {name} from jail {from}"), error))
    }

    fn load_module(&self, name: &str) -> Result<(), KernelError> {
        syscalls::load_module(name).map_err(|error| refused(format!("kldload {name}"), error))
    }

    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        syscalls::unload_module(name).map_err(|error| refused(format!("kldunload {name}"), error))
    }

    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        syscalls::has_module(name).map_err(|error| refused(format!("kldfind {name}"), error))
    }

    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        syscalls::sysctl_int(name).map_err(|error| refused(format!("sysctl {name}"), error))
    }

    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        syscalls::set_sysctl_int(name, value).map_err(|error| refused(format!("sysctl {name}={value}"), error))
    }
}

impl NativeKernel {
    /// How many bytes each list of addresses takes now; 0 for what is no list. One call for all of them.
    fn list_lens(&self, keys: &[Param], wanted: &[ParamType], flags: GetFlags) -> Vec<usize> {
        let mut lens = vec![0; wanted.len()];
        let lists: Vec<usize> = (0..wanted.len()).filter(|&index| marshal::is_list(wanted[index].kind)).collect();
        if lists.is_empty() {
            return lens;
        }
        let mut buffers: Vec<Buffer> = keys.iter().map(marshal::given).collect();
        buffers.extend(lists.iter().map(|&index| Buffer::unsized_list(&wanted[index].name)));
        // What is wrong with the call shows when it is made in full.
        if syscalls::jail_get(&mut buffers, flags).0.is_ok() {
            for (&index, buffer) in lists.iter().zip(&buffers[keys.len()..]) {
                lens[index] = buffer.needed;
            }
        }
        lens
    }
}

/// The bytes of a path, for the calls that take a C string.
pub(super) fn c_path(path: &Path) -> Result<std::ffi::CString, nix::errno::Errno> {
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| nix::errno::Errno::EINVAL)
}

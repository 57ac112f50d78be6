//! FreeBSD's kernel, through its system calls. The unsafe code of the library is in [`syscalls`], [`sysctl`],
//! [`interfaces`], [`ioctl`] and [`exec`].

mod devfs;
#[allow(unsafe_code)]
mod exec;
#[allow(unsafe_code)]
mod interfaces;
#[allow(unsafe_code)]
mod ioctl;
#[allow(unsafe_code)]
mod syscalls;
#[allow(unsafe_code)]
mod sysctl;

use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use nix::mount::{MntFlags, Nmount};

use super::errno::needs_15;
use super::marshal::{self, Buffer};
use super::{
    Closing, Descriptors, DevfsRuleset, Errno, Found, GetFlags, Interface, Jid, Kernel, KernelError, Mount,
    MountRequest, Param, ParamType, Reach, SetFlags, Value,
};

use syscalls::{Answer, Desc};

pub(crate) use exec::{Entry, Way, enter_before_exec, terminate};
pub(crate) use syscalls::{AclType, acl_set_fd, fchflags};

/// How often a jail is asked again for lists that grew meanwhile, and room for how many more addresses each is given,
/// as in libjail.
const MOST_TRIES: usize = 5;
const SPARE_ADDRESSES: usize = 5;

/// How long a file system may still be in use when it is unmounted, and how often it is tried meanwhile: jail_remove(2)
/// sends the jail's processes SIGKILL and does not wait for their end. jail(8) starts umount(8), which takes longer than
/// they do.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// The kernel of the system that jailkit runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeKernel;

fn errno(error: nix::errno::Errno) -> Errno {
    Errno(error as i32)
}

fn refused(call: impl Into<String>, error: nix::errno::Errno) -> KernelError {
    KernelError { call: call.into(), errno: errno(error), message: None }
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
        self.set(params, flags, Desc::default()).map(|(jid, _)| jid)
    }

    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.get(keys, wanted, flags, Desc::default()).map(|(jid, values, _)| (jid, values))
    }

    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        syscalls::jail_attach(jid).map_err(|error| refused(format!("jail_attach {jid}"), error))
    }

    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        syscalls::jail_remove(jid).map_err(|error| refused(format!("jail_remove {jid}"), error))
    }

    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        sysctl::jail_params().map_err(|error| refused("sysctl security.jail.param", error))
    }

    fn descriptors(&self) -> Result<&dyn Descriptors, KernelError> {
        static KNOWN: OnceLock<bool> = OnceLock::new();
        match KNOWN.get_or_init(syscalls::has_descriptors) {
            true => Ok(self),
            false => Err(needs_15("jail_set".to_owned())),
        }
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
        let call = || format!("mount {} on {}", request.fstype, request.target.display());
        if has_nul(request) {
            return Err(refused(call(), nix::errno::Errno::EINVAL));
        }
        let mut mount = Nmount::new();
        // What a request does not say is not there, for which the kernel has words.
        if !request.fstype.is_empty() {
            mount.str_opt_owned("fstype", request.fstype.as_str());
        }
        if !request.target.as_os_str().is_empty() {
            mount.str_opt_owned("fspath", request.target.as_path());
        }
        if let Some(source) = &request.source {
            mount.str_opt_owned("from", source.as_path());
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
            call: call(),
            errno: errno(error.error()),
            message: error.errmsg().map(str::to_owned),
        })
    }

    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        let failed = |error| refused(format!("unmount {}", path.display()), error);
        let mut flags = if force { MntFlags::MNT_FORCE } else { MntFlags::empty() };
        // As umount(8): a link that somebody has put on the way since the mount leads to no other file system.
        let named = match syscalls::id_at(path).map_err(failed)? {
            Some(id) => {
                flags |= MntFlags::MNT_BYFSID;
                PathBuf::from(id)
            }
            None => path.to_owned(),
        };
        let deadline = Instant::now() + BUSY_PATIENCE;
        loop {
            match nix::mount::unmount(&named, flags) {
                Err(nix::errno::Errno::EBUSY) if Instant::now() < deadline => std::thread::sleep(BUSY_PAUSE),
                // It went since: nothing is mounted there.
                Err(nix::errno::Errno::ENOENT) => return Err(failed(nix::errno::Errno::EINVAL)),
                unmounted => return unmounted.map_err(failed),
            }
        }
    }

    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        syscalls::mounts().map_err(|error| refused("getfsstat", error))
    }

    fn file_system(&self, path: &Path) -> Result<Mount, KernelError> {
        syscalls::file_system(path).map_err(|error| refused(format!("statfs {}", path.display()), error))
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
        syscalls::has_module(name).map_err(|error| refused(format!("kld_isloaded {name}"), error))
    }

    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        sysctl::sysctl_int(name).map_err(|error| refused(format!("sysctl {name}"), error))
    }

    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        sysctl::set_sysctl_int(name, value).map_err(|error| refused(format!("sysctl {name}={value}"), error))
    }
}

impl NativeKernel {
    fn set(&self, params: &[Param], flags: SetFlags, desc: Desc<'_>) -> Result<(Jid, Option<OwnedFd>), KernelError> {
        let mut buffers: Vec<Buffer> = params.iter().map(marshal::given).collect();
        let Answer { jid, opened, message } = syscalls::jail_set(&mut buffers, flags, desc);
        let jid = jid.map_err(|error| KernelError { message, ..refused(about("jail_set", params), error) })?;
        Ok((Jid(jid), opened))
    }

    fn get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
        desc: Desc<'_>,
    ) -> Result<(Jid, Vec<Value>, Option<OwnedFd>), KernelError> {
        // A list may grow between the question for its length and the one for what is in it.
        let mut tries = 0;
        let has_lists = wanted.iter().any(|param| marshal::is_list(param.kind));
        let (buffers, jid, opened) = loop {
            let mut buffers: Vec<Buffer> = keys.iter().map(marshal::given).collect();
            buffers.extend(wanted.iter().zip(self.list_lens(keys, wanted, flags, desc.reach)).map(|(param, len)| {
                // The longest address has 16 bytes.
                marshal::wanted(param, len + (tries + 1) * SPARE_ADDRESSES * 16)
            }));
            let Answer { jid, opened, message } = syscalls::jail_get(&mut buffers, flags, desc);
            match jid {
                Ok(jid) => break (buffers, jid, opened),
                Err(nix::errno::Errno::EINVAL) if has_lists && message.is_none() && tries < MOST_TRIES => tries += 1,
                Err(error) => return Err(KernelError { message, ..refused(about("jail_get", keys), error) }),
            }
        };
        let values = buffers[keys.len()..].iter().zip(wanted).map(|(buffer, param)| marshal::read(buffer, param.kind));
        Ok((Jid(jid), values.collect(), opened))
    }

    /// How many bytes each list of addresses takes now; 0 for what is no list. One call for all of them.
    fn list_lens(&self, keys: &[Param], wanted: &[ParamType], flags: GetFlags, reach: Reach<'_>) -> Vec<usize> {
        let mut lens = vec![0; wanted.len()];
        let lists: Vec<usize> = (0..wanted.len()).filter(|&index| marshal::is_list(wanted[index].kind)).collect();
        if lists.is_empty() {
            return lens;
        }
        let mut buffers: Vec<Buffer> = keys.iter().map(marshal::given).collect();
        buffers.extend(lists.iter().map(|&index| Buffer::unsized_list(&wanted[index].name)));
        // What is wrong with the call shows when it is made in full.
        if syscalls::jail_get(&mut buffers, flags, Desc { reach, opens: None }).jid.is_ok() {
            for (&index, buffer) in lists.iter().zip(&buffers[keys.len()..]) {
                lens[index] = buffer.needed;
            }
        }
        lens
    }
}

impl Descriptors for NativeKernel {
    fn set(&self, reach: Reach<'_>, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.set(params, flags, Desc { reach, opens: None }).map(|(jid, _)| jid)
    }

    fn set_and_open(
        &self,
        reach: Reach<'_>,
        params: &[Param],
        flags: SetFlags,
        closing: Closing,
    ) -> Result<(Jid, OwnedFd), KernelError> {
        let (jid, opened) = self.set(params, flags, Desc { reach, opens: Some(closing) })?;
        opened.map(|opened| (jid, opened)).ok_or_else(|| refused("jail_set", nix::errno::Errno::EBADF))
    }

    fn get(
        &self,
        reach: Reach<'_>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.get(keys, wanted, flags, Desc { reach, opens: None }).map(|(jid, values, _)| (jid, values))
    }

    fn get_and_open(
        &self,
        at: Option<BorrowedFd<'_>>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
        closing: Closing,
    ) -> Result<(Jid, Vec<Value>, OwnedFd), KernelError> {
        let reach = at.map_or(Reach::Own, Reach::At);
        let (jid, values, opened) = self.get(keys, wanted, flags, Desc { reach, opens: Some(closing) })?;
        opened.map(|opened| (jid, values, opened)).ok_or_else(|| refused("jail_get", nix::errno::Errno::EBADF))
    }

    fn attach(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        syscalls::jail_attach_jd(jail).map_err(|error| refused("jail_attach_jd", error))
    }

    fn remove(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        syscalls::jail_remove_jd(jail).map_err(|error| refused("jail_remove_jd", error))
    }
}

/// Whether there is a NUL in something that a request says, which the kernel takes for the end of it, and nix for a
/// reason to panic.
fn has_nul(request: &MountRequest) -> bool {
    let source = request.source.as_ref().map(|source| source.as_os_str().as_bytes());
    let options =
        request.options.iter().flat_map(|(name, value)| [Some(name.as_bytes()), value.as_deref().map(str::as_bytes)]);
    let said = [Some(request.fstype.as_bytes()), Some(request.target.as_os_str().as_bytes()), source];
    said.into_iter().chain(options).flatten().any(|bytes| bytes.contains(&0))
}

/// The bytes of a path, for the calls that take a C string.
pub(super) fn c_path(path: &Path) -> Result<std::ffi::CString, nix::errno::Errno> {
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| nix::errno::Errno::EINVAL)
}

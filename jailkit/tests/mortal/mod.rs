//! A host that dies after so many effects: whatever is asked of it then fails, and nothing changes any more.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use jailkit::base::{BaseError, Expect, Extracted, Progress};
use jailkit::host::{FileError, Files, Host, PacketFilter, PfError, RightsError, SimHost, Stat};
use jailkit::kernel::{
    Errno, Found, GetFlags, Interface, Jid, Kernel, KernelError, Mount, MountRequest, Param, ParamType, SetFlags, Value,
};
use jailkit::process::{Exit, Processes, Program, ProgramError};
use jailkit::stack::Owner;

/// A simulated host and what is left of its life, in effects.
pub(crate) struct MortalHost {
    inner: SimHost,
    left: AtomicUsize,
}

impl MortalHost {
    pub(crate) fn new(inner: SimHost, effects: usize) -> Self {
        Self { inner, left: AtomicUsize::new(effects) }
    }

    /// Whether it has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Takes one effect off; none are left to the dead.
    fn spend(&self) -> io::Result<()> {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.map(drop).map_err(|_| io::Error::other("killed"))
    }

    fn file(&self, path: &Path) -> Result<(), FileError> {
        self.spend().map_err(|source| FileError { action: "touch", path: path.to_owned(), source })
    }

    fn call(&self, call: &str) -> Result<(), KernelError> {
        self.spend().map_err(|error| KernelError {
            call: call.to_owned(),
            errno: Errno::EINTR,
            message: Some(error.to_string()),
        })
    }

    fn pf(&self, action: &str) -> Result<(), PfError> {
        self.spend().map_err(|error| PfError { action: action.to_owned(), reason: error.to_string() })
    }
}

impl Host for MortalHost {
    fn describe(&self) -> String {
        self.inner.describe()
    }
    fn is_simulated(&self) -> bool {
        true
    }
    fn check_rights(&self) -> Result<(), RightsError> {
        Ok(())
    }
    fn files(&self) -> &dyn Files {
        self
    }
    fn kernel(&self) -> &dyn Kernel {
        self
    }
    fn processes(&self) -> &dyn Processes {
        self
    }
    fn packet_filter(&self) -> &dyn PacketFilter {
        self
    }
}

impl Files for MortalHost {
    fn locate(&self, path: &Path) -> Result<PathBuf, FileError> {
        self.inner.files().locate(path)
    }
    fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        self.inner.files().read_link(path)
    }
    fn owner(&self, path: &Path, actual: Owner) -> io::Result<Owner> {
        self.inner.files().owner(path, actual)
    }
    fn set_owner(&self, path: &Path, file: &File, owner: Owner) -> io::Result<()> {
        self.inner.files().set_owner(path, file, owner)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<OsString>>, FileError> {
        self.inner.files().list(path)
    }
    fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        self.inner.files().stat(path)
    }
    fn extract(
        &self,
        archive: &Path,
        expect: Expect,
        targets: &[PathBuf],
        progress: &mut Progress<'_>,
    ) -> Result<Extracted, BaseError> {
        self.file(archive).map_err(|error| BaseError::File {
            action: error.action,
            path: error.path,
            source: error.source,
        })?;
        self.inner.files().extract(archive, expect, targets, progress)
    }
    fn make_dir(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().make_dir(path, mode, owner)
    }
    fn set_access(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().set_access(path, mode, owner)
    }
    fn replace(&self, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().replace(path, bytes, mode_if_new)
    }
    fn append(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        // The last effect of a life is cut short in the middle of its line.
        if self.left.load(Ordering::Relaxed) == 1 && bytes.len() > 1 {
            self.inner.files().append(path, &bytes[..bytes.len() / 2])?;
            self.file(path)?;
            return self.file(path);
        }
        self.file(path)?;
        self.inner.files().append(path, bytes)
    }
    fn remove_file(&self, path: &Path) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> Result<bool, FileError> {
        self.file(path)?;
        self.inner.files().remove_dir(path)
    }
    fn remove_tree(&self, path: &Path) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().remove_tree(path)
    }
    fn sweep(&self, dir: &Path) -> Result<(), FileError> {
        self.inner.files().sweep(dir)
    }
    fn make_dir_in_jail(&self, root: &Path, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().make_dir_in_jail(root, path, mode, owner)
    }
    fn replace_in_jail(&self, root: &Path, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        self.file(path)?;
        self.inner.files().replace_in_jail(root, path, bytes, mode_if_new)
    }
}

impl Kernel for MortalHost {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.call("jail_set")?;
        self.inner.kernel().jail_set(params, flags)
    }
    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.inner.kernel().jail_get(keys, wanted, flags)
    }
    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        self.inner.kernel().jail_attach(jid)
    }
    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        self.call("jail_remove")?;
        self.inner.kernel().jail_remove(jid)
    }
    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        self.inner.kernel().jail_params()
    }
    fn jail_descriptor(&self, jid: Jid) -> Result<OwnedFd, KernelError> {
        self.inner.kernel().jail_descriptor(jid)
    }
    fn find(&self, path: &Path) -> Result<Found, KernelError> {
        self.inner.kernel().find(path)
    }
    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        self.call("mount")?;
        self.inner.kernel().mount(request)
    }
    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        self.call("unmount")?;
        self.inner.kernel().unmount(path, force)
    }
    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        self.inner.kernel().mounts()
    }
    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        self.inner.kernel().interfaces()
    }
    fn create_interface(&self, name: &str) -> Result<(), KernelError> {
        self.call("create")?;
        self.inner.kernel().create_interface(name)
    }
    fn destroy_interface(&self, name: &str) -> Result<(), KernelError> {
        self.call("destroy")?;
        self.inner.kernel().destroy_interface(name)
    }
    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        self.call("add address")?;
        self.inner.kernel().add_address(interface, address)
    }
    fn remove_address(&self, interface: &str, address: IpAddr) -> Result<(), KernelError> {
        self.call("remove address")?;
        self.inner.kernel().remove_address(interface, address)
    }
    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError> {
        self.call("move interface")?;
        self.inner.kernel().move_interface(name, to)
    }
    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError> {
        self.call("reclaim interface")?;
        self.inner.kernel().reclaim_interface(name, from)
    }
    fn load_module(&self, name: &str) -> Result<(), KernelError> {
        self.call("kldload")?;
        self.inner.kernel().load_module(name)
    }
    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        self.call("kldunload")?;
        self.inner.kernel().unload_module(name)
    }
    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        self.inner.kernel().has_module(name)
    }
    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        self.inner.kernel().sysctl(name)
    }
    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        self.call("sysctl")?;
        self.inner.kernel().set_sysctl(name, value)
    }
}

impl Processes for MortalHost {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        self.spend().map_err(|source| ProgramError { command: program.command.clone(), source })?;
        self.inner.processes().run(program)
    }
    fn terminate(&self, jail: Jid, patience: Duration) -> io::Result<bool> {
        self.spend()?;
        self.inner.processes().terminate(jail, patience)
    }
}

impl PacketFilter for MortalHost {
    fn is_enabled(&self) -> Result<bool, PfError> {
        self.inner.packet_filter().is_enabled()
    }
    fn enable(&self) -> Result<(), PfError> {
        self.pf("enable pf")?;
        self.inner.packet_filter().enable()
    }
    fn disable(&self) -> Result<(), PfError> {
        self.pf("disable pf")?;
        self.inner.packet_filter().disable()
    }
    fn load(&self, rules: &Path) -> Result<(), PfError> {
        self.pf("load pf")?;
        self.inner.packet_filter().load(rules)
    }
}

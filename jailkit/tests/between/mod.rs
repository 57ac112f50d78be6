//! A simulated host with somebody in between, who sees each effect before it happens and may keep it from happening.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jailkit::base::{BaseError, Expect, Extracted, Progress};
use jailkit::host::{FileError, Files, Host, PacketFilter, PfError, RightsError, SimHost, Stat};
use jailkit::kernel::{
    Closing, Descriptors, DevfsRuleset, Errno, Found, GetFlags, Interface, Jail, Jid, Kernel, KernelError, Mount,
    MountRequest, Param, ParamType, Reach, SetFlags, Value,
};
use jailkit::process::{Exit, Processes, Program, ProgramError};
use jailkit::stack::Owner;

/// Who is in between.
pub(crate) trait Meddler: Send + Sync {
    /// Something is about to change; an error is what it fails with instead.
    fn effect(&self, _what: &str) -> io::Result<()> {
        Ok(())
    }

    /// Whether the next line that is appended to a file is cut short in its middle.
    fn cuts_short(&self) -> bool {
        false
    }

    /// A program is about to run; an exit is how it ends without having run.
    fn program(&self, _host: &SimHost, program: &Program) -> io::Result<Option<Exit>> {
        self.effect(&format!("run {}", program.command)).map(|()| None)
    }

    /// What is told to be mounted.
    fn mounts(&self, mounts: Vec<Mount>) -> Vec<Mount> {
        mounts
    }

    /// Whether the host says that it is a simulated one.
    fn is_simulated(&self) -> bool {
        true
    }

    /// Whether whoever asks is root.
    fn is_root(&self) -> bool {
        true
    }
}

/// The simulated host, and who is in between.
pub(crate) struct Between<M> {
    pub(crate) host: SimHost,
    pub(crate) meddler: M,
}

impl<M: Meddler> Between<M> {
    fn file(&self, path: &Path) -> Result<(), FileError> {
        self.meddler.effect("write").map_err(|source| FileError { action: "touch", path: path.to_owned(), source })
    }

    fn call(&self, call: &str) -> Result<(), KernelError> {
        self.meddler.effect(call).map_err(|error| KernelError {
            call: call.to_owned(),
            errno: Errno::EIO,
            message: Some(error.to_string()),
        })
    }

    fn pf(&self, action: &str) -> Result<(), PfError> {
        self.meddler.effect(action).map_err(|error| PfError { action: action.to_owned(), reason: error.to_string() })
    }
}

impl<M: Meddler> Host for Between<M> {
    fn describe(&self) -> String {
        if self.is_simulated() { self.host.describe() } else { "this host".to_owned() }
    }
    fn is_simulated(&self) -> bool {
        self.meddler.is_simulated()
    }
    fn check_rights(&self) -> Result<(), RightsError> {
        if self.meddler.is_root() { Ok(()) } else { Err(RightsError { host: self.describe() }) }
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

impl<M: Meddler> Files for Between<M> {
    fn locate(&self, path: &Path) -> Result<PathBuf, FileError> {
        self.host.files().locate(path)
    }
    fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        self.host.files().read_link(path)
    }
    fn owner(&self, path: &Path, actual: Owner) -> io::Result<Owner> {
        self.host.files().owner(path, actual)
    }
    fn set_owner(&self, path: &Path, file: &File, owner: Owner) -> io::Result<()> {
        self.host.files().set_owner(path, file, owner)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<OsString>>, FileError> {
        self.host.files().list(path)
    }
    fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        self.host.files().stat(path)
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
        self.host.files().extract(archive, expect, targets, progress)
    }
    fn make_dir(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().make_dir(path, mode, owner)
    }
    fn set_access(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().set_access(path, mode, owner)
    }
    fn replace(&self, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().replace(path, bytes, mode_if_new)
    }
    fn append(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        if self.meddler.cuts_short() && bytes.len() > 1 {
            self.host.files().append(path, &bytes[..bytes.len() / 2])?;
            self.file(path)?;
            return self.file(path);
        }
        self.file(path)?;
        self.host.files().append(path, bytes)
    }
    fn remove_file(&self, path: &Path) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> Result<bool, FileError> {
        self.file(path)?;
        self.host.files().remove_dir(path)
    }
    fn remove_tree(&self, path: &Path) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().remove_tree(path)
    }
    fn sweep(&self, dir: &Path) -> Result<(), FileError> {
        self.host.files().sweep(dir)
    }
    fn make_dir_in_jail(&self, root: &Path, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().make_dir_in_jail(root, path, mode, owner)
    }
    fn replace_in_jail(&self, root: &Path, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        self.file(path)?;
        self.host.files().replace_in_jail(root, path, bytes, mode_if_new)
    }
}

impl<M: Meddler> Kernel for Between<M> {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.call("jail_set")?;
        self.host.kernel().jail_set(params, flags)
    }
    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.host.kernel().jail_get(keys, wanted, flags)
    }
    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        self.call("jail_attach")?;
        self.host.kernel().jail_attach(jid)
    }
    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        self.call("jail_remove")?;
        self.host.kernel().jail_remove(jid)
    }
    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        self.host.kernel().jail_params()
    }
    fn descriptors(&self) -> Result<&dyn Descriptors, KernelError> {
        self.host.kernel().descriptors()?;
        Ok(self)
    }
    fn find(&self, path: &Path) -> Result<Found, KernelError> {
        self.host.kernel().find(path)
    }
    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        self.call(&format!("mount {}", request.target.display()))?;
        self.host.kernel().mount(request)
    }
    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        self.call(&format!("unmount {}", path.display()))?;
        self.host.kernel().unmount(path, force)
    }
    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        self.host.kernel().mounts().map(|mounts| self.meddler.mounts(mounts))
    }
    fn file_system(&self, path: &Path) -> Result<Mount, KernelError> {
        let found = self.host.kernel().file_system(path)?;
        Ok(self.meddler.mounts(vec![found.clone()]).pop().unwrap_or(found))
    }
    fn use_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        self.call(&format!("devfs ruleset of {}", at.display()))?;
        self.host.kernel().use_devfs_ruleset(at, ruleset)
    }
    fn apply_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        self.call(&format!("devfs applyset to {}", at.display()))?;
        self.host.kernel().apply_devfs_ruleset(at, ruleset)
    }
    fn devfs_rulesets(&self) -> Result<Vec<DevfsRuleset>, KernelError> {
        self.host.kernel().devfs_rulesets()
    }
    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        self.host.kernel().interfaces()
    }
    fn create_interface(&self, name: &str) -> Result<(), KernelError> {
        self.call("create")?;
        self.host.kernel().create_interface(name)
    }
    fn destroy_interface(&self, name: &str) -> Result<(), KernelError> {
        self.call("destroy")?;
        self.host.kernel().destroy_interface(name)
    }
    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        self.call(&format!("add {address} to {interface}"))?;
        self.host.kernel().add_address(interface, address)
    }
    fn remove_address(&self, interface: &str, address: IpAddr) -> Result<(), KernelError> {
        self.call(&format!("remove {address} from {interface}"))?;
        self.host.kernel().remove_address(interface, address)
    }
    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError> {
        self.call(&format!("move {name}"))?;
        self.host.kernel().move_interface(name, to)
    }
    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError> {
        self.call(&format!("reclaim {name}"))?;
        self.host.kernel().reclaim_interface(name, from)
    }
    fn load_module(&self, name: &str) -> Result<(), KernelError> {
        self.call("kldload")?;
        self.host.kernel().load_module(name)
    }
    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        self.call("kldunload")?;
        self.host.kernel().unload_module(name)
    }
    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        self.host.kernel().has_module(name)
    }
    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        self.host.kernel().sysctl(name)
    }
    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        self.call("sysctl")?;
        self.host.kernel().set_sysctl(name, value)
    }
}

impl<M: Meddler> Descriptors for Between<M> {
    fn set(&self, reach: Reach<'_>, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.call("jail_set")?;
        self.host.kernel().descriptors()?.set(reach, params, flags)
    }
    fn set_and_open(
        &self,
        reach: Reach<'_>,
        params: &[Param],
        flags: SetFlags,
        closing: Closing,
    ) -> Result<(Jid, OwnedFd), KernelError> {
        self.call("jail_set")?;
        self.host.kernel().descriptors()?.set_and_open(reach, params, flags, closing)
    }
    fn get(
        &self,
        reach: Reach<'_>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.host.kernel().descriptors()?.get(reach, keys, wanted, flags)
    }
    fn get_and_open(
        &self,
        at: Option<BorrowedFd<'_>>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
        closing: Closing,
    ) -> Result<(Jid, Vec<Value>, OwnedFd), KernelError> {
        self.host.kernel().descriptors()?.get_and_open(at, keys, wanted, flags, closing)
    }
    fn attach(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        self.call("jail_attach")?;
        self.host.kernel().descriptors()?.attach(jail)
    }
    fn remove(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        self.call("jail_remove")?;
        self.host.kernel().descriptors()?.remove(jail)
    }
}

impl<M: Meddler> Processes for Between<M> {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        let meddled = self.meddler.program(&self.host, program);
        match meddled.map_err(|source| ProgramError { command: program.command.clone(), source })? {
            Some(exit) => Ok(exit),
            None => self.host.processes().run(program),
        }
    }
    fn terminate(&self, jail: &Jail, patience: Duration) -> io::Result<bool> {
        self.meddler.effect("terminate")?;
        self.host.processes().terminate(jail, patience)
    }
}

impl<M: Meddler> PacketFilter for Between<M> {
    fn is_enabled(&self) -> Result<bool, PfError> {
        self.host.packet_filter().is_enabled()
    }
    fn enable(&self) -> Result<(), PfError> {
        self.pf("enable pf")?;
        self.host.packet_filter().enable()
    }
    fn disable(&self) -> Result<(), PfError> {
        self.pf("disable pf")?;
        self.host.packet_filter().disable()
    }
    fn load(&self, rules: &Path) -> Result<(), PfError> {
        self.pf("load pf")?;
        self.host.packet_filter().load(rules)
    }
}

//! A model of FreeBSD's kernel over a directory: the kernel of the simulated host.
//!
//! The directory is the root file system. What the kernel itself keeps (jails, mounts, interfaces, modules) is a file
//! in `.jailkit-sim` there, read and written under a lock, so that several processes share one kernel and it outlives
//! them. A [`SimKernel`] is one process's view of it.

mod jails;
mod mounts;
mod namei;
mod network;
mod state;

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};

use ipnet::IpNet;

pub use namei::Located;
pub(crate) use state::Pf;

use super::{
    Errno, GetFlags, Interface, Jid, Kernel, KernelError, Mount, MountRequest, Param, ParamType, SetFlags, Value,
};
use state::State;

/// The folder in the root directory where the simulated host keeps what is not a file of the host.
pub const SIM_DIR: &str = ".jailkit-sim";

/// One process's view of a simulated kernel.
#[derive(Debug)]
pub struct SimKernel {
    root: PathBuf,
    /// The prison this process is in; 0 on the host.
    prison: AtomicI32,
}

/// A fork: the new process is in the same prison.
impl Clone for SimKernel {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), prison: AtomicI32::new(self.prison.load(Ordering::Relaxed)) }
    }
}

/// What a call is refused with, before it is known what the call was.
#[derive(Debug)]
pub(crate) struct Refusal {
    errno: Errno,
    message: Option<String>,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, message: None }
    }
}

impl Refusal {
    fn new(errno: Errno, message: impl Into<String>) -> Self {
        Self { errno, message: Some(message.into()) }
    }

    fn of(self, call: impl Into<String>) -> KernelError {
        KernelError { call: call.into(), errno: self.errno, message: self.message }
    }
}

impl SimKernel {
    /// Opens the kernel of the simulated host whose root file system is `root`; a new one is booted where there is
    /// none.
    ///
    /// # Errors
    /// What the system failed with where the directory cannot be made.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(root.join(SIM_DIR))?;
        Ok(Self { root: root.canonicalize()?, prison: AtomicI32::new(0) })
    }

    /// Where the root file system lies on the system that jailkit runs on.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path, as this process sees it, leads: through links and mounts, the last part followed if `follow` is
    /// set. The last part may be missing.
    ///
    /// # Errors
    /// As namei(9): `ENOENT` and `ENOTDIR` on the way, `ELOOP`.
    pub fn locate(&self, path: &Path, follow: bool) -> Result<Located, Errno> {
        let state = self.read().map_err(|refusal| refusal.errno)?;
        namei::locate(&state, &self.view(&state)?, path, follow)
    }

    /// Whether pf filters, and the digest of the rules it has.
    pub(crate) fn with_pf<T>(&self, act: impl FnOnce(&mut state::Pf) -> T) -> Result<T, Errno> {
        self.change(|state| Ok(act(&mut state.pf))).map_err(|refusal| refusal.errno)
    }

    /// Begins processes in a jail, or ends all of them; a jail that nothing holds any more is gone.
    pub(crate) fn set_processes(&self, jid: Jid, count: u32) -> Result<(), Errno> {
        self.change(|state| jails::set_processes(state, jid, count)).map_err(|refusal| refusal.errno)
    }

    fn view(&self, state: &State) -> Result<namei::View, Errno> {
        namei::View::of(state, &self.root, Jid(self.prison.load(Ordering::Relaxed)))
    }

    fn lock(&self) -> Result<File, Refusal> {
        let path = self.root.join(SIM_DIR).join("kernel.lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(|error| broken(&error))
    }

    fn read(&self) -> Result<State, Refusal> {
        let _lock = self.lock()?;
        State::load(&self.root).map_err(|error| broken(&error))
    }

    /// Changes the kernel's state under its lock; a refused call leaves it as it was.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let _lock = self.lock()?;
        let mut state = State::load(&self.root).map_err(|error| broken(&error))?;
        let result = act(&mut state)?;
        state.store(&self.root).map_err(|error| broken(&error))?;
        Ok(result)
    }
}

/// The simulation itself failed.
fn broken(error: &std::io::Error) -> Refusal {
    Refusal::new(Errno::EIO, format!("the simulated kernel's state: {error}"))
}

impl Kernel for SimKernel {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        let prison = self.prison.load(Ordering::Relaxed);
        let set = self.change(|state| jails::set(state, &self.root, Jid(prison), params, flags));
        let jid = set.map_err(|refusal| refusal.of(format!("jail_set{}", about(params))))?;
        if flags.attach {
            self.prison.store(jid.0, Ordering::Relaxed);
        }
        Ok(jid)
    }

    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        let prison = Jid(self.prison.load(Ordering::Relaxed));
        let got = self.read().and_then(|state| jails::get(&state, prison, keys, wanted, flags));
        got.map_err(|refusal| refusal.of(format!("jail_get{}", about(keys))))
    }

    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        let prison = Jid(self.prison.load(Ordering::Relaxed));
        let attach = self.read().and_then(|state| jails::may_attach(&state, prison, jid));
        attach.map_err(|refusal| refusal.of(format!("jail_attach {jid}")))?;
        self.prison.store(jid.0, Ordering::Relaxed);
        Ok(())
    }

    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        let prison = Jid(self.prison.load(Ordering::Relaxed));
        let removed = self.change(|state| jails::remove(state, prison, jid));
        removed.map_err(|refusal| refusal.of(format!("jail_remove {jid}")))
    }

    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        Ok(jails::param_types())
    }

    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        let mounted = self.change(|state| {
            let view = self.view(state)?;
            mounts::mount(state, &self.root, &view, request)
        });
        mounted.map_err(|refusal| refusal.of(format!("mount {} on {}", request.fstype, request.target.display())))
    }

    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        let unmounted = self.change(|state| {
            let view = self.view(state)?;
            mounts::unmount(state, &self.root, &view, path, force)
        });
        unmounted.map_err(|refusal| refusal.of(format!("unmount {}", path.display())))
    }

    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        let state = self.read().map_err(|refusal| refusal.of("getmntinfo"))?;
        Ok(state.mounts.iter().map(|mounted| mounted.mount.clone()).collect())
    }

    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        Ok(self.read().map_err(|refusal| refusal.of("getifaddrs"))?.interfaces)
    }

    fn create_interface(&self, name: &str) -> Result<(), KernelError> {
        self.change(|state| network::create(state, name)).map_err(|refusal| refusal.of(format!("create {name}")))
    }

    fn destroy_interface(&self, name: &str) -> Result<(), KernelError> {
        self.change(|state| network::destroy(state, name)).map_err(|refusal| refusal.of(format!("destroy {name}")))
    }

    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        let added = self.change(|state| network::add_address(state, interface, address));
        added.map_err(|refusal| refusal.of(format!("add {address} to {interface}")))
    }

    fn remove_address(&self, interface: &str, address: IpAddr) -> Result<(), KernelError> {
        let removed = self.change(|state| network::remove_address(state, interface, address));
        removed.map_err(|refusal| refusal.of(format!("remove {address} from {interface}")))
    }

    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError> {
        let moved = self.change(|state| network::move_to(state, name, to));
        moved.map_err(|refusal| refusal.of(format!("move {name} to jail {to}")))
    }

    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError> {
        let reclaimed = self.change(|state| network::reclaim(state, name, from));
        reclaimed.map_err(|refusal| refusal.of(format!("reclaim {name} from jail {from}")))
    }

    fn load_module(&self, name: &str) -> Result<(), KernelError> {
        let loaded = self.change(|state| {
            if !state::MODULES.contains(&name) {
                return Err(Errno::ENOENT.into());
            }
            state.modules.insert(name.to_owned());
            Ok(())
        });
        loaded.map_err(|refusal| refusal.of(format!("kldload {name}")))
    }

    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        let unloaded = self.change(|state| {
            let in_use = state.mounts.iter().any(|mounted| mounted.mount.fstype == name);
            if in_use || (name == "pf" && state.pf.enabled) {
                return Err(Errno::EBUSY.into());
            }
            state.modules.remove(name);
            Ok(())
        });
        unloaded.map_err(|refusal| refusal.of(format!("kldunload {name}")))
    }

    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        Ok(self.read().map_err(|refusal| refusal.of(format!("modfind {name}")))?.modules.contains(name))
    }

    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        let read = self.read().and_then(|state| state.sysctls.get(name).copied().ok_or(Errno::ENOENT.into()));
        read.map_err(|refusal| refusal.of(format!("sysctl {name}")))
    }

    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        let set = self.change(|state| {
            *state.sysctls.get_mut(name).ok_or(Errno::ENOENT)? = value;
            Ok(())
        });
        set.map_err(|refusal| refusal.of(format!("sysctl {name}={value}")))
    }
}

/// Which jail a call is about, for messages.
fn about(params: &[Param]) -> String {
    let find = |name: &str| params.iter().find(|param| param.name == name).map(|param| &param.value);
    match (find("name"), find("jid")) {
        (Some(Value::String(name)), _) => format!(" \"{}\"", String::from_utf8_lossy(name)),
        (_, Some(Value::Int(jid))) => format!(" {jid}"),
        _ => String::new(),
    }
}

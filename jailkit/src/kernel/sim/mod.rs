//! A model of FreeBSD's kernel over a directory: the kernel of the simulated host.
//!
//! The directory is the root file system. What the kernel itself keeps (jails, mounts, interfaces, modules) is a file
//! in `.jailkit-sim` there, read and written under a lock, so that several processes share one kernel and it outlives
//! them. A [`SimKernel`] is one process's view of it.

mod descriptor;
mod devfs;
mod family;
mod files;
mod fstype;
mod jail_apply;
mod jail_check;
mod jail_create;
mod jail_find;
mod jail_get;
mod jail_request;
mod jail_set;
mod linux;
mod log;
mod meta;
mod mount_options;
mod mounts;
mod namei;
mod network;
mod options;
mod param;
mod prison;
mod release;
pub mod scenario;
mod state;
mod sysctl;
mod unionfs;
mod zfs;

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

pub use namei::Located;
pub use release::{Release, UnknownRelease};
pub(crate) use state::Pf;

use descriptor::Call;
use log::Log;
use options::Options;

use super::errno::needs_15;
use super::marshal::{self, Buffer};
use super::{
    Descriptors, DevfsRuleset, Errno, Found, GetFlags, Interface, Jid, Kernel, KernelError, Mount, MountRequest, Param,
    ParamType, Reach, SetFlags, Value,
};
use state::State;

/// The folder in the root directory where the simulated host keeps what is not a file of the host.
pub const SIM_DIR: &str = ".jailkit-sim";

/// One process's view of a simulated kernel.
#[derive(Debug)]
pub struct SimKernel {
    root: PathBuf,
    /// What this process has read of the kernel's state.
    log: Arc<Mutex<Log>>,
    /// The prison this process is in; 0 on the host.
    prison: AtomicI32,
}

/// A fork: the new process is in the same prison.
impl Clone for SimKernel {
    fn clone(&self) -> Self {
        let prison = AtomicI32::new(self.prison.load(Ordering::Relaxed));
        Self { root: self.root.clone(), log: Arc::clone(&self.log), prison }
    }
}

/// Room for the longest list of addresses a jail may have: 255 of 16 bytes.
const MOST_LIST: usize = 255 * 16;

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
        Ok(Self { root: root.canonicalize()?, log: Arc::default(), prison: AtomicI32::new(0) })
    }

    /// Boots a kernel of a release, whatever there was before.
    ///
    /// # Errors
    /// What the system failed with where the directory cannot be made or written.
    pub fn boot(root: &Path, release: Release) -> std::io::Result<Self> {
        let kernel = Self::open(root)?;
        descriptor::forget(&kernel.root)?;
        kernel.log.lock().unwrap_or_else(PoisonError::into_inner).boot(&kernel.root, release)?;
        Ok(kernel)
    }

    /// The release of this kernel.
    ///
    /// # Errors
    /// `EIO` where the state cannot be read.
    pub fn release(&self) -> Result<Release, Errno> {
        self.read(|state| Ok(state.rest().release)).map_err(|refusal| refusal.errno)
    }

    /// Gives the host an interface, as a network card does that is found; nothing where there is one of that name.
    ///
    /// # Errors
    /// `EINVAL` for a name that no interface has.
    pub fn plug_in(&self, interface: &str) -> Result<(), Errno> {
        self.change(|state| network::plug_in(state, interface)).map_err(|refusal| refusal.errno)
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
        let located = self.read(|state| Ok(namei::locate(state, &self.view(state)?, path, follow)?));
        located.map_err(|refusal| refusal.errno)
    }

    /// Whether pf filters, and the digest of the rules it has.
    pub(crate) fn with_pf<T>(&self, act: impl FnOnce(&mut state::Pf) -> T) -> Result<T, Errno> {
        self.change(|state| Ok(act(&mut state.rest_mut().pf))).map_err(|refusal| refusal.errno)
    }

    /// Begins processes in a jail, or ends all of them; a jail that nothing holds any more is gone.
    pub(crate) fn set_processes(&self, jid: Jid, count: u32) -> Result<(), Errno> {
        let set = self.change(|state| {
            state.prison_mut(jid.0).ok_or(Errno::EINVAL)?.processes = count;
            state.let_go(jid.0);
            Ok(())
        });
        set.map_err(|refusal| refusal.errno)
    }

    /// Begins a process in a jail that its parent will not wait for.
    pub(crate) fn hold(&self, jid: Jid) -> Result<(), Errno> {
        let held = self.change(|state| {
            prison::may_attach(state, self.mine(), jid)?;
            state.prison_mut(jid.0).ok_or(Errno::EINVAL)?.held += 1;
            state.let_go(jid.0);
            Ok(())
        });
        held.map_err(|refusal| refusal.errno)
    }

    /// Kills a process that [`Self::hold`] began.
    pub(crate) fn kill_held(&self, jid: Jid) -> Result<(), Errno> {
        let killed = self.change(|state| {
            state.prison(jid.0).ok_or(Errno::ESRCH)?;
            state.end_process(jid.0, |prison| &mut prison.held);
            Ok(())
        });
        killed.map_err(|refusal| refusal.errno)
    }

    /// Ends a process that jail_set(2) has attached.
    pub(crate) fn end_process(&self, jid: Jid) -> Result<(), Errno> {
        let ended = self.change(|state| {
            state.end_process(jid.0, |prison| &mut prison.processes);
            Ok(())
        });
        ended.map_err(|refusal| refusal.errno)
    }

    fn set(&self, params: &[Param], call: Call<'_, SetFlags>) -> Result<(Jid, Option<OwnedFd>), KernelError> {
        let buffers: Vec<Buffer> = params.iter().map(marshal::given).collect();
        let set = self.change(|state| jail_set::set(state, &self.root, self.mine(), &buffers, call));
        let (jid, descriptor) = set.map_err(|refusal| refusal.of(format!("jail_set{}", about(params))))?;
        if call.flags.attach {
            self.prison.store(jid.0, Ordering::Relaxed);
        }
        Ok((jid, descriptor))
    }

    fn get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        call: Call<'_, GetFlags>,
    ) -> Result<(Jid, Vec<Value>, Option<OwnedFd>), KernelError> {
        let mut buffers: Vec<Buffer> = keys.iter().map(marshal::given).collect();
        buffers.extend(wanted.iter().map(|param| marshal::wanted(param, MOST_LIST)));
        let got = self.read(|state| {
            options::refuse_too_many(&buffers)?;
            let mut options = Options::build(&buffers)?;
            let (jid, descriptor) = jail_get::get(state, &self.root, self.mine(), &mut options, call)?;
            Ok((jid, descriptor, options))
        });
        let (jid, descriptor, options) = got.map_err(|refusal| refusal.of(format!("jail_get{}", about(keys))))?;
        options.write_back(&mut buffers);
        let values = buffers[keys.len()..].iter().zip(wanted).map(|(buffer, param)| marshal::read(buffer, param.kind));
        Ok((jid, values.collect(), descriptor))
    }

    /// The prison this process is in.
    fn mine(&self) -> i32 {
        self.prison.load(Ordering::Relaxed)
    }

    fn view(&self, state: &State) -> Result<namei::View, Errno> {
        namei::View::of(state, &self.root, self.mine())
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.change(|state| look(state))
    }

    /// Changes the kernel's state under its lock. Of a refused call stays what the kernel itself leaves of it, such as
    /// a jid that was given out.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let swept = |state: &mut State| {
            descriptor::sweep(&self.root, state).map_err(|error| broken(&error))?;
            act(state)
        };
        log.enter(&self.root, swept).map_err(|error| broken(&error))?
    }
}

/// The simulation itself failed.
fn broken(error: &std::io::Error) -> Refusal {
    Refusal::new(Errno::EIO, format!("the simulated kernel's state: {error}"))
}

impl Kernel for SimKernel {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.set(params, Call::of(flags, Reach::Own)).map(|(jid, _)| jid)
    }

    fn jail_get(
        &self,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.get(keys, wanted, Call::of(flags, Reach::Own)).map(|(jid, values, _)| (jid, values))
    }

    fn jail_attach(&self, jid: Jid) -> Result<(), KernelError> {
        let attach = self.read(|state| Ok(prison::may_attach(state, self.mine(), jid)?));
        attach.map_err(|refusal| refusal.of(format!("jail_attach {jid}")))?;
        self.prison.store(jid.0, Ordering::Relaxed);
        Ok(())
    }

    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        let removed = self.change(|state| Ok(prison::remove(state, self.mine(), jid)?));
        removed.map_err(|refusal| refusal.of(format!("jail_remove {jid}")))
    }

    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        let types = self.read(|state| Ok(param::types(state.rest())));
        types.map_err(|refusal| refusal.of("sysctl security.jail.param"))
    }

    fn descriptors(&self) -> Result<&dyn Descriptors, KernelError> {
        let release = self.read(|state| Ok(state.rest().release)).map_err(|refusal| refusal.of("kern.osreldate"))?;
        if release.has(15) { Ok(self) } else { Err(needs_15("jail_set".to_owned())) }
    }

    fn find(&self, path: &Path) -> Result<Found, KernelError> {
        let found = self.read(|state| {
            let found = namei::lookup(state, &self.view(state)?, path)?;
            let root = namei::lookup(state, &self.view(state)?, Path::new("/"))?;
            let below = found.path.strip_prefix(&root.path).unwrap_or(&found.path);
            Ok(Found { path: Path::new("/").join(below), is_dir: found.real.is_dir() })
        });
        found.map_err(|refusal| refusal.of(format!("realpath {}", path.display())))
    }

    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        let mounted = self.change(|state| mounts::mount(state, &self.root, self.mine(), request));
        mounted.map_err(|refusal| refusal.of(format!("mount {} on {}", request.fstype, request.target.display())))
    }

    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        let unmounted = self.change(|state| mounts::unmount(state, &self.root, self.mine(), path, force));
        let files = unmounted.map_err(|refusal| refusal.of(format!("unmount {}", path.display())))?;
        // What stays of it is swept by the mount that has its number after a boot.
        files.map_or(Ok(()), std::fs::remove_dir_all).unwrap_or_default();
        Ok(())
    }

    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        let visible = self.read(|state| Ok(mounts::visible(state, self.mine())));
        visible.map_err(|refusal| refusal.of("getmntinfo"))
    }

    fn file_system(&self, path: &Path) -> Result<Mount, KernelError> {
        let found = self.read(|state| {
            let found = namei::lookup(state, &self.view(state)?, path)?;
            Ok(mounts::as_told(state, self.mine(), found.place.mount).ok_or(Errno::ENOENT)?)
        });
        found.map_err(|refusal| refusal.of(format!("statfs {}", path.display())))
    }

    fn use_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        let used = self.change(|state| devfs::use_ruleset(state, &self.root, self.mine(), at, ruleset));
        used.map_err(|refusal| refusal.of(format!("devfs ruleset {ruleset} of {}", at.display())))
    }

    fn apply_devfs_ruleset(&self, at: &Path, ruleset: DevfsRuleset) -> Result<(), KernelError> {
        let applied = self.change(|state| devfs::apply_ruleset(state, &self.root, self.mine(), at, ruleset));
        applied.map_err(|refusal| refusal.of(format!("apply devfs ruleset {ruleset} to {}", at.display())))
    }

    fn devfs_rulesets(&self) -> Result<Vec<DevfsRuleset>, KernelError> {
        devfs::rulesets(self.mine()).map_err(|refusal| refusal.of("devfs rulesets"))
    }

    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        let interfaces = self.read(|state| Ok(state.rest().interfaces.clone()));
        interfaces.map_err(|refusal| refusal.of("getifaddrs"))
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
            state.load(Some(name));
            Ok(())
        });
        loaded.map_err(|refusal| refusal.of(format!("kldload {name}")))
    }

    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        let unloaded = self.change(|state| {
            let in_use = state.mounts().any(|mounted| mounted.mount.fstype == name);
            if in_use || (name == "pf" && state.rest().pf.enabled) {
                return Err(Errno::EBUSY.into());
            }
            state.rest_mut().modules.remove(name);
            Ok(())
        });
        unloaded.map_err(|refusal| refusal.of(format!("kldunload {name}")))
    }

    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        let has = self.read(|state| Ok(state.rest().modules.contains(name)));
        has.map_err(|refusal| refusal.of(format!("modfind {name}")))
    }

    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        let read = self.read(|state| Ok(sysctl::read(state, self.mine(), name)?));
        read.map_err(|refusal| refusal.of(format!("sysctl {name}")))
    }

    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        let set = self.change(|state| Ok(sysctl::write(state, self.mine(), name, value)?));
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

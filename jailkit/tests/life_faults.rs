//! A fault at each system call and each command in turn: afterwards no mount, address or jail is there that was not
//! there before. And a run killed at each of them: the next one brings the jail up all the same, or takes it down.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use jailkit::host::{Files, Host, PacketFilter, RightsError, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{
    Errno, Found, GetFlags, Interface, Jid, Kernel, KernelError, Mount, MountRequest, Param, ParamType, SetFlags, Value,
};
use jailkit::life::{self, Handle, Options, Silent};
use jailkit::process::{Exit, Processes, Program, ProgramError};
use jailkit::source::Source;
use jailkit::stack::Owner;

/// A simulated host on which the `at`th effect fails; all after it too, where the run is killed there.
struct Faulty {
    host: SimHost,
    at: usize,
    kills: bool,
    effects: AtomicUsize,
}

impl Faulty {
    fn fails(&self) -> bool {
        let effect = self.effects.fetch_add(1, Ordering::Relaxed);
        effect == self.at || (self.kills && effect > self.at)
    }

    fn effect<T>(&self, act: impl FnOnce() -> Result<T, KernelError>) -> Result<T, KernelError> {
        if self.fails() {
            return Err(KernelError { call: "fault".into(), errno: Errno::EIO, message: None });
        }
        act()
    }
}

impl Kernel for Faulty {
    fn jail_set(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.effect(|| self.host.kernel().jail_set(params, flags))
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
        self.effect(|| self.host.kernel().jail_attach(jid))
    }
    fn jail_remove(&self, jid: Jid) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().jail_remove(jid))
    }
    fn jail_params(&self) -> Result<Vec<ParamType>, KernelError> {
        self.host.kernel().jail_params()
    }
    fn jail_descriptor(&self, jid: Jid) -> Result<OwnedFd, KernelError> {
        self.host.kernel().jail_descriptor(jid)
    }
    fn find(&self, path: &Path) -> Result<Found, KernelError> {
        self.host.kernel().find(path)
    }
    fn mount(&self, request: &MountRequest) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().mount(request))
    }
    fn unmount(&self, path: &Path, force: bool) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().unmount(path, force))
    }
    fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        self.host.kernel().mounts()
    }
    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        self.host.kernel().interfaces()
    }
    fn create_interface(&self, name: &str) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().create_interface(name))
    }
    fn destroy_interface(&self, name: &str) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().destroy_interface(name))
    }
    fn add_address(&self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().add_address(interface, address))
    }
    fn remove_address(&self, interface: &str, address: std::net::IpAddr) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().remove_address(interface, address))
    }
    fn move_interface(&self, name: &str, to: Jid) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().move_interface(name, to))
    }
    fn reclaim_interface(&self, name: &str, from: Jid) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().reclaim_interface(name, from))
    }
    fn load_module(&self, name: &str) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().load_module(name))
    }
    fn unload_module(&self, name: &str) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().unload_module(name))
    }
    fn has_module(&self, name: &str) -> Result<bool, KernelError> {
        self.host.kernel().has_module(name)
    }
    fn sysctl(&self, name: &str) -> Result<i64, KernelError> {
        self.host.kernel().sysctl(name)
    }
    fn set_sysctl(&self, name: &str, value: i64) -> Result<(), KernelError> {
        self.effect(|| self.host.kernel().set_sysctl(name, value))
    }
}

impl Processes for Faulty {
    fn run(&self, program: &Program) -> Result<Exit, ProgramError> {
        if self.fails() { Ok(Exit::Status(1)) } else { self.host.processes().run(program) }
    }
    fn terminate(&self, jail: Jid, patience: Duration) -> std::io::Result<bool> {
        if self.fails() {
            return Err(std::io::Error::other("fault"));
        }
        self.host.processes().terminate(jail, patience)
    }
}

impl Host for Faulty {
    fn describe(&self) -> String {
        self.host.describe()
    }
    fn is_simulated(&self) -> bool {
        true
    }
    fn check_rights(&self) -> Result<(), RightsError> {
        Ok(())
    }
    fn files(&self) -> &dyn Files {
        self.host.files()
    }
    fn kernel(&self) -> &dyn Kernel {
        self
    }
    fn processes(&self) -> &dyn Processes {
        self
    }
    fn packet_filter(&self) -> &dyn PacketFilter {
        self.host.packet_filter()
    }
}

const CONF: &str = r#"
www {
    path = "/srv/www";
    exec.prepare = "prepare";
    interface = "lo0";
    ip4.addr = 127.0.0.2, "lo0|127.0.0.3/32";
    mount = "/srv/share /srv/www/share nullfs ro 0 0";
    mount.devfs;
    mount.fdescfs;
    exec.prestart = "prestart";
    exec.created = "created";
    exec.start = "/bin/sh /etc/rc", "second";
    exec.poststart = "poststart";
    exec.prestop = "prestop";
    exec.stop = "/bin/sh /etc/rc.shutdown";
    exec.poststop = "poststop";
    exec.release = "release";
}
"#;

fn conf() -> Resolved {
    JailConf::parse(&Source::new("jail.conf", CONF)).unwrap().resolve().unwrap()
}

fn prepared(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for path in ["/srv/share", "/srv/www", "/srv/www/share", "/srv/www/dev"] {
        host.files().make_dir(Path::new(path), 0o755, Owner::ROOT).unwrap();
    }
    host
}

/// Everything a jail leaves or takes.
fn world(host: &SimHost) -> (Vec<Mount>, Vec<Interface>, usize) {
    let kernel = host.kernel();
    (kernel.mounts().unwrap(), kernel.interfaces().unwrap(), Handle::all(kernel).unwrap().len())
}

/// A host whose `at`th effect fails while the jail is started, and how many effects there were.
fn started_with_fault(dir: &Path, at: usize, kills: bool) -> (SimHost, usize, bool) {
    let faulty = Faulty { host: prepared(dir), at, kills, effects: AtomicUsize::new(0) };
    let is_well = life::start(&faulty, &conf(), &["www"], &Options::default(), &Silent).unwrap().is_well();
    (faulty.host, faulty.effects.into_inner(), is_well)
}

#[test]
fn a_fault_at_any_step_of_a_start_leaves_nothing() {
    let before = world(&prepared(tempfile::tempdir().unwrap().path()));
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let (host, effects, is_well) = started_with_fault(dir.path(), at, false);
        if at >= effects {
            assert!(is_well && at > 10, "{effects} effects");
            return;
        }
        assert!(!is_well, "the fault at effect {at} went unnoticed");
        assert_eq!(world(&host), before, "left by a fault at effect {at}");
    }
}

#[test]
fn a_start_killed_at_any_step_is_made_good_by_the_next() {
    let whole = tempfile::tempdir().unwrap();
    let (host, effects, _) = started_with_fault(whole.path(), usize::MAX, false);
    let running = world(&host);
    let again = Options { idempotent: true, ..Options::default() };
    for at in 0..effects {
        let dir = tempfile::tempdir().unwrap();
        let (host, ..) = started_with_fault(dir.path(), at, true);
        let summary = life::start(&host, &conf(), &["www"], &again, &Silent).unwrap();
        assert!(summary.is_well(), "killed at effect {at}: {summary:?}");
        let now = world(&host);
        assert_eq!((now.0.len(), now.1, now.2), (running.0.len(), running.1.clone(), 1), "killed at effect {at}");
    }
}

#[test]
fn a_start_or_stop_killed_at_any_step_can_be_taken_back() {
    let before = world(&prepared(tempfile::tempdir().unwrap().path()));
    let again = Options { idempotent: true, ..Options::default() };
    let stop = |host: &dyn Host| life::stop(host, &conf(), &["www"], &again, &Silent).unwrap();
    for at in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let (host, ..) = started_with_fault(dir.path(), at, true);
        assert!(stop(&host).is_well(), "start killed at effect {at}");
        assert_eq!(world(&host), before, "start killed at effect {at}");

        let dir = tempfile::tempdir().unwrap();
        let (host, ..) = started_with_fault(dir.path(), usize::MAX, false);
        let faulty = Faulty { host, at, kills: true, effects: AtomicUsize::new(0) };
        let is_well = stop(&faulty).is_well();
        let summary = stop(&faulty.host);
        assert!(is_well || summary.is_well(), "stop killed at effect {at}: {summary:?}");
        assert_eq!(world(&faulty.host), before, "stop killed at effect {at}");
    }
}

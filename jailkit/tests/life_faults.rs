//! A fault at each system call and each command in turn: afterwards no mount, address or jail is there that was not
//! there before. And a run killed at each of them: the next one brings the jail up all the same, or takes it down.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use between::{Between, Meddler};
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{Interface, Mount};
use jailkit::life::{self, Handle, Options, Silent};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;
use jailkit::stack::Owner;

/// Who lets the `at`th effect fail; all after it too, where the run is killed there.
struct Fault {
    at: usize,
    kills: bool,
    effects: AtomicUsize,
}

impl Fault {
    fn new(at: usize, kills: bool) -> Self {
        Self { at, kills, effects: AtomicUsize::new(0) }
    }
}

impl Meddler for Fault {
    fn effect(&self) -> std::io::Result<()> {
        let effect = self.effects.fetch_add(1, Ordering::Relaxed);
        if effect == self.at || (self.kills && effect > self.at) { Err(std::io::Error::other("fault")) } else { Ok(()) }
    }

    fn program(&self, _host: &SimHost, _program: &Program) -> std::io::Result<Option<Exit>> {
        Ok(self.effect().err().map(|_| Exit::Status(1)))
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
    let faulty = Between { host: prepared(dir), meddler: Fault::new(at, kills) };
    let is_well = life::start(&faulty, &conf(), &["www"], &Options::default(), &Silent).unwrap().is_well();
    (faulty.host, faulty.meddler.effects.into_inner(), is_well)
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
        let faulty = Between { host, meddler: Fault::new(at, true) };
        let is_well = stop(&faulty).is_well();
        let summary = stop(&faulty.host);
        assert!(is_well || summary.is_well(), "stop killed at effect {at}: {summary:?}");
        assert_eq!(world(&faulty.host), before, "stop killed at effect {at}");
    }
}

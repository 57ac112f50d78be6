//! A fault at each system call and each command in turn: afterwards no mount, address, interface or jail is there that
//! was not there before. And a run killed at each of them: the next one brings the jails up all the same, or takes them
//! down.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use between::{Between, Meddler};
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel;
use jailkit::life::{self, Operation, Options, Silent, Summary};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;

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
    fn effect(&self, _what: &str) -> std::io::Result<()> {
        let effect = self.effects.fetch_add(1, Ordering::Relaxed);
        if effect == self.at || (self.kills && effect > self.at) { Err(std::io::Error::other("fault")) } else { Ok(()) }
    }

    fn program(&self, _host: &SimHost, _program: &Program) -> std::io::Result<Option<Exit>> {
        Ok(self.effect("run").err().map(|_| Exit::Status(1)))
    }
}

/// A jail with everything jail(8) knows.
const WHOLE: &str = r#"
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

/// A network stack with two interfaces, and two datasets.
const VNET: &str = r#"
www {
    path = "/srv/www";
    vnet;
    vnet.interface = epair0, epair1;
    zfs.dataset = tank/a, tank/b;
    mount.devfs;
    exec.start = "/bin/sh /etc/rc";
    exec.stop = "/bin/sh /etc/rc.shutdown";
    exec.poststart = "poststart";
}
"#;

/// A jail in a jail, and one that stands by itself.
const NESTED: &str = r#"
exec.start = "/bin/sh /etc/rc";
exec.stop = "/bin/sh /etc/rc.shutdown";
interface = lo0;
www { path = "/srv/www"; children.max = 3; mount.devfs; ip4.addr = 127.0.0.2; }
www.inner { path = "/srv/www/share"; mount = "/srv/share /srv/www/share nullfs rw 0 0"; depend = db; }
db { path = "/srv/db"; mount.devfs; ip4.addr = 127.0.0.4; exec.poststart = "up"; }
"#;

/// A jail.conf, how many jails are worked on side by side, and how many effects a start has at least.
const SCENES: [(&str, usize, usize); 4] = [(WHOLE, 1, 13), (VNET, 1, 9), (NESTED, 1, 15), (NESTED, 3, 15)];

fn conf(text: &str) -> Resolved {
    JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap()
}

/// In memory where the system has a place for that: each run makes a host anew.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn prepared(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for path in ["srv/share", "srv/www/share", "srv/www/dev", "srv/db/dev"] {
        std::fs::create_dir_all(dir.join(path)).unwrap();
    }
    ["epair0", "epair1"].iter().for_each(|name| host.kernel().create_interface(name).unwrap());
    host
}

/// Everything that jails leave or take, a line each.
fn world(host: &SimHost) -> BTreeSet<String> {
    let kernel = host.kernel();
    let mounts = kernel.mounts().unwrap().into_iter().map(|mount| format!("mount {mount:?}"));
    let mut lines: BTreeSet<String> = mounts.collect();
    for interface in kernel.interfaces().unwrap() {
        lines.extend(interface.addresses.iter().map(|net| format!("{} has {net}", interface.name)));
        lines.insert(format!("interface {}", interface.name));
    }
    lines.extend(kernel::running(kernel).unwrap().into_iter().map(|name| format!("jail {name}")));
    lines
}

fn options(jobs: usize) -> Options {
    Options { jobs: jobs.try_into().unwrap(), ..Options::default() }
}

fn run(host: &dyn Host, text: &str, operation: Operation, options: &Options) -> Summary {
    life::run(host, &conf(text), &["*"], operation, options, &Silent).unwrap()
}

/// Runs an operation whose `at`th effect fails; how many effects there were, and whether it was well.
fn faulty(host: SimHost, text: &str, operation: Operation, jobs: usize, fault: Fault) -> (SimHost, usize, bool) {
    let faulty = Between { host, meddler: fault };
    let is_well = run(&faulty, text, operation, &options(jobs)).is_well();
    (faulty.host, faulty.meddler.effects.into_inner(), is_well)
}

/// A host on which all jails of the file run.
fn running(dir: &Path, text: &str) -> SimHost {
    let host = prepared(dir);
    let summary = run(&host, text, Operation::Start, &options(1));
    assert!(summary.is_well(), "{summary:?}");
    host
}

#[test]
fn a_start_and_a_stop_leave_nothing() {
    for (text, jobs, _) in SCENES {
        let dir = scratch();
        let host = prepared(dir.path());
        let before = world(&host);
        for operation in [Operation::Start, Operation::Restart, Operation::Stop] {
            let summary = run(&host, text, operation, &options(jobs));
            assert!(summary.is_well(), "{operation:?}: {summary:?}");
        }
        assert_eq!(world(&host), before, "{text}");
    }
}

#[test]
fn a_fault_at_any_step_of_a_start_leaves_nothing_of_the_jail() {
    for (text, jobs, least) in SCENES {
        let dir = scratch();
        let whole = world(&running(dir.path(), text));
        let before = world(&prepared(scratch().path()));
        for at in 0.. {
            let dir = scratch();
            let (host, effects, is_well) =
                faulty(prepared(dir.path()), text, Operation::Start, jobs, Fault::new(at, false));
            if at >= effects {
                assert!(is_well && at >= least, "{effects} effects: {text}");
                break;
            }
            assert!(!is_well, "the fault at effect {at} went unnoticed: {text}");
            let now = world(&host);
            assert!(now.is_subset(&whole.union(&before).cloned().collect()), "fault at effect {at}: {now:#?}");
            // A jail that failed has left nothing; those that do not depend on it run wholly, and go wholly.
            let summary = run(&host, text, Operation::Stop, &options(jobs));
            assert!(summary.is_well(), "fault at effect {at}: {summary:?}");
            assert_eq!(world(&host), before, "left by a fault at effect {at}: {text}");
        }
    }
}

#[test]
fn a_single_jail_that_fails_leaves_the_host_as_it_was() {
    for text in [WHOLE, VNET] {
        let before = world(&prepared(scratch().path()));
        for at in 0.. {
            let dir = scratch();
            let (host, effects, _) = faulty(prepared(dir.path()), text, Operation::Start, 1, Fault::new(at, false));
            if at >= effects {
                break;
            }
            assert_eq!(world(&host), before, "left by a fault at effect {at}: {text}");
            let commands = host.sim_processes().recorded().unwrap();
            let zfs = |verb: &str| {
                commands.iter().filter(|ran| ran.program.argv.get(1).is_some_and(|word| word == verb)).count()
            };
            assert_eq!(zfs("jail"), zfs("unjail"), "fault at effect {at}");
        }
    }
}

#[test]
fn a_fault_at_any_step_of_another_operation_leaves_nothing_new_and_can_be_made_good() {
    let operations = [Operation::Stop, Operation::Restart, Operation::Modify, Operation::ModifyOrRestart];
    for (text, jobs, _) in SCENES {
        let before = world(&prepared(scratch().path()));
        // What a modify changes, and what makes it a restart.
        let changed = text.replace("path = \"/srv/www\";", "path = \"/srv/www\"; securelevel = 2;");
        let moved = changed.replace("securelevel = 2;", "securelevel = 2; osrelease = \"13.0-RELEASE\";");
        for operation in operations {
            let after = match operation {
                Operation::Modify => &changed,
                Operation::ModifyOrRestart => &moved,
                _ => text,
            };
            for at in 0.. {
                let dir = scratch();
                let host = running(dir.path(), text);
                let known = world(&host).union(&before).cloned().collect();
                let (host, effects, _) = faulty(host, after, operation, jobs, Fault::new(at, false));
                let now = world(&host);
                assert!(now.is_subset(&known), "{operation:?}, fault at effect {at}: {now:#?}");
                let again = Options { idempotent: true, ..options(jobs) };
                let summary = run(&host, after, Operation::Stop, &again);
                assert!(summary.is_well(), "{operation:?}, fault at effect {at}: {summary:?}");
                assert_eq!(world(&host), before, "{operation:?}, fault at effect {at}: {text}");
                if at >= effects {
                    assert!(at > 0, "{operation:?} has no effect");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_start_killed_at_any_step_is_made_good_by_the_next() {
    for (text, jobs, _) in SCENES {
        let dir = scratch();
        let whole = world(&running(dir.path(), text));
        let again = Options { idempotent: true, ..options(jobs) };
        for at in 0.. {
            let dir = scratch();
            let (host, effects, _) = faulty(prepared(dir.path()), text, Operation::Start, jobs, Fault::new(at, true));
            let summary = run(&host, text, Operation::Start, &again);
            assert!(summary.is_well(), "killed at effect {at}: {summary:?}");
            assert_eq!(world(&host), whole, "killed at effect {at}: {text}");
            if at >= effects {
                break;
            }
        }
    }
}

#[test]
fn what_is_killed_at_any_step_can_be_taken_back() {
    for (text, jobs, _) in SCENES {
        let before = world(&prepared(scratch().path()));
        let again = Options { idempotent: true, ..options(jobs) };
        for operation in [Operation::Start, Operation::Stop, Operation::Restart] {
            for at in 0.. {
                let dir = scratch();
                let host = if operation == Operation::Start { prepared(dir.path()) } else { running(dir.path(), text) };
                let (host, effects, _) = faulty(host, text, operation, jobs, Fault::new(at, true));
                let summary = run(&host, text, Operation::Stop, &again);
                assert!(summary.is_well(), "{operation:?} killed at effect {at}: {summary:?}");
                assert_eq!(world(&host), before, "{operation:?} killed at effect {at}: {text}");
                if at >= effects {
                    break;
                }
            }
        }
    }
}

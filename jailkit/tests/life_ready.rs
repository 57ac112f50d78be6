//! Jails that depend on another start when that one is ready, by a socket, a port or a command, and not at all where
//! it takes too long.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use between::{Between, Meddler};
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::life::{self, Event, JailError, Observer, Options, Outcome, Summary, What};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;
use jailkit::stack::{Owner, Ready, ReadyWhen};

/// A host of which jails are not ready at once: `knock` succeeds when it has been run so often.
struct Slow {
    knocks: AtomicUsize,
}

impl Meddler for Slow {
    fn is_simulated(&self) -> bool {
        false
    }

    fn program(&self, _host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        if program.command != "knock" {
            return Ok(None);
        }
        assert!(program.jail.as_ref().is_some_and(|jail| jail.name == "db"), "it runs in the jail");
        let left = self.knocks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        Ok(Some(Exit::Status(left.map_or(0, |_| 1))))
    }
}

fn slow(dir: &Path, knocks: usize) -> Between<Slow> {
    let host = SimHost::open(dir).unwrap();
    for path in ["/srv/db", "/srv/db/run", "/srv/www"] {
        host.files().make_dir(Path::new(path), 0o755, Owner::ROOT).unwrap();
    }
    Between { host, meddler: Slow { knocks: knocks.into() } }
}

fn conf() -> Resolved {
    let text = "persist; path = \"/srv/$name\"; db { ip4.addr = 127.0.0.1; } www { depend = db; }";
    JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap()
}

/// What happens, in short; something is done about it when somebody is waited for.
struct Watcher<'a> {
    seen: Mutex<Vec<String>>,
    waiting: &'a (dyn Fn() + Sync),
}

impl Observer for Watcher<'_> {
    fn happens(&self, event: &Event<'_>) {
        let what = match event.what {
            What::Created(_) => "created".to_owned(),
            What::Waiting(ready) => {
                (self.waiting)();
                format!("waiting until {}", ready.when)
            }
            What::Ready => "ready".to_owned(),
            _ => return,
        };
        self.seen.lock().unwrap().push(format!("{}: {what}", event.jail));
    }
}

fn start(host: &dyn Host, when: ReadyWhen, patience: Duration, waiting: &(dyn Fn() + Sync)) -> (Summary, Vec<String>) {
    let ready = [("db".into(), Ready { when, patience })].into();
    let options = Options { ready, jobs: 2.try_into().unwrap(), ..Options::default() };
    let watcher = Watcher { seen: Mutex::default(), waiting };
    let summary = life::start(host, &conf(), &["www"], &options, &watcher).unwrap();
    (summary, watcher.seen.into_inner().unwrap())
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_dependent_waits_for_a_command_that_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let host = slow(dir.path(), 3);
    let (summary, seen) = start(&host, ReadyWhen::Command("knock".into()), LONG, &|| {});
    assert!(summary.is_well(), "{summary:?}");
    assert_eq!(seen, ["db: created", "db: waiting until 'knock' succeeds", "db: ready", "www: created"]);
    // One that runs already is waited for just as well.
    host.meddler.knocks.store(2, Ordering::Relaxed);
    life::stop(&host, &conf(), &["www"], &Options::default(), &life::Silent).unwrap();
    let (summary, seen) = start(&host, ReadyWhen::Command("knock".into()), LONG, &|| {});
    assert_eq!(summary.count(Outcome::AlreadyRunning), 1);
    assert_eq!(seen, ["db: waiting until 'knock' succeeds", "db: ready", "www: created"]);
}

#[test]
fn a_dependent_waits_for_a_port() {
    let dir = tempfile::tempdir().unwrap();
    let host = slow(dir.path(), 0);
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let listener = Mutex::new(None);
    let listen = || *listener.lock().unwrap() = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
    let (summary, seen) = start(&host, ReadyWhen::Tcp(port), LONG, &listen);
    assert!(summary.is_well(), "{summary:?}");
    assert_eq!(seen[1], format!("db: waiting until port {port} accepts connections"));
}

#[test]
fn a_dependent_waits_for_a_socket() {
    let dir = tempfile::tempdir().unwrap();
    let host = slow(dir.path(), 0);
    let socket = dir.path().join("srv/db/run/db.sock");
    let listener = Mutex::new(None);
    let listen = || *listener.lock().unwrap() = Some(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let (summary, seen) = start(&host, ReadyWhen::Socket("/run/db.sock".into()), LONG, &listen);
    assert!(summary.is_well(), "{summary:?}");
    assert_eq!(seen, ["db: created", "db: waiting until /run/db.sock is there", "db: ready", "www: created"]);
}

#[test]
fn a_link_out_of_the_jail_shows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let host = slow(dir.path(), 0);
    std::fs::write(dir.path().join("srv/db.sock"), "").unwrap();
    for (link, to) in [("up", "../.."), ("abs", "/etc")] {
        symlink(to, dir.path().join("srv/db").join(link)).unwrap();
    }
    for path in ["/up/db.sock", "/abs/passwd", "/up/srv"] {
        let (summary, _) = start(&host, ReadyWhen::Socket(path.into()), SHORT, &|| {});
        assert!(!summary.is_well(), "{path}");
        life::remove(&host, &["db"], &Options::default(), &life::Silent).unwrap();
    }
}

#[test]
fn one_that_is_not_ready_in_time_runs_on_and_its_dependents_do_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let host = slow(dir.path(), usize::MAX);
    let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    for when in [ReadyWhen::Command("knock".into()), ReadyWhen::Tcp(unused), ReadyWhen::Socket("/run/none".into())] {
        let (summary, _) = start(&host, when.clone(), SHORT, &|| {});
        let failures: Vec<_> = summary.failures().collect();
        assert!(matches!(failures[0].1, JailError::NotReady { .. }), "{when}: {summary:?}");
        assert!(failures[0].1.to_string().contains(&when.to_string()), "{summary:?}");
        assert!(matches!(failures[1].1, JailError::Skipped(_)), "{when}: {summary:?}");
        let running: Vec<_> = jailkit::kernel::running(host.kernel()).unwrap();
        assert_eq!(running, ["db"], "{when}");
    }
}

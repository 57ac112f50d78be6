//! A run that is killed between any two effects, and run again, ends where an unbroken one does.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use between::{Between, Meddler};
use jailkit::apply::{Quiet, Session};
use jailkit::host::{Host, SimHost};
use jailkit::journal::{Journal, STATE_DIR};
use jailkit::kernel::{GetFlags, Jid, Param, ParamKind, ParamType, Value};
use jailkit::plan::Purge;
use jailkit::source::Source;
use jailkit::stack::{self, Owner, Stack};

/// A life of so many effects; whatever comes after it fails.
struct Life {
    left: AtomicUsize,
}

impl Life {
    fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Meddler for Life {
    fn effect(&self, _what: &str) -> io::Result<()> {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.map(drop).map_err(|_| io::Error::other("killed"))
    }

    /// The last effect of a life is cut short in the middle of its line.
    fn cuts_short(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 1
    }
}

fn mortal(host: SimHost, effects: usize) -> Between<Life> {
    Between { host, meddler: Life { left: AtomicUsize::new(effects) } }
}

fn reference() -> Stack {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db/jailkit.toml");
    stack::read(&Source::read(path).unwrap()).unwrap().0
}

/// What an administrator has in the files before jailkit comes.
const OWN_FILES: [(&str, &str); 6] = [
    ("/etc/jail.conf", "# our jails\n$root = /jails;\n"),
    ("/etc/pf.conf", "# ours\next_if = \"igb0\"\nset skip on lo0\npass all # for now"),
    ("/etc/rc.conf", "hostname=\"host\" # us\npf_enable=\"NO\"\ncloned_interfaces=\"lo2\"\n"),
    ("/etc/resolv.conf", "search example.org\nnameserver 127.0.0.1\n"),
    ("/etc/make.conf", "CPUTYPE?=native\n"),
    ("/etc/sysctl.conf", "kern.coredump=0\n"),
];

fn host(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for (path, text) in OWN_FILES {
        if host.files().stat(Path::new(path)).unwrap().is_none() {
            host.files().replace(Path::new(path), text.as_bytes(), 0o644).unwrap();
        }
    }
    host
}

/// In memory where the system has a place for that: each run flushes to the disk dozens of times.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

enum Command {
    Up,
    Down(Purge),
}

/// Runs a command to its end, or to the end of the host.
fn run(host: &dyn Host, command: &Command) -> Result<(), String> {
    let mut session = Session::open(host, "test", false).map_err(|error| error.to_string())?;
    let plan = match command {
        Command::Up => session.plan_up(&reference()),
        Command::Down(purge) => session.plan_down(*purge),
    };
    let plan = plan.map_err(|error| error.to_string())?;
    session.carry_out(&plan, &Quiet).map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))
}

/// All of a host that a user could tell apart: files with mode, owner and text, jails, mounts, interfaces, modules,
/// sysctls, pf. Numbers of jails are left out, which count the starts.
fn state(host: &dyn Host, dir: &Path) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(real) = left.pop() {
        for entry in std::fs::read_dir(real).unwrap() {
            let real = entry.unwrap().path();
            let path = Path::new("/").join(real.strip_prefix(dir).unwrap());
            if path == Path::new(STATE_DIR) || path == Path::new("/.jailkit-sim") {
                continue;
            }
            let found = real.symlink_metadata().unwrap();
            let text = if found.is_symlink() {
                format!("-> {}", real.read_link().unwrap().display())
            } else if found.is_dir() {
                String::new()
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&real).unwrap()).into_owned();
                // A jail that was started twice has another number.
                if path.starts_with("/var/run") { text.replace(|c: char| c.is_ascii_digit(), "") } else { text }
            };
            // What a mount hides has no owner that could be asked for.
            let owner = host.files().owner(&path, Owner::ROOT).unwrap_or_default();
            let mode = found.permissions().mode();
            state.insert(path.display().to_string(), format!("{mode:o} {owner} {text}"));
            if found.is_dir() {
                left.push(real);
            }
        }
    }
    let kernel = host.kernel();
    let wanted = [
        ParamType::new("name", ParamKind::String(256)),
        ParamType::new("path", ParamKind::String(1024)),
        ParamType::new("host.hostname", ParamKind::String(256)),
        ParamType::new("ip4.addr", ParamKind::Ipv4),
        ParamType::new("persist", ParamKind::Bool),
    ];
    let mut last = Jid(0);
    let after = |last: Jid| kernel.jail_get(&[Param::new("lastjid", Value::Int(last.0))], &wanted, GetFlags::default());
    while let Ok((jid, values)) = after(last) {
        state.insert(format!("jail {:?}", values[0]), format!("{values:?}"));
        last = jid;
    }
    for mount in kernel.mounts().unwrap() {
        state.insert(format!("mount {}", mount.target.display()), format!("{mount:?}"));
    }
    for interface in kernel.interfaces().unwrap() {
        state.insert(format!("interface {}", interface.name), format!("{:?}", interface.addresses));
    }
    for module in ["nullfs", "pf"] {
        state.insert(format!("module {module}"), kernel.has_module(module).unwrap().to_string());
    }
    state.insert("forwarding".into(), kernel.sysctl("net.inet.ip.forwarding").unwrap().to_string());
    state.insert("pf".into(), host.packet_filter().is_enabled().unwrap().to_string());
    state
}

fn difference(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differ = keys.into_iter().filter(|key| one.get(*key) != other.get(*key));
    differ.map(|key| format!("{key}: {:?} and {:?}", one.get(key), other.get(key))).collect()
}

/// Breaks a command after each effect in turn, runs it again, and compares with the unbroken run. `before` is what was
/// done before it. Returns how many effects it has.
fn break_everywhere(before: &[Command], command: &Command) -> usize {
    let prepare = |dir: &Path| {
        let host = host(dir);
        before.iter().for_each(|command| run(&host, command).unwrap());
        host
    };
    let dir = scratch();
    let unbroken = prepare(dir.path());
    run(&unbroken, command).unwrap();
    let expected = state(&unbroken, dir.path());
    for effects in 0.. {
        let dir = scratch();
        let mortal = mortal(prepare(dir.path()), effects);
        let broken = run(&mortal, command);
        if broken.is_ok() && !mortal.meddler.is_over() {
            return effects;
        }
        let again = SimHost::open(dir.path()).unwrap();
        run(&again, command).unwrap_or_else(|error| panic!("after {effects} effects: {error}"));
        let differences = difference(&state(&again, dir.path()), &expected);
        assert!(differences.is_empty(), "broken after {effects} effects: {differences:#?}");
        let session = Session::open(&again, "test", false).unwrap();
        if matches!(command, Command::Up) {
            assert_eq!(session.plan_up(&reference()).unwrap().steps, [], "broken after {effects} effects");
        }
    }
    unreachable!("every command ends")
}

#[test]
fn up_goes_on_after_each_effect() {
    assert!(break_everywhere(&[], &Command::Up) > 60);
}

#[test]
fn down_goes_on_after_each_effect() {
    assert!(break_everywhere(&[Command::Up], &Command::Down(Purge::Keep)) > 40);
}

#[test]
fn a_purge_goes_on_after_each_effect() {
    assert!(break_everywhere(&[Command::Up], &Command::Down(Purge::Purge)) > 40);
}

#[test]
fn whatever_up_was_broken_at_down_leaves_the_host_as_it_was() {
    let dir = scratch();
    let pristine = state(&host(dir.path()), dir.path());
    for effects in 0.. {
        let dir = scratch();
        let mortal = mortal(host(dir.path()), effects);
        let done = run(&mortal, &Command::Up).is_ok() && !mortal.meddler.is_over();
        let again = SimHost::open(dir.path()).unwrap();
        run(&again, &Command::Down(Purge::Purge)).unwrap_or_else(|error| panic!("after {effects} effects: {error}"));
        let differences = difference(&state(&again, dir.path()), &pristine);
        assert!(differences.is_empty(), "broken after {effects} effects: {differences:#?}");
        assert_eq!(Journal::open(again.files()).unwrap().claims(), [], "broken after {effects} effects");
        if done {
            return;
        }
    }
}

#[test]
fn down_gives_back_every_byte_of_the_administrators_files() {
    let dir = scratch();
    let host = host(dir.path());
    run(&host, &Command::Up).unwrap();
    assert_ne!(host.files().read(Path::new("/etc/pf.conf")).unwrap().unwrap(), OWN_FILES[1].1.as_bytes());
    run(&host, &Command::Down(Purge::Keep)).unwrap();
    for (path, text) in OWN_FILES {
        let found = host.files().read(Path::new(path)).unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&found), text, "{path}");
    }
    assert!(host.files().stat(Path::new("/srv/jail/www/fs/bin/sh")).unwrap().is_some(), "the jails' data stays");
}

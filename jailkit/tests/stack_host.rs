//! What a stack meets on a host: jails that set traps, live mounts, other jailkits, hosts that are not as declared.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jailkit::apply::{ApplyError, Quiet, Session, SessionError};
use jailkit::host::{Files, Host, PacketFilter, RightsError, SimHost};
use jailkit::journal::Journal;
use jailkit::kernel::{Kernel, MountRequest, Param, SetFlags, Value};
use jailkit::plan::{self, Purge};
use jailkit::process::Processes;
use jailkit::source::Source;
use jailkit::stack::{self, Stack};
use jailkit::{status, whereis};

const REFERENCE: &str = include_str!("../../examples/web-and-db/jailkit.toml");

fn stack(text: &str) -> Stack {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db/jailkit.toml");
    stack::read(&Source::new(path, text)).unwrap().0
}

fn up(host: &dyn Host, stack: &Stack) -> Result<usize, String> {
    let mut session = Session::open(host, "up", false).unwrap();
    let plan = session.plan_up(stack).map_err(|error| error.to_string())?;
    session.carry_out(&plan, &Quiet).map_err(|error| told(&error))?;
    Ok(plan.steps.len())
}

fn down(host: &dyn Host, purge: Purge) -> Result<(), String> {
    let mut session = Session::open(host, "down", false).unwrap();
    let plan = session.plan_down(purge).unwrap();
    session.carry_out(&plan, &Quiet).map_err(|error| told(&error))
}

fn told(error: &ApplyError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[test]
fn a_second_up_has_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    assert!(up(&host, &stack(REFERENCE)).unwrap() > 20);
    assert_eq!(up(&host, &stack(REFERENCE)).unwrap(), 0);
    let status = status::status(&stack(REFERENCE), &host, &Journal::open(host.files()).unwrap()).unwrap();
    assert!(status.is_as_declared(), "{status:?}");
    assert_eq!(status.jails.iter().map(|jail| jail.mounts.len()).collect::<Vec<_>>(), [6, 6]);
}

#[test]
fn a_changed_stack_changes_what_differs_and_drift_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let changed = stack(&REFERENCE.replace("10.0.0.2", "10.0.0.7").replace("[80, 443]", "[443]"));
    let status = status::status(&changed, &host, &Journal::open(host.files()).unwrap()).unwrap();
    assert!(status.jails[0].drift.is_empty(), "{:?}", status.jails[0].drift);
    assert!(status.jails[1].drift.iter().any(|step| step.starts_with("stop jail www: it is to run with other")));
    up(&host, &changed).unwrap();
    let pf = String::from_utf8(host.files().read(Path::new("/etc/pf.conf")).unwrap().unwrap()).unwrap();
    assert!(pf.contains("jailwww = \"10.0.0.7\"") && pf.contains("port 443 ->") && !pf.contains("80"), "{pf}");
    let rc = String::from_utf8(host.files().read(Path::new("/etc/rc.conf")).unwrap().unwrap()).unwrap();
    assert!(rc.contains("ifconfig_lo1_aliases=\"inet 10.0.0.1/32 inet 10.0.0.7/32\""), "{rc}");
    assert_eq!(up(&host, &changed).unwrap(), 0);
}

#[test]
fn an_administrators_edits_between_two_runs_stay() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let path = Path::new("/etc/rc.conf");
    let mut rc = host.files().read(path).unwrap().unwrap();
    rc.splice(0..0, *b"# mine\nsshd_enable=\"YES\"\n");
    host.files().replace(path, &rc, 0o644).unwrap();
    assert_eq!(up(&host, &stack(REFERENCE)).unwrap(), 0);
    down(&host, Purge::Keep).unwrap();
    assert_eq!(host.files().read(path).unwrap().unwrap(), b"# mine\nsshd_enable=\"YES\"\n");
}

#[test]
fn other_jails_of_the_host_do_not_get_the_stacks_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let path = Path::new("/etc/jail.conf");
    host.files().replace(path, b"old { path = /old; }\n", 0o644).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let text = String::from_utf8(host.files().read(path).unwrap().unwrap()).unwrap();
    assert!(text.starts_with("old { path = /old; }\n\ndb {\n"), "{text}");
    assert_eq!(text.matches("exec.clean;").count(), 2, "{text}");
}

#[test]
fn traps_in_a_jail_lead_nowhere() {
    for (trap, target) in [("etc", "/etc"), ("var/run", "../../.."), ("var", "/"), ("usr", "../../../../usr")] {
        let dir = tempfile::tempdir().unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        host.files().replace(Path::new("/etc/resolv.conf"), b"nameserver 192.0.2.1\n", 0o644).unwrap();
        up(&host, &stack(REFERENCE)).unwrap();
        down(&host, Purge::Keep).unwrap();
        let planted = dir.path().join("srv/jail/www/fs").join(trap);
        fs::rename(&planted, planted.with_extension("was")).unwrap();
        symlink(target, &planted).unwrap();
        let before = listing(dir.path());
        let error = up(&host, &stack(REFERENCE)).unwrap_err();
        assert!(
            error.contains("leads out of the jail") && error.contains(&format!("/srv/jail/www/fs/{trap}")),
            "{error}"
        );
        assert_eq!(listing(dir.path()), before, "{trap} -> {target}");
    }
}

/// Every file of the host, but for what jailkit and the simulated kernel keep.
fn listing(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let shown = path.strip_prefix(dir).unwrap().display().to_string();
            if shown == ".jailkit-sim" || shown == "var/db/jailkit" {
                continue;
            }
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                left.push(path.clone());
            }
            found.push((shown, if kind.is_file() { fs::read(path).unwrap() } else { Vec::new() }));
        }
    }
    found.sort();
    found
}

#[test]
fn a_link_planted_while_the_stack_is_up_is_found_before_anything_is_mounted_there() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    // One that stays in the jail: harmless to look through, and still nothing to mount on.
    let root = dir.path().join("srv/jail/www/fs");
    fs::rename(root.join("var/log"), root.join("var/old")).unwrap();
    symlink("old", root.join("var/log")).unwrap();
    let error = up(&host, &stack(REFERENCE)).unwrap_err();
    assert!(error.contains("/srv/jail/www/fs/var/log: is a symbolic link; look at who put it there"), "{error}");
    assert!(host.kernel().mounts().unwrap().iter().all(|mount| !mount.target.starts_with("/srv/jail/www")));
}

#[test]
fn a_purge_unmounts_before_it_removes() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    host.files().make_dir(Path::new("/data"), 0o755, stack::Owner::ROOT).unwrap();
    host.files().replace(Path::new("/data/precious"), b"x", 0o644).unwrap();
    let mount = MountRequest {
        fstype: "nullfs".into(),
        source: Some("/data".into()),
        target: "/srv/jail/www/fs/mnt".into(),
        ..MountRequest::default()
    };
    host.kernel().load_module("nullfs").unwrap();
    host.kernel().mount(&mount).unwrap();
    down(&host, Purge::Purge).unwrap();
    assert!(!dir.path().join("srv/jail").exists());
    assert_eq!(fs::read(dir.path().join("data/precious")).unwrap(), b"x");
}

#[test]
fn a_purge_stops_at_a_mount_that_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    host.files().make_dir(Path::new("/data"), 0o755, stack::Owner::ROOT).unwrap();
    host.kernel().load_module("nullfs").unwrap();
    let mount = MountRequest {
        fstype: "nullfs".into(),
        source: Some("/data".into()),
        target: "/srv/jail/www/fs/mnt".into(),
        ..MountRequest::default()
    };
    host.kernel().mount(&mount).unwrap();
    // A jail of somebody else's lives in it.
    let path = Param::new("path", Value::String(b"/srv/jail/www/fs/mnt".to_vec()));
    let create = SetFlags { create: true, ..SetFlags::default() };
    host.kernel()
        .jail_set(&[Param::new("name", Value::String(b"guest".to_vec())), path, Param::flag("persist")], create)
        .unwrap();
    let error = down(&host, Purge::Purge).unwrap_err();
    assert!(error.contains("unmount /srv/jail/www/fs/mnt"), "{error}");
    assert!(dir.path().join("srv/jail/www/fs/bin/sh").exists(), "nothing of that tree has been removed");
}

#[test]
fn where_follows_mounts_and_links_and_says_who_may_write() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let stack = stack(REFERENCE);
    let ask = |jail: &str, path: &str| {
        let found = whereis::locate(&host, Some(&stack), jail, Path::new(path)).unwrap();
        (found.on_host.display().to_string(), found.writable, found.running)
    };
    let socket = "/srv/share/mysql/mysql.sock".to_owned();
    assert_eq!(ask("www", "/var/run/mysql/mysql.sock"), (socket.clone(), false, false));
    up(&host, &stack).unwrap();
    assert_eq!(ask("www", "/var/run/mysql/mysql.sock"), (socket.clone(), false, true));
    assert_eq!(ask("db", "/var/run/mysql/sock/mysql.sock"), (socket, true, true));
    symlink("/var/log", dir.path().join("srv/jail/www/fs/logs")).unwrap();
    assert_eq!(ask("www", "/logs/../log/messages").0, "/var/log/jail/www/messages");
    assert_eq!(ask("www", "/../../etc/passwd").0, "/srv/jail/www/fs/etc/passwd");
    assert!(whereis::locate(&host, Some(&stack), "nobody", Path::new("/")).is_err());
}

#[test]
fn two_at_once_are_told_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let first = Session::open(&host, "up", false).unwrap();
    let Err(SessionError::Lock(error)) = Session::open(&host, "down", false) else { panic!("the lock was free") };
    let expected = format!("another jailkit is at work on this host: jailkit up, process {}", std::process::id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    drop(first);
    Session::open(&host, "down", false).unwrap();
}

#[test]
fn a_jail_of_the_name_that_somebody_else_started_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let create = SetFlags { create: true, ..SetFlags::default() };
    let name = Param::new("name", Value::String(b"www".to_vec()));
    host.kernel().jail_set(&[name, Param::flag("persist")], create).unwrap();
    let error = up(&host, &stack(REFERENCE)).unwrap_err();
    assert!(error.contains("a jail 'www' runs on"), "{error}");
    assert!(!dir.path().join("srv/jail").exists());
}

/// A host as a native one shows itself to somebody who is not root.
struct Guarded(SimHost);

impl Host for Guarded {
    fn describe(&self) -> String {
        "this host".into()
    }
    fn is_simulated(&self) -> bool {
        false
    }
    fn check_rights(&self) -> Result<(), RightsError> {
        Err(RightsError { host: self.describe() })
    }
    fn files(&self) -> &dyn Files {
        self.0.files()
    }
    fn kernel(&self) -> &dyn Kernel {
        self.0.kernel()
    }
    fn processes(&self) -> &dyn Processes {
        self.0.processes()
    }
    fn packet_filter(&self) -> &dyn PacketFilter {
        self.0.packet_filter()
    }
}

#[test]
fn a_native_host_must_have_the_interface_and_be_roots() {
    let dir = tempfile::tempdir().unwrap();
    let host = Guarded(SimHost::open(dir.path()).unwrap());
    let error = Session::open(&host, "up", false).unwrap_err().to_string();
    assert_eq!(error, "only root changes this host; run jailkit as root, or try it out with --host sim");
    let journal = Journal::open(host.files()).unwrap();
    let error = plan::up(&stack(REFERENCE), &host, &journal).unwrap_err().to_string();
    assert!(error.contains("jailkit.toml:6:13: error: this host has no interface 'igb0'"), "{error}");
}

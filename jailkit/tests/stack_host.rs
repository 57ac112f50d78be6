//! What a stack meets on a host: jails that set traps, live mounts, other jailkits, hosts that are not as declared.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use between::{Between, Meddler};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jailkit::apply::{ApplyError, Quiet, Session, SessionError};
use jailkit::host::{Host, SimHost};
use jailkit::journal::Journal;
use jailkit::kernel::{Mount, MountRequest, Param, SetFlags, Value};
use jailkit::plan::{self, Purge};
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
fn directories_have_the_owners_and_modes_that_the_stack_says() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    // As they lie in the trees, below the mounts.
    down(&host, Purge::Keep).unwrap();
    for (path, mode, owner) in [
        ("/srv/jail", 0o750, "0:0"),
        ("/srv/jail/db/fs/var/run", 0o755, "0:0"),
        ("/srv/jail/db/fs/var/run/mysql", 0o755, "88:88"),
        ("/srv/jail/db/fs/var/run/mysql/sock", 0o755, "88:88"),
        ("/srv/jail/www/fs/var/run/mysql", 0o755, "88:88"),
        ("/srv/jail/www/fs/var/ports/distfiles", 0o755, "0:0"),
    ] {
        let found = host.files().stat(Path::new(path)).unwrap().unwrap();
        assert_eq!((found.mode, found.owner.to_string().as_str()), (mode, owner), "{path}");
    }
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

/// `/home` is a link to `/usr/home` on a FreeBSD host of before 14.
#[test]
fn jails_below_a_link_are_known_by_it() {
    let text = REFERENCE.replace("/srv/jail", "/home/jail").replace("/srv/share", "/home/share");
    assert_ne!(text, REFERENCE);
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    symlink("usr/home", dir.path().join("home")).unwrap();
    up(&host, &stack(&text)).unwrap();
    assert_eq!(up(&host, &stack(&text)).unwrap(), 0);
    let status = status::status(&stack(&text), &host, &Journal::open(host.files()).unwrap()).unwrap();
    assert_eq!(status.jails.iter().map(|jail| jail.mounts.len()).collect::<Vec<_>>(), [6, 6]);
    host.kernel().mount(&MountRequest::nullfs("/usr/home/share", "/usr/home/jail/www/fs/mnt")).unwrap();
    down(&host, Purge::Purge).unwrap();
    assert_eq!(host.kernel().mounts().unwrap().len(), 1);
    assert!(!dir.path().join("usr/home/jail").exists());
}

/// Who tells of each tmpfs that it is a dataset, which the simulated host has none of.
struct Datasets;

impl Meddler for Datasets {
    fn mounts(&self, mut mounts: Vec<Mount>) -> Vec<Mount> {
        mounts.iter_mut().filter(|mount| mount.fstype == "tmpfs").for_each(|mount| mount.fstype = "zfs".to_owned());
        mounts
    }
}

/// A dataset of the administrator's below a jail's tree is none of the jail's mounts.
#[test]
fn a_file_system_of_the_hosts_own_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let host = Between { host: SimHost::open(dir.path()).unwrap(), meddler: Datasets };
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    host.kernel().mount(&MountRequest::tmpfs("/srv/jail/www/fs/mnt")).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    let error = down(&host, Purge::Purge).unwrap_err();
    assert!(error.contains("/srv/jail/www/fs/mnt is still mounted below it; nothing has been removed"), "{error}");
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

/// A native host, to somebody who is not root.
struct Stranger;

impl Meddler for Stranger {
    fn is_simulated(&self) -> bool {
        false
    }
    fn is_root(&self) -> bool {
        false
    }
}

#[test]
fn a_native_host_must_have_the_interface_and_be_roots() {
    let dir = tempfile::tempdir().unwrap();
    let host = Between { host: SimHost::open(dir.path()).unwrap(), meddler: Stranger };
    let error = Session::open(&host, "up", false).unwrap_err().to_string();
    assert_eq!(error, "only root changes this host; run jailkit as root, or try it out with --host sim");
    let journal = Journal::open(host.files()).unwrap();
    let error = plan::up(&stack(REFERENCE), &host, &journal).unwrap_err().to_string();
    assert!(error.contains("jailkit.toml:6:13: error: this host has no interface 'igb0'"), "{error}");
}

#[test]
fn pf_gets_the_administrators_rules_back_even_where_down_was_killed_before_it_loaded_them() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    host.files().replace(Path::new("/etc/pf.conf"), b"pass all\n", 0o600).unwrap();
    host.kernel().load_module("pf").unwrap();
    host.packet_filter().load(Path::new("/etc/pf.conf")).unwrap();
    host.packet_filter().enable().unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let mut session = Session::open(&host, "down", false).unwrap();
    let mut plan = session.plan_down(Purge::Keep).unwrap();
    // As far as a run comes that is killed when pf.conf has been given back.
    let at = plan.steps.iter().position(|step| step.to_string().starts_with("reload pf")).unwrap();
    plan.steps.truncate(at);
    session.carry_out(&plan, &Quiet).unwrap();
    let rest = session.plan_down(Purge::Keep).unwrap();
    assert!(rest.steps.iter().any(|step| step.to_string().starts_with("reload pf")), "{:?}", rest.steps);
}

#[test]
fn a_purge_gives_up_what_others_have_begun_to_use() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    fs::write(dir.path().join("usr/ports/distfiles/x.tar"), "x").unwrap();
    down(&host, Purge::Purge).unwrap();
    assert!(dir.path().join("usr/ports/distfiles/x.tar").exists());
    let other = REFERENCE.replace("name = \"web-and-db\"", "name = \"other\"");
    up(&host, &stack(&other)).unwrap();
}

#[test]
fn a_jail_that_was_changed_behind_the_stacks_back_is_drift() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    host.kernel().unmount(Path::new("/srv/jail/www/fs/var/run/mysql"), false).unwrap();
    let status = status::status(&stack(REFERENCE), &host, &Journal::open(host.files()).unwrap()).unwrap();
    assert_eq!(status.jails[1].drift[0], "stop jail www: it does not run as the stack says");
    up(&host, &stack(REFERENCE)).unwrap();
    assert_eq!(up(&host, &stack(REFERENCE)).unwrap(), 0);
}

#[test]
fn a_jail_whose_block_is_gone_is_stopped_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    fs::write(dir.path().join("etc/jail.conf"), "").unwrap();
    down(&host, Purge::Purge).unwrap();
    assert!(jailkit::kernel::running(host.kernel()).unwrap().is_empty());
    assert_eq!(host.kernel().mounts().unwrap().len(), 1);
}

#[test]
fn a_tree_in_which_a_jail_runs_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    down(&host, Purge::Keep).unwrap();
    let create = SetFlags { create: true, ..SetFlags::default() };
    let path = Param::new("path", Value::String(b"/srv/jail/www/fs/usr".to_vec()));
    let other = [Param::new("name", Value::String(b"other".to_vec())), path, Param::flag("persist")];
    host.kernel().jail_set(&other, create).unwrap();
    let error = down(&host, Purge::Purge).unwrap_err();
    assert!(error.contains("the jail other runs in it; nothing has been removed"), "{error}");
}

/// A jail of the administrator's that needs one of the stack's is stopped with it, as jail(8) does, and started again.
#[test]
fn jails_of_the_hosts_own_that_depend_on_the_stacks_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let path = dir.path().join("etc/jail.conf");
    let text = fs::read_to_string(&path).unwrap() + "\nmine { path = /; persist; depend = db; }\n";
    fs::write(&path, text).unwrap();
    let start = |host: &SimHost| {
        let conf = jailkit::jailconf::JailConf::parse(&Source::read(&path).unwrap()).unwrap().resolve().unwrap();
        jailkit::life::start(host, &conf, &["mine"], &Default::default(), &jailkit::life::Silent).unwrap()
    };
    assert!(start(&host).is_well());
    let changed = stack(&format!("{REFERENCE}\n[jails.db.params]\n\"allow.raw_sockets\" = true\n"));
    let mut session = Session::open(&host, "up", false).unwrap();
    let plan = session.plan_up(&changed).unwrap();
    session.carry_out(&plan, &Quiet).unwrap();
    drop(session);
    let running = || jailkit::kernel::running(host.kernel()).unwrap();
    assert!(running().iter().any(|name| name[..] == *b"mine"), "{:?}", running());
    let plan: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(plan.join("\n"));
}

#[test]
fn a_parameter_of_a_wrong_value_is_refused_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for param in ["\"exec.timeout\" = \"abc\"", "persist = \"maybe\"", "enforce_statfs = 7"] {
        let text = format!("{REFERENCE}\n[jails.www.params]\n{param}\n");
        let error = up(&host, &stack(&text)).unwrap_err();
        assert!(error.contains(param.split_whitespace().next().unwrap().trim_matches('"')), "{error}");
    }
    assert_eq!(Journal::open(host.files()).unwrap().claims().len(), 0);
}

#[test]
fn an_empty_directory_is_extracted_into_and_a_full_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    fs::create_dir_all(dir.path().join("srv/jail/db/fs")).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    assert!(dir.path().join("srv/jail/db/fs/bin/sh").exists());

    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    fs::create_dir_all(dir.path().join("srv/jail/db/fs/data")).unwrap();
    let error = up(&host, &stack(REFERENCE)).unwrap_err();
    assert!(error.contains("/srv/jail/db/fs has something in it and is no base system"), "{error}");
}

#[test]
fn a_shared_directory_that_is_there_keeps_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    host.files().make_dir(Path::new("/srv/share"), 0o755, stack::Owner::ROOT).unwrap();
    host.files().make_dir(Path::new("/srv/share/mysql"), 0o2770, stack::Owner::ROOT).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let found = host.files().stat(Path::new("/srv/share/mysql")).unwrap().unwrap();
    assert_eq!((found.mode, found.owner.to_string().as_str()), (0o2770, "88:88"));
}

#[test]
fn other_jails_do_not_begin_to_start_at_boot() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    host.files().replace(Path::new("/etc/jail.conf"), b"old { path = /old; }\n", 0o644).unwrap();
    up(&host, &stack(REFERENCE)).unwrap();
    let rc = String::from_utf8(host.files().read(Path::new("/etc/rc.conf")).unwrap().unwrap()).unwrap();
    assert!(rc.contains("jail_list=\"db www\""), "{rc}");
}

#[test]
fn files_that_rc_conf_puts_elsewhere_are_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    host.files().replace(Path::new("/etc/rc.conf"), b"pf_rules=\"/etc/my.conf\"\n", 0o644).unwrap();
    let error = up(&host, &stack(REFERENCE)).unwrap_err();
    assert!(error.starts_with("/etc/rc.conf: pf_rules=\"/etc/my.conf\" is there already"), "{error}");
}

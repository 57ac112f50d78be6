//! Jails whose paths in jail.conf lead through links, as where `/home` is a link to `/usr/home`, or have been changed
//! since they were started: what is theirs is found, and what is the host's stays.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod between;

use std::os::unix::fs::symlink;
use std::path::Path;

use between::{Between, Meddler};
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{GetFlags, Jail, JailKey, MountRequest};
use jailkit::life::{self, Operation, Options, Silent, Summary};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;

const CONF: &str = r#"
www {
    path = "/home/www";
    persist;
    mount = "/home/share /home/www/share nullfs rw 0 0";
    mount.devfs;
    exec.prestop = "prestop";
    exec.stop = "stop";
    exec.poststop = "poststop";
}
"#;

fn conf(text: &str) -> Resolved {
    JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap()
}

/// A host with `/home` a link, and with file systems of its own at the jail's root and below it.
fn host(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for path in ["usr/home/share", "usr/home/www", "usr/home/moved/dev", "data"] {
        std::fs::create_dir_all(dir.join(path)).unwrap();
    }
    symlink("usr/home", dir.join("home")).unwrap();
    host.kernel().mount(&MountRequest::tmpfs("/usr/home/www")).unwrap();
    for path in ["share", "dev", "var"] {
        std::fs::create_dir(host.files().locate(&Path::new("/usr/home/www").join(path)).unwrap()).unwrap();
    }
    host.kernel().mount(&MountRequest::nullfs("/data", "/usr/home/www/var")).unwrap();
    host
}

fn run(host: &dyn Host, text: &str, operation: Operation) -> Summary {
    life::run(host, &conf(text), &["www"], operation, &Options::default(), &Silent).unwrap()
}

fn mounted(host: &SimHost) -> Vec<String> {
    host.kernel().mounts().unwrap().iter().skip(1).map(|mount| mount.target.display().to_string()).collect()
}

const OWN: [&str; 2] = ["/usr/home/www", "/usr/home/www/var"];

#[test]
fn a_stop_takes_what_the_start_has_mounted_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start).is_well());
    assert_eq!(mounted(&host), [&OWN[..], &["/usr/home/www/share", "/usr/home/www/dev"]].concat());
    let outline = life::outline(&host, &conf(CONF), &["www"], Operation::Stop, &Options::default(), &Silent).unwrap();
    let lines = format!("{outline:?}");
    assert!(lines.contains("unmount /home/www/dev") && !lines.contains("/var"), "{lines}");
    let stopped = run(&host, CONF, Operation::Stop);
    assert!(stopped.is_well(), "{stopped:?}");
    assert_eq!(mounted(&host), OWN);
}

#[test]
fn a_jail_whose_path_was_changed_since_is_rid_of_its_own_mounts() {
    for (path, left) in [("/home/moved", &OWN[..]), ("/nowhere", &OWN[..])] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, CONF, Operation::Start).is_well());
        let moved = CONF.replace("/home/www", path);
        let stopped = run(&host, &moved, Operation::Stop);
        assert!(stopped.is_well(), "{path}: {stopped:?}");
        assert_eq!(mounted(&host), left, "{path}");
    }
}

#[test]
fn a_jail_on_the_hosts_own_root_leaves_the_host_its_mounts() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    host.kernel().mount(&MountRequest::of_type("devfs", "/dev")).unwrap();
    assert!(run(&host, "www { path = /; persist; }", Operation::Start).is_well());
    let stopped = run(&host, "www { path = /home/moved; persist; mount.devfs; }", Operation::Stop);
    assert!(stopped.is_well(), "{stopped:?}");
    assert_eq!(mounted(&host), [&OWN[..], &["/dev"]].concat());
}

/// Who ends a start at its creation, as a killed run is ended.
struct Killed;

impl Meddler for Killed {
    fn program(&self, _host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        if program.command == "created" { Err(std::io::Error::other("killed")) } else { Ok(None) }
    }

    fn effect(&self, what: &str) -> std::io::Result<()> {
        // Nothing is taken back.
        if ["unmount", "jail_remove"].iter().any(|call| what.starts_with(call)) {
            Err(std::io::Error::other("killed"))
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_killed_start_is_taken_up_again_without_mounting_twice() {
    let text = CONF.replace("exec.prestop", "exec.created = created; exec.prestop");
    let dir = tempfile::tempdir().unwrap();
    let killed = Between { host: host(dir.path()), meddler: Killed };
    assert!(!run(&killed, &text, Operation::Start).is_well());
    let host = killed.host;
    assert_eq!(mounted(&host).len(), 4);
    let started = run(&host, &text, Operation::Start);
    assert!(started.is_well(), "{started:?}");
    assert_eq!(mounted(&host).len(), 4);
    assert!(run(&host, &text, Operation::Stop).is_well());
    assert_eq!(mounted(&host), OWN);
}

#[test]
fn a_link_below_the_root_is_refused_by_whatever_name_the_root_goes() {
    let text = "www { path = /usr/home/www; persist; mount = \"/home/share /home/www/trap/etc nullfs rw 0 0\"; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let trap = host.files().locate(Path::new("/usr/home/www/trap")).unwrap();
    symlink("/", trap).unwrap();
    let started = run(&host, text, Operation::Start);
    let failures: Vec<_> = started.failures().map(|(_, error)| error.to_string()).collect();
    assert_eq!(failures, ["mount: /home/www/trap: is a symbolic link; look at who put it there"]);
    assert_eq!(mounted(&host), OWN);
}

/// Who removes the jail when a command of its stop is about to run.
struct Ends(&'static str);

impl Meddler for Ends {
    fn program(&self, host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        if program.command == self.0 {
            let key = JailKey::new("www").unwrap();
            let www = Jail::open(host.kernel(), &key, GetFlags::default()).unwrap().unwrap();
            www.remove(host.kernel()).unwrap();
        }
        Ok(None)
    }
}

/// jail(8) leaves the mounts and addresses of such a jail.
#[test]
fn a_jail_that_ends_by_itself_on_its_way_down_leaves_nothing() {
    let gone = "cannot run 'stop': the jail www (1) is gone";
    for (at, failed) in [("prestop", None), ("stop", Some(gone))] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, CONF, Operation::Start).is_well());
        let ends = Between { host, meddler: Ends(at) };
        let text = CONF.replace("exec.stop = \"stop\"", "exec.stop = \"stop\", \"second\"");
        let stopped = run(&ends, &text, Operation::Stop);
        let failures: Vec<_> = stopped.failures().map(|(_, error)| error.to_string()).collect();
        assert_eq!(failures, failed.into_iter().collect::<Vec<_>>(), "{at}");
        assert_eq!(mounted(&ends.host), OWN, "{at}");
        let ran = ends.host.sim_processes().recorded().unwrap();
        assert!(ran.iter().any(|ran| ran.program.command == "poststop"), "{at}");
    }
}

/// Root in a jail may put a link where the root directory of a jail in it is to be.
#[test]
fn a_jail_in_a_jail_is_not_led_out_by_the_outer_ones_root() {
    let text = "
        persist; mount.devfs;
        web { path = /srv/web; children.max = 5; }
        web.app { path = /srv/web/jails/app; }";
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for path in ["srv/web/dev", "srv/web/jails/app/dev"] {
        std::fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    let start =
        |name: &str| life::run(&host, &conf(text), &[name], Operation::Start, &Options::default(), &Silent).unwrap();
    assert!(start("web").is_well());
    let app = dir.path().join("srv/web/jails/app");
    std::fs::rename(&app, dir.path().join("srv/web/jails/old")).unwrap();
    symlink("/", &app).unwrap();
    let started = start("web.app");
    let failures: Vec<_> = started.failures().map(|(_, error)| error.to_string()).collect();
    let refused = "mount.devfs: /srv/web/jails/app: is a symbolic link; look at who put it there";
    assert_eq!(failures, [refused]);
    assert_eq!(mounted(&host), ["/srv/web/dev"]);
    std::fs::remove_file(&app).unwrap();
    std::fs::rename(dir.path().join("srv/web/jails/old"), &app).unwrap();
    assert!(start("web.app").is_well());
}

/// What is changed in jail.conf by another name of the same directory is no change.
#[test]
fn a_running_jail_is_known_by_every_name_of_its_root() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start).is_well());
    for path in ["/home/www", "/usr/home/www/", "/usr/home/../home/www"] {
        let changed = run(&host, &CONF.replace("\"/home/www\"", &format!("\"{path}\"")), Operation::Modify);
        assert!(changed.is_well(), "{path}: {changed:?}");
    }
}

/// A link where the root directory of a gone jail was leads to no other jail's mounts.
#[test]
fn what_a_gone_inner_jail_has_left_is_not_looked_for_behind_a_link() {
    let text = "
        persist; mount.devfs;
        web { path = /srv/web; children.max = 5; }
        web.app { path = /srv/web/app; }
        victim { path = /srv/victim; }";
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for path in ["srv/web/dev", "srv/web/app/dev", "srv/victim/dev"] {
        std::fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    let act = |operation, names: &[&str]| {
        life::run(&host, &conf(text), names, operation, &Options::default(), &Silent).unwrap()
    };
    assert!(act(Operation::Start, &["*"]).is_well());
    life::remove(&host, &["web"], &Options::default(), &Silent).unwrap();
    let app = dir.path().join("srv/web/app");
    std::fs::rename(&app, dir.path().join("srv/web/old")).unwrap();
    symlink("/srv/victim", &app).unwrap();
    assert!(act(Operation::Stop, &["web.app"]).is_well());
    assert_eq!(mounted(&host), ["/srv/web/dev", "/srv/victim/dev"]);
}

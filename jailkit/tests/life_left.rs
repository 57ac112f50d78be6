//! What a start has made is taken back whatever jail.conf says by then, and however the jail ended; what is the host's or
//! another jail's stays.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;

use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{Jail, JailKey, Param, SetFlags};
use jailkit::life::{self, Event, JailError, Observer, Operation, Options, Outcome, Silent, Summary, What};
use jailkit::source::Source;

const CONF: &str = r#"
www {
    path = "/srv/www";
    persist;
    interface = lo0;
    ip4.addr = 10.0.0.2;
    mount = "/srv/share /srv/www/share nullfs rw 0 0";
    mount.fstab = "/etc/fstab.www";
    mount.devfs;
}
"#;

fn conf(text: &str) -> Resolved {
    JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap()
}

fn host(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for path in ["srv/share", "srv/www/share", "srv/www/tmp", "srv/www/dev", "srv/db"] {
        std::fs::create_dir_all(dir.join(path)).unwrap();
    }
    std::fs::write(dir.join("etc/fstab.www"), "tmpfs /srv/www/tmp tmpfs rw 0 0\n").unwrap();
    host
}

fn run(host: &SimHost, text: &str, operation: Operation, names: &[&str]) -> Summary {
    life::run(host, &conf(text), names, operation, &Options::default(), &Silent).unwrap()
}

/// How many file systems are mounted besides the root, and the addresses that interfaces have besides those of lo0.
fn found(host: &SimHost) -> (usize, Vec<String>) {
    let interfaces = host.kernel().interfaces().unwrap();
    let addresses = interfaces.iter().flat_map(|interface| &interface.addresses).map(ToString::to_string);
    let addresses = addresses.filter(|address| !["127.0.0.1/8", "::1/128"].contains(&address.as_str()));
    (host.kernel().mounts().unwrap().len() - 1, addresses.collect())
}

fn clean() -> (usize, Vec<String>) {
    (0, Vec::new())
}

fn whole() -> (usize, Vec<String>) {
    (3, vec!["10.0.0.2/32".to_owned()])
}

#[test]
fn a_stop_takes_back_what_the_start_has_made_whatever_the_file_says_since() {
    let empty = "www { path = \"/srv/www\"; persist; }";
    let edited = CONF.replace("10.0.0.2", "10.0.0.3/24").replace("mount.devfs", "mount.procfs");
    let wrong = CONF.replace("10.0.0.2", "10.0.0.2/99").replace("/srv/www/share nullfs", "");
    for (what, text) in [("nothing", empty), ("other things", &edited), ("what is wrong", &wrong)] {
        for gone in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let host = host(dir.path());
            assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
            assert_eq!(found(&host), whole());
            if gone {
                std::fs::remove_file(dir.path().join("etc/fstab.www")).unwrap();
            }
            let stopped = run(&host, text, Operation::Stop, &["www"]);
            assert!(stopped.is_well(), "{what}: {stopped:?}");
            assert_eq!(found(&host), clean(), "{what}");
        }
    }
}

#[test]
fn a_restart_goes_from_what_was_to_what_the_file_says_now() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    let edited = CONF.replace("10.0.0.2", "10.0.0.3/24").replace("mount.fstab = \"/etc/fstab.www\";", "");
    let restarted = run(&host, &edited, Operation::Restart, &["www"]);
    assert!(restarted.is_well(), "{restarted:?}");
    assert_eq!(found(&host), (2, vec!["10.0.0.3/24".to_owned()]));
    assert!(run(&host, CONF, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn what_a_jail_has_left_that_ended_by_itself_is_taken_back_by_the_next_run() {
    for (operation, after) in [(Operation::Start, whole()), (Operation::Stop, clean())] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
        life::remove(&host, &["www"], &Options::default(), &Silent).unwrap();
        assert_eq!(found(&host), whole());
        assert!(life::has_left(&host, "www".into()).unwrap());
        let outline = life::outline(&host, &conf(CONF), &["www"], operation, &Options::default(), &Silent).unwrap();
        let lines = outline[0].1.as_ref().unwrap();
        assert_eq!(lines[..2], ["unmount /srv/www/dev", "unmount /srv/www/tmp"]);
        let summary = run(&host, CONF, operation, &["www"]);
        assert!(summary.is_well(), "{summary:?}");
        assert_eq!(found(&host), after);
        assert_eq!(life::has_left(&host, "www".into()).unwrap(), operation == Operation::Start);
    }
}

#[test]
fn a_mount_that_was_made_by_hand_as_the_file_says_goes_with_the_jail() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let before = CONF.replace("mount.fstab = \"/etc/fstab.www\";", "");
    assert!(run(&host, &before, Operation::Start, &["www"]).is_well());
    host.kernel().mount(&jailkit::kernel::MountRequest::tmpfs("/srv/www/tmp")).unwrap();
    assert!(run(&host, CONF, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn an_address_of_the_hosts_own_keeps_its_prefix_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    host.kernel().add_address("lo0", "10.0.0.2/24".parse().unwrap()).unwrap();
    let own = vec!["10.0.0.2/24".to_owned()];
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    assert_eq!(found(&host), (3, own.clone()));
    assert!(run(&host, CONF, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), (0, own));
}

#[test]
fn an_address_that_jails_share_goes_with_the_last_of_them() {
    let text = "
        path = /; persist; interface = lo0; ip4.addr = 10.0.0.2;
        www {} www.inner {} db {}
        www { children.max = 1; }";
    for jobs in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        let options = Options { jobs: NonZeroUsize::new(jobs).unwrap(), ..Options::default() };
        let run = |operation, names: &[&str]| life::run(&host, &conf(text), names, operation, &options, &Silent);
        assert!(run(Operation::Start, &["*"]).unwrap().is_well());
        assert_eq!(found(&host).1, whole().1);
        for (name, left) in [("www.inner", whole().1), ("db", whole().1), ("www", Vec::new())] {
            let stopped = run(Operation::Stop, &[name]).unwrap();
            assert!(stopped.is_well(), "{stopped:?}");
            assert_eq!(found(&host).1, left, "{name}");
        }
    }
}

#[test]
fn a_start_that_fails_takes_no_address_of_a_jail_that_runs() {
    let text = "
        path = /; persist; interface = lo0;
        www { ip4.addr = 10.0.0.2, 10.0.0.3; }
        db { ip4.addr = 10.0.0.2; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let started = run(&host, text, Operation::Start, &["www", "db"]);
    assert_eq!(started.failures().count(), 1);
    assert_eq!(found(&host).1.len(), 2);
    assert!(run(&host, text, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn a_restart_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    let broken = CONF.replace("persist;", "persist; exec.poststart = false;");
    assert!(!run(&host, &broken, Operation::Restart, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn a_jail_that_does_not_run_keeps_no_other_from_being_stopped() {
    let start = "path = /; persist; www {}";
    for wrong in ["exec.timeout = abc;", "mount.fstab = \"/none\";", "path = \"/srv/$none\";", "jid = x;"] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, start, Operation::Start, &["www"]).is_well());
        let stopped = run(&host, &format!("{start} app {{ depend = www; {wrong} }}"), Operation::Stop, &["www"]);
        assert_eq!(stopped.count(Outcome::Stopped), 1, "{wrong}: {stopped:?}");
        assert!(stopped.is_well(), "{wrong}: {stopped:?}");
    }
}

#[test]
fn a_live_jail_of_another_name_is_not_taken_for_a_dying_one() {
    for release in ["13.2", "14", "15"] {
        let dir = tempfile::tempdir().unwrap();
        jailkit::kernel::sim::SimKernel::boot(dir.path(), release.parse().unwrap()).unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        assert!(run(&host, "other { jid = 7; path = /; persist; }", Operation::Start, &["other"]).is_well());
        let text = "www { jid = 7; path = /; persist; allow.dying; exec.start = false; }";
        let started = run(&host, text, Operation::Start, &["www"]);
        assert!(matches!(started.failures().next(), Some((_, JailError::Kernel(_)))), "{started:?}");
        let other = Jail::open(host.kernel(), &JailKey::new("other").unwrap(), Default::default()).unwrap();
        assert_eq!(other.unwrap().jid.0, 7, "{release}");
    }
}

/// Another run that is at work on the jail until it is told that it is waited for.
struct OtherRun(Mutex<Option<File>>);

impl Observer for OtherRun {
    fn happens(&self, event: &Event<'_>) {
        if let What::WaitingForRun = event.what {
            self.0.lock().unwrap().take();
        }
    }
}

#[test]
fn a_run_says_that_it_waits_for_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let note = File::create(dir.path().join("var/run/jailkit.www")).unwrap();
    note.lock().unwrap();
    let other = OtherRun(Mutex::new(Some(note)));
    let text = "path = /; persist; www { depend = db; } db {}";
    let started = life::start(&host, &conf(text), &["www"], &Options::default(), &other).unwrap();
    assert!(started.is_well());
    assert!(other.0.lock().unwrap().is_none());
}

#[test]
fn a_jail_of_the_longest_name_has_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let name = "n".repeat(255);
    let text = format!("{name} {{ path = /; persist; }}");
    for operation in [Operation::Start, Operation::Stop] {
        assert!(run(&host, &text, operation, &[&name]).is_well());
    }
}

#[test]
fn a_modified_address_is_moved_on_its_interface_too() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    let keeps = CONF.replace("ip4.addr = 10.0.0.2;", "");
    for (text, addresses) in [
        (CONF.replace("10.0.0.2", "10.0.0.3/24"), &["10.0.0.3/24"][..]),
        (CONF.replace("10.0.0.2", "10.0.0.3/32, 10.0.0.4"), &["10.0.0.3/32", "10.0.0.4/32"]),
        // The kernel is not told to take them from it.
        (keeps, &["10.0.0.3/32", "10.0.0.4/32"]),
        (CONF.replace("10.0.0.2", "300.0.0.1"), &["10.0.0.3/32", "10.0.0.4/32"]),
    ] {
        let modified = run(&host, &text, Operation::Modify, &["www"]);
        assert_eq!(modified.is_well(), !text.contains("300"), "{modified:?}");
        assert_eq!(found(&host).1, addresses);
    }
    assert!(run(&host, CONF, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn an_address_that_the_kernel_refuses_is_taken_off_again() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let text = "path = /; persist; interface = lo0; www { ip4.addr = 10.0.0.2; } db { ip4.addr = 10.0.0.3, 10.0.0.4; }";
    assert!(run(&host, text, Operation::Start, &["*"]).is_well());
    let before = found(&host);
    let modified = run(&host, &text.replace("10.0.0.2", "10.0.0.4, 10.0.0.5"), Operation::Modify, &["www"]);
    assert_eq!(modified.failures().count(), 1);
    assert_eq!(found(&host), before);
}

fn own(host: &SimHost, interface: &str, address: &str) -> Vec<String> {
    host.kernel().add_address(interface, address.parse().unwrap()).unwrap();
    vec![address.to_owned()]
}

#[test]
fn an_address_of_the_hosts_own_stays_whoever_has_it() {
    let text = "path = /; persist; interface = lo0; ip4.addr = 10.0.0.2; www {} db {} app { depend = www; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let own = own(&host, "lo0", "10.0.0.2/24");
    let idempotent = Options { idempotent: true, ..Options::default() };
    for names in [&["www"][..], &["db"]] {
        assert!(run(&host, text, Operation::Start, names).is_well());
    }
    // Of one that never ran nothing is taken back, either.
    for names in [&["www"][..], &["db"], &["*"]] {
        assert!(life::stop(&host, &conf(text), names, &idempotent, &Silent).unwrap().is_well());
        assert_eq!(found(&host).1, own, "{names:?}");
    }
}

#[test]
fn a_jail_that_is_started_beside_another_leaves_their_address_as_it_is() {
    let text =
        "path = /; persist; www { ip4.addr = 'lo0|10.0.0.2/24'; } db { ip4.addr = 'lo0|10.0.0.2/32'; depend = www; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, text, Operation::Start, &["db"]).is_well());
    assert_eq!(found(&host).1, ["10.0.0.2/24"]);
    assert!(run(&host, text, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn a_jail_whose_root_is_linked_elsewhere_since_is_still_known() {
    let text = "www { path = /srv/cur; persist; interface = lo0; ip4.addr = 10.0.0.2; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let own = own(&host, "lo0", "10.0.0.2/24");
    let link = |to: &str| {
        std::fs::remove_file(dir.path().join("srv/cur")).unwrap_or_default();
        std::os::unix::fs::symlink(to, dir.path().join("srv/cur")).unwrap();
    };
    link("www");
    assert!(run(&host, text, Operation::Start, &["www"]).is_well());
    link("db");
    assert!(!run(&host, text, Operation::Start, &["www"]).is_well());
    assert!(run(&host, text, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host).1, own);
    assert!(!life::has_left(&host, "www".into()).unwrap());
}

#[test]
fn a_jail_that_others_have_started_is_none_that_was_left_half_made() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    std::fs::write(dir.path().join("var/run/jailkit.www"), format!("{:<32}{{}}\n", "\"Preparing\"")).unwrap();
    let params = [JailKey::new("www").unwrap().into(), Param::flag("persist")];
    let theirs = Jail::create(host.kernel(), &params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    let text = "www { path = /; persist; }";
    assert!(matches!(run(&host, text, Operation::Start, &["www"]).failures().next(), Some((_, JailError::Running))));
    assert!(theirs.is_there(host.kernel()).unwrap());
}

#[test]
fn what_is_left_of_a_jail_that_no_file_has_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    for removed in [false, true] {
        assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
        if removed {
            life::remove(&host, &["www"], &Options::default(), &Silent).unwrap();
        }
        let stopped = run(&host, "db { path = /; persist; }", Operation::Stop, &["www"]);
        assert!(stopped.is_well(), "{stopped:?}");
        assert_eq!(found(&host), clean());
    }
}

#[test]
fn an_address_moves_from_one_interface_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    host.kernel().create_interface("lo1").unwrap();
    let text = "www { path = /; persist; interface = lo0; ip4.addr = 10.0.0.2; }";
    assert!(run(&host, text, Operation::Start, &["www"]).is_well());
    assert!(run(&host, &text.replace("lo0", "lo1"), Operation::Modify, &["www"]).is_well());
    let on = |name: &str| {
        let interfaces = host.kernel().interfaces().unwrap();
        interfaces.iter().find(|interface| interface.name == name).unwrap().addresses.len()
    };
    assert_eq!((on("lo0"), on("lo1")), (2, 1));
    assert!(run(&host, text, Operation::Stop, &["www"]).is_well());
    assert_eq!((on("lo0"), on("lo1")), (2, 0));
}

#[test]
fn jails_on_a_network_of_their_own_hold_no_address_of_the_host() {
    let text = "
        path = /; persist;
        net { vnet; children.max = 1; }
        net.inner { ip4.addr = 10.0.0.2; }
        www { ip4.addr = 'lo0|10.0.0.2'; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, text, Operation::Start, &["*"]).is_well());
    assert!(run(&host, text, Operation::Stop, &["www"]).is_well());
    assert_eq!(found(&host), clean());
}

#[test]
fn a_command_that_fails_after_the_removal_leaves_nothing_to_come_back_to() {
    for hook in ["exec.poststop", "exec.release"] {
        let text = CONF.replace("persist;", &format!("persist; {hook} = false;"));
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, &text, Operation::Start, &["www"]).is_well());
        assert!(!run(&host, &text, Operation::Stop, &["www"]).is_well());
        assert_eq!(found(&host), clean());
        assert!(!life::has_left(&host, "www".into()).unwrap(), "{hook}");
    }
}

#[test]
fn a_jail_that_its_commands_keep_running_is_told_with_the_way_out() {
    let text = "www { path = /; persist; exec.stop = false; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, text, Operation::Start, &["www"]).is_well());
    let stopped = run(&host, text, Operation::Stop, &["www"]);
    let (_, error) = stopped.failures().next().unwrap();
    let told = "exec.stop: false: failed with status 1; the jail still runs, and 'jailkit remove' ends it without its commands";
    assert_eq!(error.to_string(), told);
}

#[test]
fn a_wrong_value_keeps_no_jail_running() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    let wrong = CONF.replace("persist;", "persist; stop.timeout = x; exec.timeout = -1;");
    let stopped = run(&host, &wrong, Operation::Stop, &["www"]);
    let (_, error) = stopped.failures().next().unwrap();
    assert_eq!(error.to_string(), "stop.timeout: 'x' is no number; and exec.timeout: no number of seconds");
    assert_eq!(found(&host), clean());
}

#[test]
fn what_could_not_be_started_again_is_not_stopped_for_a_restart() {
    let start = "path = /; persist; a {} b { depend = a; }";
    for wrong in ["nosuch;", "exec.timeout = abc;", "mount.fstab = \"/none\";", "depend = nowhere;"] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, start, Operation::Start, &["*"]).is_well());
        let restarted = run(&host, &format!("{start} a {{ {wrong} }}"), Operation::Restart, &["a"]);
        assert_eq!(restarted.failures().count(), 1, "{wrong}: {restarted:?}");
        assert_eq!(jailkit::kernel::running(host.kernel()).unwrap().len(), 2, "{wrong}");
    }
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, start, Operation::Start, &["*"]).is_well());
    life::remove(&host, &["a"], &Options::default(), &Silent).unwrap();
    // For one that does not run, none that needs it is stopped; and one that does not run keeps none running.
    assert!(!run(&host, start, Operation::Restart, &["a"]).is_well());
    assert_eq!(jailkit::kernel::running(host.kernel()).unwrap().len(), 1);
}

#[test]
fn a_mount_that_another_one_covers_is_not_forgotten() {
    let text = "path = /; persist; www { mount = '/srv/share /srv/www/share nullfs rw 0 0'; }
        db { mount = 'tmpfs /srv/www/share tmpfs rw 0 0'; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(
        run(&host, text, Operation::Start, &["www"]).is_well() && run(&host, text, Operation::Start, &["db"]).is_well()
    );
    let stopped = run(&host, text, Operation::Stop, &["www"]);
    let (_, error) = stopped.failures().next().unwrap();
    assert!(error.to_string().ends_with("tmpfs is mounted over it; unmount that first"), "{error}");
    for name in ["db", "www"] {
        assert!(run(&host, text, Operation::Stop, &[name]).is_well());
    }
    assert_eq!(found(&host), clean());
}

#[test]
fn a_mount_is_known_again_wherever_links_lead_by_then() {
    let text = "www { path = /srv/www; persist; mount = '/srv/current /srv/www/share nullfs rw 0 0'; mount.devfs; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let link = |to: &str| {
        std::fs::remove_file(dir.path().join("srv/current")).unwrap_or_default();
        std::os::unix::fs::symlink(to, dir.path().join("srv/current")).unwrap();
    };
    link("share");
    assert!(run(&host, text, Operation::Start, &["www"]).is_well());
    link("db");
    assert!(run(&host, text, Operation::Restart, &["www"]).is_well());
    assert_eq!(found(&host).0, 2);
    // The jail's root has given the directory another name.
    std::fs::rename(dir.path().join("srv/www/share"), dir.path().join("srv/www/moved")).unwrap();
    let stopped = run(&host, text, Operation::Stop, &["www"]);
    assert!(stopped.is_well(), "{stopped:?}");
    assert_eq!(found(&host), clean());
}

#[test]
fn what_an_earlier_jail_has_left_is_taken_back_behind_a_later_one() {
    for operation in [Operation::Stop, Operation::Restart] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
        life::remove(&host, &["www"], &Options::default(), &Silent).unwrap();
        let params = [JailKey::new("www").unwrap().into(), Param::flag("persist")];
        Jail::create(host.kernel(), &params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
        assert!(!run(&host, CONF, Operation::Start, &["www"]).is_well());
        let bare = "www { path = /; persist; }";
        let summary = run(&host, bare, operation, &["www"]);
        assert!(summary.is_well(), "{summary:?}");
        assert_eq!(found(&host), clean());
    }
}

#[test]
fn addresses_that_jails_hand_on_in_one_run_stay_on_their_interface() {
    let text = "path = /; persist; interface = lo0; z { ip4.addr = 10.0.0.1; } a { ip4.addr = 10.0.0.2; } b { ip4.addr = 10.0.0.3; }";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, text, Operation::Start, &["*"]).is_well());
    let next = text.replace("10.0.0.3", "10.0.0.4").replace("10.0.0.2", "10.0.0.3").replace("10.0.0.1", "10.0.0.11");
    assert!(run(&host, &next, Operation::Modify, &["*"]).is_well());
    let mut addresses = found(&host).1;
    addresses.sort();
    assert_eq!(addresses, ["10.0.0.11/32", "10.0.0.3/32", "10.0.0.4/32"]);
}

#[test]
fn an_address_that_a_killed_run_has_noted_and_not_added_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, CONF, Operation::Start, &["www"]).is_well());
    host.kernel().remove_address("lo0", "10.0.0.2".parse().unwrap()).unwrap();
    assert!(run(&host, CONF, Operation::Modify, &["www"]).is_well());
    assert_eq!(found(&host), whole());
}

#[test]
fn an_address_on_two_interfaces_goes_from_each_with_its_jail() {
    let text = "path = /; persist; a { ip4.addr = 'lo0|10.0.0.2'; } b { ip4.addr = 'lo1|10.0.0.2'; }";
    for order in [["a", "b"], ["b", "a"]] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        host.kernel().create_interface("lo1").unwrap();
        assert!(run(&host, text, Operation::Start, &["*"]).is_well());
        for name in order {
            assert!(run(&host, text, Operation::Stop, &[name]).is_well());
        }
        assert_eq!(found(&host), clean(), "{order:?}");
    }
}

#[test]
fn what_fails_besides_a_stop_keeps_no_other_jail_running() {
    let start = "path = /; persist; a {} b { depend = a; } c { depend = b; }";
    for wrong in ["stop.timeout = x;", "exec.poststop = false;"] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert!(run(&host, start, Operation::Start, &["*"]).is_well());
        let stopped = run(&host, &format!("{wrong} {start}"), Operation::Stop, &["*"]);
        assert_eq!(stopped.failures().count(), 3, "{stopped:?}");
        assert!(jailkit::kernel::running(host.kernel()).unwrap().is_empty(), "{wrong}");
    }
}

#[test]
fn a_jail_that_runs_serves_those_that_need_it_whatever_its_block_says_since() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(run(&host, "path = /; persist; a {} b { depend = a; }", Operation::Start, &["*"]).is_well());
    let text = "path = /; persist; a { exec.timeout = x; } b { depend = a; }";
    for (operation, names) in [(Operation::Restart, &["b"][..]), (Operation::Stop, &["b"]), (Operation::Start, &["b"])]
    {
        let summary = run(&host, text, operation, names);
        assert!(summary.is_well(), "{operation:?}: {summary:?}");
    }
    assert_eq!(jailkit::kernel::running(host.kernel()).unwrap().len(), 2);
}

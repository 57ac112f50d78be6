//! devfs in the simulated kernel: which devices it shows, and rulesets through the seam.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::host::{Host, SimHost};
use jailkit::jailconf::JailConf;
use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{DevfsRuleset, Errno, Kernel, MountRequest, Param, SetFlags, Value};
use jailkit::life::{self, Event, Observer, Options, What};
use jailkit::source::Source;
use jailkit::stack::Owner;

fn host() -> (tempfile::TempDir, SimKernel) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("jail/dev")).unwrap();
    let kernel = SimKernel::open(dir.path()).unwrap();
    (dir, kernel)
}

fn mount(kernel: &SimKernel, ruleset: u16) {
    kernel.mount(&MountRequest::devfs("/jail/dev", DevfsRuleset(ruleset))).unwrap();
}

/// Which of these devices a process finds below a directory.
fn found(kernel: &SimKernel, dir: &str) -> Vec<&'static str> {
    let asked = ["null", "random", "urandom", "ttyv0", "mem", "ada0", "fd", "fd/0", "pts/0", "usb/0.1.0", "pf", "none"];
    asked.into_iter().filter(|device| kernel.find(&Path::new(dir).join(device)).is_ok()).collect()
}

const ALL: &[&str] = &["null", "random", "urandom", "ttyv0", "mem", "ada0", "fd", "fd/0", "pts/0", "usb/0.1.0"];
const OF_A_JAIL: &[&str] = &["null", "random", "urandom", "fd", "fd/0", "pts/0"];

#[test]
fn each_ruleset_of_freebsd_shows_what_it_says() {
    let shown: &[(u16, &[&str])] = &[
        (0, ALL),
        (1, &[]),
        // These only unhide, and nothing has been hidden.
        (2, ALL),
        (3, ALL),
        (4, OF_A_JAIL),
        (5, OF_A_JAIL),
        (99, ALL),
    ];
    let (_dir, kernel) = host();
    for (ruleset, shown) in shown {
        mount(&kernel, *ruleset);
        assert_eq!(found(&kernel, "/jail/dev"), *shown, "ruleset {ruleset}");
        kernel.unmount(Path::new("/jail/dev"), false).unwrap();
    }
    kernel.load_module("pf").unwrap();
    for (ruleset, shows) in [(0, true), (4, false), (5, true)] {
        mount(&kernel, ruleset);
        assert_eq!(kernel.find(Path::new("/jail/dev/pf")).is_ok(), shows, "pf with ruleset {ruleset}");
        kernel.unmount(Path::new("/jail/dev"), false).unwrap();
    }
}

#[test]
fn a_jail_sees_the_devices_of_its_own_devfs() {
    let (_dir, kernel) = host();
    mount(&kernel, 4);
    let params = [
        Param::new("name", Value::String("www".into())),
        Param::new("path", Value::String("/jail".into())),
        Param::flag("persist"),
    ];
    let jid = kernel.jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    let inside = kernel.clone();
    inside.jail_attach(jid).unwrap();
    assert_eq!(found(&inside, "/dev"), OF_A_JAIL);
    assert_eq!(inside.find(Path::new("/dev/stdin")).unwrap().path, Path::new("/dev/fd/0"));
    assert!(!inside.find(Path::new("/dev/null")).unwrap().is_dir);
    for refused in [
        inside.apply_devfs_ruleset(Path::new("/dev"), DevfsRuleset(2)),
        inside.use_devfs_ruleset(Path::new("/dev"), DevfsRuleset::NONE),
        inside.devfs_rulesets().map(drop),
    ] {
        assert_eq!(refused.unwrap_err().errno, Errno::EPERM);
    }
}

#[test]
fn a_ruleset_is_used_or_applied() {
    let (_dir, kernel) = host();
    assert_eq!(kernel.devfs_rulesets().unwrap(), [1, 2, 3, 4, 5].map(DevfsRuleset));
    mount(&kernel, 0);
    let dev = Path::new("/jail/dev");
    let errno = |done: Result<(), jailkit::kernel::KernelError>| done.unwrap_err().errno;
    assert_eq!(errno(kernel.apply_devfs_ruleset(dev, DevfsRuleset(99))), Errno::ESRCH);
    assert_eq!(errno(kernel.apply_devfs_ruleset(dev, DevfsRuleset::NONE)), Errno::ESRCH, "it has none");
    assert_eq!(errno(kernel.apply_devfs_ruleset(Path::new("/jail"), DevfsRuleset(4))), Errno::ENOTTY);
    assert_eq!(errno(kernel.use_devfs_ruleset(Path::new("/none"), DevfsRuleset(4))), Errno::ENOENT);
    // What is there already is not touched by the ruleset alone.
    kernel.use_devfs_ruleset(dev, DevfsRuleset::JAIL).unwrap();
    assert_eq!(found(&kernel, "/jail/dev"), ALL);
    kernel.apply_devfs_ruleset(dev, DevfsRuleset::NONE).unwrap();
    assert_eq!(found(&kernel, "/jail/dev"), OF_A_JAIL);
    kernel.apply_devfs_ruleset(dev, DevfsRuleset(1)).unwrap();
    kernel.apply_devfs_ruleset(dev, DevfsRuleset(2)).unwrap();
    assert_eq!(found(&kernel, "/jail/dev"), ["null", "random", "urandom"]);
    // Another process of the host, which reads what the first has written.
    assert_eq!(found(&SimKernel::open(kernel.root()).unwrap(), "/jail/dev"), ["null", "random", "urandom"]);
}

/// What is told of rulesets.
#[derive(Default)]
struct Told(std::sync::Mutex<Vec<String>>);

impl Observer for Told {
    fn happens(&self, event: &Event<'_>) {
        let told = match event.what {
            What::RulesetMissing(ruleset) => format!("{}: no ruleset {ruleset}", event.jail),
            What::Mounted(request) => format!("{}: {}", event.jail, request.target.display()),
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }
}

#[test]
fn a_start_tells_of_a_ruleset_that_is_not_loaded_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for path in ["/srv/a", "/srv/a/dev", "/srv/b", "/srv/b/dev", "/srv/c", "/srv/c/dev"] {
        host.files().make_dir(Path::new(path), 0o755, Owner::ROOT).unwrap();
    }
    let text = "persist; path = \"/srv/$name\"; mount.devfs; a { } b { devfs_ruleset = 99; } c { devfs_ruleset = 0; }";
    let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    let told = Told::default();
    let summary = life::start(&host, &conf, &["a", "b", "c"], &Options::default(), &told).unwrap();
    assert!(summary.is_well(), "{summary:?}");
    let mut told = told.0.into_inner().unwrap();
    told.sort();
    assert_eq!(told, ["a: /srv/a/dev", "b: /srv/b/dev", "b: no ruleset 99", "c: /srv/c/dev"]);
}

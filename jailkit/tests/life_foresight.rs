//! What a dry run foresees: the start itself is refused for it too; and what may yet be cured is not claimed.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;
use std::sync::Mutex;

use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::life::{self, Event, Observer, Operation, Options, Silent, What};
use jailkit::source::Source;

const NAMES: &[&str] = &[];

/// Jails that most cases build on: `net` runs already, `gone` does not.
const RUNNING: &str = "net { path = /srv/net; persist; ip4.addr = 10.0.0.1, 10.0.0.2; }";

fn conf(text: &str) -> Resolved {
    JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap()
}

fn host(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    for made in ["srv/net", "srv/www/dev", "srv/www/share", "srv/www/inner/dev", "srv/base/etc", "srv/share"] {
        std::fs::create_dir_all(dir.join(made)).unwrap();
    }
    std::os::unix::fs::symlink("www", dir.join("srv/also")).unwrap();
    let started = life::start(&host, &conf(RUNNING), NAMES, &Options::default(), &Silent).unwrap();
    assert!(started.is_well(), "{started:?}");
    host
}

/// Why each jail would not be started, or was not.
fn refusals(jails: impl IntoIterator<Item = (String, Result<(), String>)>) -> String {
    let lines = jails.into_iter().filter_map(|(name, outcome)| Some(format!("{name}: {}", outcome.err()?)));
    lines.collect::<Vec<_>>().join("\n")
}

fn foreseen(host: &SimHost, text: &str, operation: Operation) -> String {
    let outline = life::outline(host, &conf(text), NAMES, operation, &Options::default(), &Silent).unwrap();
    let said = outline.into_iter().map(|(name, steps)| (name.to_string(), steps.map(drop).map_err(|e| e.to_string())));
    refusals(said)
}

fn done(host: &SimHost, text: &str) -> String {
    let summary = life::start(host, &conf(text), NAMES, &Options::default(), &Silent).unwrap();
    let said = summary.jails.into_iter();
    refusals(said.map(|(name, done)| (name.to_string(), done.map(drop).map_err(|error| error.to_string()))))
}

/// The jail.conf, what the dry run says, and what the start itself says where that is in other words.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "www { path = /srv/www; }",
        "www: persist: the jail has nothing to run and would be gone at once; give it an exec.start, or persist",
        "",
    ),
    ("www { path = /nope; persist; }", "www: path: /nope: No such file or directory", ""),
    // The path is what is missing, not what would be in it.
    ("www { path = /nope; persist; mount.devfs; }", "www: path: /nope: No such file or directory", ""),
    (
        "net.inner { path = /srv/net; persist; } gone.inner { path = /srv/www; persist; }",
        "gone.inner: is in the jail 'gone', which does not run",
        "gone.inner: jail_set \"gone.inner\": jail \"gone\" not found",
    ),
    ("www { path = /srv/www; persist; ip4.addr = em9|10.0.0.9; }", "www: ip4.addr: there is no interface 'em9'", ""),
    (
        "www { path = /srv/www; persist; vnet; vnet.interface = epair9b; }",
        "www: vnet.interface: there is no interface 'epair9b'",
        "",
    ),
    (
        "www { path = /srv/www; persist; ip4.addr = 10.0.0.2; }",
        "www: ip4.addr: 10.0.0.2 is the jail 'net's, and jails share an address only where neither has another one",
        "www: jail_set \"www\": IPv4 addresses clash",
    ),
    (
        "www { path = /srv/www; persist; mount = '/srv/nosuch /srv/www/share nullfs ro 0 0'; }",
        "www: mount: /srv/nosuch: No such file or directory",
        "www: mount nullfs on /srv/www/share: /srv/nosuch: No such file or directory",
    ),
    (
        "www { path = /srv/www; persist; mount = '/srv/share /srv/www/nosuch nullfs ro 0 0'; }",
        "www: mount: /srv/www/nosuch: No such file or directory",
        "",
    ),
    // A nullfs shows what is in its source, and nothing else.
    (
        "www { path = /srv/www; persist; mount = '/srv/base /srv/www/share nullfs ro 0 0'; \
         mount += '/srv/share /srv/www/share/var nullfs rw 0 0'; }",
        "www: mount: /srv/www/share/var: No such file or directory",
        "",
    ),
    (
        "a { path = /nope; persist; } b { path = /srv/www; persist; depend = a; } c { path = /srv/www; persist; }",
        "a: path: /nope: No such file or directory\nb: skipped (depends on a, which failed)",
        "",
    ),
];

#[test]
fn what_is_sure_to_be_refused_is_foreseen() {
    for (text, foreseen_as, done_as) in REFUSED {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        assert_eq!(foreseen(&host, text, Operation::Start), *foreseen_as, "{text}");
        assert_eq!(foreseen(&host, text, Operation::StartOrModify), *foreseen_as, "{text}");
        let done = done(&host, text);
        assert_eq!(done, if done_as.is_empty() { *foreseen_as } else { *done_as }, "{text}");
    }
}

/// What comes first may make what is missing now.
const CURABLE: &[&str] = &[
    "www { path = /nope; persist; mount.devfs; exec.prepare = 'mkdir -p /nope/dev'; }",
    "www { path = /nope; persist; exec.prestart = 'mkdir /nope'; }",
    "www { path = /srv/www; persist; ip4.addr = em9|10.0.0.9; exec.prepare = 'ifconfig em9 create'; }",
    "www { path = /srv/www; persist; vnet; vnet.interface = epair9b; exec.created = 'ifconfig epair9 create'; }",
    "www { path = /srv/www; persist; ip4.addr = 10.0.0.2; exec.prestart = 'jail -r net'; }",
    "gone.inner { path = /srv/www; persist; exec.prestart = 'jail -c gone'; }",
    // The jail that is started first does it.
    "a { path = /srv/base; persist; exec.poststart = 'mkdir /nope'; } b { path = /nope; persist; depend = a; }",
    "a { path = /srv/base; exec.start = 'mkdir /b'; } b { path = /srv/base/b; persist; depend = a; }",
    // A parent of the file runs by then.
    "a { path = /srv/base; persist; children.max = 1; } a.b { path = /srv/base/etc; persist; }",
    // What is mounted first has it.
    "www { path = /srv/www/share/etc; persist; mount = '/srv/base /srv/www/share nullfs ro 0 0'; }",
    "www { path = /srv/www; persist; mount = '/srv/base /srv/also/share nullfs ro 0 0'; \
     mount += '/srv/share /srv/www/share/etc nullfs rw 0 0'; }",
    // Only jails with one address each may share it, and those on a network stack of their own have any.
    "www { path = /srv/www; persist; vnet; ip4.addr = 10.0.0.2; }",
];

#[test]
fn what_may_yet_be_cured_is_not_claimed() {
    for text in CURABLE {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(foreseen(&host(dir.path()), text, Operation::Start), "", "{text}");
    }
}

/// What a jail that is stopped first has is free by then; what is missing outside its tree is missing still.
#[test]
fn a_restart_is_foreseen_behind_its_stop() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let net = "net { path = /srv/net; persist; ip4.addr = 10.0.0.1, 10.0.0.2; ";
    for (more, expected) in [
        ("}", ""),
        ("mount.devfs; }", ""),
        ("mount = '/srv/nosuch /srv/net nullfs ro 0 0'; }", "net: mount: /srv/nosuch: No such file or directory"),
        ("mount = '/srv/nosuch /srv/net nullfs ro 0 0'; exec.release = 'mkdir /srv/nosuch'; }", ""),
    ] {
        assert_eq!(foreseen(&host, &format!("{net}{more}"), Operation::Restart), expected, "{more}");
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn happens(&self, event: &Event<'_>) {
        if let What::RulesetMissing(ruleset) = event.what {
            self.0.lock().unwrap().push(format!("{}: {ruleset}", event.jail));
        }
    }
}

#[test]
fn a_ruleset_that_is_not_loaded_is_told_before_as_in_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let www = "www { path = /srv/www; persist; mount.devfs; devfs_ruleset = 99; ";
    for (more, expected) in [("}", &["www: 99"][..]), ("exec.prepare = 'service devfs restart'; }", &[])] {
        let told = Told::default();
        let conf = conf(&format!("{www}{more}"));
        life::outline(&host, &conf, NAMES, Operation::Start, &Options::default(), &told).unwrap();
        assert_eq!(*told.0.lock().unwrap(), expected, "{more}");
    }
    assert_eq!(host.kernel().mounts().unwrap().len(), 1);
}

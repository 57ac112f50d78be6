//! What jail(8) and libjail make of a jail's parameters before the kernel sees them, rule by rule.
//!
//! Sources: `check_intparams` and `import_params` of jail(8), `jailparam_import` and `kldload_param` of libjail.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::host::{Host, SimHost};
use jailkit::jailconf::JailConf;
use jailkit::kernel::{JailKey, Param, SetFlags};
use jailkit::life::{self, Format, List, Operation, Options, Selection, Silent};
use jailkit::source::Source;

fn host(dir: &Path) -> SimHost {
    let host = SimHost::open(dir).unwrap();
    host.files()
        .replace(Path::new("/etc/hosts"), b"10.1.0.1 web.example.org\nfd00::9 web.example.org\n", 0o644)
        .unwrap();
    host
}

/// What becomes of the jail `www` with these parameters: the one asked for as jls(8) shows it, or why it failed.
fn came_of(host: &SimHost, params: &str, operation: Operation, shown: &str) -> String {
    let text = format!("www {{ path = /; persist; {params} }}");
    let conf = JailConf::parse(&Source::new("jail.conf", text.as_bytes())).unwrap().resolve().unwrap();
    let summary = life::run(host, &conf, &["www"], operation, &Options::default(), &life::Silent).unwrap();
    if let Some((_, error)) = summary.failures().next() {
        return error.to_string();
    }
    let format = Format { name_value: true, params: vec![shown.to_owned()], ..Format::default() };
    let mut list = List::new(host, format).unwrap();
    list.read(host, &Selection { jail: Some("www".into()), dying: false }).unwrap();
    list.body().trim_end().to_owned()
}

#[test]
fn values_are_read_as_libjail_reads_them() {
    let cases = [
        // A boolean is true, false or any number; the empty text is 0.
        ("allow.raw_sockets = TRUE;", "allow.raw_sockets"),
        ("allow.raw_sockets = 2;", "allow.raw_sockets"),
        ("allow.raw_sockets = \"\";", "allow.raw_sockets"),
        ("allow.noraw_sockets = 0;", "allow.raw_sockets"),
        ("allow.raw_sockets = yes;", "allow.raw_sockets"),
        // disable, new and inherit in any case, or their numbers; bare or empty is new.
        ("ip4 = Inherit;", "ip4"),
        ("ip4 = 2;", "ip4"),
        ("vnet;", "vnet"),
        ("vnet = \"\";", "vnet"),
        ("ip4 = none;", "ip4"),
        // A number by strtol(3); none at all is 0.
        ("securelevel = \" +2\";", "securelevel"),
        ("securelevel;", "securelevel"),
        ("securelevel = two;", "securelevel"),
        ("children.max = 99999999999;", "children.max"),
        ("host.hostid = 4294967295;", "host.hostid"),
        ("host.hostid = 18446744073709551615;", "host.hostid"),
        // A text that is not given is empty.
        ("host.hostname;", "host.hostname"),
        // Of several values of what has one, the last counts.
        ("host.hostname = a, b;", "host.hostname"),
        // Addresses: several in one value where nothing is behind them; a blank or slash ends the value.
        ("ip4.addr = \"10.0.0.1,10.0.0.2\";", "ip4.addr"),
        ("ip4.addr = 10.0.0.1, 10.0.0.2/24;", "ip4.addr"),
        ("ip4.addr = \"10.0.0.1, 10.0.0.2\";", "ip4.addr"),
        ("ip4.addr = \"10.0.0.1/32,10.0.0.2\";", "ip4.addr"),
        ("ip4.addr = 10.0.0.1, \"\";", "ip4.addr"),
        ("ip4.addr = \"\";", "ip4.addr"),
        ("ip4.addr = \"-\";", "ip4.addr"),
        ("ip4.addr = fd00::1;", "ip4.addr"),
        ("interface = lo0; ip4.addr = \"10.0.0.1,10.0.0.2\";", "ip4.addr"),
        ("interface = lo0; ip4.addr = \"10.0.0.1/255.255.255.0\";", "ip4.addr"),
        // Everything that is unknown or wrong is told, not the first of it only.
        ("nosuch; allow.nosuch = 1; securelevel = x;", "jid"),
        // jail(8)'s own booleans and numbers are checked, too.
        ("exec.clean = maybe; exec.timeout = soon; stop.timeout = \"\";", "jid"),
        // Both of those together, and what is no mount or no address; each is told once.
        ("exec.timeout = soon; nosuch; securelevel = x;", "jid"),
        ("interface = lo0; ip4.addr = 10.0.0.300; mount = /srv; nosuch;", "jid"),
        // ip_hostname says nothing without a hostname.
        ("ip_hostname;", "ip4.addr"),
        ("ip_hostname; host.hostname = web.example.org;", "ip4.addr"),
        ("ip_hostname; host.hostname = web.example.org; ip6.addr = fd00::1;", "ip6.addr"),
        ("ip_hostname; host.hostname = nosuch.example.org;", "jid"),
    ];
    let came: Vec<_> = cases
        .iter()
        .map(|(params, shown)| {
            let dir = tempfile::tempdir().unwrap();
            format!("{params}\n    {}", came_of(&host(dir.path()), params, Operation::Start, shown))
        })
        .collect();
    insta::assert_snapshot!(came.join("\n"));
}

/// A name that no jail can have is refused before anything is done, and by its own words.
#[test]
fn a_name_that_no_jail_can_have_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let long = "x".repeat(256);
    for (name, reason) in [("a..b", "has an empty part"), (long.as_str(), "there is room for 255")] {
        let text = format!("\"{name}\" {{ path = /; persist; exec.prestart = touched; }}");
        let conf = JailConf::parse(&Source::new("jail.conf", text.as_bytes())).unwrap().resolve().unwrap();
        let summary = life::start(&host, &conf, &[name], &Options::default(), &life::Silent).unwrap();
        let (_, error) = summary.failures().next().unwrap();
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(host.sim_processes().recorded().unwrap().is_empty());
}

/// The addresses that `ip_hostname` finds go on `interface` with those of the file, and come off it again.
#[test]
fn addresses_of_the_hostname_go_on_the_interface() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let on_lo0 = || {
        let found = host.kernel().interfaces().unwrap();
        let lo0 = found.into_iter().find(|interface| interface.name == "lo0").unwrap();
        lo0.addresses.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let before = on_lo0();
    let params = "interface = lo0; ip4.addr = 10.0.0.1; ip_hostname; host.hostname = web.example.org;";
    assert_eq!(came_of(&host, params, Operation::Start, "ip4.addr"), "ip4.addr=10.0.0.1,10.1.0.1");
    let added: Vec<_> = on_lo0().into_iter().filter(|address| !before.contains(address)).collect();
    assert_eq!(added, ["10.0.0.1/32", "10.1.0.1/32", "fd00::9/128"]);
    // A change has them, too.
    let params = format!("{params} securelevel = 1;");
    assert_eq!(came_of(&host, &params, Operation::Modify, "ip4.addr"), "ip4.addr=10.0.0.1,10.1.0.1");
    let text = format!("www {{ path = /; persist; {params} }}");
    let conf = JailConf::parse(&Source::new("jail.conf", text.as_bytes())).unwrap().resolve().unwrap();
    let stopped = life::stop(&host, &conf, &["www"], &Options::default(), &life::Silent).unwrap();
    assert!(stopped.is_well(), "{stopped:?}");
    assert_eq!(on_lo0(), before);
}

/// A parameter of a module that is not loaded loads it; showing what would be done does not.
#[test]
fn a_module_is_loaded_for_its_parameter() {
    let start = |params: &str, shown: &str| {
        let dir = tempfile::tempdir().unwrap();
        came_of(&host(dir.path()), params, Operation::Start, shown)
    };
    let (mount, enforce) = ("allow.mount; enforce_statfs = 1;", "allow.mount.linprocfs");
    assert_eq!(start(&format!("{mount} allow.mount.linprocfs;"), enforce), "allow.mount.linprocfs");
    assert_eq!(start(&format!("{mount} allow.mount.nolinprocfs;"), enforce), "allow.mount.nolinprocfs");
    assert_eq!(
        start("allow.mount.nosuchfs;", "jid"),
        "allow.mount.nosuchfs: unknown parameter; did you mean 'allow.mount.nullfs'?"
    );

    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let text = "www { path = /; persist; allow.mount.linprocfs; }";
    let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    let outline = life::outline(&host, &conf, &["www"], Operation::Start, &Options::default(), &Silent).unwrap();
    assert!(outline[0].1.is_ok() && !host.kernel().has_module("linprocfs").unwrap(), "{outline:?}");
    let words = [("path", Some("/")), ("allow.mount.linprocfs", None), ("persist", None)];
    life::set_jail(host.kernel(), &words, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    assert!(host.kernel().has_module("linprocfs").unwrap());
}

/// What has become of a jail's addresses and mounts in the file does not keep it running: it is stopped, and the rest is
/// told.
#[test]
fn a_jail_is_stopped_whatever_has_become_of_its_mounts() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    // As jail(8) starts it: of one that jailkit has started it is known what it has mounted.
    let www = [JailKey::new("www").unwrap().into(), Param::flag("persist")];
    host.kernel().jail_set(&www, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    let params = "mount = \"/only two\"; interface = lo0; ip4.addr = \"10.0.0.1/99\";";
    insta::assert_snapshot!(came_of(&host, params, Operation::Stop, "name"));
    assert!(jailkit::kernel::running(host.kernel()).unwrap().is_empty());
}

//! jls(8) on FreeBSD 13.2, as `tests/corpus/lifecycle/jls-jexec.txt` shows it: the same lines for the same jails.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::host::{Host, SimHost};
use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::sim::scenario::Runner;
use jailkit::kernel::{Jid, Param, SetFlags, Value};
use jailkit::life::{self, Enter, Format, Handle, LifeError, List, ListError, Selection};

const TRANSCRIPT: &str = include_str!("corpus/lifecycle/jls-jexec.txt");

fn text(name: &str, value: &str) -> Param {
    Param::new(name, Value::String(value.into()))
}

/// The jails of the transcript.
fn host(dir: &std::path::Path) -> SimHost {
    SimKernel::boot(dir, "13.2".parse().unwrap()).unwrap();
    let host = SimHost::open(dir).unwrap();
    let addresses = Value::Ipv4(vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]);
    let six = Value::Ipv6(vec!["::1".parse().unwrap()]);
    let create = |params: &[Param]| {
        let flags = SetFlags { create: true, ..SetFlags::default() };
        host.kernel().jail_set(params, flags).unwrap();
    };
    create(&[
        text("name", "www"),
        text("path", "/"),
        text("host.hostname", "www.example.org"),
        Param::new("ip4.addr", addresses),
        Param::new("ip6.addr", six),
        Param::new("children.max", Value::Int(3)),
        Param::flag("allow.raw_sockets"),
        Param::flag("persist"),
    ]);
    create(&[text("name", "db"), text("path", "/tmp"), text("host.hostname", "d b"), Param::flag("persist")]);
    create(&[text("name", "db.inner"), text("path", "/tmp"), Param::flag("persist")]);
    create(&[text("name", "v"), text("path", "/"), Param::new("vnet", Value::Int(1)), Param::flag("persist")]);
    host
}

/// What jls(8) printed for these arguments.
fn recorded(arguments: &str) -> String {
    let start = format!("$ jls{arguments}\n");
    let body = TRANSCRIPT.split_once(&start).unwrap().1;
    body.split("status ").next().unwrap().to_owned()
}

fn ours(host: &SimHost, format: Format, selection: &Selection) -> String {
    let mut list = List::new(host, format).unwrap();
    list.read(host, selection).unwrap();
    list.header() + &list.body()
}

fn params(names: &str) -> Format {
    Format { params: names.split_whitespace().map(str::to_owned).collect(), ..Format::default() }
}

#[test]
fn the_lines_are_those_of_jls() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let all = Selection::default();
    let www = Selection { jail: Some("www".into()), dying: false };
    let cases = [
        ("", Format::default(), &all),
        (" -v", Format { verbose: true, ..Format::default() }, &all),
        (" -n", Format { name_value: true, ..Format::default() }, &all),
        (" -nq -j www", Format { name_value: true, quoted: true, ..Format::default() }, &www),
        (" -h", Format { header: true, ..Format::default() }, &all),
        (" -h jid name path ip4.addr", Format { header: true, ..params("jid name path ip4.addr") }, &all),
        (" jid name host.hostname", params("jid name host.hostname"), &all),
        (" -q host.hostname", Format { quoted: true, ..params("host.hostname") }, &all),
        (" -s", Format { settable: true, ..Format::default() }, &all),
        (" -j www ip4.addr ip6.addr", params("ip4.addr ip6.addr"), &www),
        (" -N", Format { names: true, ..Format::default() }, &all),
        (" -d", Format::default(), &Selection { jail: None, dying: true }),
        (" -n ip4", Format { name_value: true, ..params("ip4") }, &all),
    ];
    for (arguments, format, selection) in cases {
        assert_eq!(ours(&host, format, selection), recorded(arguments), "jls{arguments}");
    }
}

/// libxo's documents name things differently; the values are the same.
#[test]
fn programs_get_the_values_that_libxo_has() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let recorded: serde_json::Value = serde_json::from_str(&recorded(" --libxo json")).unwrap();
    let theirs = recorded["jail-information"]["jail"].as_array().unwrap();
    let mut list = List::new(&host, Format::default()).unwrap();
    list.read(&host, &Selection::default()).unwrap();
    let ours = list.json();
    assert_eq!(ours.as_array().unwrap().len(), theirs.len());
    for (ours, theirs) in ours.as_array().unwrap().iter().zip(theirs) {
        let first = ours["ip4.addr"].as_array().unwrap().first().and_then(|address| address.as_str());
        assert_eq!(first.unwrap_or_default(), theirs["ipv4"]);
        for (name, key) in [("jid", "jid"), ("host.hostname", "hostname"), ("path", "path")] {
            assert_eq!(ours[name], theirs[key], "{name}");
        }
    }
}

#[test]
fn unknown_names_are_refused_in_the_words_of_jls() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(matches!(List::new(&host, params("nosuchparam")), Err(ListError::Unknown(_))));
    let mut list = List::new(&host, Format::default()).unwrap();
    let selection = Selection { jail: Some("nosuch".into()), dying: false };
    assert_eq!(list.read(&host, &selection).unwrap_err().to_string(), "jail \"nosuch\" not found");
    // The kernel names a number without quotes, and says what is dying.
    let mut refusal = |jail: &str| {
        let selection = Selection { jail: Some(jail.into()), dying: false };
        list.read(&host, &selection).unwrap_err().to_string()
    };
    assert_eq!(refusal("99"), "jail 99 not found");
    assert_eq!(refusal("0"), "jail \"0\" not found");

    let dir = tempfile::tempdir().unwrap();
    let scenario = "x = set c name=s:last persist\nhold $x\nremove $x";
    let mut runner = Runner::boot(dir.path(), "13.2".parse().unwrap()).unwrap();
    runner.run(scenario).unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let mut list = List::new(&host, Format::default()).unwrap();
    let mut read = |jail: &str, dying| list.read(&host, &Selection { jail: Some(jail.into()), dying });
    assert_eq!(read("last", false).unwrap_err().to_string(), "jail \"last\" is dying; -d shows it");
    assert_eq!(read("1", false).unwrap_err().to_string(), "jail 1 is dying; -d shows it");
    assert!(read("1", true).is_ok() && read("last", true).is_ok());
}

#[test]
fn what_a_jail_calls_itself_cannot_act_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let params = [text("name", "evil"), text("host.hostname", "\x1b[2J"), Param::flag("persist")];
    host.kernel().jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    assert!(!ours(&host, Format::default(), &Selection::default()).contains('\x1b'));
}

/// jexec(8) on FreeBSD: an unknown jail, a program that is not there, and the status of the one that is.
#[test]
fn a_jail_is_entered_by_name_or_number_and_an_unknown_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let into = |jail: &str| life::enter(&host, jail.into(), Enter { command: vec!["echo".into()], ..Enter::default() });
    for jail in ["db.inner", "3"] {
        let inside = into(jail).unwrap().jail.unwrap();
        assert_eq!((inside.jid, inside.name, inside.root.to_str()), (Jid(3), "db.inner".into(), Some("/tmp")));
    }
    for jail in ["nosuch", "99", "0", "-1", ""] {
        assert!(matches!(into(jail), Err(LifeError::NotRunning { .. })), "{jail}");
    }
    assert_eq!(Handle::find(host.kernel(), "www".into()).unwrap().unwrap().path, "/");
}

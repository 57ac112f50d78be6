//! jls(8) on FreeBSD 13.2, as `tests/corpus/lifecycle/jls-jexec.txt` shows it: the same lines for the same jails.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::host::{Host, SimHost};
use jailkit::kernel::{Param, SetFlags, Value};
use jailkit::life::{Format, List, ListError, Selection};

const TRANSCRIPT: &str = include_str!("corpus/lifecycle/jls-jexec.txt");

fn text(name: &str, value: &str) -> Param {
    Param::new(name, Value::String(value.into()))
}

/// The jails of the transcript.
fn host(dir: &std::path::Path) -> SimHost {
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
    create(&[
        text("name", "db"),
        text("path", "/tmp"),
        text("host.hostname", "d b"),
        Param::new("children.max", Value::Int(1)),
        Param::flag("persist"),
    ]);
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

fn ours(host: &SimHost, format: Format) -> String {
    let mut list = List::new(host, format).unwrap();
    list.read(host, &Selection::default()).unwrap();
    list.header() + &list.body()
}

fn params(names: &str) -> Format {
    Format { params: names.split_whitespace().map(str::to_owned).collect(), ..Format::default() }
}

#[test]
fn the_tables_are_those_of_jls() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let cases = [
        ("", Format::default()),
        (" -N", Format { names: true, ..Format::default() }),
        (" -h jid name path ip4.addr", Format { header: true, ..params("jid name path ip4.addr") }),
        (" jid name host.hostname", params("jid name host.hostname")),
        (" -q host.hostname", Format { quoted: true, ..params("host.hostname") }),
    ];
    for (arguments, format) in cases {
        assert_eq!(ours(&host, format), recorded(arguments), "jls{arguments}");
    }
    let verbose = ours(&host, Format { verbose: true, ..Format::default() });
    // The numbers of cpusets are the kernel's affair.
    let without_cpusets = |text: &str| -> Vec<String> {
        let is_number = |line: &&str| line.trim().parse::<u32>().is_err();
        text.lines().filter(is_number).map(str::to_owned).collect()
    };
    assert_eq!(without_cpusets(&verbose), without_cpusets(&recorded(" -v")));
}

#[test]
fn what_jail_8_would_take_is_quoted_and_leaves_out_what_cannot_be_set() {
    let dir = tempfile::tempdir().unwrap();
    let text = ours(&host(dir.path()), Format { settable: true, ..Format::default() });
    let second = text.lines().nth(1).unwrap();
    assert!(second.contains("host.hostname=\"d b\"") && second.contains("allow.noraw_sockets"), "{second}");
    assert!(text.lines().all(|line| !line.contains("cpuset.id=") && !line.contains("parent=")), "{text}");
}

#[test]
fn unknown_names_are_refused_in_the_words_of_jls() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    assert!(matches!(List::new(&host, params("nosuchparam")), Err(ListError::Unknown(_))));
    let mut list = List::new(&host, Format::default()).unwrap();
    let selection = Selection { jail: Some("nosuch".into()), dying: false };
    assert_eq!(list.read(&host, &selection).unwrap_err().to_string(), "jail \"nosuch\" not found");
}

#[test]
fn what_a_jail_calls_itself_cannot_act_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let params = [text("name", "evil"), text("host.hostname", "\x1b[2J"), Param::flag("persist")];
    host.kernel().jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    assert!(!ours(&host, Format::default()).contains('\x1b'));
}

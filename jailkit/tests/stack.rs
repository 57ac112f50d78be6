//! What a stack file becomes, and what is found wrong with one.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::source::{Severity, Source};
use jailkit::stack::{self, Access, BaseExpectation, Stack};

const REFERENCE: &str = include_str!("../../examples/web-and-db/jailkit.toml");

fn read(text: &str) -> Stack {
    let (stack, warnings) = stack::read(&Source::new("/etc/stack/jailkit.toml", text)).unwrap();
    assert_eq!(warnings, []);
    stack
}

#[test]
fn the_reference_stack_says_what_it_means() {
    let stack = read(REFERENCE);
    assert_eq!(stack.name, "web-and-db");
    assert_eq!(stack.base.expect, BaseExpectation::Manifest("/etc/stack/MANIFEST".into()));
    let names: Vec<_> = stack.jails.iter().map(|jail| jail.name.as_str()).collect();
    assert_eq!(names, ["db", "www"]);
    assert_eq!(stack.jail("www").unwrap().publish[0].ports, [80, 443]);
    assert_eq!(stack.jail("db").unwrap().publish, []);
    let accesses: Vec<_> = stack.shared[0].mounts.iter().map(|mount| mount.access).collect();
    assert_eq!(accesses, [Access::Rw, Access::Ro]);
}

#[test]
fn what_is_not_said_has_the_documented_default() {
    let stack = read(
        r#"
        host = { interface = "em0", address = "192.0.2.1", loopback = { network = "10.1.0.0/30" } }
        base = { archive = "b.txz", sha256 = "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789" }
        defaults = { "exec.start" = "/bin/sh /etc/rc.local", "mount.devfs" = false, "enforce_statfs" = 1 }
        [jails.a]
        [jails.b]
        address = "10.1.0.1"
        params = { "allow.raw_sockets" = true, "exec.prestart" = ["one", "two"] }
        ready = { tcp = 3306 }
        [jails.a.ready]
        command = "/bin/ls /var/run/up"
        timeout = 5
        "#,
    );
    insta::assert_json_snapshot!(stack);
}

/// A change to the reference stack, the text the error points at, and its words.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (
        "address = \"10.0.0.2\"",
        "address = \"10.0.1.2\"",
        "\"10.0.1.2\"",
        "10.0.1.2 of jail 'www' is outside the network 10.0.0.0/24",
    ),
    (
        "address = \"10.0.0.2\"",
        "address = \"10.0.0.1\"",
        "\"10.0.0.1\"",
        "10.0.0.1 of jail 'www' is already jail 'db's",
    ),
    (
        "address = \"10.0.0.2\"",
        "address = \"10.0.0.255\"",
        "\"10.0.0.255\"",
        "10.0.0.255 of jail 'www' is no host's address in 10.0.0.0/24",
    ),
    ("address = \"10.0.0.2\"", "address = \"ten\"", "\"ten\"", "'jails.www.address' must be an IPv4 address"),
    (
        "hostname = \"db.example.org\"",
        "hostname = \"db\"\npublish = [{ port = 80 }]",
        "80",
        "tcp port 80 of the host is already jail 'db's",
    ),
    ("[jails.db]", "[jails.net]", "net", "jail 'net' needs the pf macro $jailnet, which is the host's already"),
    ("[80, 443]", "[80, 70000]", "70000", "'jails.www.publish.ports' must be a port from 1 to 65535"),
    ("[80, 443]", "[80, 80]", "80", "tcp port 80 of the host is already jail 'www's"),
    ("depends = [\"db\"]", "depends = [\"dv\"]", "\"dv\"", "there is no jail 'dv' in this stack"),
    ("depends = [\"db\"]", "depends = [\"www\"]", "www", "the jails www depend on each other in a circle"),
    (
        "/var/run/mysql/sock",
        "/var/../../etc",
        "\"/var/../../etc\"",
        "a mount point, as the jail sees it, has no '..' in it, and '/var/../../etc' has",
    ),
    (
        "/var/run/mysql/sock",
        "var/run",
        "\"var/run\"",
        "a mount point, as the jail sees it, is absolute, and 'var/run' is not",
    ),
    (
        "depends = [\"db\"]",
        "ready = { tcp = 80, socket = \"/s\" }",
        "{ tcp = 80, socket = \"/s\" }",
        "'ready' names one thing to wait for",
    ),
    ("depends = [\"db\"]", "ready = { timeout = 5 }", "{ timeout = 5 }", "'ready' names one thing to wait for"),
    ("depends = [\"db\"]", "ready = { tcp = 0 }", "0", "'jails.www.ready.tcp' must be a port from 1 to 65535"),
    (
        "depends = [\"db\"]",
        "ready = { tcp = 80, timeout = 0 }",
        "0",
        "'jails.www.ready.timeout' must be a number of seconds, from 1 to 86400",
    ),
    (
        "depends = [\"db\"]",
        "ready = { socket = \"run/s\" }",
        "\"run/s\"",
        "a path of the jail is absolute, and 'run/s' is not",
    ),
    ("depends = [\"db\"]", "ready = { port = 80 }", "port", "unknown key 'jails.www.ready.port'"),
    ("mounts.www", "mounts.web", "web", "there is no jail 'web' in this stack"),
    ("hostname = \"www", "hostnmae = \"www", "hostnmae", "unknown key 'jails.www.hostnmae'"),
    ("archive = \"base.txz\"", "", "[base]", "'base.archive' is missing"),
    ("manifest = \"MANIFEST\"", "sha256 = \"12\"", "\"12\"", "'base.sha256' must be 64 hexadecimal digits"),
    ("owner = \"88:88\"", "owner = \"mysql\"", "\"mysql\"", "'shared.owner' must be a numeric \"uid:gid\""),
    ("[jails.www]", "[jails.80]", "80", "'80' cannot name a jail of a stack"),
    ("10.0.0.0/24", "10.0.0.1/24", "\"10.0.0.1/24\"", "'10.0.0.1/24' has host bits set; the network is 10.0.0.0/24"),
    ("name = \"web-and-db\"", "name = ", "", "string values must be quoted"),
    ("[80, 443]", "[]", "[]", "at least one port is published"),
    ("\"/srv/jail\"", "\"/\"", "\"/\"", "/ is the system's own"),
    ("\"/var/log/jail\"", "\"/srv/jail\"", "\"/srv/jail\"", "/srv/jail and /srv/jail are in each other's way"),
    ("\"/srv/share/mysql\"", "\"/srv/jail/x\"", "\"/srv/jail/x\"", "/srv/jail/x and /srv/jail are in each other's way"),
    ("\"/var/run/mysql\"", "\"/var/log\"", "\"/var/log\"", "jail 'www' already has something mounted at /var/log"),
    ("[jails.db]", "[defaults]\npath = \"/\"\n[jails.db]", "path", "'path' cannot be set by hand"),
];

#[test]
fn each_error_points_at_what_is_wrong() {
    for (good, bad, at, message) in BROKEN {
        let text = REFERENCE.replacen(good, bad, 1);
        assert_ne!(text, REFERENCE, "{good} is in the reference stack");
        let found = stack::read(&Source::new("jailkit.toml", text.as_str())).unwrap_err();
        let matching = found.iter().find(|one| one.message.starts_with(message));
        let Some(one) = matching else { panic!("{bad}: expected '{message}', found:\n{found}") };
        assert_eq!(String::from_utf8_lossy(one.source.slice(one.span)), **at, "{message}");
    }
}

#[test]
fn all_errors_come_at_once_and_a_near_name_is_offered() {
    let text = "[host]\ninterfaec = \"em0\"\n[base]\n[jails]\n";
    let found = stack::read(&Source::new("jailkit.toml", text)).unwrap_err();
    insta::assert_snapshot!(found);
    assert!(found.iter().any(|one| one.help.as_deref() == Some("did you mean 'interface'?")));
}

#[test]
fn a_second_writer_of_a_shared_directory_is_a_warning() {
    let text = REFERENCE.replace("access = \"ro\"", "access = \"rw\"");
    let (_, warnings) = stack::read(&Source::new("jailkit.toml", text)).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].severity, Severity::Warning);
    assert_eq!(warnings[0].message, "/srv/share/mysql is mounted read-write in 'db' and in 'www' as well");
}

#[test]
fn bytes_that_are_not_utf_8_are_pointed_at() {
    let found = stack::read(&Source::new("jailkit.toml", b"name = \"\xff\"".to_vec())).unwrap_err();
    assert_eq!(found.to_string(), "jailkit.toml:1:9: error: a stack file is UTF-8 text, and this byte is not");
}

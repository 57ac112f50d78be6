//! Who reaches whom by a pf.conf: the reference stack, and small rulesets for each thing that decides it.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::host::{Host, SimHost};
use jailkit::journal::Journal;
use jailkit::pf::reach::{Protocol, Reach, Zones};
use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
use jailkit::source::Source;
use jailkit::{jailconf::JailConf, plan, stack};

fn zones() -> Zones {
    let mut interfaces = Interfaces::default();
    interfaces.add("igb0=203.0.113.10/24,2001:db8::10/64").unwrap();
    let mut zones = Zones::new(interfaces, "igb0");
    zones.add("db=10.0.0.1@lo1").unwrap();
    zones.add("www=10.0.0.2,2001:db8:1::2@lo1").unwrap();
    zones
}

fn ruleset(rules: &str, zones: &Zones) -> Ruleset {
    let env = Environment { interfaces: zones.interfaces(), files: &NoFiles, max_rules: MAX_RULES };
    Ruleset::read(&Source::new("pf.conf", rules), &env).unwrap_or_else(|error| panic!("{rules}\n{error}"))
}

/// What one zone reaches in another: address, ports, and the lines of the rules that let it.
fn reached(reach: &Reach<'_>, from: &str, to: &str, protocol: Protocol) -> String {
    let zone = |name: &str| reach.zones.iter().position(|zone| zone.name == name);
    let entries = reach.entries.iter().filter(|entry| {
        entry.protocol == protocol
            && Some(entry.from.zone) == zone(from)
            && entry.to.map(|to| to.zone) == zone(to)
            && entry.address.is_ipv4()
    });
    let told = entries.map(|entry| {
        let ports: Vec<_> = entry.ports.iter().map(ToString::to_string).collect();
        let through: Vec<_> = entry.through.iter().map(|one| one.to_string().replace("pf.conf:", "")).collect();
        let part = entry.from.network.map(|network| format!("from {} ", network.address())).unwrap_or_default();
        let arrives =
            if entry.ports == entry.arrives_at { String::new() } else { format!(" at {}", entry.arrives_at[0]) };
        let unknown = entry.unknown.map(|unknown| format!(" if {unknown}")).unwrap_or_default();
        format!("{part}{} {}{arrives} by {}{unknown}", entry.address, ports.join(","), through.join(","))
    });
    told.collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(table: &[(&str, &str, &str, Protocol, &str)]) {
    let zones = zones();
    let wrong: Vec<_> = table
        .iter()
        .filter_map(|&(rules, from, to, protocol, expected)| {
            let set = ruleset(rules, &zones);
            let reach = Reach::of(&set, &zones, &[]).unwrap();
            let told = reached(&reach, from, to, protocol);
            (told != expected)
                .then(|| format!("{rules}\n  {from} {to} {protocol}\n  told:     {told}\n  expected: {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

use Protocol::{Tcp, Udp};

#[test]
fn what_each_kind_of_rule_lets_through() {
    const OUT: &str = "203.0.113.10";
    let own = |text: &str| text.replace("OUT", OUT);
    check(&[
        ("block", "outside", "host", Tcp, ""),
        ("block", "www", "db", Tcp, ""),
        ("block", "db", "outside", Udp, ""),
        ("", "www", "db", Tcp, "10.0.0.1 1-65535 by no rule on lo1"),
        ("set skip on lo1\nblock", "www", "db", Tcp, "10.0.0.1 1-65535 by set skip on lo1"),
        ("set skip on lo0\nblock", "www", "db", Tcp, ""),
        ("set skip on lo0\nblock", "www", "host", Udp, &own("OUT 1-65535 by set skip on lo0")),
        ("block\npass in quick proto tcp to port 22", "outside", "host", Tcp, &own("OUT 22 by 2")),
        ("block\npass in quick proto tcp to port 22", "outside", "host", Udp, ""),
        ("pass in quick proto tcp to port 22\nblock quick", "outside", "host", Tcp, &own("OUT 22 by 1")),
        ("block\npass in proto tcp to (igb0) port > 65000", "outside", "host", Tcp, &own("OUT 65001-65535 by 2")),
        (
            "block\npass in proto tcp to (igb0) port 10 <> 65000",
            "outside",
            "host",
            Tcp,
            &own("OUT 1-9,65001-65535 by 2"),
        ),
        ("block in\npass in proto udp to any port domain", "www", "db", Udp, "10.0.0.1 53 by no rule on lo1,2"),
        ("block\npass on lo1 proto tcp from 10.0.0.2 to 10.0.0.1 port 3306", "www", "db", Tcp, "10.0.0.1 3306 by 2"),
        ("block\npass on lo1 proto tcp from 10.0.0.2 to 10.0.0.1 port 3306", "outside", "db", Tcp, ""),
        ("anchor a in {\n block\n pass proto tcp to port 25\n}", "outside", "host", Tcp, &own("OUT 25 by 3")),
        ("block in\npass in proto tcp to port 7 probability 50%", "outside", "host", Tcp, &own("OUT 7 by 2 if chance")),
    ]);
}

#[test]
fn translations_are_followed() {
    check(&[
        (
            "rdr pass on igb0 proto tcp to (igb0) port 8080 -> 10.0.0.2 port 80\nblock",
            "outside",
            "www",
            Tcp,
            "203.0.113.10 8080 at 80 by 1",
        ),
        (
            "rdr on igb0 proto tcp to (igb0) port 8000:8010 -> 10.0.0.2 port 9000:*\nblock\npass in proto tcp to 10.0.0.2 port 9003:9004",
            "outside",
            "www",
            Tcp,
            "203.0.113.10 8003-8004 at 9003-9004 by 1,3; 10.0.0.2 9003-9004 by 3",
        ),
        ("rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock", "outside", "www", Tcp, ""),
        (
            "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.9\n",
            "outside",
            "nobody",
            Tcp,
            "203.0.113.10 80 by 1,no rule on igb0",
        ),
        (
            "rdr pass on igb0 proto tcp from 198.51.100.7 to (igb0) port 3306 -> 10.0.0.1\nblock",
            "outside",
            "db",
            Tcp,
            "from 198.51.100.7 203.0.113.10 3306 by 1",
        ),
        (
            "table <bad> { 198.51.100.0/24 }\nblock in\npass in proto tcp to port 22\nblock in from <bad>",
            "outside",
            "host",
            Tcp,
            "203.0.113.10 22 by 3",
        ),
        (
            "nat on igb0 from 10.0.0.0/24 -> (igb0)\nblock\npass out on igb0 from (igb0)",
            "db",
            "outside",
            Tcp,
            "9.9.0.9 1-65535 by 1,3",
        ),
        // A jail cannot use the redirection of the outside: it writes to the host over lo0.
        ("rdr pass on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock", "db", "www", Tcp, ""),
    ]);
}

#[test]
fn ipv6_is_looked_at_where_a_zone_has_it() {
    let zones = zones();
    let set = ruleset("block\npass in inet6 proto tcp to 2001:db8:1::2 port 443", &zones);
    let reach = Reach::of(&set, &zones, &[]).unwrap();
    insta::assert_snapshot!(reach, @"
    FROM     TO   AT             PROTO  PORTS  THROUGH
    outside  www  2001:db8:1::2  tcp    443    pf.conf:2

    outside reaches nothing in: host, db
    host reaches nothing in: outside, db, www
    db reaches nothing in: outside, host, www
    www reaches nothing in: outside, host, db
    ");
}

#[test]
fn a_part_of_the_outside_that_rules_treat_apart_has_its_own_row() {
    let zones = zones();
    let set = ruleset("table <bad> persist\nblock\npass in proto tcp to port 22\nblock in from <bad>", &zones);
    let reach = Reach::of(&set, &zones, &["bad=198.51.100.0/24,!198.51.100.7".to_owned()]).unwrap();
    let all = |from: Option<&str>| {
        let entries = reach.entries.iter().filter(|entry| entry.from.zone == 0);
        entries
            .filter(|entry| entry.from.network.map(|network| network.address().to_string()).as_deref() == from)
            .count()
    };
    assert!(all(None) > 0 && all(Some("198.51.100.0")) == 0 && all(Some("198.51.100.7")) == 0, "{reach}");
}

#[test]
fn a_jail_behind_an_interface_is_forwarded_to() {
    let mut interfaces = Interfaces::default();
    interfaces.add("igb0=203.0.113.10/24").unwrap();
    interfaces.add("bridge0=10.1.0.254/24").unwrap();
    let mut zones = Zones::new(interfaces, "igb0");
    zones.add("mail=10.1.0.1@bridge0").unwrap();
    zones.add("news=10.1.0.2@bridge0").unwrap();
    let set = ruleset(
        "rdr on igb0 proto tcp to (igb0) port 25 -> 10.1.0.1\nblock\npass in on igb0 proto tcp to port 25\npass out on bridge0",
        &zones,
    );
    let reach = Reach::of(&set, &zones, &[]).unwrap();
    assert_eq!(reached(&reach, "outside", "mail", Tcp), "203.0.113.10 25 by 1,3,4; 10.1.0.1 25 by 3,4");
    assert_eq!(reached(&reach, "mail", "news", Tcp), "10.1.0.2 1-65535 by the link of bridge0");
    assert_eq!(reached(&reach, "mail", "outside", Tcp), "");
}

#[test]
fn jails_of_a_jail_conf_are_zones() {
    let text =
        "interface = lo1;\nwww { ip4.addr = \"10.0.0.2/32\", \"igb0|203.0.113.20/255.255.255.0\"; }\nv { vnet; }\n";
    let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    let mut zones = Zones::new(Interfaces::default(), "igb0");
    assert_eq!(zones.add_jails(&conf).unwrap(), ["v"]);
    assert_eq!(zones.all()[2].addresses.len(), 2);
    assert_eq!(zones.interfaces().get("igb0").unwrap().addresses[0].bits, 24);
    for bad in ["www", "x=", "x=10.0.0.300", "x=10.0.0.9@", "host=10.0.0.9", "x=10.0.0.2", "www=10.0.0.9"] {
        assert!(zones.add(bad).is_err(), "{bad}");
    }
}

/// The pf.conf that `up` writes for the reference stack, on a host that has none.
fn reference() -> (String, Zones) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db/jailkit.toml");
    let (stack, _) = stack::read(&Source::read(path).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let plan = plan::up(&stack, &host, &Journal::open(host.files()).unwrap()).unwrap();
    let change = plan.files().find(|change| change.path == Path::new("/etc/pf.conf")).unwrap();
    (change.after.clone().unwrap().to_string(), stack.zones().unwrap())
}

#[test]
fn the_reference_stack_publishes_the_web_server_and_nothing_of_the_database() {
    let (text, zones) = reference();
    let set = ruleset(&text, &zones);
    let reach = Reach::of(&set, &zones, &[]).unwrap();
    let ports = |from: &str, to: &str, protocol| {
        let told = reached(&reach, from, to, protocol);
        told.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(ports("outside", "www", Tcp), "80,443");
    for (from, to, protocol) in [
        ("outside", "www", Udp),
        ("outside", "db", Tcp),
        ("outside", "db", Udp),
        ("www", "db", Tcp),
        ("www", "db", Udp),
        ("db", "www", Tcp),
        ("db", "www", Udp),
    ] {
        assert_eq!(ports(from, to, protocol), "", "{from} {to} {protocol}\n{reach}");
    }
    insta::assert_snapshot!(reach);
}

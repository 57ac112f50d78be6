//! What a packet meets in a pf.conf: for every form of a rule, and for the rules of the reference stack.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::io;
use std::path::Path;

use jailkit::pf::rule::Direction;
use jailkit::pf::trace::{Effect, Packet, Tracer, Verdict};
use jailkit::pf::{Environment, Files, Interfaces, MAX_RULES, Ruleset};
use jailkit::source::Source;

/// What `load anchor` reads: the rules of a service that is managed on its own.
struct Loaded;

impl Files for Loaded {
    fn read(&self, path: &Path, _: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("web") => {
                Ok(b"table <good> { 198.51.100.9 }\npass in quick proto tcp from <good> to port 80\n".to_vec())
            }
            Some("nat") => Ok(b"nat on igb0 from 10.0.0.0/8 to any -> 203.0.113.99\n".to_vec()),
            Some("loop") => Ok(b"anchor \"/loop\"\n".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn interfaces() -> Interfaces {
    let mut interfaces = Interfaces::default();
    for text in ["igb0=203.0.113.10/24,2001:db8::10/64", "igb1=192.168.1.1/24", "lo1=10.0.0.1/32,10.0.0.2/32"] {
        interfaces.add(text).unwrap();
    }
    interfaces
}

fn ruleset(rules: &str, interfaces: &Interfaces) -> Ruleset {
    let env = Environment { interfaces, files: &Loaded, max_rules: MAX_RULES };
    Ruleset::read(&Source::new("pf.conf", rules), &env).unwrap_or_else(|error| panic!("{rules}\n{error}"))
}

/// `in igb0 tcp FROM TO`, and the flags or the icmp type behind it.
fn packet(text: &str) -> Packet {
    let words: Vec<_> = text.split(' ').collect();
    let direction = if words[0] == "in" { Direction::In } else { Direction::Out };
    let packet = Packet::new(direction, words[1], words[2], words[3], words[4]).unwrap();
    match words.get(5) {
        Some(flags) if words[2] == "tcp" => packet.with_flags(flags).unwrap(),
        Some(kind) => packet.with_icmp(kind).unwrap(),
        None => packet,
    }
}

/// The verdict, the line of the rule that gave it, and the addresses that the packet goes on with.
fn told(rules: &str, text: &str) -> String {
    let interfaces = interfaces();
    let set = ruleset(rules, &interfaces);
    let mut tracer = Tracer::new(&set, &interfaces);
    tracer.fill_table("filled=198.51.100.0/24,!198.51.100.7").unwrap();
    let packet = packet(text);
    let trace = tracer.trace(&packet);
    let outcomes = trace.outcomes.iter().map(|outcome| {
        let line = outcome.rule.map_or("-".to_owned(), |rule| rule.line().to_string());
        let after = if outcome.after == packet {
            String::new()
        } else {
            let words = outcome.after.to_string();
            let mut words = words.split(' ').skip(4);
            let (from, _, to) = (words.next().unwrap(), words.next(), words.next().unwrap());
            format!(" {from} {to}")
        };
        format!("{} {line}{after}", outcome.verdict)
    });
    let outcomes = outcomes.collect::<Vec<_>>().join("; ");
    if trace.verdict == Verdict::Undecided { format!("undecided: {outcomes}") } else { outcomes }
}

#[track_caller]
fn check(table: &[(&str, &str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .filter_map(|&(rules, packet, expected)| {
            let told = told(rules, packet);
            (told != expected).then(|| format!("{rules}\n  {packet}\n  told:     {told}\n  expected: {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

const WEB: &str = "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80";
const DNS: &str = "in igb0 udp 198.51.100.9:50000 203.0.113.10:53";
const PING: &str = "in igb0 icmp 198.51.100.9 203.0.113.10";
const WEB6: &str = "in igb0 tcp [2001:db8:1::9]:50000 [2001:db8::10]:80";

#[test]
fn the_last_rule_or_the_first_quick_one_decides() {
    check(&[
        ("", WEB, "pass -"),
        ("pass\nblock", WEB, "block 2"),
        ("block\npass", WEB, "pass 2"),
        ("block quick\npass", WEB, "block 1"),
        ("block\nmatch in tag A\npass tagged A", WEB, "pass 3"),
        ("pass\nmatch quick\nblock", WEB, "pass 1"),
        ("block\npass out", WEB, "block 1"),
        ("set skip on igb0\nblock", WEB, "pass -"),
        ("set skip on igb\nblock", WEB, "pass -"),
        ("set skip on lo0\nblock", WEB, "block 2"),
    ]);
}

#[test]
fn what_a_rule_compares() {
    check(&[
        ("block on igb0", WEB, "block 1"),
        ("block on igb1", WEB, "pass -"),
        ("block on ! igb1", WEB, "block 1"),
        ("block on igb", WEB, "block 1"),
        ("block inet6", WEB, "pass -"),
        ("block inet6", WEB6, "block 1"),
        ("block from 2001:db8:1::/48", WEB6, "block 1"),
        ("block proto udp", WEB, "pass -"),
        ("block proto { udp tcp }", WEB, "block 1"),
        ("block from 198.51.100.0/24", WEB, "block 1"),
        ("block from ! 198.51.100.0/24", WEB, "pass -"),
        ("block from 198.51.100.1 - 198.51.100.9", WEB, "block 1"),
        ("block from 198.51.100.10 - 198.51.100.19", WEB, "pass -"),
        ("block to igb0", WEB, "block 1"),
        ("block to (igb0)", WEB, "block 1"),
        ("block to (igb1)", WEB, "pass -"),
        ("block to (igb0:network)", "in igb1 tcp 192.168.1.9:1 203.0.113.77:80", "block 1"),
        ("block to ! (self)", WEB, "pass -"),
        ("antispoof for igb1", "in igb0 tcp 192.168.1.9:1 203.0.113.10:80", "block 1"),
        ("antispoof for igb1", "in igb1 tcp 192.168.1.9:1 203.0.113.10:80", "pass -"),
        ("block proto tcp to port 80", WEB, "block 1"),
        ("block proto tcp to port www", WEB, "block 1"),
        ("block proto tcp to port != 80", WEB, "pass -"),
        ("block proto tcp to port < 80", WEB, "pass -"),
        ("block proto tcp to port <= 80", WEB, "block 1"),
        ("block proto tcp to port > 79", WEB, "block 1"),
        ("block proto tcp to port >= 81", WEB, "pass -"),
        ("block proto tcp to port 80:90", WEB, "block 1"),
        ("block proto tcp to port 80 >< 90", WEB, "pass -"),
        ("block proto tcp to port 80 <> 90", WEB, "pass -"),
        ("block proto tcp to port 81 <> 90", WEB, "block 1"),
        ("block proto tcp from port 50000", WEB, "block 1"),
        ("block proto tcp flags S/SA", WEB, "block 1"),
        ("block proto tcp flags A/A", WEB, "pass -"),
        ("block proto tcp flags S/SA", DNS, "pass -"),
        ("block\npass", "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80 A", "block 1"),
        ("block\npass flags any", "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80 A", "pass 2"),
        ("block\npass", DNS, "pass 2"),
        ("block inet proto icmp icmp-type echoreq", PING, "block 1"),
        ("block inet proto icmp icmp-type unreach", PING, "pass -"),
        (
            "block inet proto icmp icmp-type unreach code needfrag",
            "in igb0 icmp 198.51.100.9 203.0.113.10 unreach/needfrag",
            "block 1",
        ),
        ("block inet6 proto icmp6 icmp6-type echoreq", "in igb0 icmp6 2001:db8::1 2001:db8::10", "block 1"),
        ("block tos 0x10", WEB, "pass -"),
        ("block fragment", WEB, "pass -"),
    ]);
}

#[test]
fn tables_tags_and_scrub() {
    check(&[
        ("table <t> { 198.51.100.0/24 }\nblock from <t>", WEB, "block 2"),
        ("table <t> { 198.51.100.0/24, !198.51.100.9 }\nblock from <t>", WEB, "pass -"),
        ("table <t> { 198.51.100.0/24, !198.51.100.9 }\nblock from ! <t>", WEB, "block 2"),
        ("table <t> persist\nblock from <t>", WEB, "pass -"),
        ("table <filled> persist\nblock from <filled>", WEB, "block 2"),
        ("table <filled> persist\nblock from <filled>", "in igb0 udp 198.51.100.7:1 203.0.113.10:53", "pass -"),
        ("match tag A\nblock ! tagged A", WEB, "pass -"),
        ("match tag A\nmatch tag B\nblock tagged A", WEB, "pass -"),
        ("match from 198.51.100.9 tag \"from_$srcaddr\"\nblock tagged from_198.51.100.9", WEB, "block 2"),
        ("scrub in\nblock", WEB, "block 2"),
        ("scrub all\nblock in", "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80 SF", "block -"),
        ("no scrub in\nscrub all\npass flags any", "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80 SF", "pass 3"),
        (
            "rdr on igb0 proto tcp to port 80 tag R -> 10.0.0.2\nblock\npass tagged R",
            WEB,
            "pass 3 198.51.100.9:50000 10.0.0.2:80",
        ),
    ]);
}

#[test]
fn anchors() {
    check(&[
        ("block\nanchor a {\n pass in\n}", WEB, "pass 3"),
        ("block\nanchor a out {\n pass in\n}", WEB, "block 1"),
        ("anchor a {\n anchor b on igb0 {\n  block quick\n }\n}\npass", WEB, "block 3"),
        ("anchor a {\n block\n}\npass", WEB, "pass 4"),
        ("anchor a quick {\n block\n}\npass", WEB, "block 2"),
        ("anchor a quick {\n block out\n}\npass", WEB, "pass 4"),
        ("anchor quick {\n anchor {\n  block\n }\n}\npass", WEB, "block 3"),
        ("block\nanchor \"none\"", WEB, "block 1"),
        ("block\nanchor \"web\"\nload anchor web from \"web\"", WEB, "pass 2"),
        ("block\nanchor \"web/*\"\nload anchor \"web/a\" from \"web\"", WEB, "pass 2"),
        ("block\nanchor \"web/*\"\nload anchor \"web/a/b\" from \"web\"", WEB, "block 1"),
        ("block\nanchor \"web\"\nload anchor web from \"web\"", DNS, "block 1"),
        (
            "nat-anchor \"n\"\nload anchor n from \"nat\"",
            "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80",
            "pass - 203.0.113.99:50001-65535 198.51.100.9:80",
        ),
        ("anchor \"loop\"\nload anchor loop from \"loop\"", WEB, "block 1"),
    ]);
}

#[test]
fn translation() {
    let out = "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80";
    check(&[
        ("nat on igb0 from 10.0.0.0/24 -> 203.0.113.10\n", out, "pass - 203.0.113.10:50001-65535 198.51.100.9:80"),
        ("nat on igb0 from 10.0.0.0/24 -> 203.0.113.10 static-port", out, "pass - 203.0.113.10:4000 198.51.100.9:80"),
        ("nat on igb0 inet from 10.0.0.0/24 -> (igb0)", out, "pass - 203.0.113.10:50001-65535 198.51.100.9:80"),
        ("nat on igb0 from 10.0.0.0/24 -> 203.0.113.10 port 7", out, "pass - 203.0.113.10:7 198.51.100.9:80"),
        (
            "nat on igb0 from 10.0.0.0/24 -> 203.0.113.10\nblock from 10.0.0.0/24",
            out,
            "pass - 203.0.113.10:50001-65535 198.51.100.9:80",
        ),
        (
            "nat on igb0 from 10.0.0.0/24 -> 203.0.113.10\nblock from 203.0.113.10",
            out,
            "block 2 203.0.113.10:50001-65535 198.51.100.9:80",
        ),
        (
            "nat pass on igb0 from 10.0.0.0/24 -> 203.0.113.10\nblock",
            out,
            "pass 1 203.0.113.10:50001-65535 198.51.100.9:80",
        ),
        ("no nat on igb0 from 10.0.0.2\nnat on igb0 from 10.0.0.0/24 -> 203.0.113.10", out, "pass -"),
        (
            "nat on igb0 from 10.0.0.2 -> 203.0.113.1\nnat on igb0 from any -> 203.0.113.2",
            out,
            "pass - 203.0.113.1:50001-65535 198.51.100.9:80",
        ),
        (
            "nat on igb0 from 10.0.0.0/24 -> 203.0.113.0/24 bitmask static-port",
            out,
            "pass - 203.0.113.2:4000 198.51.100.9:80",
        ),
        (
            "nat on igb0 from 10.0.0.0/24 -> { 203.0.113.1 203.0.113.2 } static-port",
            out,
            "pass - 203.0.113.1:4000 198.51.100.9:80; pass - 203.0.113.2:4000 198.51.100.9:80",
        ),
        (
            "nat on igb0 from 10.0.0.0/24 -> 203.0.113.10\nblock proto tcp from port > 60000",
            out,
            "undecided: block 2 203.0.113.10:50001-65535 198.51.100.9:80; pass - 203.0.113.10:50001-65535 198.51.100.9:80",
        ),
        ("rdr on igb0 proto tcp to port 80 -> 10.0.0.2 port 8080", WEB, "pass - 198.51.100.9:50000 10.0.0.2:8080"),
        ("rdr on igb0 proto tcp to port 70:90 -> 10.0.0.2 port 8000:*", WEB, "pass - 198.51.100.9:50000 10.0.0.2:8010"),
        ("rdr pass on igb0 proto tcp to port 80 -> 10.0.0.2\nblock", WEB, "pass 1 198.51.100.9:50000 10.0.0.2:80"),
        ("no rdr on igb0 proto tcp to port 80\nrdr on igb0 proto tcp to port 80 -> 10.0.0.2", WEB, "pass -"),
        (
            "rdr on igb0 proto tcp to port 80 -> 10.0.0.2\nblock to 10.0.0.2",
            WEB,
            "block 2 198.51.100.9:50000 10.0.0.2:80",
        ),
        ("binat on igb0 from 10.0.0.2 to any -> 203.0.113.10", WEB, "pass - 198.51.100.9:50000 10.0.0.2:80"),
        // pf_lb.c, pf_get_translation: a rule that keeps a packet from one kind of translation keeps it from the other.
        ("no binat on igb0 from 10.0.0.2 to any\nnat on igb0 from 10.0.0.2 -> 203.0.113.10", out, "pass -"),
        ("no rdr on igb0\nbinat on igb0 from 10.0.0.2 to any -> 203.0.113.10", WEB, "pass -"),
        ("binat on igb0 from 10.0.0.2 to any -> 203.0.113.10", out, "pass - 203.0.113.10:4000 198.51.100.9:80"),
        ("binat on igb0 from 10.0.0.0/24 to any -> 203.0.113.0/24", out, "pass - 203.0.113.2:4000 198.51.100.9:80"),
        (
            "block\npass out from 10.0.0.2 nat-to 203.0.113.10 static-port",
            out,
            "pass 2 203.0.113.10:4000 198.51.100.9:80",
        ),
        (
            "match in proto tcp to port 80 rdr-to 10.0.0.2\nblock to 10.0.0.2",
            WEB,
            "block 2 198.51.100.9:50000 10.0.0.2:80",
        ),
        ("rdr on igb0 inet proto tcp to port 80 -> (em9)", WEB, "block 1"),
        (
            "pass in inet6 from any to 64:ff9b::/96 af-to inet from 203.0.113.10",
            "in igb0 tcp [2001:db8::9]:4000 [64:ff9b::198.51.100.9]:80",
            "pass 1 203.0.113.10:50001-65535 198.51.100.9:80",
        ),
    ]);
}

/// pf.conf(5), `af-to`: RFC 6052 says where the address of IPv4 lies.
#[test]
fn one_family_becomes_the_other() {
    let four = "in igb0 tcp 198.51.100.9:4000 203.0.113.10:80";
    let six = |to: &str| format!("in igb0 tcp [2001:db8:1::9]:4000 [{to}]:80");
    let rules = |to: &str| format!("pass in inet6 from any to {to} af-to inet from 203.0.113.10");
    for (prefix, to) in [
        ("64:ff9b::/96", "64:ff9b::c633:6409"),
        ("2001:db8::/32", "2001:db8:c633:6409::"),
        ("2001:db8:122::/48", "2001:db8:122:c633:64:900::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c6:3364:900:0"),
        ("any", "64:ff9b::c633:6409"),
    ] {
        assert_eq!(told(&rules(prefix), &six(to)), "pass 1 203.0.113.10:50001-65535 198.51.100.9:80", "{prefix}");
    }
    check(&[
        (
            "pass in inet from any to 203.0.113.10 af-to inet6 from 2001:db8::/96",
            four,
            "pass 1 [2001:db8::]:50001-65535 [2001:db8::cb00:710a]:80",
        ),
        (
            "pass in inet from any to 203.0.113.10 af-to inet6 from 2001:db8::1 to 64:ff9b::/96",
            four,
            "pass 1 [2001:db8::1]:50001-65535 [64:ff9b::cb00:710a]:80",
        ),
        (
            "pass in inet from any to 203.0.113.10 af-to inet6 from 2001:db8::1 to 2001:db8::2 port 8080",
            four,
            "pass 1 [2001:db8::1]:50001-65535 [2001:db8::2]:8080",
        ),
        (
            "pass in inet6 from any to 64:ff9b::/96 af-to inet from 203.0.113.10 to 10.0.0.0/24",
            &six("64:ff9b::c633:6409"),
            "pass 1 203.0.113.10:50001-65535 10.0.0.9:80",
        ),
    ]);
}

#[test]
fn of_a_large_pool_each_part_is_followed_that_the_rules_tell_apart() {
    let out = "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80";
    let nat = "nat on igb0 from 10.0.0.0/24 -> 203.0.113.0/24 random static-port\n";
    check(&[
        (
            &format!("{nat}pass"),
            "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80 A",
            "pass - 203.0.113.0:4000 198.51.100.9:80",
        ),
        (
            &format!("{nat}block from 203.0.113.64/26"),
            out,
            "undecided: pass - 203.0.113.0:4000 198.51.100.9:80; block 2 203.0.113.64:4000 198.51.100.9:80; \
             pass - 203.0.113.128:4000 198.51.100.9:80",
        ),
        (&format!("{nat}block from 203.0.113.0/24"), out, "block 2 203.0.113.0:4000 198.51.100.9:80"),
        ("pass out nat-to 203.0.113.0/24 random static-port\nblock in", out, "pass 1 203.0.113.0:4000 198.51.100.9:80"),
        // Without a kind of pool, the network's first address and no other.
        ("nat on igb0 from 10.0.0.0/24 -> 203.0.113.0/24 static-port", out, "pass - 203.0.113.0:4000 198.51.100.9:80"),
    ]);
    let parts: String = (0..32).map(|part| format!("block from 203.0.113.{}\n", part * 4)).collect();
    assert!(told(&format!("{nat}{parts}"), out).starts_with("undecided: "));
}

/// pf.conf(5), `ether`: what a rule asks of the stations cannot be known of a packet.
#[test]
fn frames_and_limits_of_states() {
    let mac = "00:01:02:03:04:05";
    check(&[
        ("ether block\npass", WEB, "block -"),
        ("ether pass\npass", WEB, "pass 2"),
        ("ether block on igb1\npass", WEB, "pass 2"),
        ("ether block out\npass", WEB, "pass 2"),
        ("ether block proto 0x86dd\npass", WEB, "pass 2"),
        ("ether block l3 from 198.51.100.0/24\npass", WEB, "block -"),
        ("ether block l3 to 10.0.0.0/8\npass", WEB, "pass 2"),
        (&format!("ether block from {mac}\npass"), WEB, "undecided: pass 2; block -"),
        (&format!("ether block\nether pass quick from {mac}\nether block\npass"), WEB, "undecided: pass 4; block -"),
        (&format!("ether block from {mac}\nether pass\npass"), WEB, "pass 3"),
        ("ether anchor a {\n ether block quick\n}\npass", WEB, "block -"),
        ("ether block\npass", "in lo0 tcp 127.0.0.1:1 127.0.0.1:80", "pass 2"),
        ("pass keep state (max 10)", WEB, "undecided: pass 1; block 1"),
        ("pass keep state (max-src-states 10)", WEB, "undecided: pass 1; block 1"),
        ("pass proto tcp keep state (max-src-conn 10)", WEB, "pass 1"),
        ("block on any", WEB, "block 1"),
        ("block on any", "in lo0 tcp 127.0.0.1:1 127.0.0.1:80", "pass -"),
    ]);
}

#[test]
fn what_cannot_be_known_is_undecided() {
    check(&[
        ("block probability 20%", WEB, "undecided: block 1; pass -"),
        ("pass\nblock probability 20%\npass quick", WEB, "pass 3"),
        ("block proto tcp user root", WEB, "undecided: block 1; pass -"),
        ("block proto tcp user root", PING, "pass -"),
        ("block proto tcp group wheel", WEB, "undecided: block 1; pass -"),
        ("block proto tcp from any os Linux", WEB, "undecided: block 1; pass -"),
        ("block proto tcp from any os Linux", "in igb0 tcp 198.51.100.9:50000 203.0.113.10:80 A", "pass -"),
        ("block out received-on igb1", "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80", "undecided: block 1; pass -"),
        ("block from urpf-failed", WEB, "undecided: block 1; pass -"),
        ("block from no-route", WEB, "undecided: block 1; pass -"),
        ("block proto udp probability 20%", WEB, "pass -"),
        ("anchor a quick {\n block probability 20%\n}\npass quick", WEB, "undecided: block 2; pass 4"),
    ]);
}

#[test]
fn more_ways_than_are_followed_are_undecided() {
    let interfaces = interfaces();
    let rules: String = (0..100).map(|number| format!("match tag T{number} probability 50%\n")).collect();
    let set = ruleset(&rules, &interfaces);
    let trace = Tracer::new(&set, &interfaces).trace(&packet(WEB));
    assert_eq!((trace.verdict, trace.complete), (Verdict::Undecided, false));
    assert!(trace.to_string().ends_with("undecided\nmore ways lead through these rules than are followed"), "{trace}");
}

#[test]
fn replies_pass_by_state() {
    let interfaces = interfaces();
    for (rules, first, passes) in [
        ("block\npass in proto tcp to port 80", WEB, true),
        ("block\npass in proto tcp to port 80 keep state (if-bound)", WEB, true),
        ("block\npass in proto tcp to port 80 no state", WEB, false),
        ("block\npass in proto icmp", PING, true),
        ("rdr pass on igb0 proto tcp to port 80 -> 10.0.0.2\nblock", WEB, true),
        ("nat pass on igb0 from 10.0.0.2 -> 203.0.113.10\nblock", "out igb0 tcp 10.0.0.2:4000 198.51.100.9:80", true),
        ("set skip on igb0", WEB, false),
    ] {
        let set = ruleset(rules, &interfaces);
        let mut tracer = Tracer::new(&set, &interfaces);
        let first = packet(first);
        let trace = tracer.trace(&first);
        assert_eq!(trace.verdict, Verdict::Pass, "{rules}");
        let state = trace.outcomes[0].state.clone();
        assert_eq!(state.is_some(), passes, "{rules}");
        let Some(state) = state else { continue };
        let reply = state.reply();
        assert_eq!(tracer.trace(&reply).verdict, Verdict::Block, "{rules}: without the state");
        let mut elsewhere = reply.clone();
        elsewhere.interface = "igb1".to_owned();
        let bound = state.if_bound;
        tracer.track(state);
        let trace = tracer.trace(&reply);
        assert_eq!(trace.verdict, Verdict::Pass, "{rules}");
        assert!(matches!(trace.outcomes[0].trail[..], [.., ref step] if matches!(step.effect, Effect::Tracked(_))));
        let after = &trace.outcomes[0].after;
        assert_eq!((after.source, after.destination), (first.destination, first.source), "{rules}");
        assert_eq!(tracer.trace(&elsewhere).verdict == Verdict::Pass, !bound, "{rules}");
        assert_eq!(tracer.trace(&first).outcomes[0].state, None, "{rules}: known already");
    }
}

/// The rules that `jailkit up` writes for the reference stack.
const STACK: &str = r#"if = "igb0"
extip = "203.0.113.10"
jailnet = "10.0.0.0/24"
jaildb = "10.0.0.1"
jailwww = "10.0.0.2"
nat pass on $if from $jailnet to any -> $extip
rdr pass on $if proto tcp from any to $extip port { 80, 443 } -> $jailwww
pass quick from $jaildb to $jaildb
pass quick from $jailwww to $jailwww
block quick from $jailnet to $jailnet
block in quick on $if from any to $jailnet
"#;

#[test]
fn outside_reaches_www_on_its_ports_and_nothing_else() {
    let interfaces = interfaces();
    let set = ruleset(STACK, &interfaces);
    let tracer = Tracer::new(&set, &interfaces);
    let jails = jailkit::pf::rule::Network::new("10.0.0.0".parse().unwrap(), 24);
    for port in 1..=u16::MAX {
        for (proto, to) in [("tcp", "203.0.113.10"), ("udp", "203.0.113.10"), ("tcp", "10.0.0.1"), ("tcp", "10.0.0.2")]
        {
            let to = format!("{to}:{port}");
            let packet = Packet::new(Direction::In, "igb0", proto, "198.51.100.9:50000", &to).unwrap();
            let trace = tracer.trace(&packet);
            let [outcome] = &trace.outcomes[..] else { panic!("{packet}: one outcome") };
            let in_a_jail = trace.verdict == Verdict::Pass && jails.contains(outcome.after.destination);
            let published = proto == "tcp" && to.starts_with("203") && matches!(port, 80 | 443);
            assert_eq!(in_a_jail, published, "{trace}");
            if published {
                assert_eq!(outcome.after.destination.to_string(), "10.0.0.2");
                assert_eq!(outcome.rule.map(|rule| rule.line()), Some(7));
            }
        }
    }
}

#[test]
fn a_jail_reaches_itself_and_the_world_and_no_other_jail() {
    check(&[
        (STACK, "out lo1 tcp 10.0.0.2:4000 10.0.0.1:3306", "block 10"),
        (STACK, "in lo1 tcp 10.0.0.2:4000 10.0.0.1:3306", "block 10"),
        (STACK, "out lo1 tcp 10.0.0.1:4000 10.0.0.2:80", "block 10"),
        (STACK, "out lo1 tcp 10.0.0.2:4000 10.0.0.2:80", "pass 9"),
        (STACK, "out igb0 tcp 10.0.0.2:4000 198.51.100.9:443", "pass 6 203.0.113.10:50001-65535 198.51.100.9:443"),
    ]);
}

#[test]
fn the_trail_is_told() {
    let interfaces = interfaces();
    let rules = "scrub in all\nrdr on igb0 proto tcp to port 80 tag WEB -> 10.0.0.2\nblock\nanchor a {\n match in\n \
                 block in proto tcp from any os Linux\n pass in tagged WEB\n}\n";
    let set = ruleset(rules, &interfaces);
    let tracer = Tracer::new(&set, &interfaces);
    insta::assert_snapshot!(tracer.trace(&packet(WEB)).to_string());
    let set = ruleset("pass\nblock in quick proto tcp user root\n", &interfaces);
    let tracer = Tracer::new(&set, &interfaces);
    let trace = tracer.trace(&packet(WEB));
    insta::assert_snapshot!(format!("{trace}\n{}", serde_json::to_string_pretty(&trace).unwrap()));
}

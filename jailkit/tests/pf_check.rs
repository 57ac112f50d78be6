//! What is warned of in a pf.conf that pf takes, and what is not.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fmt::Write;
use std::net::IpAddr;

use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset, check};
use jailkit::source::Source;

fn warnings(rules: &str, jails: Option<&[IpAddr]>) -> String {
    let mut interfaces = Interfaces::default();
    interfaces.add("igb0=203.0.113.10/24").unwrap();
    let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
    let set = Ruleset::read(&Source::new("pf.conf", rules), &env).unwrap_or_else(|error| panic!("{rules}\n{error}"));
    let mut told = String::new();
    for found in check::warnings(&set, &interfaces, jails) {
        writeln!(told, "{found}").unwrap();
        if let Some(help) = found.help {
            writeln!(told, "  {help}").unwrap();
        }
    }
    told
}

#[track_caller]
fn silent(rules: &[&str]) {
    for rules in rules {
        assert_eq!(warnings(rules, None), "", "{rules}");
    }
}

#[test]
fn a_rule_that_a_quick_one_takes_all_of() {
    let taken = [
        "block quick\npass in proto tcp to port 22",
        "block in quick on igb0 from 10.0.0.0/8\npass in on igb0 inet proto udp from 10.1.0.0/16 to port 53",
        "pass quick proto { tcp udp } to port 1:1024\npass proto { tcp udp } to port { 53, 80 >< 90 }",
        "pass quick proto tcp flags any\nblock proto tcp",
        "pass in quick inet proto icmp\nblock in inet proto icmp icmp-type echoreq",
        "anchor a {\n block quick\n pass\n}",
        "block quick\nanchor b",
        "table <t> { 192.0.2.1 }\nblock quick from <t>\npass in from <t>",
    ];
    let told: String = taken.iter().map(|rules| format!("{rules}\n---\n{}\n", warnings(rules, None))).collect();
    insta::assert_snapshot!(told);
    silent(&[
        "block\npass in proto tcp to port 22",
        "block in quick on igb0 from 10.1.0.0/16\npass in on igb0 from 10.0.0.0/8",
        "block in quick\npass out",
        "block quick proto tcp\npass",
        "block quick inet\npass from any to any",
        "pass quick proto tcp to port 80\npass proto tcp to port { 80, 81 }",
        // The first takes the packets that begin a connection only.
        "pass quick proto tcp\nblock proto tcp",
        "block quick probability 50%\npass",
        "block quick proto tcp user root\npass proto tcp",
        "block quick tagged x\npass tagged y",
        "block quick on ! igb0\npass on igb0",
        "block quick from ! 10.0.0.1\npass from 10.0.0.1",
        "block quick once\npass",
        "pass quick tos 0x10\npass",
        "block quick inet proto icmp icmp-type echoreq\npass inet proto icmp",
    ]);
}

#[test]
fn a_macro_or_table_that_nothing_uses() {
    let unused = [
        "ext = \"igb0\"\nint = lo0\npass on $int",
        "table <bad> persist { 192.0.2.1 }\npass",
        "a = \"x\"\npass label \"$a\"",
    ];
    let told: String = unused.iter().map(|rules| format!("{rules}\n---\n{}\n", warnings(rules, None))).collect();
    insta::assert_snapshot!(told);
    silent(&[
        "a = 22\nb = $a\npass proto tcp to port $b",
        "table <bad> { 192.0.2.1 }\nblock from ! <bad>",
        "table <bad> persist\npass proto tcp to port 22 keep state (max-src-conn 5, overload <bad>)",
        "table <pool> { 10.0.0.1 }\nrdr on igb0 proto tcp to port 80 -> <pool> round-robin",
        // Somebody may load rules that use it.
        "table <f2b> persist\nanchor \"f2b/*\"",
        "table <a> { 192.0.2.1 }\nanchor x {\n pass from <a>\n}",
    ]);
}

#[test]
fn a_redirection_that_the_filter_blocks() {
    let blocked = [
        "rdr on igb0 proto tcp to (igb0) port { 80, 443 } -> 10.0.0.2\nblock in\npass in proto tcp to port 22",
        "rdr on igb0 proto tcp to (igb0) port 8080 -> 10.0.0.2 port 80\nblock\npass in proto tcp to port 8080\npass out",
        "rdr on igb0 inet proto udp to (igb0) port 53 -> 10.0.0.2\nblock quick inet proto udp",
    ];
    let told: String = blocked.iter().map(|rules| format!("{rules}\n---\n{}\n", warnings(rules, None))).collect();
    insta::assert_snapshot!(told);
    silent(&[
        "rdr pass on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock out",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock\npass in proto tcp to 10.0.0.2 port 80",
        "rdr on igb0 proto tcp to (igb0) port { 80, 443 } -> 10.0.0.2\nblock\npass in proto tcp to port 80",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock\nanchor later",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock in proto udp",
        "rdr on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock\nanchor a {\n pass in\n}",
    ]);
}

#[test]
fn a_redirection_to_an_address_that_no_jail_holds() {
    let jails: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
    let rules = "rdr pass on igb0 proto tcp to port { 80, 443 } -> 10.0.0.9\n\
                 rdr pass on igb0 proto tcp to port 25 -> 10.0.0.1\n\
                 rdr pass on igb0 proto tcp to port 26 -> 127.0.0.1\n\
                 rdr pass on igb0 proto tcp to port 27 -> { 10.0.0.2, 10.0.1.0/24 }\n\
                 pass in proto tcp to port 28 rdr-to 10.0.0.8\n";
    insta::assert_snapshot!(warnings(rules, Some(&jails)), @"
    pf.conf:1:1: warning: no jail holds 10.0.0.9, which this redirects to
    pf.conf:4:1: warning: no jail holds 10.0.1.0/24, which this redirects to
    pf.conf:5:1: warning: no jail holds 10.0.0.8, which this redirects to
    ");
    assert_eq!(warnings(rules, None), "");
}

#[test]
fn rules_on_an_interface_that_is_skipped() {
    insta::assert_snapshot!(warnings("set skip on { lo0 igb }\npass on lo0\nblock in on igb0\npass out on igb0\npass on em0", None), @"
    pf.conf:2:1: warning: pf does not look at the packets of lo0
      'set skip on lo0' keeps its packets from every rule
    pf.conf:3:1: warning: pf does not look at the packets of igb
      'set skip on igb' keeps its packets from every rule; 1 more statements are on it, too
    ");
    silent(&["set skip on lo0\npass on igb0\npass on ! lo0\npass on lo", "pass on lo0"]);
}

/// Ten thousand rules of several shapes, each looked for among those before it.
#[test]
fn many_rules_are_told_apart() {
    let mut rules = String::new();
    for index in 0..5000 {
        let (high, low) = (index / 250, index % 250);
        writeln!(rules, "pass in quick on igb0 proto tcp from 10.{high}.{low}.0/24 to port {}", 1 + index).unwrap();
        writeln!(rules, "pass in on igb0 proto tcp from 10.{high}.{low}.7 to port {}", 1 + index + index % 2).unwrap();
    }
    let told = warnings(&rules, None);
    assert_eq!(told.lines().filter(|line| line.contains("never matches")).count(), 2500);
}

//! What holds for every pf.conf.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, PfRules, Ruleset};
use jailkit::source::{Diagnostics, Source};
use proptest::prelude::*;

fn read(text: &[u8], max_rules: usize) -> Result<Ruleset, Diagnostics> {
    let interfaces = Interfaces::default();
    Ruleset::read(&Source::new("pf.conf", text), &Environment { interfaces: &interfaces, files: &NoFiles, max_rules })
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("any".to_owned()),
        Just("<t>".to_owned()),
        Just("(lo0:network)".to_owned()),
        Just("no-route".to_owned()),
        (any::<[u8; 4]>(), 1..=32u8).prop_map(|(octets, bits)| format!("{}/{bits}", std::net::Ipv4Addr::from(octets))),
        (any::<u128>(), 1..=128u8).prop_map(|(number, bits)| format!("{}/{bits}", std::net::Ipv6Addr::from(number))),
    ]
}

/// Services whose names pfctl(8) prints and does not read back: `cl/1` and `set`, which are no words to it, and `raid-cc`
/// of udp, which it takes for that of tcp.
const UNREADABLE: [u16; 3] = [172, 257, 2006];

fn port() -> impl Strategy<Value = String> {
    let number = any::<u16>().prop_map(|port| port + u16::from(UNREADABLE.contains(&port)));
    (prop::sample::select(vec!["", "= ", "!= ", "< ", "<= ", "> ", ">= "]), number)
        .prop_map(|(operator, port)| format!("{operator}{port}"))
}

fn statement() -> impl Strategy<Value = String> {
    let action =
        prop::sample::select(vec!["pass", "pass in", "pass out quick", "block in log", "match in", "block return"]);
    let hosts = || prop::collection::vec(address(), 1..4);
    let ports = prop::collection::vec(port(), 1..4);
    let options =
        prop::sample::select(vec!["", " tag x", " label \"$nr:$dstport\"", " user { root, > 100 }", " tos 0x10"]);
    (action, hosts(), hosts(), ports, options).prop_map(|(action, from, to, ports, options)| {
        let (from, to, ports) = (from.join(", "), to.join(" "), ports.join(", "));
        format!("{action} proto {{ tcp, udp }} from {{ {from} }} to {{ {to} }} port {{ {ports} }}{options}\n")
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_to_the_same(statements in prop::collection::vec(statement(), 1..6)) {
        let text = statements.concat();
        if let Ok(set) = read(text.as_bytes(), 100_000) {
            let printed = set.print();
            let again = read(&printed, 100_000).unwrap().print();
            // A label's number is of the rule it stood on, and so it stays.
            prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&printed));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n]{0,200}") {
        drop(read(text.as_bytes(), 1000));
        if let Ok(rules) = PfRules::parse(&Source::new("pf.conf", text.as_bytes())) {
            prop_assert_eq!(rules.text(), text.as_bytes());
        }
    }
}

#[test]
fn more_than_a_million_rules_are_refused_unless_they_are_allowed() {
    let ports = |count: u16| (1..=count).map(|port| port.to_string()).collect::<Vec<_>>().join(" ");
    let text = format!("pass proto tcp from any port {{ {} }} to any port {{ {} }}\n", ports(1001), ports(1000));
    let errors = read(text.as_bytes(), MAX_RULES).unwrap_err().to_string();
    assert!(errors.contains("the file expands to more than 1000000 rules"), "{errors}");
    assert_eq!(read(text.as_bytes(), 2_000_000).unwrap().len(), 1_001_000);
}

#[test]
fn a_product_of_lists_over_the_limit_is_refused() {
    let ports = (1..=200).map(|port| port.to_string()).collect::<Vec<_>>().join(" ");
    let text = format!("pass proto {{ tcp udp }} from any port {{ {ports} }} to any port {{ {ports} }}\n");
    let errors = read(text.as_bytes(), 1000).unwrap_err().to_string();
    assert!(errors.contains("the file expands to more than 1000 rules"), "{errors}");
    assert_eq!(read(text.as_bytes(), 80_000).unwrap().len(), 80_000);
}

#[test]
fn the_name_of_every_port_reads_back_but_for_three() {
    let reads_back = |port: &u16| {
        let set = read(format!("pass proto {{ tcp udp }} to port {port}\n").as_bytes(), 100).unwrap();
        let printed = set.print();
        read(&printed, 100).is_ok_and(|again| again.print() == printed)
    };
    let not: Vec<u16> = (0..=u16::MAX).filter(|port| !reads_back(port)).collect();
    assert_eq!(not, UNREADABLE);
}

/// Found by fuzzing: macros in macros made 174 bytes into so many faults that telling them took 12 seconds.
#[test]
fn a_file_is_read_no_further_after_a_thousand_faults() {
    let text = "pas\n".repeat(5000);
    let faults = PfRules::parse(&Source::new("pf.conf", text)).unwrap_err();
    assert_eq!(faults.iter().count(), 1000);
}

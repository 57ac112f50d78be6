//! Any bytes as a pf.conf: no panic while it is read, printed, tidied, or a packet traced through it, and no more
//! memory than its size allows.
#![no_main]

use jailkit::pf::rule::Direction;
use jailkit::pf::trace::{Packet, Tracer};
use jailkit::pf::{Environment, Interfaces, NoFiles, PfRules, Ruleset};
use jailkit::source::Source;
use libfuzzer_sys::fuzz_target;

const PACKETS: [(Direction, &str, &str, &str); 3] = [
    (Direction::In, "tcp", "198.51.100.9:50000", "203.0.113.10:80"),
    (Direction::Out, "udp", "[2001:db8::1]:53", "[64:ff9b::198.51.100.9]:53"),
    (Direction::In, "icmp", "10.0.0.1", "127.0.0.1"),
];

fuzz_target!(|text: &[u8]| {
    let source = Source::new("pf.conf", text);
    if let Ok(rules) = PfRules::parse(&source) {
        assert_eq!(rules.text(), text);
        drop(rules.tidied());
    }
    let interfaces = Interfaces::default();
    let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: 10_000 };
    let Ok(set) = Ruleset::read(&source, &env) else { return };
    assert!(set.len() <= 10_000);
    assert!(set.print().len() < 1 << 27);
    let tracer = Tracer::new(&set, &interfaces);
    for (direction, protocol, from, to) in PACKETS {
        if let Ok(packet) = Packet::new(direction, "lo0", protocol, from, to) {
            let trace = tracer.trace(&packet);
            assert!(!trace.outcomes.is_empty());
        }
    }
});

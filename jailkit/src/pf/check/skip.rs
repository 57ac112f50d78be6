//! Rules on an interface that `set skip` takes out of pf.

use super::super::Interfaces;
use super::super::reach::each_rule;
use super::super::rule::Ruleset;
use super::{told, warning};
use crate::source::Diagnostic;

pub(super) fn find(set: &Ruleset, interfaces: &Interfaces, found: &mut Vec<Diagnostic>) {
    let mut skipped: Vec<_> = set.skip.iter().map(|&name| set.name(name)).collect();
    skipped.sort_unstable();
    skipped.dedup();
    for name in skipped {
        let covers = |interface: &[u8]| interface == name || is_of_group(interfaces, interface, name);
        let mut first = None;
        let mut others = Vec::new();
        each_rule(set, &mut |set, rule| {
            let named = rule.interface.filter(|_| !rule.interface_negated);
            if named.is_some_and(|interface| covers(set.name(interface))) {
                let origin = set.spec(rule).origin;
                if first.is_none() {
                    first = Some((set, origin));
                }
                let place = told(set, origin);
                if others.last() != Some(&place) {
                    others.push(place);
                }
            }
        });
        let Some((of, origin)) = first else { continue };
        let name = String::from_utf8_lossy(name);
        let more = match others.len() {
            0 | 1 => String::new(),
            len => format!("; {} more statements are on it, too", len - 1),
        };
        let help = format!("'set skip on {name}' keeps its packets from every rule{more}");
        found.push(warning(of, origin, format!("pf does not look at the packets of {name}")).with_help(help));
    }
}

/// Whether an interface is of a group; of one that is not known, its name without the number is.
fn is_of_group(interfaces: &Interfaces, interface: &[u8], name: &[u8]) -> bool {
    let interface = String::from_utf8_lossy(interface);
    match interfaces.get(&interface) {
        Some(known) => known.groups.iter().any(|group| group.as_bytes() == name),
        None => {
            let group = interface.trim_end_matches(|c: char| c.is_ascii_digit());
            group.len() < interface.len() && group.as_bytes() == name
        }
    }
}
